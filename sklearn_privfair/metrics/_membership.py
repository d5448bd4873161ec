"""How many members an attack finds while it accuses few others, with confidence bounds.

The figure that Carlini et al. (2022) ask for, "Membership inference attacks from first principles".
"""

import warnings

import numpy as np
from scipy.stats import binom
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils._param_validation import validate_params

from ._binomial import proportion_high, proportion_low
from ._membership_checks import CONFIDENCE, FPR, check_attack


def threshold_at_fpr(score, fpr):
    """Give the lowest threshold above which no more than a share `fpr` of non-members score.

    NaN if there are fewer than ``1 / fpr`` non-members.
    """
    n = len(score)
    if n == 0:
        return np.nan
    allowed = int(fpr * n)
    allowed += (allowed + 1) / n <= fpr  # where fpr * n was rounded below a whole number
    if allowed == 0:
        return np.nan
    return -np.inf if allowed >= n else np.partition(score, n - 1 - allowed)[n - 1 - allowed]


def count_at_fpr(membership, score, fpr):
    """Count the members found at a false-positive rate, and all members; the first may be NaN."""
    members = score[membership]
    threshold = threshold_at_fpr(score[~membership], fpr)
    found = np.nan if np.isnan(threshold) or not len(members) else np.sum(members > threshold)
    return found, len(members)


def _warn_undefined(membership, fpr, what):
    n_members, n_others = np.sum(membership), np.sum(~membership)
    if not n_members:
        reason = "there is no member"
    else:
        needed = int(np.ceil(round(1 / fpr, 6)))
        reason = f"a rate of {fpr:g} needs {needed} non-members to show, and there are {n_others}"
    warnings.warn(f"{what} is NaN: {reason}.", UndefinedMetricWarning, stacklevel=4)


@validate_params(
    {"membership": ["array-like"], "score": ["array-like"], "fpr": FPR},
    prefer_skip_nested_validation=True,
)
def tpr_at_fpr(membership, score, *, fpr=0.01):
    """Share of the members that an attack finds while it accuses few others.

    The attack accuses the records that score above a threshold, which is set as low as it can be
    with at most a share `fpr` of the non-members accused. It is a threshold that exists: nothing is
    interpolated between the points of the ROC curve, and records of one score are accused together
    or not at all. An attack that gives few different scores may thus get a rate of 0.

    Parameters
    ----------
    membership : array-like of shape (n_samples,)
        1 or True for members of the training set, 0 or False for others.

    score : array-like of shape (n_samples,)
        The attack's scores, finite; higher means more likely a member.

    fpr : float, default=0.01
        The share of non-members that may be accused, in (0, 1].

    Returns
    -------
    tpr : float
        Between 0 and 1; 1 is the attacker's best, and guessing gives `fpr`. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is no member or there are
        fewer than ``1 / fpr`` non-members: a threshold that none of 50 non-members exceeds may have
        a rate of 1% or of 5%, and the members above it would count for a rate that nobody measured.

    Raises
    ------
    ValueError
        If lengths differ, `membership` holds other values, or a score is not finite.

    See Also
    --------
    tpr_at_fpr_interval : How far chance may have moved it.
    membership_report : By class or group, with the other metrics.
    sklearn.metrics.roc_auc_score : Over all false-positive rates; what few records give away
        hardly shows in it.

    Notes
    -----
    The threshold is set on the very non-members that are counted, so that of these at most
    ``fpr`` are accused; among new ones the share scatters around it, the wider the fewer they were.
    At the limit of ``1 / fpr`` non-members a single record decides.

    As a scorer of classifiers whose `y` is membership:
    ``make_scorer(tpr_at_fpr, response_method="decision_function", fpr=0.01)``.

    References
    ----------
    .. [1] N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis, F. Tramèr, "Membership Inference
       Attacks From First Principles", IEEE Symposium on Security and Privacy, 2022.

    Examples
    --------
    >>> from sklearn_privfair.metrics import tpr_at_fpr
    >>> membership = [1, 1, 1, 1, 0, 0, 0, 0]
    >>> score = [0.9, 0.8, 0.6, 0.3, 0.7, 0.3, 0.2, 0.1]
    >>> tpr_at_fpr(membership, score, fpr=0.25)
    0.75
    """
    membership, score = check_attack(membership, score)
    found, n_members = count_at_fpr(membership, score, fpr)
    if np.isnan(found):
        _warn_undefined(membership, fpr, "The true-positive rate")
        return float("nan")
    return float(found / n_members)


@validate_params(
    {
        "membership": ["array-like"],
        "score": ["array-like"],
        "fpr": FPR,
        "confidence": CONFIDENCE,
    },
    prefer_skip_nested_validation=True,
)
def tpr_at_fpr_interval(membership, score, *, fpr=0.01, confidence=0.95):
    """Confidence interval of the true-positive rate at a low false-positive rate.

    Parameters
    ----------
    membership : array-like of shape (n_samples,)
        1 or True for members of the training set, 0 or False for others.

    score : array-like of shape (n_samples,)
        The attack's scores, finite; higher means more likely a member.

    fpr : float, default=0.01
        The share of non-members that may be accused, in (0, 1].

    confidence : float, default=0.95
        How often, at least, such intervals hold the true rate, in (0, 1).

    Returns
    -------
    low, high : tuple of float
        Bounds, between 0 and 1. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where :func:`tpr_at_fpr` is.

    Raises
    ------
    ValueError
        If lengths differ, `membership` holds other values, or a score is not finite.

    See Also
    --------
    tpr_at_fpr : The rate itself, and how the threshold is set.
    epsilon_lower_bound : Counts the uncertainty of both rates.

    Notes
    -----
    It is about the rate that the attack would have, among all records of the kind, at the
    threshold that accuses a share `fpr` of all non-members. The non-members at hand tell only
    roughly where that threshold is: of `n` of them a binomial number, ``n * fpr`` on average, lie
    above it, which puts it between two of their scores. The bounds are those of Clopper and
    Pearson for the members above these two. Either step alone is missed with ``1 - confidence``;
    their errors are independent and add up in few cases, so that together they are missed less
    often (in 0 to 2% of draws of normal scores, at a confidence of 0.95). With few non-members the
    interval is very wide: at the limit of ``1 / fpr`` a single record decides.

    Records count as independent draws: for one trained model the interval speaks of other records,
    and does not know how another training would have turned out.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in
       the case of the binomial", Biometrika 26, 1934.

    Examples
    --------
    >>> from sklearn_privfair.metrics import tpr_at_fpr_interval
    >>> membership = [1, 1, 1, 1, 0, 0, 0, 0]
    >>> score = [0.9, 0.8, 0.6, 0.3, 0.7, 0.3, 0.2, 0.1]
    >>> low, high = tpr_at_fpr_interval(membership, score, fpr=0.25)
    >>> print(f"{low:.3f} {high:.3f}")
    0.000 1.000
    """
    membership, score = check_attack(membership, score)
    low, high = bounds_at_fpr(membership, score, fpr, confidence)
    if np.isnan(low):
        _warn_undefined(membership, fpr, "The interval of the true-positive rate")
    return low, high


def bounds_at_fpr(membership, score, fpr, confidence):
    """Give both bounds of the rate; NaN where the rate is."""
    found, n_members = count_at_fpr(membership, score, fpr)
    if np.isnan(found):
        return float("nan"), float("nan")
    alpha = (1 - confidence) / 2
    others = np.sort(score[~membership])[::-1]
    fewest = int(binom.ppf(alpha, len(others), fpr))  # of the others that the threshold accuses
    most = int(binom.isf(alpha, len(others), fpr))
    strict = others[fewest - 1] if fewest > 0 else np.inf
    lax = others[most] if most < len(others) else -np.inf
    strict = lax if fewest == len(others) else strict
    low, high = (np.sum(score[membership] > threshold) for threshold in (strict, lax))
    low, high = proportion_low(low, n_members, alpha), proportion_high(high, n_members, alpha)
    return float(low), float(high)
