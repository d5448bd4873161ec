"""Aiming at one class: losses, and which classes are nearest by the slope at the row.

What the attacks for the least perturbation spend their runs on: to leave a class by its nearest
boundary, one has to aim at the right neighbour.
"""

import numpy as np
import torch

from sklearn_privfair.attacks._boundaries import box_around, rank_losses
from sklearn_privfair.attacks._hyperplane import nearest_on_plane
from sklearn_privfair.attacks._norms import row_norm

_FAR = 1e6


def aimed(loss, aim):
    """Give the loss of rows that aim at the class `aim`, or, where it is negative, at any."""

    def at_one(logits, label, target):
        pair = logits.gather(1, aim.clamp_min(0)[:, None]) - logits.gather(1, label[:, None])
        return torch.where(aim < 0, loss(logits, label, target), pair.squeeze(1))

    return at_one


def nearest_classes(rows, n_classes, most):
    """Rank the other classes by the distance of their boundaries, taken for planes, in the box.

    One forward pass and as many backward ones as there are classes to rank.

    Parameters
    ----------
    rows : Rows
        Not targeted.
    n_classes : int
        Of the model.
    most : int
        Only so many of the classes, the likeliest at the row, are looked at.

    Returns
    -------
    classes : torch.Tensor of shape (n, min(most, n_classes - 1)) and dtype int64
        The nearest first.
    feet : torch.Tensor of shape (n, min(most, n_classes - 1), ...)
        The shortest steps to their boundaries.
    """
    n_ranks = min(most, n_classes - 1)
    answer = rows.ask_each(rows.x0, rank_losses(n_ranks))
    others = answer.logits.scatter(1, rows.label[:, None], -torch.inf)
    classes = others.topk(n_ranks, dim=1).indices
    (low, high), norm = box_around(rows, rows.x0), rows.norm
    far, feet = [], []
    for rank in range(n_ranks):
        normal, gain = answer.gradient[:, rank], -answer.loss[:, rank]
        # the fewest features are, with room in all of them, those of the least l1 norm
        step, reached = nearest_on_plane(normal, gain, low, high, max(norm, 1))
        straight = gain / row_norm(normal, {0: np.inf, 1: np.inf, 2: 2, np.inf: 1}[norm])
        # what the box does not reach comes last, but in order
        far.append(torch.where(reached, row_norm(step, norm), _FAR * straight))
        feet.append(step)
    order = torch.stack(far, dim=1).nan_to_num(nan=torch.inf).sort(dim=1, stable=True).indices
    row = torch.arange(len(order), device=order.device)[:, None]
    return classes.gather(1, order), torch.stack(feet, dim=1)[row, order]
