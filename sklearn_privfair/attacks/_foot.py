"""The foot of the perpendicular from a row on a boundary taken for a plane, within the box."""

import torch

from sklearn_privfair.attacks._norms import columns, row_norm

_BENDS = 12  # bounds met on the straight way to a boundary, that are reckoned with
_TINY = 1e-12


def length_to(rows, normal, gain):
    """Tell how far to go along `normal`, cut by the box, until its product with the step is `gain`.

    The product grows with the length as a concave broken line: Newton's steps from below end at
    the root, after as many as there are bounds met on the way; a few nearly do.
    """
    slope = (normal**2).flatten(1).sum(1)
    length = gain / slope.clamp_min(_TINY**2)
    if rows.lower is None:
        return length
    for _ in range(_BENDS):
        step = columns(length, normal) * normal
        inside = rows.clip(rows.x0 + step) - rows.x0
        free = (rows.x0 + step > rows.lower) & (rows.x0 + step < rows.upper)
        reached = (inside * normal).flatten(1).sum(1)
        slope = (normal**2 * free).flatten(1).sum(1)
        more = (gain - reached).clamp_min(0) / slope.clamp_min(_TINY**2)
        length = torch.where(slope > 0, length + more, length)
    return length


def foot(rows, gradient, gain):
    """Give the shortest step within the box that a linear function needs to rise by `gain`.

    Parameters
    ----------
    rows : Rows
    gradient : torch.Tensor of shape (n, ...)
        Of the function, at the original rows.
    gain : torch.Tensor of shape (n,)

    Returns
    -------
    step : torch.Tensor of shape (n, ...)
    distance : torch.Tensor of shape (n,)
        Its length in l2; very large where the box does not reach so far.
    """
    step = columns(length_to(rows, gradient, gain), rows.x0) * gradient
    step = rows.clip(rows.x0 + step) - rows.x0
    reached = (step * gradient).flatten(1).sum(1)
    straight = gain / row_norm(gradient, 2).clamp_min(_TINY)
    # what the box cannot reach comes last, but in order
    return step, torch.where(reached < 0.999 * gain, 1e6 * straight, row_norm(step, 2))
