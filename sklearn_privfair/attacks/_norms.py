"""Distances, steepest directions and random points in the l1, l2 and linf norms, row by row."""

import numpy as np
import torch

from sklearn_privfair.metrics import perturbation_distance


def columns(values, x):
    """Give `values`, one number a row, the shape that multiplies rows of `x`."""
    return values.reshape(-1, *[1] * (x.ndim - 1))


def row_norm(delta, norm):
    """Norm of each row, (n,): `norm` is 0 (features changed), 1, 2 or inf."""
    flat = delta.flatten(1)
    if norm == 0:
        return (flat != 0).sum(1).to(flat.dtype)
    return torch.linalg.vector_norm(flat, norm, dim=1)


def distances(X, X_adv):
    """Distance of each adversarial row in l0, l1, l2 and linf: dict of ndarrays, float64."""
    norms = {"l0": 0, "l1": 1, "l2": 2, "linf": np.inf}
    flat, flat_adv = X.reshape(len(X), -1), X_adv.reshape(len(X), -1)
    return {name: perturbation_distance(flat, flat_adv, norm=norm) for name, norm in norms.items()}


def steepest(rows, gradient, quantile=0.99):
    """Give the direction of unit length in the rows' norm along which the loss rises fastest.

    For norm 1 the length is spread evenly over the largest ``1 - quantile`` of the coordinates
    that no bound stops, after Tramèr & Boneh (2019), "Adversarial training and robustness for
    multiple perturbations".

    Parameters
    ----------
    rows : Rows
        Where the rows are, their bounds and their norm.
    gradient : torch.Tensor of shape (n, ...)
    quantile : float
        For norm 1.

    Returns
    -------
    direction : torch.Tensor of shape (n, ...)
        Zero where the gradient is.
    """
    if rows.norm == np.inf:
        return gradient.sign()
    if rows.norm == 2:
        # first by the largest entry: squares of small gradients underflow
        largest = columns(row_norm(gradient, np.inf), gradient)
        scaled = gradient / largest.where(largest > 0, torch.ones_like(largest))
        length = columns(row_norm(scaled, 2), gradient)
        return scaled / length.where(length > 0, torch.ones_like(length))
    size = gradient.abs()
    if rows.lower is not None:
        size = size * torch.where(gradient > 0, rows.x < rows.upper, rows.x > rows.lower)
    size = size.flatten(1)
    k = max(1, round((1 - quantile) * size.shape[1]))
    top = size.topk(k, dim=1)
    chosen = torch.zeros_like(size).scatter_(1, top.indices, (top.values > 0).to(size.dtype))
    count = chosen.sum(1, keepdim=True).clamp_min(1)
    return gradient.sign() * (chosen / count).reshape(gradient.shape)


def random_in_ball(streams, x, eps, norm):
    """Draw a point uniformly in each row's ball of radius `eps`, a tensor (n,), around zero."""
    shape = x.shape[1:]
    if norm == np.inf:
        return (2 * streams.uniform(*shape) - 1) * columns(eps, x)
    if norm == 2:
        direction = streams.normal(*shape)
    else:
        direction = streams.exponential(*shape) * (2 * (streams.uniform(*shape) < 0.5) - 1)
    radius = eps * streams.power(1 / shape.numel())
    return direction * columns(radius / row_norm(direction, norm), x)
