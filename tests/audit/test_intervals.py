"""Intervals: against other implementations, published examples, loops, and by their coverage."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm

from sklearn_privfair.audit import _intervals


@pytest.mark.parametrize(("count", "n"), [(0, 7), (3, 20), (20, 20)])
def test_share_is_clopper_and_pearson(count, n):
    exact = binomtest(count, n).proportion_ci(0.9, method="exact")
    found = _intervals.share(count, n, 0.9)
    np.testing.assert_allclose(found, (count / n, exact.low, exact.high), atol=1e-12)


def test_share_of_nothing():
    assert np.isnan(_intervals.share(0, 0, 0.95)).all()


def test_difference_as_newcombe_published_it():
    # Statistics in Medicine 17 (1998), table II, method 10: 56/70 less 48/80, and 9/10 less 3/10
    np.testing.assert_allclose(
        _intervals.difference(56, 70, 48, 80, 0.95), (0.2, 0.0524, 0.3339), atol=5e-5
    )
    np.testing.assert_allclose(
        _intervals.difference(9, 10, 3, 10, 0.95), (0.6, 0.1705, 0.8090), atol=5e-5
    )


@pytest.mark.parametrize("n", [6, 11, 40, 101])
def test_median_interval_holds_as_often_as_it_says(n):
    values = np.arange(1.0, n + 1)
    middle, low, high = _intervals.median(values, 0.9)
    assert middle == np.median(values)
    # ranks low..high hold the true median unless fewer than `low` values, or too many, are below
    missed = binom.cdf(low - 1, n, 0.5) + binom.sf(high - 1, n, 0.5)
    assert missed <= 0.1
    narrower = binom.cdf(low, n, 0.5) + binom.sf(high - 2, n, 0.5)
    assert narrower > 0.1


def test_median_with_infinite_values_and_few():
    assert _intervals.median(np.array([1.0, np.inf, np.inf]), 0.5)[0] == np.inf
    assert _intervals.median(np.array([1.0, 2.0, 3.0]), 0.95) == (2.0, -np.inf, np.inf)
    assert np.isnan(_intervals.median(np.array([]), 0.95)).all()


def _by_loops(membership, score):
    members, others = score[membership], score[~membership]
    wins = (members[:, None] > others) + 0.5 * (members[:, None] == others)
    variance = wins.mean(axis=1).var(ddof=1) / len(members)
    return wins.mean(), variance + wins.mean(axis=0).var(ddof=1) / len(others)


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_area_and_its_variance_are_those_of_all_pairs(decimals):
    rng = np.random.default_rng(0)
    membership = np.arange(90) < 30
    score = (rng.normal(size=90) + membership).round(decimals)  # with many ties, some, none
    np.testing.assert_allclose(
        _intervals.auc_with_variance(membership, score), _by_loops(membership, score), rtol=1e-12
    )


def test_interval_of_the_area_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = norm.cdf(1 / np.sqrt(2))
    membership = np.arange(100) < 60
    held = 0
    for _ in range(1000):
        _, low, high = _intervals.auc(membership, rng.normal(size=100) + membership, 0.9)
        held += low <= truth <= high
    assert 0.87 < held / 1000 < 0.93


def test_area_without_spread():
    membership = np.arange(20) < 10
    value, low, high = _intervals.auc(membership, membership.astype(float), 0.95)
    assert (value, high) == (1, 1)
    assert low == pytest.approx(binomtest(10, 10).proportion_ci(0.95).low)
    value, low, high = _intervals.auc(membership, np.zeros(20), 0.95)
    assert value == 0.5
    assert 0 < low < 0.5 < high < 1


def test_widest_gap():
    value, low, high = _intervals.widest_gap([0.5, 0.9, 0.6], [0.01, 0.0004, 0.01], 0.95)
    z = norm.ppf(1 - 0.05 / 6)  # three pairs
    assert value == pytest.approx(0.4)
    assert low == pytest.approx(0.4 - z * np.sqrt(0.0104))
    assert high == pytest.approx(0.4 + z * np.sqrt(0.0104))
    assert _intervals.widest_gap([0.5, 0.52], [0.01, 0.01], 0.95)[1] == 0
    assert np.isnan(_intervals.widest_gap([0.5], [0.1], 0.95)).all()
