"""A lower bound of epsilon from one training run, by the guesses about many of its records.

Steinke, Nasr & Jagielski (2023), "Privacy auditing with one (1) training run".
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import binom, binomtest
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import validate_params

from ._binomial import proportion_low
from ._membership_checks import CONFIDENCE, check_attack
from ._privacy_audit import DELTA

_FEWEST = 8  # guesses of a kind that are tried; fewer refute next to nothing
_UNFAIR = 1e-6  # a fair coin fares worse with this probability


@validate_params(
    {
        "membership": ["array-like"],
        "score": ["array-like"],
        "delta": DELTA,
        "n_guesses": ["array-like", None],
        "confidence": CONFIDENCE,
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def one_run_epsilon_lower_bound(
    membership, score, *, delta=0.0, n_guesses=None, confidence=0.95, random_state=None
):
    r"""Lower bound of epsilon from one trained model, whose members were drawn by fair coins.

    The auditor tosses a coin for each of m records, trains once on those that came up heads, scores
    all of them, and guesses: member for the highest scores, non-member for the lowest, nothing for
    those between. If training was :math:`(\varepsilon, 0)`-differentially private, then v or more
    of r guesses are right with at most the probability of v or more heads among r tosses of a coin
    that favours heads, :math:`e^\varepsilon / (1 + e^\varepsilon)`, which is what randomized
    response would allow. An epsilon that gives so many right guesses a probability below
    ``1 - confidence`` is refuted. A delta adds to that probability.

    It is the bound to use when records share a training run, as they do whenever one model is
    attacked; :func:`epsilon_lower_bound` is for independent runs.

    Parameters
    ----------
    membership : array-like of shape (n_samples,)
        1 or True for records in the training set, 0 or False for others: a fair and independent
        coin for each.

    score : array-like of shape (n_samples,)
        The attack's scores, finite; higher means more likely a member. Whatever gave them must not
        have known `membership`.

    delta : float, default=0.0
        The delta of the claim that is audited, in [0, 1).

    n_guesses : pair of int or list of pairs of int, default=None
        How many guesses of member, and of non-member. It must have been fixed before membership
        was seen; of several pairs the best is taken, and the bound pays for each. `None`: half of
        all records, a quarter, an eighth, ... as members, and the same with as many non-members.

    confidence : float, default=0.95
        The true epsilon is below the bound with at most the probability ``1 - confidence``.

    random_state : int, RandomState instance or None, default=None
        Which records are guessed of those with equal scores, where not all of them are: the order
        in which they came may tell who is a member. Not used if there are none.

    Returns
    -------
    epsilon : float
        The bound, at least 0; 0 says that nothing was refuted.

    Raises
    ------
    ValueError
        If so many or so few records are members that no fair coin was tossed, `n_guesses` is no
        pair that fits the records, lengths differ, `membership` holds other values, or a score is
        not finite.

    See Also
    --------
    epsilon_lower_bound : From many independent runs; it gets closer to the truth.

    Notes
    -----
    Neighbouring sets differ by one record that is there or not. A random half of a fixed size, as
    `train_test_split` gives, is not what was proved: the coins are not quite independent.
    Records that were in the training set without a coin must not be scored here.

    The bound is tight where each record has noise of its own, as under randomized response. Where
    records share the noise, as in DP-SGD, it stays below the truth even with very many of them.
    With r guesses it is at most about :math:`\log(r / 6)`, and a delta leaves little of it unless
    ``delta * n_samples`` is far below 1.

    References
    ----------
    .. [1] T. Steinke, M. Nasr, M. Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS
       2023, theorem 5.2 and appendix D.

    Examples
    --------
    Each record gets its coin back with noise of the Laplace distribution, of scale 1/2: epsilon
    is 2.

    >>> import numpy as np
    >>> from sklearn_privfair.metrics import one_run_epsilon_lower_bound
    >>> rng = np.random.default_rng(0)
    >>> membership = rng.integers(2, size=10_000)
    >>> score = membership + rng.laplace(scale=1 / 2, size=10_000)
    >>> 1.6 < one_run_epsilon_lower_bound(membership, score) < 2
    True
    """
    membership, score = check_attack(membership, score)
    m = len(membership)
    if binomtest(int(membership.sum()), m).pvalue < _UNFAIR:
        raise ValueError(
            f"{membership.sum()} of {m} records are members; a fair coin for each makes about half "
            "of them members. Leave out records of the larger side, chosen at random."
        )
    pairs = _default_guesses(m) if n_guesses is None else _check_guesses(n_guesses, m)
    shuffled = check_random_state(random_state).permutation(m)
    order = shuffled[np.argsort(-score[shuffled], kind="stable")]
    right_of_top = np.append(0, np.cumsum(membership[order]))
    right_of_bottom = np.append(0, np.cumsum(~membership[order[::-1]]))
    alpha = (1 - confidence) / len(pairs)
    return max(
        _refuted(m, top + bottom, right_of_top[top] + right_of_bottom[bottom], delta, alpha)
        for top, bottom in pairs
    )


def _default_guesses(m):
    """Give pairs of guesses: of members alone, and of members and as many others."""
    counts: list[int] = []
    count = m // 2
    while count >= _FEWEST or not counts:
        counts.append(count)
        count //= 2
    return [(n, other) for n in counts for other in (0, n)]


def _check_guesses(n_guesses, m):
    pairs = np.atleast_2d(np.asarray(n_guesses))
    whole = pairs.dtype.kind in "iu" and pairs.ndim == 2 and pairs.shape[1] == 2
    if not whole or (pairs < 0).any() or not (pairs.sum(axis=1) > 0).all():
        raise ValueError(
            "n_guesses must be a pair, guesses of member and guesses of non-member, or a list of "
            f"such pairs, not negative and not both 0; got {n_guesses!r}."
        )
    if (pairs.sum(axis=1) > m).any():
        raise ValueError(f"n_guesses={n_guesses!r} are more guesses than the {m} records.")
    return pairs.tolist()


def p_value(m, n_guesses, n_right, epsilon, delta):
    """Bound the probability of so many right guesses under (epsilon, delta): theorem 5.2."""
    chance = expit(epsilon)
    beta = binom.sf(n_right - 1, n_guesses, chance)
    if delta == 0 or n_right == 0:
        return min(1.0, float(beta))
    # a failure of probability delta may turn i wrong guesses right; the worst i per failure counts
    i = np.arange(1, n_right + 1)
    gained = (binom.sf(n_right - i - 1, n_guesses, chance) - beta) / i
    return min(1.0, float(beta + 2 * m * delta * gained.max()))


def _refuted(m, n_guesses, n_right, delta, alpha):
    """Give the largest epsilon whose p-value is at most `alpha`; 0 if there is none."""
    share = float(proportion_low(n_right, n_guesses, alpha))
    if share <= 0.5:
        return 0.0
    epsilon = float(logit(share))
    if delta == 0:
        return epsilon

    def excess(eps):
        return p_value(m, n_guesses, n_right, eps, delta) - alpha

    if excess(0.0) >= 0:
        return 0.0
    # a margin, since at epsilon itself the excess is that of delta alone, maybe a rounded 0
    return float(brentq(excess, 0.0, epsilon + 1e-6))
