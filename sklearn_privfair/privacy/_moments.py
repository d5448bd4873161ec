"""Where shadow models' log-odds of a record lie, and how far they spread.

Few shadow models say little of a spread: each record's variance is shrunk towards that of all
records by empirical Bayes, after Smyth (2004), "Linear models and empirical Bayes methods for
assessing differential expression", section 6.2.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln

# In log-odds. Of models that agree exactly, such as one model asked twice.
SMALLEST_SCALE = 1e-6


class Moments:
    """Mean and spread of values over some of the shadow models, for each record.

    Parameters
    ----------
    values : ndarray of shape (n_shadows, n_queries, n_records)
    chosen : bool ndarray of shape (n_shadows, n_records)
        Which shadow models count for which record.
    variance : {"shrunken", "global", "per_example"}
        Of what the scale is: of each record's own values, of all records' deviations from their
        means, or in between, as far as the records' variances differ by more than chance.
    default : ndarray of shape (n_queries,)
        The scale where no record has two values.

    Attributes
    ----------
    count : int ndarray of shape (n_records,)
    mean, scale : ndarray of shape (n_queries, n_records)
        NaN where `count` is 0.
    correlation : ndarray of shape (n_queries, n_queries)
        Of the deviations from the means, between queries, over all records.
    """

    def __init__(self, values, chosen, variance, default):
        chosen = chosen[:, None, :]
        self.count = chosen.sum(axis=0)[0]
        with np.errstate(invalid="ignore"):
            self.mean = np.where(chosen, values, 0.0).sum(axis=0) / self.count
        deviations = np.where(chosen, values - self.mean, 0.0)
        freedom = np.maximum(self.count - 1, 0)
        squares = np.square(deviations).sum(axis=0)
        self.scale = np.sqrt(
            np.stack(
                [
                    _variance(s, freedom, variance, d**2)
                    for s, d in zip(squares, default, strict=True)
                ]
            )
        )
        self.correlation = _correlation(deviations)


def _variance(squares, freedom, kind, default):
    """Give each record's variance from its sum of squares and degrees of freedom."""
    total = freedom.sum()
    pooled = squares.sum() / total if total else default
    if kind == "global" or not total:
        return np.full(len(squares), pooled)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(freedom > 0, squares / freedom, np.nan)
    if kind == "per_example":  # votes of trees may agree exactly
        return np.maximum(own, 1e-4 * pooled)
    prior, weight = _prior(own, freedom)
    if np.isinf(weight):
        return np.zeros(len(squares))
    return (weight * prior + squares) / (weight + freedom)


def _prior(own, freedom):
    """Fit the scaled inverse chi-square of which the records' variances are drawn.

    Returns
    -------
    prior : float
        The variance that records share.
    weight : float
        How many degrees of freedom it is worth: the more, the less the records' variances differ
        by more than chance.
    """
    known = (freedom > 0) & (own > 0)  # votes that agree exactly say nothing of other records
    own, half = own[known], freedom[known] / 2
    if not len(own):
        return 0.0, np.inf

    def surprise(parameters):
        """Minus the log-likelihood: of F distributions, times the prior."""
        prior, weight = np.exp(parameters)
        odds = 2 * half * own / (weight * prior)
        powers = half * np.log(2 * half / (weight * prior)) - (half + weight / 2) * np.log1p(odds)
        return -(powers - betaln(half, weight / 2)).mean()

    start = np.log([own.mean(), 10.0])
    limits = [(start[0] - 20, start[0] + 2), np.log([0.1, 1e5])]
    found = minimize(surprise, start, method="L-BFGS-B", bounds=limits)
    prior, weight = np.exp(found.x)
    return prior, weight


def _correlation(deviations):
    """Give the correlation of deviations between queries, of shape (n_queries, n_queries)."""
    flat = np.moveaxis(deviations, 1, 0).reshape(deviations.shape[1], -1)
    covariance = flat @ flat.T
    length = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = covariance / np.outer(length, length)
    return np.where(np.isfinite(correlation), correlation, np.eye(len(length)))
