"""Exact confidence bounds of a proportion, for arrays of counts.

Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", Biometrika 26, 1934.
"""

import numpy as np
from scipy.stats import beta


def proportion_low(count, n, alpha):
    """Give the bound that the proportion is below with at most probability `alpha`."""
    hits = np.maximum(count, 1)  # of no hits the bound is 0, and that beta has no density
    return np.where(np.asarray(count) > 0, beta.ppf(alpha, hits, n - hits + 1), 0.0)


def proportion_high(count, n, alpha):
    """Give the bound that the proportion is above with at most probability `alpha`."""
    return 1.0 - proportion_low(n - np.asarray(count), n, alpha)
