"""The features of a table as a search without gradients sees them: numbers and groups.

A group has as many coordinates as members, of which one is set. Numbers may have to be whole.
"""

import numpy as np
import torch

_SLIGHTLY = 1e-6  # what whole numbers may lack by rounding


class Features:
    """How far each number of each row can move, and which members its groups can have.

    The rows' `state` gets what differs between rows, so that it leaves with them.

    Parameters
    ----------
    rows : Rows
        Before the first step.

    Attributes
    ----------
    numbers : int64 torch.Tensor of shape (n_numbers,)
        The coordinates that are in no group.
    whole : bool torch.Tensor of shape (n_numbers,)
        Whether they are to be whole.
    n_groups : int
    n_features : int
        Numbers and groups.
    """

    def __init__(self, rows):
        snap, x0 = rows._problem.snap, rows.x0.flatten(1)
        self.norm, device, width = rows.norm, x0.device, x0.shape[1]
        groups = [] if snap is None else snap.groups
        unit = np.ones(width) if snap is None else snap.unit
        integer = np.zeros(width, dtype=bool) if snap is None else snap.integer
        alone = np.setdiff1d(np.arange(width), np.concatenate([[], *groups]).astype(int))
        self.n_groups, self.n_features = len(groups), len(alone) + len(groups)
        self.numbers = torch.as_tensor(alone, device=device)
        self.whole = torch.as_tensor(integer[alone], device=device)
        self.unit = torch.as_tensor(unit[alone], dtype=x0.dtype, device=device)
        self._lay_out_groups(groups, unit, x0)
        self._reach(rows, x0)

    def _lay_out_groups(self, groups, unit, x0):
        """Put groups of different sizes into one array, (n_groups, most members)."""
        most = max((len(group) for group in groups), default=0)
        members = np.zeros((len(groups), most), dtype=np.int64)
        real = np.zeros((len(groups), most), dtype=bool)
        for i, group in enumerate(groups):
            members[i, : len(group)], real[i, : len(group)] = group, True
        self.members = torch.as_tensor(members, device=x0.device)
        self.real = torch.as_tensor(real, device=x0.device)
        self.set_to = torch.as_tensor(1 / unit[members], dtype=x0.dtype, device=x0.device)

    def _reach(self, rows, x0):
        low = torch.full_like(x0, -torch.inf) if rows.lower is None else rows.lower.flatten(1) - x0
        high = torch.full_like(x0, torch.inf) if rows.lower is None else rows.upper.flatten(1) - x0
        radius = rows.eps[:, None]
        ends = [torch.clamp(end[:, self.numbers], -radius, radius) for end in (low, high)]
        steps = [self._inwards(end, radius) for end in ends]
        rows.state["low"] = torch.where(self.whole, steps[0], ends[0])
        rows.state["high"] = torch.where(self.whole, steps[1], ends[1])
        rows.state["home"] = self._are_set(x0)
        rows.state["open"] = self._open(rows, x0, low, high)

    def _inwards(self, end, radius):
        """Give the last whole step that is not beyond the end, nor beyond the budget."""
        size = (end.abs() * self.unit + _SLIGHTLY).floor()
        size = torch.where(size / self.unit > radius, size - 1, size)
        return end.sign() * size / self.unit

    def _are_set(self, x):
        block = x[:, self.members]
        return (block > self.set_to / 2) & self.real

    def _open(self, rows, x0, low, high):
        """Tell which members each group may have, alone within the budget."""
        home = rows.state["home"]
        may_rise = high[:, self.members] > self.set_to / 2
        may_fall = ((low[:, self.members] < -self.set_to / 2) | ~home).all(2)
        open_ = may_rise & self.real & (may_fall & home.any(2))[:, :, None]
        affordable = self.costs(rows) <= self.power(rows.eps)[:, None, None]
        return (open_ & affordable) | home

    def costs(self, rows):
        """Give the length, to the power of the norm, of the step to each member: (n, groups, m)."""
        home = rows.state["home"]
        left = (home * self.set_to).sum(2, keepdim=True)
        both = (left, self.set_to.expand_as(home))
        if self.norm == np.inf:
            cost = torch.maximum(*both)
        else:
            cost = self.power(both[0]) + self.power(both[1])
        return torch.where(home, 0.0, cost)

    def power(self, size):
        """Give a size to the power of the norm, which adds up over features (not for linf)."""
        return size * size if self.norm == 2 else size

    def movable(self, rows):
        """Tell which features of each row can move: bool (n, n_features), the numbers first."""
        free = rows.state["low"] < rows.state["high"]
        return torch.cat([free, rows.state["open"].sum(2) > 1], dim=1)

    def steps(self, rows, x):
        """Give the steps of the numbers from the original rows: (n, n_numbers)."""
        return (x - rows.x0).flatten(1)[:, self.numbers]

    def are_set(self, x):
        """Tell which members are set: bool (n, n_groups, most members)."""
        return self._are_set(x.flatten(1))

    def rounded(self, steps):
        """Give steps that are whole where they have to be, rounded towards the original."""
        size = (steps.abs() * self.unit + _SLIGHTLY).floor() / self.unit
        return torch.where(self.whole, steps.sign() * size, steps)

    def draw_member(self, among, number):
        """Draw one of the members in `among`, (n, n_groups, m), by numbers in [0, 1)."""
        count = among.sum(2)
        rank = torch.minimum((number * count).long(), count - 1)
        return among & (among.cumsum(2) == rank[:, :, None] + 1)

    def afford(self, rows, wanted, keys, room):
        """Give groups the members wanted, in the order of the keys, while there is room.

        Parameters
        ----------
        rows : Rows
        wanted : bool torch.Tensor of shape (n, n_groups, most members)
        keys : torch.Tensor of shape (n, n_groups)
        room : torch.Tensor of shape (n,)
            To the power of the norm.

        Returns
        -------
        members : bool torch.Tensor of shape (n, n_groups, most members)
            The original ones of groups that there is no room for.
        spent : torch.Tensor of shape (n,)
        """
        cost = (self.costs(rows) * wanted).sum(2)
        first = keys.argsort(dim=1, stable=True)
        spent = cost.gather(1, first).cumsum(1).gather(1, first.argsort(dim=1))
        fits = spent <= room[:, None]
        members = torch.where(fits[:, :, None], wanted, rows.state["home"])
        return members, torch.where(fits, cost, 0.0).sum(1)

    def put(self, rows, steps, chosen):
        """Give the rows whose numbers are these steps away, and whose groups have these members."""
        x0 = rows.x0.flatten(1)
        x = x0.index_copy(1, self.numbers, x0[:, self.numbers] + steps)
        if self.n_groups:
            stays = (chosen == rows.state["home"]).all(2, keepdim=True)
            block = torch.where(stays, x0[:, self.members], chosen * self.set_to)
            x = x.index_copy(1, self.members[self.real], block[:, self.real])
        return rows.clip(x.reshape(rows.x0.shape))


def fill_up(weights, caps, mass, norm):
    """Spread a mass over numbers in proportion to weights, none above its cap.

    Parameters
    ----------
    weights, caps : torch.Tensor of shape (n, k)
        Not negative.
    mass : torch.Tensor of shape (n,)
        What the sizes to the power `norm` sum up to, unless the caps hold less.
    norm : {1, 2}

    Returns
    -------
    sizes : torch.Tensor of shape (n, k)
        ``min(s * weights, caps)``, with ``s`` such that they do.
    """

    def power(size):
        return size * size if norm == 2 else size

    caps = torch.where(weights > 0, caps, 0.0)
    full_at, order = (caps / weights.clamp_min(1e-30)).sort(dim=1, stable=True)
    cap, weight = power(caps.gather(1, order)), power(weights.gather(1, order))
    filled = cap.cumsum(1) - cap
    still = weight.flip(1).cumsum(1).flip(1)
    scale = (mass[:, None] - filled).clamp_min(0) / still.clamp_min(1e-30)
    scale = scale.sqrt() if norm == 2 else scale
    fits = scale <= full_at
    first = fits.to(torch.int8).argmax(1, keepdim=True)
    scale = torch.where(fits.any(1, keepdim=True), scale.gather(1, first), torch.inf)
    # 0 times infinity where nothing is to be had
    return torch.where(weights > 0, torch.minimum(weights * scale, caps), 0.0)
