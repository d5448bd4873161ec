"""Exact Euclidean projections onto an lp ball cut by a box, row by row.

The box holds the ball's centre. Writing ``d`` for the step from the centre, the projection of ``z``
is ``clip(z / (1 + t), box)`` for l2 and ``clip(soft(z, t), box)`` for l1, where the multiplier
``t >= 0`` is zero or makes the norm equal to `eps` (the Karush-Kuhn-Tucker conditions).
"""

import numpy as np
import torch

from sklearn_privfair.attacks._norms import columns, row_norm


def project_ball(delta, lower, upper, eps, norm):
    """Give the nearest point of ``{d: ||d||_norm <= eps, lower <= d <= upper}`` to each row.

    Parameters
    ----------
    delta : torch.Tensor of shape (n, ...)
        Steps from the centres of the balls.
    lower, upper : torch.Tensor broadcastable to `delta`, or None
        The box, relative to the centre: ``lower <= 0 <= upper``. None: no box.
    eps : torch.Tensor of shape (n,)
        Radii, positive.
    norm : {1, 2, inf}

    Returns
    -------
    projected : torch.Tensor of shape (n, ...)
    """
    clipped = delta if lower is None else torch.clamp(delta, lower, upper)
    if norm == np.inf:
        radius = columns(eps, delta)
        return torch.clamp(clipped, -radius, radius)
    if norm == 2:
        return _project_l2(delta, clipped, lower, upper, eps)
    return _project_l1(delta, clipped, lower, upper, eps)


def _project_l2(delta, clipped, lower, upper, eps):
    flat = clipped.flatten(1)
    outside = torch.linalg.vector_norm(flat, 2, dim=1) > eps
    if not outside.any():
        return clipped
    # what the box stops altogether plays no part
    z = delta[outside] * (clipped[outside] != 0)
    radius = eps[outside].to(delta.dtype)
    # ||clip(s z)|| = eps: a coordinate once clipped stays so as s grows, so Newton's steps from
    # below rise to the root and end there after finitely many.
    scale = radius / row_norm(z, 2)
    d = z * columns(scale, z)
    if lower is not None:
        low, high = _rows(lower, outside), _rows(upper, outside)
        while True:
            inside = torch.clamp(d, low, high)
            free = row_norm(z * (inside == d), 2)
            length = row_norm(inside, 2)
            lack = (radius - length) * (radius + length) / free**2
            root = (scale**2 + lack.clamp_min(0)).sqrt()
            rises = (free > 0) & (root > scale * (1 + 4 * torch.finfo(z.dtype).eps))
            if not rises.any():
                d = inside
                break
            scale = torch.where(rises, root, scale)
            d = z * columns(scale, z)
    result = clipped.clone()
    result[outside] = d
    return result


def _project_l1(delta, clipped, lower, upper, eps):
    outside = clipped.flatten(1).abs().sum(1) > eps
    if not outside.any():
        return clipped
    z = delta[outside].double()
    size = z.abs().flatten(1)
    if lower is None:
        cap = torch.full_like(size, torch.inf)
    else:
        cap = torch.where(z > 0, _rows(upper, outside), -_rows(lower, outside)).double().flatten(1)
    # sum_i min(max(size_i - t, 0), cap_i) = eps; the left side is linear between sorted knots
    knots = torch.cat([size, (size - cap).clamp_min(0)], dim=1)
    sign = torch.cat([torch.ones_like(size), -torch.ones_like(size)], dim=1)
    knots, order = knots.sort(dim=1, descending=True)
    sign = sign.gather(1, order)
    offset, slope = (sign * knots).cumsum(1), sign.cumsum(1)
    next_knot = torch.cat([knots[:, 1:], torch.zeros_like(knots[:, :1])], dim=1)
    target = eps[outside].double()[:, None]
    reached = offset - next_knot * slope >= target
    first = reached.to(torch.int8).argmax(dim=1, keepdim=True)
    t = (offset.gather(1, first) - target) / slope.gather(1, first).clamp_min(1)
    d = torch.minimum((size - t.clamp_min(0)).clamp_min(0), cap)
    result = clipped.clone()
    result[outside] = (z.sign() * d.reshape(z.shape)).to(result.dtype)
    return result


def _rows(bound, mask):
    return bound[mask] if bound.shape[0] == len(mask) else bound
