"""The gap between groups that a training watches: of what the net predicts, on training rows."""

import numpy as np


def group_gap(predicted, label, target, constraint, positive=1, weight=None):
    """Give the widest gap between groups in the rates that a constraint makes equal.

    Parameters
    ----------
    predicted : ndarray of shape (n_samples,)
        Codes of classes, or numbers.
    label : ndarray of shape (n_samples,)
        Codes of classes, or numbers.
    target : Target
        The groups; for numbers, the gap is the absolute correlation.
    constraint : {"demographic_parity", "equal_opportunity", "equalized_odds"}
    positive : int, default=1
        The code of the class whose true-positive rates are made equal by equal opportunity.
    weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    gap : float
        In [0, 1] for classes. Groups without rows of a label have no rate, and are left out.
    """
    weight = np.ones(len(predicted)) if weight is None else weight
    parts = [slice(None)] if constraint == "demographic_parity" else [label == positive]
    if constraint == "equalized_odds":
        parts = [label == code for code in np.unique(label)]
    return max((_widest(predicted, target, part, weight) for part in parts), default=0.0)


def _widest(predicted, target, part, weight):
    predicted, values, weight = predicted[part], target.values[part], weight[part]
    outcomes = np.unique(predicted)
    if target.groups is None:
        return max((_correlation(predicted == k, values, weight) for k in outcomes), default=0.0)
    total = np.bincount(values, weight, len(target.groups))
    gaps = [0.0]
    for k in outcomes[1:] if len(outcomes) == 2 else outcomes:
        hits = np.bincount(values, weight * (predicted == k), len(target.groups))
        rates = hits[total > 0] / total[total > 0]
        gaps.append(float(np.ptp(rates)))
    return max(gaps)


def _correlation(x, y, weight):
    x = x - np.average(x, weights=weight)
    y = y - np.average(y, weights=weight)
    scale = np.sqrt(np.average(x**2, weights=weight) * np.average(y**2, weights=weight))
    return float(abs(np.average(x * y, weights=weight)) / scale) if scale > 0 else 0.0
