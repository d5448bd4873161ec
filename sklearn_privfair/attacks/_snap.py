"""Rows put where they may be: whole numbers, and one member of each group."""

import math

import numpy as np
import torch

from sklearn_privfair.attacks._norms import row_norm

_SLIGHTLY = 1e-6  # what whole numbers may lack by rounding, and budgets exceed


class Snap:
    """From any rows to the nearest that have whole numbers and groups with one member.

    An attack moves rows freely and asks the model about snapped ones; gradients there are taken
    for those of the free rows (a straight-through estimate). Groups are snapped for attacks that
    follow no gradient; for those that do, see :mod:`~sklearn_privfair.attacks._groups`.

    Parameters
    ----------
    integer : bool ndarray of shape (width,)
        Coordinates that are whole numbers.
    groups : list of int ndarray
        Coordinates of which exactly one is 1.
    unit : float64 ndarray of shape (width,), or None
        The attack's coordinates are these many times shorter.
    """

    def __init__(self, integer, groups, unit):
        self.integer = integer
        self.groups = groups
        self.unit = np.ones(len(integer)) if unit is None else unit

    def without_groups(self):
        """Give what is left where groups stay as they are; None: nothing."""
        return Snap(self.integer, [], self.unit) if self.integer.any() else None

    def __call__(self, x, rows):
        """Give the rows to ask the model about.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
        rows : Rows
            With the original rows, the box, the budget and the norm.

        Returns
        -------
        x : torch.Tensor of shape (n, ...)
            Within box and budget if `x` was.
        """
        shape = x.shape
        x, x0 = x.flatten(1), rows.x0.flatten(1)
        unit = torch.as_tensor(self.unit, dtype=x.dtype, device=x.device)
        integer = torch.as_tensor(self.integer, device=x.device)
        low, high = self._box(rows, x0, unit)
        steps = ((x - x0) * unit).round().clamp(low, high)
        nearest = torch.where(integer, x0 + steps / unit, x)
        flips = [self._flip(nearest, x0, group, unit, high + x0 * unit) for group in self.groups]
        snapped = nearest
        for _, block, group in flips:
            snapped = snapped.index_copy(1, self._index(group, x), block)
        if rows.eps is not None:
            over = row_norm(snapped - x0, rows.norm) > rows.eps * (1 + _SLIGHTLY)
            if bool(over.any()):
                fewer = self._afford(x, x0, steps, integer, unit, flips, rows)
                snapped = torch.where(over[:, None], fewer, snapped)
        return snapped.reshape(shape)

    def _box(self, rows, x0, unit):
        if rows.lower is None:
            return torch.full_like(x0, -math.inf), torch.full_like(x0, math.inf)
        low = ((rows.lower - rows.x0).flatten(1) * unit - _SLIGHTLY).ceil()
        return low, ((rows.upper - rows.x0).flatten(1) * unit + _SLIGHTLY).floor()

    @staticmethod
    def _index(group, x):
        return torch.as_tensor(group, device=x.device)

    def _flip(self, x, x0, group, unit, highest):
        """Give how sure a row is of its new member, and the group with that member."""
        index = self._index(group, x)
        block, before = (x * unit)[:, index], (x0 * unit)[:, index]
        # a member that may not become 1 is out; the present one wins a draw
        block = torch.where(highest[:, index] > 0.5, block, -math.inf)
        now = (block * (before > 0.5)).nan_to_num(0, 0, 0).sum(1)
        best, place = block.max(1)
        stays = (best <= now) | (best == -math.inf)
        hot = torch.zeros_like(block).scatter_(1, place[:, None], 1.0) / unit[index]
        return best - now, torch.where(stays[:, None], x0[:, index], hot), group

    def _afford(self, x, x0, steps, integer, unit, flips, rows):
        """Round towards the original, and change only the groups that the budget has room for."""
        towards = ((x - x0) * unit).trunc()
        towards = torch.where(towards.abs() < steps.abs(), towards, steps)
        snapped = torch.where(integer, x0 + towards / unit, x)
        for _, _, group in flips:
            index = self._index(group, x)
            snapped = snapped.index_copy(1, index, x0[:, index])
        if not flips:
            return snapped
        order = torch.stack([sure for sure, _, _ in flips], 1).argsort(1, descending=True)
        for turn in range(len(flips)):
            for number, (_, block, group) in enumerate(flips):
                changed = snapped.index_copy(1, self._index(group, x), block)
                fits = row_norm(changed - x0, rows.norm) <= rows.eps * (1 + _SLIGHTLY)
                take = fits & (order[:, turn] == number)
                snapped = torch.where(take[:, None], changed, snapped)
        return snapped
