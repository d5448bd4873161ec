"""Mean average cosine: how near target words are to sets of attributes, for any number of groups.

Manzini, Lim, Tsvetkov & Black, "Black is to criminal as Caucasian is to police: detecting and
removing multiclass bias in word embeddings" (2019).
"""

from collections.abc import Mapping

import pandas as pd
from sklearn.utils._param_validation import validate_params

from ._word_sets import MISSING, Lookup, named_sets


@validate_params(
    {
        "vectors": "no_validation",
        "targets": "no_validation",
        "attributes": [Mapping, list, tuple],
        "return_words": ["boolean"],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def mean_average_cosine(vectors, targets, attributes, *, return_words=False, missing="warn"):
    r"""Mean average cosine (MAC): the mean cosine distance of target words to sets of attributes.

    For a target word t and a set of attributes :math:`A_j` the mean over :math:`a \in A_j` of
    :math:`1 - \cos(t, a)`, and of this the mean over all targets and sets; a set with few words
    counts as much as one with many. 1 means no association on the whole. That is the average:
    associations of opposite sign cancel, so look at the words too.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    targets : list of str
        Words of the groups, such as names of religions.

    attributes : sequence or mapping of lists of words
        Sets of stereotyped words, one or more.

    return_words : bool, default=False
        Whether to return the distance of each word to each set as well.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if enough are left.

    Returns
    -------
    distance : float
        Between 0 and 2; 1 is best.

    by_word : pandas.DataFrame of shape (n_targets, n_sets)
        The distance of each target word to each set. Only with `return_words`.

    Raises
    ------
    ValueError
        If `targets`, or a set of attributes, has no word with a vector, or words are missing and
        `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    weat : For two sets and two, with a test.

    References
    ----------
    .. [1] T. Manzini, Y. C. Lim, Y. Tsvetkov, A. W. Black, "Black is to Criminal as Caucasian is to
       Police: Detecting and Removing Multiclass Bias in Word Embeddings", NAACL 2019.

    Examples
    --------
    >>> from sklearn_privfair.metrics import mean_average_cosine
    >>> vectors = {"she": [0.0, 1.0], "he": [1.0, 0.0], "nurse": [0.6, 0.8], "boss": [1.0, 0.0]}
    >>> round(mean_average_cosine(vectors, ["she", "he"], [["nurse"], ["boss"]]), 3)
    0.4
    """
    lookup = Lookup(vectors, missing)
    targets = lookup.find(targets, "targets")
    sets = {
        name: lookup.find(words, name)
        for name, words in named_sets(attributes, "attributes").items()
    }
    lookup.report()
    rows = lookup.units(targets)
    by_word = pd.DataFrame(
        {name: 1 - (rows @ lookup.units(words).T).mean(axis=1) for name, words in sets.items()},
        index=targets,
    )
    value = float(by_word.to_numpy().mean())
    return (value, by_word) if return_words else value
