"""The blocks of features that the Square attack changes in tables, for all rows at once.

What a square is to an image, of which neighbours belong together, a random subset of the features
is to a table, of which none do.
"""

import numpy as np
import torch

from sklearn_privfair.attacks._features import Features, fill_up

_INSIDE = 0.5  # of the numbers of a block go to a point inside their interval, for linf
_TRIES = 6  # to find a point that is not the present one
_GOLDEN = 0.6180339887  # between 0 and 1, and its multiples are spread evenly there
_SLIGHTLY = 1e-6


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
        self.n_numbers = 2 * self.features.n_features + 3

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
        return self.features.put(rows, steps, rows.state["home"])

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
        x = rows.x
        for turn in range(_TRIES):  # until there is something new to ask
            same = (x == rows.x).flatten(1).all(1)
            if turn and not bool(same.any()):
                break
            if turn > 1:  # elsewhere
                numbers = numbers + _GOLDEN
                numbers = numbers - numbers.floor()
            other = self._redrawn(rows, numbers, share, turn % 2 == 1)
            x = torch.where(same.reshape(-1, *[1] * (x.ndim - 1)), other, x)
        return x

    def _redrawn(self, rows, numbers, share, mirrored):
        n = self.features.n_features
        keys, values, extra = numbers[:, :n], numbers[:, n : 2 * n], numbers[:, 2 * n :]
        least = 2 if rows.norm == np.inf else 1  # for l1 and l2 others change as well
        movable = rows.state["movable"]
        order = torch.where(movable, keys, 2.0).argsort(dim=1, stable=True)
        size = (share * movable.sum(1)).round().clamp_min(least)[:, None]
        block = (order.argsort(dim=1) < size) & movable
        change = self._ends if rows.norm == np.inf else self._redistribute
        return change(rows, block, order, 1 - values if mirrored else values, extra)

    def _halves(self, values):
        """Divide what is of features into what is of numbers and of groups."""
        n = len(self.features.numbers)
        return values[:, :n], values[:, n:]

    def _ends(self, rows, block, order, values, extra):
        """Put numbers of the block to an end of their interval, or inside; groups elsewhere."""
        features = self.features
        (block, in_block), (values, draw) = self._halves(block), self._halves(values)
        low, high = rows.state["low"], rows.state["high"]
        place = (values - (1 - _INSIDE) / 2) / _INSIDE  # below 0 and above 1 are the ends
        inside = features.rounded(low + place.clamp(0, 1) * (high - low))
        steps = torch.where(place < 0, low, torch.where(place > 1, high, inside))
        steps = torch.where(block, steps, features.steps(rows, rows.x))
        now = features.are_set(rows.x)
        other = features.draw_member(rows.state["open"] & ~now, draw)
        return features.put(rows, steps, torch.where(in_block[:, :, None], other, now))

    def _redistribute(self, rows, block, order, values, extra):
        """Give the budget that the block holds, and some of what others hold, to it anew."""
        features, total = self.features, self.features.power(rows.eps)
        (in_block, groups_in), (values, draw) = self._halves(block), self._halves(values)
        steps, members = features.steps(rows, rows.x), features.are_set(rows.x)
        mass = self._masses(rows, steps, members)
        # groups are paid for first, by a random part of the budget
        other = features.draw_member(rows.state["open"] & ~members, draw)
        wanted = torch.where(groups_in[:, :, None], other, rows.state["home"])
        part = torch.where(in_block.any(1), extra[:, 0], 1.0)
        bought, spent = features.afford(rows, wanted, draw, part * total)
        members = torch.where(groups_in[:, :, None], bought, members)
        # what the block lacks for them, and some more for its numbers, others give
        outside = (mass * ~block).sum(1)
        fair = 2 * block.sum(1) / rows.state["movable"].sum(1)
        more = in_block.any(1) * extra[:, 1] * fair.clamp_max(1) * outside
        lack = more + (spent - (total - outside)).clamp_min(0)
        lack = torch.where(lack > _SLIGHTLY * total, lack, 0.0)
        left = self._drained(mass * ~block, order, lack)
        gives, groups_give = self._halves((left < mass) & ~block)
        members = torch.where(groups_give[:, :, None], rows.state["home"], members)
        size = self._halves(left)[0]
        size = size.sqrt() if rows.norm == 2 else size
        steps = torch.where(gives, features.rounded(steps.sign() * size), steps)
        held = self._masses(rows, torch.where(in_block, 0.0, steps), members).sum(1)
        direction = self._direction(in_block, steps, values, extra[:, 2:] < 0.5)
        fresh = self._spread(rows, direction, total - held)
        return features.put(rows, torch.where(in_block, fresh, steps), members)

    def _masses(self, rows, steps, members):
        """Give the budget that each feature holds: (n, n_features)."""
        costs = (self.features.costs(rows) * members).sum(2)
        return torch.cat([self.features.power(steps.abs()), costs], dim=1)

    def _drained(self, mass, order, need):
        """Take what is needed from features, one after the other; give what they have left."""
        held = mass.gather(1, order)
        before = held.cumsum(1) - held
        left = held - torch.minimum((need[:, None] - before).clamp_min(0), held)
        return left.gather(1, order.argsort(dim=1))

    def _direction(self, block, old, values, near):
        """Give a random direction for the numbers of the block, near the old one or not."""
        fresh = 2 * values - 1
        fresh = torch.where(block, fresh * fresh * fresh, 0.0)
        fresh = fresh / self._length(fresh).clamp_min(1e-12)
        before = torch.where(block, old, 0.0)
        length = self._length(before)
        mixed = fresh + torch.where(length > 0, before / length.clamp_min(1e-12), 0.0)
        return torch.where(near & (self._length(mixed) > _SLIGHTLY), mixed, fresh)

    def _spread(self, rows, direction, mass):
        """Give steps along a direction that hold the mass, within the intervals."""
        low, high = rows.state["low"], rows.state["high"]
        up = torch.where(direction > 0, high > 0, low == 0)  # where there is no room: back
        caps = torch.where(up, high, -low)
        slack = 32 * torch.finfo(mass.dtype).eps * self.features.power(rows.eps)
        sizes = fill_up(direction.abs(), caps, (mass - slack).clamp_min(0), rows.norm)
        return self.features.rounded(torch.where(up, sizes, -sizes))

    def _length(self, steps):
        mass = self.features.power(steps.abs()).sum(1, keepdim=True)
        return mass.sqrt() if self.features.norm == 2 else mass
