"""Relative norm distance: to which of two groups some words lie nearer, in distance to their means.

Garg, Schiebinger, Jurafsky & Zou, "Word embeddings quantify 100 years of gender and ethnic
stereotypes" (2018).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import StrOptions, validate_params

from ._word_sets import MISSING, Lookup, named_sets


@validate_params(
    {
        "vectors": "no_validation",
        "targets": [Mapping, list, tuple],
        "words": "no_validation",
        "distance": [StrOptions({"euclidean", "cosine"})],
        "return_words": ["boolean"],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def relative_norm_distance(
    vectors, targets, words, *, distance="euclidean", return_words=False, missing="warn"
):
    r"""Relative norm distance: how much nearer words are to the mean of one group than another's.

    The mean over the words w of :math:`\|w - \mu_1\| - \|w - \mu_2\|`, with :math:`\mu_1` and
    :math:`\mu_2` the means of the two groups' vectors. All vectors are brought to length 1 first,
    as in the paper. Negative: nearer to the first group. The paper has the sum over the words,
    which is this times their number.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    targets : sequence or mapping of two lists of words
        The words of the two groups.

    words : list of str
        Neutral words, such as professions.

    distance : {"euclidean", "cosine"}, default="euclidean"
        The distance; "cosine" is one minus the cosine, which keeps the sign's meaning (WEFE's
        takes the cosine itself, and turns the sign round).

    return_words : bool, default=False
        Whether to return each word's difference as well.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if enough are left.

    Returns
    -------
    distance : float
        The mean difference; 0 is best.

    by_word : pandas.Series of shape (n_words,)
        The difference of each word. Only with `return_words`.

    Raises
    ------
    ValueError
        If a group, or `words`, has no word with a vector, or words are missing and
        `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    weat : With two sets of neutral words, and a test.

    References
    ----------
    .. [1] N. Garg, L. Schiebinger, D. Jurafsky, J. Zou, "Word Embeddings Quantify 100 Years of
       Gender and Ethnic Stereotypes", PNAS 115, 2018.

    Examples
    --------
    >>> from sklearn_privfair.metrics import relative_norm_distance
    >>> vectors = {"she": [0.0, 1.0], "he": [1.0, 0.0], "nurse": [0.6, 0.8]}
    >>> round(relative_norm_distance(vectors, [["she"], ["he"]], ["nurse"]), 3)
    -0.262
    """
    lookup = Lookup(vectors, missing)
    groups = [lookup.find(group, name) for name, group in named_sets(targets, "targets", 2).items()]
    words = lookup.find(words, "words")
    lookup.report()
    means = [lookup.units(group).mean(axis=0) for group in groups]
    rows = lookup.units(words)
    if distance == "euclidean":
        first, second = (np.linalg.norm(rows - mean, axis=1) for mean in means)
    else:
        first, second = (1 - rows @ (mean / np.linalg.norm(mean)) for mean in means)
    by_word = pd.Series(first - second, index=words)
    value = float(by_word.mean())
    return (value, by_word) if return_words else value
