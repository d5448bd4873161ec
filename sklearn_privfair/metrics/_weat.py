"""Word-Embedding Association Test: which of two sets of words lies nearer to which of two others.

Caliskan, Bryson & Narayanan, "Semantics derived automatically from language corpora contain
human-like biases" (2017).
"""

import warnings
from collections.abc import Mapping
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from ._word_sets import MISSING, Lookup, named_sets
from ._word_splits import share_of_splits


@validate_params(
    {
        "vectors": "no_validation",
        "targets": [Mapping, list, tuple],
        "attributes": [Mapping, list, tuple],
        "ddof": [Interval(Integral, 0, 1, closed="both")],
        "alternative": [StrOptions({"greater", "two-sided"})],
        "method": [StrOptions({"auto", "exact", "sampled"})],
        "n_resamples": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def weat(
    vectors,
    targets,
    attributes,
    *,
    ddof=1,
    alternative="greater",
    method="auto",
    n_resamples=100_000,
    missing="warn",
    random_state=None,
):
    r"""Word-Embedding Association Test: effect size and the p-value of a permutation test.

    The association of a word w with the attributes A rather than B is

    .. math:: s(w) = \operatorname{mean}_{a \in A} \cos(w, a)
        - \operatorname{mean}_{b \in B} \cos(w, b)

    and the effect size is how far the targets X are more associated with A than the targets Y, in
    standard deviations over both: :math:`(\operatorname{mean}_X s - \operatorname{mean}_Y s) /
    \operatorname{std}_{X \cup Y} s`. The p-value is the share of all splits of the targets into two
    sets of these sizes whose difference is at least the observed one.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors; with `words` a sequence of n_words str and `array` of shape
        (n_words, n_features). Of gensim's FastText vectors every word has one.

    targets : sequence or mapping of two lists of words
        X and Y, such as names of two groups. A mapping gives them names.

    attributes : sequence or mapping of two lists of words
        A and B, such as pleasant and unpleasant words.

    ddof : {0, 1}, default=1
        The standard deviation divides by the number of targets less `ddof`. With 1 the effect
        sizes published for word2vec are reproduced; WEFE uses 0, which gives larger ones
        (of 8 and 8 words by 3%).

    alternative : {"greater", "two-sided"}, default="greater"
        "greater" asks whether X is nearer to A, as the paper does.

    method : {"auto", "exact", "sampled"}, default="auto"
        The p-value over all splits, which is quick up to 40 targets (of 8 and 8 words, 12,870
        splits, a millisecond) and takes memory for :math:`2^{n/2}` numbers (of 25 and 25 two
        seconds and a gigabyte); or over random ones. "auto" is exact up to 40 targets.

    n_resamples : int, default=100_000
        Random splits when sampling.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if enough are left.

    random_state : int, RandomState instance or None, default=None
        Decides the random splits.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the entries

        effect_size : float
            Positive where X is nearer to A. With sets of equal size between -2 and 2.
        statistic : float
            The difference of sums, :math:`\sum_X s - \sum_Y s`.
        p_value : float
            In (0, 1]. One from sampling is never below ``1 / (n_resamples + 1)``.
        exact : bool
            Whether the p-value is over all splits.
        n_splits : int
            How many splits it is over.
        words : :class:`pandas.DataFrame`
            A line for each target word: ``targets``, ``word``, ``association`` (s), and
            ``effect_size``, the paper's WEFAT: s in standard deviations, with `ddof`, of the
            word's cosines with all attributes.
        missing : dict of str to list of str
            Words without a vector, by set.

    Raises
    ------
    ValueError
        If a set of targets has fewer than two words with a vector, or one of attributes none; if a
        word is in both sets of targets, or twice in a set; if words are missing and
        `missing="raise"`; or if more than 56 targets are to be split exactly.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.
    UndefinedMetricWarning
        If the targets' associations differ by no more than the rounding of the vectors, as they
        do where debiasing has removed the difference of the attributes; the effect size is then
        NaN and the p-value 1.

    See Also
    --------
    relative_norm_distance : Distances to the means of two groups.
    mean_average_cosine : For more than two sets.

    References
    ----------
    .. [1] A. Caliskan, J. J. Bryson, A. Narayanan, "Semantics Derived Automatically from Language
       Corpora Contain Human-like Biases", Science 356, 2017.

    Examples
    --------
    >>> from sklearn_privfair.metrics import weat
    >>> vectors = {
    ...     "rose": [1.0, 0.2], "tulip": [0.9, 0.1], "wasp": [0.1, 1.0], "flea": [0.3, 0.9],
    ...     "love": [1.0, 0.0], "hatred": [0.0, 1.0],
    ... }  # fmt: skip
    >>> result = weat(vectors, [["rose", "tulip"], ["wasp", "flea"]], [["love"], ["hatred"]])
    >>> round(result.effect_size, 2), round(result.p_value, 3), result.n_splits
    (1.72, 0.167, 6)
    """
    lookup = Lookup(vectors, missing)
    names, found = [], []
    for role, sets, at_least in (("targets", targets, 2), ("attributes", attributes, 1)):
        for name, words in named_sets(sets, role, 2).items():
            names.append(name)
            found.append(lookup.find(words, name, at_least))
    lookup.report()
    x_words, y_words, a_words, b_words = found
    both = sorted({*x_words} & {*y_words})
    if both:
        raise ValueError(f"The words {both} are in both sets of targets; leave them out of one.")

    target_words = x_words + y_words
    units = lookup.units(target_words)
    to_a, to_b = (units @ lookup.units(words).T for words in (a_words, b_words))
    association = to_a.mean(axis=1) - to_b.mean(axis=1)
    n_x = len(x_words)
    spread = association.std(ddof=ddof)
    if np.ptp(association) <= lookup.rounding:
        warnings.warn(
            "The effect size of WEAT is NaN: all targets are associated with the attributes alike, "
            "up to rounding, and there is no spread to measure by.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
        association, spread = np.zeros_like(association), np.nan
    p_value, n_splits, exact = share_of_splits(
        association,
        n_x,
        two_sided=alternative == "two-sided",
        n_resamples=n_resamples,
        rng=check_random_state(random_state),
        method=method,
    )
    cosine_spread = np.hstack([to_a, to_b]).std(axis=1, ddof=ddof)
    wefat = np.divide(
        association, cosine_spread, out=np.zeros_like(association), where=cosine_spread > 0
    )
    table = pd.DataFrame(
        {
            "targets": np.repeat(names[:2], [n_x, len(y_words)]),
            "word": target_words,
            "association": association,
            "effect_size": wefat,
        }
    )
    x, y = association[:n_x], association[n_x:]
    return Bunch(
        effect_size=float((x.mean() - y.mean()) / spread),
        statistic=float(x.sum() - y.sum()),
        p_value=float(p_value),
        exact=exact,
        n_splits=n_splits,
        words=table,
        missing=lookup.lost,
    )
