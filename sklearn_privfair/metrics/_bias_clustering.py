"""Clustering test: whether words fall into the groups that their bias had, without being told.

Gonen & Goldberg, "Lipstick on a pig: debiasing methods cover up systematic gender biases in word
embeddings but do not remove them" (2019), section 4.1.
"""

from numbers import Integral

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from ._word_sets import MISSING, Lookup, find_grouped


@validate_params(
    {
        "vectors": "no_validation",
        "words": "no_validation",
        "groups": ["array-like"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def bias_clustering(
    vectors, words, groups, *, n_init=10, n_permutations=999, missing="warn", random_state=None
):
    """Cluster words by their vectors, and tell how well the clusters are the groups.

    k-means of the words' vectors at length 1, with as many clusters as groups. Where debiasing has
    only hidden a bias, words that used to be biased alike still lie together.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`: those after debiasing.

    words : list of str
        The words, of each group about as many.

    groups : array-like of shape (n_words,)
        The group of each word before debiasing; :func:`most_biased_words` gives both.

    n_init : int, default=10
        Starts of k-means.

    n_permutations : int, default=999
        Random assignments of the groups to the words, for the p-value.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector.

    random_state : int, RandomState instance or None, default=None
        Decides the starts and the permutations.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the entries

        accuracy : float
            Share of words in the cluster of their group, clusters and groups matched as well as
            they can be; 1 if the bias is all there.
        chance : float
            The mean of that over random assignments: a little above one half for two groups.
        p_value : float
            Share of random assignments, the observed one counted in, that are as accurate.
        clusters : pandas.Series of shape (n_words,)
            The cluster of each word, as a number.
        missing : dict of str to list of str
            Words without a vector.

    Raises
    ------
    ValueError
        If there are not two groups or more with two words each, lengths differ, or words are
        missing and `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    bias_probe : Whether a classifier can learn the groups.
    remaining_bias : All tests in one table.

    References
    ----------
    .. [1] H. Gonen, Y. Goldberg, "Lipstick on a Pig: Debiasing Methods Cover up Systematic Gender
       Biases in Word Embeddings But do not Remove Them", NAACL 2019.

    Examples
    --------
    >>> from sklearn_privfair.metrics import bias_clustering
    >>> vectors = {"sewing": [1, 0.1], "nurse": [1, 0.2], "boss": [0.1, 1], "goal": [0, 1]}
    >>> words, groups = ["sewing", "nurse", "boss", "goal"], ["f", "f", "m", "m"]
    >>> bias_clustering(vectors, words, groups, random_state=0).accuracy
    1.0
    """
    lookup = Lookup(vectors, missing)
    words, groups = find_grouped(lookup, words, groups)
    lookup.report()
    rng = check_random_state(random_state)
    n_groups = len(np.unique(groups))
    clusters = KMeans(n_groups, n_init=n_init, random_state=rng).fit_predict(lookup.units(words))
    accuracy = _matched_accuracy(groups, clusters)
    by_chance = np.array(
        [_matched_accuracy(rng.permutation(groups), clusters) for _ in range(n_permutations)]
    )
    return Bunch(
        accuracy=accuracy,
        chance=float(by_chance.mean()),
        p_value=float((1 + np.sum(by_chance >= accuracy)) / (1 + n_permutations)),
        clusters=pd.Series(clusters, index=words),
        missing=lookup.lost,
    )


def _matched_accuracy(groups, clusters):
    """Share of words in the cluster that stands for their group."""
    table = contingency_matrix(groups, clusters)
    return float(table[linear_sum_assignment(-table)].sum() / len(groups))
