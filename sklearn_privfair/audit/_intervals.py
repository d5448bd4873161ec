"""Confidence intervals of what an audit states: shares, differences, medians, areas under a curve.

Clopper & Pearson (1934) for shares; Newcombe (1998) for the difference of two of them, out of
Wilson's scores; DeLong, DeLong & Clarke-Pearson (1988) for the area under a ROC curve.
"""

import numpy as np
from scipy.special import expit, logit
from scipy.stats import binom, norm, rankdata

from sklearn_privfair.metrics._binomial import proportion_high, proportion_low


def together(confidence, n):
    """Give the confidence of each of `n` intervals that are to hold together (Bonferroni)."""
    return 1 - (1 - confidence) / n


def share(count, n, confidence):
    """Give a share and its exact interval; NaN of nothing."""
    if n == 0:
        return np.nan, np.nan, np.nan
    alpha = (1 - confidence) / 2
    low, high = proportion_low(count, n, alpha), proportion_high(count, n, alpha)
    return count / n, float(low), float(high)


def difference(count_a, n_a, count_b, n_b, confidence):
    """Give the difference of two independent shares, a - b, and its interval."""
    z = norm.ppf((1 + confidence) / 2)
    (a, low_a, high_a), (b, low_b, high_b) = _wilson(count_a, n_a, z), _wilson(count_b, n_b, z)
    low = (a - b) - np.hypot(a - low_a, high_b - b)
    high = (a - b) + np.hypot(high_a - a, b - low_b)
    return a - b, float(low), float(high)


def _wilson(count, n, z):
    p = count / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return p, middle - half, middle + half


def median(values, confidence):
    """Give the median and the interval that its order statistics make, whatever the distribution.

    Values may be infinite.
    """
    ordered = np.sort(values)
    n = len(ordered)
    if n == 0:
        return np.nan, np.nan, np.nan
    middle = ordered[[(n - 1) // 2, n // 2]]
    below = int(binom.ppf((1 - confidence) / 2, n, 0.5))  # ranks counted from 1
    low = ordered[below - 1] if below >= 1 else -np.inf
    high = ordered[n - below] if below >= 1 else np.inf
    return float(middle.mean()), float(low), float(high)


def auc_with_variance(membership, score):
    """Give the area under the ROC curve, and the variance of its estimate (DeLong)."""
    ranks = rankdata(score)
    members, others = ranks[membership], ranks[~membership]
    n, m = len(members), len(others)
    # the share of others below each member, and of members above each other
    above = (members - rankdata(score[membership])) / m
    below = 1 - (others - rankdata(score[~membership])) / n
    spread = [part.var(ddof=1) / len(part) if len(part) > 1 else np.nan for part in (above, below)]
    return float(above.mean()), float(sum(spread))


def auc(membership, score, confidence):
    """Give the area under the ROC curve and its interval, made on the scale of log-odds."""
    value, variance = auc_with_variance(membership, score)
    fewest = int(min(membership.sum(), (~membership).sum()))
    if not 0 < value < 1 or variance == 0:  # no spread seen: as a share of the smaller part
        alpha = (1 - confidence) / 2
        count = value * fewest
        low, high = proportion_low(count, fewest, alpha), proportion_high(count, fewest, alpha)
        return value, float(low), float(high)
    half = norm.ppf((1 + confidence) / 2) * np.sqrt(variance) / (value * (1 - value))
    return value, float(expit(logit(value) - half)), float(expit(logit(value) + half))


def widest_gap(values, variances, confidence):
    """Give the largest difference between any two independent estimates, and its interval.

    Bonferroni's: all pairs' intervals hold together with `confidence`, so the largest bounds do.
    """
    values, variances = np.asarray(values), np.asarray(variances)
    first, second = np.triu_indices(len(values), k=1)
    if len(first) == 0:
        return np.nan, np.nan, np.nan
    apart = np.abs(values[first] - values[second])
    z = norm.ppf(1 - (1 - confidence) / (2 * len(first)))
    margin = z * np.sqrt(variances[first] + variances[second])
    low, high = float((apart - margin).max()), float((apart + margin).max())
    return float(apart.max()), max(low, 0.0), min(high, 1.0)
