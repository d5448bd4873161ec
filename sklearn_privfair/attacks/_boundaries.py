"""The boundaries with other classes, taken for planes, and the nearest of them.

What DeepFool (Moosavi-Dezfooli et al. 2016) and FAB (Croce & Hein 2020) look at in each step.
"""

import numpy as np
import torch

from sklearn_privfair.attacks._hyperplane import project_on_plane
from sklearn_privfair.attacks._norms import row_norm

DUAL = {1: np.inf, 2: 2, np.inf: 1}


def rank_losses(n_ranks):
    """Give losses by rank: the logit of the 1st, 2nd ... likeliest other class, less the label's.

    Parameters
    ----------
    n_ranks : int
        At most the number of other classes.

    Returns
    -------
    losses : list of callable
    """

    def by_rank(rank):
        def loss(logits, label, target):  # noqa: ARG001 -- the signature of a loss
            others = logits.scatter(1, label[:, None], -torch.inf).topk(rank + 1, dim=1).values
            return others[:, rank] - logits.gather(1, label[:, None]).squeeze(1)

        return loss

    return [by_rank(rank) for rank in range(n_ranks)]


def tolerance(logits):
    """Give the margin from which on a row counts as beyond the boundary, whatever rounding did."""
    return 64 * torch.finfo(logits.dtype).eps * logits.abs().amax(1)


def box_around(rows, x):
    """Give the rows' box relative to `x`, a pair of tensors of its shape, or of None."""
    if rows.lower is None:
        return None, None
    return (rows.lower - x).expand_as(x), (rows.upper - x).expand_as(x)


def nearest_boundary(normals, values, lower, upper, norm):
    """Give the nearest of several linearised boundaries, within the box.

    Parameters
    ----------
    normals : torch.Tensor of shape (n, k, ...)
        Gradients of the functions whose zeros are the boundaries, where each row is.
    values : torch.Tensor of shape (n, k)
        Of these functions there.
    lower, upper : torch.Tensor of shape (n, ...), or None
        The box relative to where each row is. None: no box.
    norm : {1, 2, inf}

    Returns
    -------
    normal : torch.Tensor of shape (n, ...)
    value : torch.Tensor of shape (n,)
    """
    n, k = values.shape
    if k == 1:
        return normals[:, 0], values[:, 0]
    row = torch.arange(n, device=values.device)
    index = _nearest(normals, values, lower, upper, norm)
    return normals[row, index], values[row, index]


def _nearest(normals, values, lower, upper, norm):
    slopes = normals
    if lower is not None:  # what the box stops at once does not count
        falls = normals * values.reshape(*values.shape, *[1] * (normals.ndim - 2)) > 0
        slopes = normals * torch.where(falls, (lower < 0)[:, None], (upper > 0)[:, None])
    length = row_norm(slopes.flatten(0, 1), DUAL[norm]).reshape(values.shape)
    # as far at least, and exactly so far where no other bound is in the way
    bound = torch.where(length > 0, values.abs() / length, torch.inf)
    order = bound.argsort(dim=1, stable=True)
    best, least = order[:, 0], torch.full_like(bound[:, 0], torch.inf)
    if lower is None:
        return best
    for index in order.unbind(1):
        look = (bound.gather(1, index[:, None]).squeeze(1) < least).nonzero().squeeze(1)
        if len(look) == 0:
            break
        chosen = index[look]
        step, reached = project_on_plane(
            normals[look, chosen], -values[look, chosen], lower[look], upper[look], norm
        )
        far = torch.where(reached, row_norm(step, norm), torch.inf)
        best = best.index_copy(0, look, torch.where(far < least[look], chosen, best[look]))
        least = least.index_copy(0, look, torch.minimum(far, least[look]))
    return best
