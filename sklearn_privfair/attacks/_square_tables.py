"""The blocks of features that the Square attack changes in tables, for all rows at once.

What a square is to an image, of which neighbours belong together, a random subset of the features
is to a table, of which none do.
"""

import numpy as np
import torch

from sklearn_privfair.attacks._features import Features, fill_up

_INSIDE = 0.25  # of the numbers of a block go to a point inside their interval, for linf


class BlockMoves:
    """Random blocks of features: in each row one of its own.

    Parameters
    ----------
    rows : Rows
        Before the first step. Their `x` is the best point of each.

    Attributes
    ----------
    n_numbers : int
        Random numbers that a step of one row needs.
    """

    def __init__(self, rows):
        self.features = Features(rows)
        rows.state["movable"] = self.features.movable(rows)
        self.n_numbers = 2 * self.features.n_features + 2

    def movable(self, rows):
        """Tell which rows have a feature that can move: bool (n,)."""
        return rows.state["movable"].any(1)

    def start(self, rows):
        """Give the first point: numbers at random ends, or the budget spread over them."""
        numbers = rows.random.uniform(self.features.n_features)[:, : len(self.features.numbers)]
        if rows.norm == np.inf:
            low, high = rows.state["low"], rows.state["high"]
            steps = torch.where(numbers < 0.5, low, high)
        else:
            steps = self._spread(rows, 2 * numbers - 1, self.features.power(rows.eps))
        home = rows.state.get("home")
        return self.features.put(rows, steps, home)

    def propose(self, rows, numbers, share):
        """Give points near the best: a block of features of each row drawn anew.

        Parameters
        ----------
        rows : Rows
        numbers : torch.Tensor of shape (n, n_numbers)
            In [0, 1).
        share : float
            Of the row's features that can move that the block holds.

        Returns
        -------
        x : torch.Tensor of shape (n, ...)
        """
        n = self.features.n_features
        keys, values, extra = numbers[:, :n], numbers[:, n : 2 * n], numbers[:, 2 * n :]
        movable = rows.state["movable"]
        size = (share * movable.sum(1)).round().clamp_min(1 if rows.norm == np.inf else 2)
        order = torch.where(movable, keys, 2.0).argsort(dim=1, stable=True)
        block = (order.argsort(dim=1) < size[:, None]) & movable
        change = self._ends if rows.norm == np.inf else self._redistribute
        x = change(rows, block, values, extra)
        same = (x == rows.x).flatten(1).all(1)
        if bool(same.any()):  # nothing new to ask: the other way
            other = change(rows, block, 1 - values, extra)
            x = torch.where(same.reshape(-1, *[1] * (x.ndim - 1)), other, x)
        return x

    def _halves(self, values):
        """Divide what is of features into what is of numbers and of groups."""
        n = len(self.features.numbers)
        return values[:, :n], values[:, n:]

    def _ends(self, rows, block, values, extra):
        """Put numbers of the block to an end of their interval, or inside; groups elsewhere."""
        features = self.features
        (block, in_block), (values, draw) = self._halves(block), self._halves(values)
        low, high = rows.state["low"], rows.state["high"]
        place = (values - (1 - _INSIDE) / 2) / _INSIDE  # below 0 and above 1 are the ends
        inside = features.rounded(low + place.clamp(0, 1) * (high - low))
        steps = torch.where(place < 0, low, torch.where(place > 1, high, inside))
        steps = torch.where(block, steps, features.steps(rows, rows.x))
        if not features.n_groups:
            return features.put(rows, steps)
        now = features.are_set(rows.x)
        other = features.draw_member(rows.state["open"] & ~now, draw)
        return features.put(rows, steps, torch.where(in_block[:, :, None], other, now))

    def _redistribute(self, rows, block, values, extra):
        """Give the budget that the block holds, and what is unused, to its features anew."""
        features = self.features
        (block, in_block), (values, draw) = self._halves(block), self._halves(values)
        old = features.steps(rows, rows.x)
        room = features.power(rows.eps) - self._mass(torch.where(block, 0.0, old))
        now = None
        if features.n_groups:
            part = torch.where(block.any(1), extra[:, 0], 1.0)
            now, room = self._regroup(rows, in_block, draw, room, part)
        before = torch.where(block, old, 0.0)
        length = self._length(before)[:, None]
        direction = 2 * values - 1
        direction = torch.where(block, direction * direction * direction, 0.0)
        direction = direction / self._length(direction)[:, None].clamp_min(1e-12)
        mixed = direction + torch.where(length > 0, before / length.clamp_min(1e-12), 0.0)
        direction = torch.where((extra[:, 1] < 0.5)[:, None], mixed, direction)
        steps = self._spread(rows, direction, room)
        return features.put(rows, torch.where(block, steps, old), now)

    def _regroup(self, rows, in_block, draw, room, part):
        """Change groups of the block, as many as a part of the room can pay; say what is left."""
        features = self.features
        now, costs = features.are_set(rows.x), features.costs(rows)
        room = room - torch.where(in_block, 0.0, (costs * now).sum(2)).sum(1)
        other = features.draw_member(rows.state["open"] & ~now, draw)
        wanted = torch.where(in_block[:, :, None], other, rows.state["home"])
        members, spent = features.afford(rows, wanted, draw, part * room)
        return torch.where(in_block[:, :, None], members, now), room - spent

    def _spread(self, rows, direction, mass):
        """Give steps along a direction that hold the mass, within the intervals."""
        low, high = rows.state["low"], rows.state["high"]
        up = torch.where(direction > 0, high > 0, low == 0)  # where there is no room: back
        caps = torch.where(up, high, -low)
        slack = 32 * torch.finfo(mass.dtype).eps * self.features.power(rows.eps)
        sizes = fill_up(direction.abs(), caps, (mass - slack).clamp_min(0), rows.norm)
        return self.features.rounded(torch.where(up, sizes, -sizes))

    def _mass(self, steps):
        return self.features.power(steps.abs()).sum(1)

    def _length(self, steps):
        mass = self._mass(steps)
        return mass.sqrt() if self.features.norm == 2 else mass
