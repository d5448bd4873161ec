"""The moves of HopSkipJump: to the boundary, probes around it, and features given back.

Chen, Jordan & Wainwright (2020), sections IV and V. All rows go in lock step, and whatever one of
them needs less of is masked, so that no row depends on another.
"""

import math

import torch

from sklearn_privfair.attacks._nested import ask_some
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._random import RowStreams

_AT_ONCE = 2**14  # numbers drawn together for each row
_MOST = 50  # probes asked about together
GRAIN = 10  # numbers of probes are multiples of it
_FLIPS = 0.2  # share of whole numbers and groups that a probe changes, at least one


class Units:
    """The features of rows: numbers, and groups of coordinates of which one is set.

    Parameters
    ----------
    rows : Rows
    """

    def __init__(self, rows):
        snap, width = rows._problem.snap, rows.x0[0].numel()
        groups = [] if snap is None else snap.groups
        of = torch.full((width,), -1, dtype=torch.int64)
        for number, group in enumerate(groups):
            of[torch.as_tensor(group)] = number
        alone = (of < 0).nonzero().squeeze(1)
        of[alone] = torch.arange(len(alone)) + len(groups)
        self.n = len(alone) + len(groups)
        self.of = of.to(rows.x0.device)  # the feature of each coordinate
        self.n_groups = len(groups)
        self.groups = [torch.as_tensor(g, device=rows.x0.device) for g in groups]
        whole = torch.zeros(width, dtype=torch.bool)
        unit = torch.ones(width, dtype=torch.float64)
        if snap is not None:
            whole, unit = torch.as_tensor(snap.integer), torch.as_tensor(snap.unit)
        self.whole = whole.to(rows.x0.device)
        self.unit = unit.to(rows.x0)

    def largest(self, values):
        """Give the largest of `values`, (n, width), of each feature: (n, n_features)."""
        most = torch.zeros((len(values), self.n), dtype=values.dtype, device=values.device)
        return most.scatter_reduce_(1, self.of.expand_as(values), values, "amax")

    def n_free(self, rows):
        """Count the features of each row that can move: int64 (n,)."""
        if rows.lower is None:
            return torch.full_like(rows.label, self.n)
        room = (rows.upper - rows.lower).expand_as(rows.x0).flatten(1)
        return (self.largest(room) > 0).sum(1).clamp_min(1)


def between(rows, x, share):
    """Give the point at a share, (n,), of the way from each row to `x`."""
    delta = x - rows.x0
    if rows.norm == 2:
        return rows.clip(rows.x0 + columns(share, x) * delta)
    radius = columns(share * row_norm(delta, rows.norm), x)
    return rows.clip(rows.x0 + torch.clamp(delta, -radius, radius))


def approach(rows, x, chosen, n_steps, spare):
    """Bisect the way from the rows to the adversarial points `x`.

    Parameters
    ----------
    rows : Rows
    x : torch.Tensor of shape (n, ...)
    chosen : bool torch.Tensor of shape (n,)
        On the CPU; the other rows stay at `x`.
    n_steps : int64 torch.Tensor of shape (n,)
        On the CPU.
    spare : int
        Questions that are to be left to each row.

    Returns
    -------
    x : torch.Tensor of shape (n, ...)
        Adversarial, as the model was asked about it.
    """
    low = torch.zeros_like(row_norm(x, 1))
    high = torch.ones_like(low)
    inner, outer = rows.x0, x
    for step in range(int(n_steps.max())):
        active = chosen & ~rows.done & (step < n_steps) & (rows.n_left > spare)
        if not active.any():
            break
        middle = (low + high) / 2
        point = rows._snapped(between(rows, x, middle))
        # what rounding makes of two points may be one, of which the answer is known
        known = {True: _same(point, outer), False: _same(point, inner)}
        look = active & ~(known[True] | known[False]).cpu()
        adversarial = ask_some(rows, point[None], look)[0] | known[True]
        active = active.to(x.device)
        nearer, farther = active & adversarial, active & ~adversarial
        high, low = torch.where(nearer, middle, high), torch.where(farther, middle, low)
        outer = torch.where(columns(nearer, x), point, outer)
        inner = torch.where(columns(farther, x), point, inner)
    return outer


def _same(x, other):
    return (x == other).flatten(1).all(1)


def slope(rows, units, x, delta, n_probes, count):
    """Estimate in which direction a boundary lies, from decisions around points on it.

    Equation 16 of the paper: the mean of the directions of probes, weighed by their decisions,
    1 or -1, less the mean decision.

    Parameters
    ----------
    rows : Rows
    units : Units
    x : torch.Tensor of shape (n, ...)
    delta : torch.Tensor of shape (n,)
        How far the probes are from `x`.
    n_probes : int64 torch.Tensor of shape (n,)
        Multiples of `GRAIN`, on the CPU.
    count : int
        Number of the estimate; each draws other random numbers.

    Returns
    -------
    direction : torch.Tensor of shape (n, ...)
        Not normalised.
    balance : torch.Tensor of shape (n,)
        The mean decision.
    """
    streams = RowStreams(rows.x0, rows.seed, count)
    size = max(GRAIN, min(_MOST, _AT_ONCE // x[0].numel()) // GRAIN * GRAIN)
    weighed, plain, square = (torch.zeros_like(x) for _ in range(3))
    total = torch.zeros_like(delta)
    for start in range(0, int(n_probes.max()), size):
        probes = _probes(rows, units, x, delta, streams, size)
        takes = (n_probes - start).clamp(0, size)
        answers = torch.zeros(probes.shape[:2], dtype=torch.bool, device=x.device)
        for n in takes.unique().tolist():
            if n:
                answers[:n] |= ask_some(rows, probes[:n], takes == n)
        asked = torch.arange(size)[:, None] < takes
        signs = torch.where(answers, 1, -1) * asked.to(x.device)
        # one by one: the order of a sum is to be the same in any batch
        for sign, probe, real in zip(signs, probes, asked.to(x), strict=True):
            step = (probe - x) * columns(real / delta, x)
            weighed = weighed + columns(sign, x) * step
            plain, square = plain + step, square + step * step
            total = total + sign
    balance = total / n_probes.clamp_min(1).to(x)
    one_sided = columns(balance.abs() == 1, x)
    direction = torch.where(one_sided, weighed, weighed - columns(balance, x) * plain)
    if rows._problem.snap is not None:  # features that move by steps of other sizes
        direction = direction / square.where(square > 0, torch.ones_like(square))
    return direction, balance


def _probes(rows, units, x, delta, streams, size):
    """Draw points at distance `delta` of `x`, (size, n, ...)."""
    shape = x.shape[1:]
    if rows.norm == 2:
        noise = streams.normal(size, *shape)
    else:
        noise = 2 * streams.uniform(size, *shape) - 1
    if rows._free is not None:
        noise = noise * rows._free[:, None]
    for group in units.groups:
        noise.flatten(2)[:, :, group] = 0
    length = row_norm(noise.flatten(0, 1), 2).reshape(noise.shape[:2])
    length = length.where(length > 0, torch.ones_like(length))
    noise = noise * (delta[:, None] / length).reshape(*length.shape, *[1] * len(shape))
    if rows._problem.snap is None:
        return torch.stack([rows.clip(x + step) for step in noise.unbind(1)])
    steps = noise.flatten(2)
    draws = streams.uniform(size, units.n + 2 * units.n_groups)
    flips = draws[:, :, : units.n] < max(_FLIPS, 1 / units.n)
    # a whole number moves by one at least, or not at all
    bumped = flips[:, :, units.of] & units.whole & (steps != 0)
    steps = torch.where(bumped & (steps.abs() < 1 / units.unit), steps.sign() / units.unit, steps)
    probes = (x.flatten(1)[:, None] + steps).unbind(1)
    chosen = draws[:, :, units.n : units.n + units.n_groups].unbind(1)
    changed = flips[:, :, : units.n_groups].unbind(1)
    points = [
        _regroup(rows, units, probe, draw, flip)
        for probe, draw, flip in zip(probes, chosen, changed, strict=True)
    ]
    return torch.stack([rows._snapped(rows.clip(point.reshape(x.shape))) for point in points])


def _regroup(rows, units, flat, draw, flip):
    """Give the groups to be flipped another member, drawn among those that they may have."""
    if units.n_groups == 0:
        return flat
    flat = flat.clone()
    upper = rows.upper.expand_as(rows.x0).flatten(1)
    for number, group in enumerate(units.groups):
        hot = 1 / units.unit[group]
        now = flat[:, group]
        others = (upper[:, group] > hot / 2) & (now < hot / 2)
        rank = (draw[:, number] * others.sum(1)).floor()
        new = (others & (others.cumsum(1) == rank[:, None] + 1)).to(flat.dtype) * hot
        go = flip[:, number] & others.any(1)
        flat[:, group] = torch.where(go[:, None], new, now)
    return flat


def give_back(rows, units, x, shares, spare):
    """Take features back to the original one after the other, while the rows stay adversarial.

    Parameters
    ----------
    rows : Rows
    units : Units
    x : torch.Tensor of shape (n, ...)
        Adversarial.
    shares : sequence of float
        Of the way that is left, tried one after the other for each feature.
    spare : int
        Questions that are to be left to each row.

    Returns
    -------
    x : torch.Tensor of shape (n, ...)
    """
    moved = units.largest((x - rows.x0).flatten(1).abs())
    order = moved.argsort(dim=1, descending=True, stable=True)  # those moved farthest first
    for feature in order.split(1, dim=1):
        for share in shares:
            flat, home = x.flatten(1), rows.x0.flatten(1)
            back = home if share == 1 else flat + share * (home - flat)
            candidate = torch.where(units.of == feature, back, flat).reshape(x.shape)
            candidate = rows._snapped(candidate)
            # what was not moved need not be asked about, nor the original itself
            look = ~(_same(candidate, x) | _same(candidate, rows.x0)).cpu() & (rows.n_left > spare)
            if look.any():
                stays = ask_some(rows, candidate[None], look)[0]
                x = torch.where(columns(stays, x), candidate, x)
    return x


def n_bisections(n_features, power):
    """Give the bisections after which a line is known to ``n_features ** -power``: int64 (n,)."""
    counts = [math.ceil(power * math.log2(max(n, 2))) for n in n_features.tolist()]
    return torch.as_tensor(counts, dtype=torch.int64)
