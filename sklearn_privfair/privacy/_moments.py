"""Where shadow models' log-odds of a record lie, and how far they spread.

Few shadow models say little of a spread: each record's variance is shrunk towards that of all
records by empirical Bayes, after Smyth (2004), "Linear models and empirical Bayes methods for
assessing differential expression", section 6.2.
"""

from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln

from sklearn_privfair._stored import StoredState

# In log-odds. Of models that agree exactly, such as one model asked twice.
SMALLEST_SCALE = 1e-6


class Spread(StoredState):
    """How values of models alike spread around their means, over all records of a game.

    Parameters
    ----------
    values : callable
        Gives an ndarray of shape (n_shadows, n_queries, n_records); asked once, and only if needed.
    chosen : bool ndarray of shape (n_shadows, n_records)
        Which shadow models are alike for which record.

    Attributes
    ----------
    pooled : ndarray of shape (n_queries,)
        The variance of all records together; 1 where no record has two values.
    prior, weight : ndarray of shape (n_queries, 1)
        Of the scaled inverse chi-square of which the records' variances are drawn: where it lies,
        and how many degrees of freedom it is worth.
    inverse : ndarray of shape (n_queries, n_queries)
        Of the correlation between queries; of what is left of it, if queries repeat others.
    log_det : float
        Logarithm of the determinant of the correlation, or of what is left of it.
    """

    def __init__(self, values, chosen):
        self._values, self._chosen = values, chosen

    @cached_property
    def _sums(self):
        _, deviations, freedom = _around_mean(self._values(), self._chosen)
        products = np.einsum("sqi,sri->qr", deviations, deviations)
        return np.square(deviations).sum(axis=0), products, freedom

    @cached_property
    def pooled(self):
        squares, _, freedom = self._sums
        total = freedom.sum()
        variance = squares.sum(axis=1) / total if total else np.ones(len(squares))
        return np.maximum(variance, SMALLEST_SCALE**2)

    @cached_property
    def _priors(self):
        squares, _, freedom = self._sums
        found = [_prior(s, freedom, p) for s, p in zip(squares, self.pooled, strict=True)]
        return np.array(found).T[:, :, None]

    @property
    def prior(self):
        return self._priors[0]

    @property
    def weight(self):
        return self._priors[1]

    @cached_property
    def _axes(self):
        _, products, _ = self._sums
        length = np.sqrt(np.diag(products))
        outer = np.outer(length, length)
        correlation = np.divide(products, outer, out=np.eye(len(length)), where=outer > 0)
        lengths, axes = np.linalg.eigh(correlation)
        kept = lengths > 1e-9 * lengths.max()
        return lengths[kept], axes[:, kept]

    @property
    def inverse(self):
        lengths, axes = self._axes
        return (axes / lengths) @ axes.T

    @property
    def log_det(self):
        return np.log(self._axes[0]).sum()


class Moments:
    """Mean and spread of values over some of the shadow models, for each record.

    Parameters
    ----------
    values : ndarray of shape (n_shadows, n_queries, n_records)
    chosen : bool ndarray of shape (n_shadows, n_records)
        Which shadow models count for which record.
    variance : {"shrunken", "global", "per_example"}
        Of what the scale is: of each record's own values (of all records', where there is one
        value only), of all records' deviations from their means, or in between, as far as the
        records' variances differ by more than chance.
    spread : Spread
        Of the records of the game, so that a record's scale is the same whichever are beside it.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_queries, n_records)
    """

    def __init__(self, values, chosen, variance, spread):
        self.spread = spread
        self.mean, deviations, freedom = _around_mean(values, chosen)
        squares, pooled = np.square(deviations).sum(axis=0), spread.pooled[:, None]
        if variance == "global":
            squared = np.broadcast_to(pooled, squares.shape)
        elif variance == "per_example":  # votes of trees may agree exactly
            own = np.maximum(squares / np.maximum(freedom, 1), 1e-4 * pooled)
            squared = np.where(freedom > 0, own, pooled)
        else:
            squared = (spread.weight * spread.prior + squares) / (spread.weight + freedom)
        self.scale = np.sqrt(squared)


def _around_mean(values, chosen):
    """Give means, deviations from them (0 where not chosen), and degrees of freedom."""
    count, chosen = chosen.sum(axis=0), chosen[:, None, :]
    mean = np.where(chosen, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    return mean, np.where(chosen, values - mean, 0.0), np.maximum(count - 1, 0)


def _prior(squares, freedom, pooled):
    """Fit the scaled inverse chi-square of which the records' variances are drawn.

    Returns
    -------
    prior : float
        The variance that records share.
    weight : float
        How many degrees of freedom it is worth: the more, the less the records' variances differ
        by more than chance.
    """
    known = (freedom > 0) & (squares > 0)  # votes that agree exactly say nothing of other records
    if not known.any():
        return pooled, 1e5
    own, half = squares[known] / freedom[known], freedom[known] / 2

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
