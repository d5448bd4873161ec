"""Bounds of epsilon against mechanisms whose epsilon is known, and against other derivations."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import expit, logit
from scipy.stats import binom, binomtest, norm

from sklearn_privfair.metrics import epsilon_lower_bound, one_run_epsilon_lower_bound
from sklearn_privfair.metrics._one_run_audit import p_value
from sklearn_privfair.metrics._privacy_audit import _bound


def laplace(n, epsilon, seed):
    """Runs with and without a record; every threshold above 1 has exactly this ratio."""
    rng = np.random.default_rng(seed)
    membership = np.repeat([1, 0], n)
    return membership, membership + rng.laplace(scale=1 / epsilon, size=2 * n)


def exact(count, n, side, alpha):
    interval = binomtest(int(count), n, alternative=side).proportion_ci(1 - alpha, method="exact")
    return interval.low if side == "greater" else interval.high


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("delta", [0.0, 0.05])
def test_bound_at_a_given_threshold_is_its_formula(delta, flip):
    membership, score = laplace(400, 2.0, 0)
    if flip:  # the members of one are the others of the other
        membership, score = 1 - membership, -score
    tpr = exact(np.sum(score[membership == 1] > 0.3), 400, "greater", 0.05)
    fpr = exact(np.sum(score[membership == 0] > 0.3), 400, "less", 0.05)
    expected = max(np.log((tpr - delta) / fpr), np.log((1 - fpr - delta) / (1 - tpr)))
    bound = epsilon_lower_bound(membership, score, threshold=0.3, delta=delta, confidence=0.9)
    assert bound == pytest.approx(expected)


def test_bound_over_thresholds_is_the_best_of_its_tests():
    membership, score = laplace(100, 3.0, 0)
    inside, outside = np.sort(score[membership == 1]), np.sort(score[membership == 0])
    alpha, bounds = 0.05 / 14 / 2, []  # 1, 2, ..., 64 from either side
    for k in (1, 2, 4, 8, 16, 32, 64):
        tpr = exact(np.sum(inside > outside[-k]), 100, "greater", alpha)
        fpr = exact(k - 1, 100, "less", alpha)
        bounds += [np.log(tpr / fpr), np.log((1 - fpr) / (1 - tpr))]
        tnr = exact(np.sum(outside < inside[k - 1]), 100, "greater", alpha)
        fnr = exact(k - 1, 100, "less", alpha)
        bounds += [np.log(tnr / fnr), np.log((1 - fnr) / (1 - tnr))]
    assert max(bounds) > 1
    assert epsilon_lower_bound(membership, score) == pytest.approx(max(bounds))


def naive_bound(membership, score):
    """The best of many thresholds, unpaid."""
    inside, outside = np.sort(score[membership == 1]), np.sort(score[membership == 0])
    score = score[::4]
    found = len(inside) - np.searchsorted(inside, score, side="right")
    accused = len(outside) - np.searchsorted(outside, score, side="right")
    return _bound(found, len(inside), accused, len(outside), 0.0, 0.05)


def test_bound_exceeds_the_truth_no_more_often_than_it_says():
    """And the game is one in which cheating shows."""
    runs = [laplace(3000, 2.0, seed) for seed in range(300)]
    free = np.array([epsilon_lower_bound(*run) for run in runs])
    fixed = np.array([epsilon_lower_bound(*run, threshold=1.0) for run in runs])
    cheating = np.array([naive_bound(*run) for run in runs])
    # 3 standard deviations of a share of 5% are 3.8%
    assert np.mean(cheating > 2) > 0.088
    assert np.mean(free > 2) <= 0.05
    assert np.mean(fixed > 2) <= 0.05
    assert free.mean() > 1.7
    assert fixed.mean() > 1.7


@pytest.mark.parametrize("epsilon", [0.5, 3.0])
def test_bound_comes_near_the_truth(epsilon):
    run = laplace(100_000, epsilon, 0)
    assert 0.95 * epsilon < epsilon_lower_bound(*run) <= epsilon
    assert 0.95 * epsilon < epsilon_lower_bound(*run, threshold=1.0) <= epsilon


def test_bound_with_ties_is_valid():
    """Randomized response, of which the thresholds say 1 and 0 alike."""
    rng, bounds = np.random.default_rng(0), []
    membership = np.repeat([1, 0], 500)
    for _ in range(300):
        answer = np.where(rng.random(1000) < expit(1.5), membership, 1 - membership)
        bounds.append(epsilon_lower_bound(membership, answer))
    assert np.mean(np.array(bounds) > 1.5) <= 0.05
    assert np.mean(bounds) > 0.9
    assert epsilon_lower_bound(membership, answer, threshold=0.5) > 1.2


@pytest.mark.parametrize("delta", [1e-3, 0.05])
def test_delta_of_the_gaussian_mechanism(delta):
    """Its epsilon is infinite at delta 0, and Balle and Wang's (2018) at others."""
    grid = np.linspace(0, 10, 100_001)
    deltas = norm.cdf(0.5 - grid) - np.exp(grid) * norm.cdf(-0.5 - grid)
    epsilon = grid[np.searchsorted(-deltas, -delta)]
    rng = np.random.default_rng(0)
    membership = np.repeat([1, 0], 200_000)
    score = rng.normal(membership)
    assert 0.75 * epsilon < epsilon_lower_bound(membership, score, delta=delta) <= epsilon
    if delta > 0.01:
        assert epsilon_lower_bound(membership, score) > epsilon


def test_perfect_attack_is_limited_by_the_runs():
    n = 1000
    membership = np.repeat([1, 0], n)
    bound = epsilon_lower_bound(membership, membership + np.linspace(0, 0.1, 2 * n))
    assert bound == pytest.approx(np.log(n) - 2, abs=0.2)
    assert epsilon_lower_bound(membership, -membership) == 0
    assert epsilon_lower_bound(membership, np.zeros(2 * n)) == 0
    assert epsilon_lower_bound([1, 0], [5.0, 1.0]) == 0
    assert epsilon_lower_bound([1, 0], [5.0, 1.0], threshold=9.0, delta=0.5) == 0


@pytest.mark.parametrize("value", [0, 1])
def test_runs_of_one_kind(value):
    with pytest.raises(ValueError, match="runs with the record and runs without"):
        epsilon_lower_bound([value] * 5, np.arange(5.0))


def randomized_response(m, epsilon, rng, delta=0.0):
    """One run over m coins: each is told truly with odds e^epsilon, or given away by delta."""
    coins = rng.integers(2, size=m)
    given_away = rng.random(m) < delta
    told = np.where(rng.random(m) < expit(epsilon), coins, 1 - coins)
    return coins, np.where(given_away, 3 * (2 * coins - 1), 2 * told - 1)


def test_one_run_of_randomized_response_in_closed_form():
    coins, answer = randomized_response(500, 1.0, np.random.default_rng(0))
    guesses = int(np.sum(answer > 0)), int(np.sum(answer < 0))
    right = np.sum((answer > 0) == coins)
    bound = one_run_epsilon_lower_bound(coins, answer, n_guesses=guesses, confidence=0.9)
    assert bound == pytest.approx(logit(exact(right, 500, "greater", 0.1)))


def test_one_run_of_randomized_response_errs_as_often_as_it_says():
    """Of that mechanism the audit is tight, but for counts being whole."""
    m, epsilon, exceeded = 200, 1.0, []
    coins = np.repeat([1, 0], m // 2)
    for right in range(m + 1):
        wrong = np.arange(m) >= right
        told = np.where(wrong[np.random.default_rng(0).permutation(m)], 1 - coins, coins)
        guesses = int(told.sum()), int(m - told.sum())
        bound = one_run_epsilon_lower_bound(coins, told, n_guesses=guesses, confidence=0.8)
        exceeded.append(bound > epsilon)
    mass = binom.pmf(np.arange(m + 1), m, expit(epsilon))
    assert 0.2 - mass.max() < mass[exceeded].sum() <= 0.2


@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_one_run_exceeds_the_truth_no_more_often_than_it_says(delta):
    rng = np.random.default_rng(1)
    runs = [randomized_response(400, 1.0, rng, delta) for _ in range(200)]
    default = [one_run_epsilon_lower_bound(*run, delta=delta, random_state=0) for run in runs]
    assert np.mean(np.array(default) > 1) <= 0.05
    assert np.mean(default) > 0.3


def test_one_run_comes_near_the_truth():
    rng = np.random.default_rng(0)
    coins = rng.integers(2, size=100_000)
    score = coins + rng.laplace(scale=1 / 2, size=len(coins))
    assert 1.8 < one_run_epsilon_lower_bound(coins, score) <= 2


def test_records_of_one_model_are_no_independent_runs():
    """A run that shows either all or nothing is one draw, however many records it scores."""
    rng = np.random.default_rng(0)
    independent, one_run = [], []
    for _ in range(200):
        coins = rng.integers(2, size=400)
        shown = rng.random() < 0.2  # so it is (0, 0.2)-differentially private
        score = 2.0 * coins * shown + rng.random(400)
        independent.append(epsilon_lower_bound(coins, score, delta=0.2))
        one_run.append(one_run_epsilon_lower_bound(coins, score, delta=0.2))
    assert np.mean(np.array(independent) > 3) > 0.1  # it says 0.05
    assert np.max(one_run) == 0


@pytest.mark.parametrize("delta", [1e-6, 1e-4, 3e-3])
@pytest.mark.parametrize("right", [20, 37, 40])
def test_p_value_with_delta_is_that_of_the_worst_failures(right, delta):
    """The failures turn i guesses right, 2 m delta on average: a linear programme over i."""
    m, guesses, epsilon = 60, 40, 0.7
    i = np.arange(right + 1)
    reached = binom.sf(right - i - 1, guesses, expit(epsilon))
    worst = linprog(-reached, A_ub=[i], b_ub=[2 * m * delta], A_eq=[np.ones(len(i))], b_eq=[1])
    p = p_value(m, guesses, right, epsilon, delta)
    if 2 * m * delta < 1:
        assert p == pytest.approx(-worst.fun, rel=1e-6)
    assert (
        p
        >= p_value(m, guesses, right, epsilon, 0.0)
        == pytest.approx(binomtest(right, guesses, expit(epsilon), alternative="greater").pvalue)
    )


def test_delta_lowers_the_bound_of_one_run():
    coins, answer = randomized_response(1000, 2.0, np.random.default_rng(0))
    guess = {"n_guesses": (100, 100), "random_state": 0}
    bounds = [
        one_run_epsilon_lower_bound(coins, answer, delta=d, **guess) for d in (0, 1e-9, 1e-5, 1e-3)
    ]
    assert bounds[1] == pytest.approx(bounds[0], abs=1e-5)
    assert bounds[0] > bounds[2] > bounds[3] > 0
    top_level = p_value(1000, 200, 1, 0.0, 0.0)
    assert top_level == pytest.approx(1)
    assert one_run_epsilon_lower_bound(coins, answer, delta=0.3, **guess) == 0


def test_bound_with_delta_is_where_the_p_value_is_the_level():
    coins, answer = randomized_response(1000, 2.0, np.random.default_rng(0))
    score = answer + 1e-3 * np.random.default_rng(1).random(1000)
    bound = one_run_epsilon_lower_bound(coins, score, delta=1e-5, n_guesses=(90, 60))
    order = np.argsort(score)
    right = np.sum(coins[order[-90:]] == 1) + np.sum(coins[order[:60]] == 0)
    assert p_value(1000, 150, right, bound, 1e-5) == pytest.approx(0.05, rel=1e-4)


def test_of_several_numbers_of_guesses_the_best_is_paid_for():
    coins, answer = randomized_response(400, 2.0, np.random.default_rng(0))
    score = answer + 1e-3 * np.random.default_rng(1).random(400)
    pairs = [(200, 200), (50, 0), (0, 20)]
    each = [
        one_run_epsilon_lower_bound(coins, score, n_guesses=pair, confidence=1 - 0.05 / 3)
        for pair in pairs
    ]
    assert one_run_epsilon_lower_bound(coins, score, n_guesses=pairs) == pytest.approx(max(each))
    default = [(k, other) for k in (200, 100, 50, 25, 12) for other in (0, k)]
    assert one_run_epsilon_lower_bound(coins, score) == pytest.approx(
        one_run_epsilon_lower_bound(coins, score, n_guesses=default)
    )


def test_the_order_of_records_tells_nothing():
    """Members come first; a sort that kept the order of equal scores would find them all."""
    coins = np.repeat([1, 0], 500)
    for seed in range(20):
        assert one_run_epsilon_lower_bound(coins, np.zeros(1000), random_state=seed) < 0.5
    bounds = [
        one_run_epsilon_lower_bound(coins, np.zeros(1000), n_guesses=(300, 0), random_state=seed)
        for seed in range(200)
    ]
    assert np.mean(np.array(bounds) > 0) <= 0.05
    assert len(set(bounds)) > 1
    again = one_run_epsilon_lower_bound(coins, coins * 0, n_guesses=(300, 0), random_state=7)
    assert again == bounds[7]


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"n_guesses": 5}, "'n_guesses' parameter"),
        ({"n_guesses": (5, 5, 5)}, "must be a pair"),
        ({"n_guesses": (0.5, 0.5)}, "must be a pair"),
        ({"n_guesses": (0, 0)}, "not both 0"),
        ({"n_guesses": [(5, 5), (-1, 4)]}, "not negative"),
        ({"n_guesses": (30, 11)}, "more guesses than the 40 records"),
        ({"membership": np.ones(40)}, "40 of 40 records are members; a fair coin"),
        ({"delta": 1.0}, "'delta' parameter"),
        ({"score": np.arange(39.0)}, "inconsistent"),
    ],
)
def test_bad_one_run(kwargs, match):
    good = {"membership": np.arange(40) % 2, "score": np.arange(40.0)}
    with pytest.raises(ValueError, match=match):
        one_run_epsilon_lower_bound(**(good | kwargs))


def test_few_records():
    assert one_run_epsilon_lower_bound([1, 0, 1], [1.0, 0.0, 2.0]) == 0
