"""Embedding coherence test: whether two groups have the same order of nearness to some words.

Dev & Phillips, "Attenuating bias in word vectors" (2019).
"""

import warnings
from collections.abc import Mapping

import numpy as np
from scipy.stats import spearmanr
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils._param_validation import validate_params

from ._word_sets import MISSING, Lookup, named_sets


@validate_params(
    {"vectors": "no_validation", "targets": [Mapping, list, tuple], "words": "no_validation"}
    | MISSING,
    prefer_skip_nested_validation=True,
)
def embedding_coherence_test(vectors, targets, words, *, missing="warn"):
    """Embedding coherence test (ECT): rank correlation of two groups' nearness to neutral words.

    Spearman's correlation between the cosines of the words with the mean vector of the one group
    and those with the mean of the other. It sees only the order: where all words move away from one
    group by as much, it is 1.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`. Means are taken over them as they are, as in the paper,
        not at length 1.

    targets : sequence or mapping of two lists of words
        The words of the two groups.

    words : list of str
        Neutral words, such as professions; three at least.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if enough are left.

    Returns
    -------
    correlation : float
        Between -1 and 1; 1 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if one group is as near to all words.

    Raises
    ------
    ValueError
        If a group has no word with a vector, or `words` fewer than three; if the mean of a group
        is zero; or if words are missing and `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    relative_norm_distance : How much nearer, and not only in which order.

    References
    ----------
    .. [1] S. Dev, J. M. Phillips, "Attenuating Bias in Word Vectors", AISTATS 2019.

    Examples
    --------
    >>> from sklearn_privfair.metrics import embedding_coherence_test
    >>> vectors = {"she": [0.0, 1.0, 0.5], "he": [1.0, 0.0, 0.5]}
    >>> vectors |= {"nurse": [0.6, 0.8, 0.0], "boss": [1.0, 0.0, 0.0], "clerk": [0.3, 0.4, 0.8]}
    >>> embedding_coherence_test(vectors, [["she"], ["he"]], ["nurse", "boss", "clerk"])
    -0.5
    """
    lookup = Lookup(vectors, missing)
    groups = [lookup.find(group, name) for name, group in named_sets(targets, "targets", 2).items()]
    words = lookup.find(words, "words", at_least=3)
    lookup.report()
    rows = lookup.units(words)
    cosines = []
    for group in groups:
        mean = lookup.rows(group).mean(axis=0)
        length = np.linalg.norm(mean)
        if length == 0:
            raise ValueError(f"The mean vector of {group} is zero and has no direction.")
        cosines.append(rows @ mean / length)
    if min(map(np.ptp, cosines)) <= lookup.rounding:
        warnings.warn(
            "The embedding coherence is NaN: a group is as near to all of the words.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
        return float("nan")
    return float(spearmanr(*cosines).statistic)
