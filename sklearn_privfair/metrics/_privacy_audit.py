"""A lower bound of epsilon from many independent runs of a mechanism.

Jagielski, Ullman & Oprea (2020), "Auditing differentially private machine learning: how private is
private SGD?"; Nasr et al. (2021), "Adversary instantiation", for both directions of the ratio.
"""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, validate_params

from ._binomial import proportion_high, proportion_low
from ._membership_checks import CONFIDENCE, check_attack

DELTA = [Interval(Real, 0, 1, closed="left")]


@validate_params(
    {
        "membership": ["array-like"],
        "score": ["array-like"],
        "delta": DELTA,
        "threshold": [Interval(Real, None, None, closed="neither"), None],
        "confidence": CONFIDENCE,
    },
    prefer_skip_nested_validation=True,
)
def epsilon_lower_bound(membership, score, *, delta=0.0, threshold=None, confidence=0.95):
    r"""Lower bound of epsilon from independent runs, some with a record and some without.

    Under :math:`(\varepsilon, \delta)`-differential privacy no attack has a true-positive rate
    above :math:`e^\varepsilon \mathrm{FPR} + \delta`, nor a true-negative rate above
    :math:`e^\varepsilon \mathrm{FNR} + \delta`. Rates that were measured therefore refute every
    epsilon below

    .. math::

       \max\left( \log \frac{\mathrm{TPR} - \delta}{\mathrm{FPR}},
       \log \frac{\mathrm{TNR} - \delta}{\mathrm{FNR}} \right) ,

    where for each rate stands the Clopper-Pearson bound that makes the ratio smaller.

    **Each score must come from a training run of its own.** For the records of one trained model
    use :func:`one_run_epsilon_lower_bound`: they share its randomness, so that they are no
    independent trials, and this bound would claim more than they prove.

    Parameters
    ----------
    membership : array-like of shape (n_runs,)
        1 or True where the run was given the record, 0 or False where not.

    score : array-like of shape (n_runs,)
        The attack's score of that run, finite; higher means that the record was more likely there.

    delta : float, default=0.0
        The delta of the claim that is audited, in [0, 1).

    threshold : float, default=None
        Runs that score above it are taken to have had the record. It must have been fixed before
        these scores were seen: from other runs, or 0.5 for guesses of 0 and 1. `None`: thresholds
        are tried on these runs, and the bound pays for each (see Notes).

    confidence : float, default=0.95
        The true epsilon is below the bound with at most the probability ``1 - confidence``.

    Returns
    -------
    epsilon : float
        The bound, at least 0; 0 says that nothing was refuted.

    Raises
    ------
    ValueError
        If there is no run with the record or none without, lengths differ, `membership` holds
        other values, or a score is not finite.

    See Also
    --------
    one_run_epsilon_lower_bound : From the records of one trained model.

    Notes
    -----
    The best of many thresholds on the same runs is no valid bound: in simulations with the Laplace
    mechanism it exceeded the true epsilon two to three times as often as it stated. With
    ``threshold=None`` the thresholds are the 1st, 2nd, 4th, 8th, ... highest score of the runs
    without the record, and as many low scores of those with it. A threshold that comes from one
    side leaves the other side's count binomial, and its own side's rate is bounded by the
    distribution of an order statistic, whatever that of the scores, ties included. The error
    ``1 - confidence`` is shared out equally among them all, about
    :math:`2 \log_2 n`. In simulations this gave larger bounds than a threshold chosen on one half
    of the runs and tested on the other.

    How large the bound can get is limited by the runs: with n of each kind, about
    :math:`\log n - 2` for an attack that is always right.

    References
    ----------
    .. [1] M. Jagielski, J. Ullman, A. Oprea, "Auditing Differentially Private Machine Learning:
       How Private is Private SGD?", NeurIPS 2020.
    .. [2] M. Nasr, S. Song, A. Thakurta, N. Papernot, N. Carlini, "Adversary Instantiation: Lower
       Bounds for Differentially Private Machine Learning", IEEE Symposium on Security and
       Privacy, 2021.

    Examples
    --------
    The Laplace mechanism of scale 1 adds its noise to 1 or to 0: epsilon is 1.

    >>> import numpy as np
    >>> from sklearn_privfair.metrics import epsilon_lower_bound
    >>> rng = np.random.default_rng(0)
    >>> membership = np.repeat([1, 0], 5000)
    >>> score = membership + rng.laplace(size=10_000)
    >>> 0.8 < epsilon_lower_bound(membership, score, threshold=1.0) < 1
    True
    >>> 0.8 < epsilon_lower_bound(membership, score) < 1
    True
    """
    membership, score = check_attack(membership, score)
    if not membership.any() or membership.all():
        raise ValueError(
            f"An audit needs runs with the record and runs without; got {membership.sum()} with "
            f"and {np.sum(~membership)} without."
        )
    alpha = 1 - confidence
    inside, outside = np.sort(score[membership]), np.sort(score[~membership])
    if threshold is not None:
        found = len(inside) - np.searchsorted(inside, threshold, side="right")
        accused = len(outside) - np.searchsorted(outside, threshold, side="right")
        return _bound(found, len(inside), accused, len(outside), delta, alpha)
    # the second side is the first seen from below: those without the record are found, by low
    # scores, and runs with it are accused of having been without
    sides = [(inside, outside), (-outside[::-1], -inside[::-1])]
    n_tried = sum(len(_ranks(len(others))) for _, others in sides)
    best = 0.0
    for members, others in sides:
        ranks = _ranks(len(others))
        thresholds = others[len(others) - ranks]
        found = len(members) - np.searchsorted(members, thresholds, side="right")
        # the share above the k-th highest is Beta(k, n - k + 1): as if k - 1 had been counted
        best = max(
            best,
            _bound(found, len(members), ranks - 1, len(others), delta, alpha / n_tried),
        )
    return best


def _ranks(n):
    """List 1, 2, 4, 8, ... up to n."""
    return 2 ** np.arange(int(np.log2(n)) + 1)


def _bound(found, n_members, accused, n_others, delta, alpha):
    """Give the largest epsilon refuted, each threshold failing with at most probability `alpha`."""
    tpr = proportion_low(found, n_members, alpha / 2)
    fpr = proportion_high(accused, n_others, alpha / 2)
    with np.errstate(divide="ignore", invalid="ignore"):  # of a rate below delta: nothing
        above = np.log(np.maximum(tpr - delta, 0) / fpr)
        below = np.log(np.maximum(1 - fpr - delta, 0) / (1 - tpr))
    return float(max(0.0, np.max(above), np.max(below)))
