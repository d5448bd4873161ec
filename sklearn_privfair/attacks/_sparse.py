"""The most promising features, moved to their bounds: steps in l0."""

import torch

from sklearn_privfair.attacks._boundaries import box_around
from sklearn_privfair.attacks._norms import columns


def room(rows, reach):
    """Give how far down and up each feature may go; `reach` (n,) where there is no bound."""
    reach = columns(reach, rows.x0).expand_as(rows.x0)
    if rows.lower is None:
        return -reach, reach
    low, high = box_around(rows, rows.x0)
    return torch.where(low.isfinite(), low, -reach), torch.where(high.isfinite(), high, reach)


def corner_of(along, low, high, count):
    """Move the `count` features that promise most to their bounds.

    A feature promises the product of its slope and its room: sorting is exact for a linear model.

    Parameters
    ----------
    along : torch.Tensor of shape (n, ...)
        Slopes.
    low, high : torch.Tensor of shape (n, ...)
        Room for each feature.
    count : torch.Tensor of shape (n,)

    Returns
    -------
    delta : torch.Tensor of shape (n, ...)
    """
    corner = torch.where(along > 0, high, low)
    promise = (along * corner).flatten(1)
    order = promise.sort(dim=1, descending=True, stable=True).indices
    first = torch.arange(order.shape[1], device=order.device) < count[:, None]
    chosen = torch.zeros_like(first).scatter_(1, order, first) & (promise > 0)
    return torch.where(chosen.reshape(along.shape), corner, 0)
