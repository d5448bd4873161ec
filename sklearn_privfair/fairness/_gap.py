"""The gap between groups that a training watches: of what the net predicts."""

import numpy as np


def group_gap(predicted, label, target, constraint, positive=1, weight=None):
    """Give the widest gap between groups in the rates that a constraint makes equal.

    Parameters
    ----------
    predicted : ndarray of shape (n_samples,)
        Codes of classes.
    label : ndarray of shape (n_samples,)
        Codes of classes.
    target : Target
        The groups; for numbers, the gap is the absolute correlation.
    constraint : {"demographic_parity", "equal_opportunity", "equalized_odds"}
    positive : int, default=1
        The code of the class whose true-positive rates are made equal by equal opportunity.
    weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    gap : float
        In [0, 1]. Groups without rows of a label have no rate, and are left out.
    """
    weight = np.ones(len(predicted)) if weight is None else weight
    if constraint == "demographic_parity":
        return max(_gaps(predicted, target, slice(None), weight).values(), default=0.0)
    if constraint == "equal_opportunity":
        return _gaps(predicted, target, label == positive, weight).get(positive, 0.0)
    parts = [_gaps(predicted, target, label == code, weight) for code in np.unique(label)]
    return max((gap for part in parts for gap in part.values()), default=0.0)


def _gaps(predicted, target, part, weight):
    """Give the gap in how often each class is predicted."""
    predicted, values, weight = predicted[part], target.values[part], weight[part]
    if target.groups is None:
        return {
            k: correlation((predicted == k).astype(float), values, weight)
            for k in np.unique(predicted)
        }
    total = np.bincount(values, weight, len(target.groups))
    gaps = {}
    for k in np.unique(predicted):
        hits = np.bincount(values, weight * (predicted == k), len(target.groups))
        gaps[k] = float(np.ptp(hits[total > 0] / total[total > 0]))
    return gaps


def number_gap(predicted, label, target, given_label, scale, weight=None):
    """Give the gap between groups of predicted numbers.

    Parameters
    ----------
    predicted, label : ndarray of shape (n_samples,)
    target : Target
    given_label : bool
        Whether only what is left after a line through the labels counts.
    scale : float
        The unit of the predictions.
    weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    gap : float
        The widest difference of the groups' means, in units of `scale`; for numbers, the absolute
        correlation, given the labels the partial one.
    """
    weight = np.ones(len(predicted)) if weight is None else weight
    values = target.values
    if given_label:
        predicted = _residual(predicted, label, weight)
    if target.groups is None:
        return correlation(
            predicted, _residual(values, label, weight) if given_label else values, weight
        )
    total = np.bincount(values, weight, len(target.groups))
    sums = np.bincount(values, weight * predicted, len(target.groups))
    return float(np.ptp(sums[total > 0] / total[total > 0]) / scale)


def correlation(x, y, weight):
    """Give the absolute correlation; that with a constant is 0."""
    x = x - np.average(x, weights=weight)
    y = y - np.average(y, weights=weight)
    scale = np.sqrt(np.average(x**2, weights=weight) * np.average(y**2, weights=weight))
    return float(abs(np.average(x * y, weights=weight)) / scale) if scale > 0 else 0.0


def _residual(x, y, weight):
    y = y - np.average(y, weights=weight)
    spread = np.average(y**2, weights=weight)
    return x - (np.average(x * y, weights=weight) / spread if spread > 0 else 0.0) * y
