"""The shortest step onto a hyperplane within a box, in l1, l2 or linf, exactly and row by row.

The linear programs and the quadratic one that DeepFool (Moosavi-Dezfooli et al. 2016) and FAB
(Croce & Hein 2020, section 3.1) solve at each step. Turned so that the normal ``a`` is nowhere
negative, the step has ``0 <= s <= cap``, and by the Karush-Kuhn-Tucker conditions it is

- ``min(t a, cap)`` in l2 and ``min(t, cap)`` in linf, where ``t`` makes ``a . s`` the gain;
- in l1 as much as there is room for in the steepest feature, then in the next, until it is enough.
"""

import torch

from sklearn_privfair.attacks._norms import columns

_MOST = torch.finfo(torch.float64).max  # room without a bound; unlike inf, 0 times it is 0


def nearest_on_plane(normal, gain, lower, upper, norm):
    """Give each row's shortest step ``d`` with ``normal . d >= gain`` and ``lower <= d <= upper``.

    Parameters
    ----------
    normal : torch.Tensor of shape (n, ...)
    gain : torch.Tensor of shape (n,)
        Where it is not positive, the step is 0.
    lower, upper : torch.Tensor broadcastable to `normal`, or None
        The box around the row: ``lower <= 0 <= upper``, infinite entries allowed. None: no box.
    norm : {1, 2, inf}
        The norm in which the step is the shortest.

    Returns
    -------
    step : torch.Tensor of shape (n, ...) and dtype of `normal`
        Where the box does not reach the plane, the step to its corner that comes nearest.
    reached : bool torch.Tensor of shape (n,)
        Whether the box reaches the plane.
    """
    flat = normal.flatten(1).double()
    size = flat.abs()
    # by the largest entry: squares of small gradients underflow
    largest = size.amax(1, keepdim=True)
    largest = largest.where(largest > 0, torch.ones_like(largest))
    size, gain = size / largest, gain.double()[:, None] / largest
    cap = _room(normal, lower, upper)
    worth = size * cap
    reached = (worth.sum(1, keepdim=True) >= gain) & gain.isfinite()
    wanted = gain.clamp_min(0).where(reached, torch.zeros_like(gain))
    inside = _fill(size, cap, wanted) if norm == 1 else _stretch(size, cap, worth, wanted, norm)
    corner = cap.where(cap < _MOST, torch.zeros_like(cap))
    step = flat.sign() * torch.where(reached, inside, corner)
    return step.reshape(normal.shape).to(normal.dtype), reached.squeeze(1)


def project_on_plane(normal, gain, lower, upper, norm):
    """Give each row's shortest step ``d`` with ``normal . d = gain``, whatever the gain's sign.

    Parameters and results as of :func:`nearest_on_plane`, of which a negative gain asks nothing.
    """
    turned = columns(gain < 0, normal)
    return nearest_on_plane(torch.where(turned, -normal, normal), gain.abs(), lower, upper, norm)


def _room(normal, lower, upper):
    """How far each feature may move in the direction in which the normal points."""
    if lower is None:
        return torch.full_like(normal.flatten(1), _MOST, dtype=torch.float64)
    room = torch.where(normal > 0, upper, -lower).flatten(1)
    return room.double().clamp(0, _MOST)


def _stretch(size, cap, worth, gain, norm):
    """Grow all features, in proportion to their slope (l2) or alike (linf), until it is enough.

    The gain is a concave broken line of the multiplier `t`. Newton's steps from below rise to the
    root and end there: what the box has stopped stays stopped, so that the set of stopped
    features only grows, and where it does not, nothing changes any more.
    """
    shape = size if norm == 2 else (size > 0).to(size.dtype)
    slope, end = size * shape, cap.clone()  # of the features that are not stopped
    t, more = torch.zeros_like(gain), cap <= 0
    while True:
        gain = gain - (worth * more).sum(1, keepdim=True)
        slope.masked_fill_(more, 0)
        end.masked_fill_(more, torch.inf)
        free = slope.sum(1, keepdim=True)
        t = torch.maximum(t, torch.where(free > 0, gain / free, 0))
        more = t * shape >= end
        if not more.any():
            return torch.minimum(t * shape, cap)


def _fill(size, cap, gain):
    """Fill the features in order of their slope, the last one in part."""
    slope, order = size.sort(dim=1, descending=True, stable=True)
    room = cap.gather(1, order)
    sums = (slope * room).cumsum(1)
    # the first place at which it is enough; by rounding it may be nowhere, then all are filled
    first = (sums >= gain).to(torch.int8).argmax(1, keepdim=True)
    short = sums[:, -1:] < gain
    before = torch.where(first > 0, sums.gather(1, (first - 1).clamp_min(0)), 0)
    part = torch.where(gain > 0, (gain - before) / slope.gather(1, first), 0).clamp_min(0)
    place = torch.arange(size.shape[1], device=size.device)
    filled = torch.where(place < first, room, torch.where(place == first, part, 0))
    filled = torch.where(short, room * (slope > 0), torch.minimum(filled, room))
    return torch.zeros_like(size).scatter_(1, order, filled)
