"""The words at both ends of a bias direction, with which what remains of a bias is tested.

Gonen & Goldberg, "Lipstick on a pig: debiasing methods cover up systematic gender biases in word
embeddings but do not remove them" (2019).
"""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, validate_params


@validate_params(
    {
        "projection": [pd.Series],
        "n_words": [Interval(Integral, 2, None, closed="left")],
        "exclude": "no_validation",
        "first": [Interval(Integral, 1, None, closed="left"), None],
        "lowercase": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def most_biased_words(projection, n_words=500, *, exclude=(), first=50_000, lowercase=True):
    """Find the words at the two ends of a bias direction, and the side of each.

    They are to be taken from the vectors *before* debiasing.

    Parameters
    ----------
    projection : pandas.Series of shape (n_words_in_vocabulary,)
        What :func:`bias_projection` gives of the whole vocabulary.

    n_words : int, default=500
        How many of each side.

    exclude : collection of str, default=()
        Words that are about the concept by definition, such as "actress", and were not to be
        debiased.

    first : int, default=50_000
        Only of so many words, the first ones, which in most vocabularies are the most frequent.
        `None`: of all. Rare words, names and phrases have more in common than a bias.

    lowercase : bool, default=True
        Whether to take only words of lower-case letters, as the paper does: no names, phrases or
        numbers.

    Returns
    -------
    words : list of str
        Those with the most negative projections first, from the outermost inwards, then those with
        the most positive.

    groups : ndarray of shape (2 * n_words,)
        0 for the negative side, 1 for the positive.

    Raises
    ------
    ValueError
        If fewer than twice `n_words` words come into question, or those of one side do not all lie
        on it.

    See Also
    --------
    remaining_bias : Tests with them.

    References
    ----------
    .. [1] H. Gonen, Y. Goldberg, "Lipstick on a Pig: Debiasing Methods Cover up Systematic Gender
       Biases in Word Embeddings But do not Remove Them", NAACL 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_privfair.metrics import most_biased_words
    >>> projection = pd.Series(
    ...     {"nurse": 0.3, "sewing": 0.2, "Anne": 0.5, "boss": -0.1, "goal": -0.2}
    ... )
    >>> words, groups = most_biased_words(projection, n_words=2)
    >>> words, groups
    (['goal', 'boss', 'nurse', 'sewing'], array([0, 0, 1, 1]))
    """
    candidates = projection[words_in_question(projection.index, exclude, first, lowercase)]
    candidates = candidates.sort_values(kind="stable")
    if len(candidates) < 2 * n_words:
        raise ValueError(
            f"n_words={n_words} of each side are asked for, and only {len(candidates)} words come "
            "into question; ask for fewer, or allow more by first, lowercase or exclude."
        )
    negative, positive = candidates.iloc[:n_words], candidates.iloc[: -n_words - 1 : -1]
    if negative.iloc[-1] >= 0 or positive.iloc[-1] <= 0:
        raise ValueError(
            f"n_words={n_words} is too many: the last words of the two sides project to "
            f"{negative.iloc[-1]:.3g} and {positive.iloc[-1]:.3g}, and must lie on both sides of 0."
        )
    return [*negative.index, *positive.index], np.repeat([0, 1], n_words)


def words_in_question(words, exclude, first, lowercase):
    """Return the first words of a vocabulary that are not excluded."""
    excluded = set(exclude)
    return [
        word
        for word in words[:first]
        if word not in excluded and (not lowercase or (word.isalpha() and word.islower()))
    ]
