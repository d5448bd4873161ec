"""The exact distance to a linear model's nearest boundary within a box."""

import numpy as np
import torch

from sklearn_privfair.attacks._hyperplane import nearest_on_plane

from ._harness import linear_decision


def boxed_distance(model, X, norm, low, high):
    """The least perturbation within ``[low, high]`` that changes each row's class; inf: none.

    To the boundary with each class by :func:`nearest_on_plane`, which is tested against scipy.
    """
    weight, bias = linear_decision(model)
    z = X @ weight.T + bias
    label = z.argmax(axis=1)
    nearest = np.full(len(X), np.inf)
    for k in range(len(weight)):
        slope, gap = weight[k] - weight[label], z[np.arange(len(X)), label] - z[:, k]
        arrays = (slope, gap, low - X, high - X)
        step, reached = nearest_on_plane(*(torch.as_tensor(a) for a in arrays), norm)
        length = np.linalg.norm(step.numpy(), ord=norm, axis=1)
        nearest = np.where(reached.numpy() & (label != k), np.minimum(nearest, length), nearest)
    return nearest


def binding_box(X, fixed=()):
    """A box that cuts rows off from some boundaries, features of `fixed` immobile; and the rows."""
    low, high = np.quantile(X, 0.15, axis=0), np.quantile(X, 0.85, axis=0)
    for i in fixed:
        low[i] = high[i] = np.median(X[:, i])
    return np.clip(X, low, high), low, high
