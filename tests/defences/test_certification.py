"""The statistics of smoothing against their definitions and scipy's own tests."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest, norm

from sklearn_privfair.defences import CertificationResult
from sklearn_privfair.defences._certification import (
    certified_radius,
    is_ahead,
    lower_confidence_bound,
)

ALPHAS = [0.001, 0.05, 0.3]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [1, 7, 100])
def test_the_bound_is_that_of_the_exact_test(n, alpha):
    hits = np.arange(n + 1)
    bound = lower_confidence_bound(hits, n, alpha)
    for k in hits:
        test = binomtest(int(k), n, alternative="greater")
        assert bound[k] == pytest.approx(test.proportion_ci(1 - alpha, method="exact").low)
    # the least proportion under which so many hits are not too surprising
    np.testing.assert_allclose(binom.sf(hits[1:] - 1, n, bound[1:]), alpha)
    assert bound[0] == 0
    assert bound[n] == pytest.approx(alpha ** (1 / n))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_bound_covers(alpha):
    """Summed over all that can happen: it is above the truth with probability alpha at most."""
    n = 60
    hits = np.arange(n + 1)
    bound = lower_confidence_bound(hits, n, alpha)
    truths = np.linspace(0.01, 0.99, 197)
    missed = np.array([binom.pmf(hits, n, p)[bound > p].sum() for p in truths])
    assert missed.max() <= alpha
    assert missed.max() > 0.7 * alpha  # and it is no wider than it has to be


@pytest.mark.parametrize("alpha", ALPHAS)
def test_being_ahead_is_the_two_sided_test(alpha):
    first, second = (part.ravel() for part in np.meshgrid(np.arange(1, 60), np.arange(60)))
    first, second = np.maximum(first, second), np.minimum(first, second)
    expected = [
        binomtest(int(a), int(a + b), 0.5).pvalue <= alpha
        for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_array_equal(is_ahead(first, second, alpha), expected)
    assert 0 < np.mean(expected) < 1


def test_the_radius():
    """Theorem 1, and nothing where the bound does not say that the class wins."""
    p = np.array([0.0, 0.3, 0.5, 0.6, 0.999])
    radius = certified_radius(p, 0.5)
    np.testing.assert_allclose(radius, [0, 0, 0, 0.5 * norm.ppf(0.6), 0.5 * norm.ppf(0.999)])
    # under noise 0.5 a half-space at distance r has this probability
    np.testing.assert_allclose(norm.cdf(radius[3:] / 0.5), p[3:])


def test_result():
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])
    result = CertificationResult(
        X=frame,
        label=np.array(["cat", "dog"]),
        radius=np.array([0.25, 0.0]),
        p_lower=np.array([0.8, 0.4]),
        abstains=np.array([False, True]),
        n_forward=np.array([110, 110]),
    )
    table = result.to_frame()
    assert table.index.tolist() == ["x", "y"]
    assert table.loc["x"].tolist() == ["cat", 0.25, 0.8, False, 110]
    assert "1 of 2 rows are certified, median radius 0.25, 220 forward" in repr(result)
