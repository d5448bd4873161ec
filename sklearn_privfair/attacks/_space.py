"""The coordinates in which an attack moves rows, and what it may do to each of them.

Of most models they are the features themselves. A categorical feature becomes as many coordinates
as it has categories, one of them 1, so that to the attacks there is but one kind of group; a scale
makes the units of all coordinates alike.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from sklearn_privfair.attacks._bounds import check_bounds, unit_bounds
from sklearn_privfair.attacks._cells import HALF, MISSING, in_order, objects
from sklearn_privfair.attacks._constraints import Constraints
from sklearn_privfair.attacks._norms import distances
from sklearn_privfair.attacks._snap import Snap
from sklearn_privfair.attacks._table import Table, categorical_columns


class Space:
    """Rows as a user gives them, and as an attack moves them.

    Parameters
    ----------
    X : data frame or ndarray of shape (n_samples, ...)
        What the user gave, validated.
    names : list of str, or None
        Of its columns.
    constraints : Constraints or None
    learned : Learned or None
        What data told when the attack was fitted on them.
    norm : {0, 1, 2, inf}
        In which a change of category is to be one unit long.

    Attributes
    ----------
    width : int
        Number of coordinates.
    unit : float64 ndarray of shape (width,), or None
        The length of a unit of each coordinate; None: all are 1.
    snap : Snap or None
        Puts rows where they may be: whole numbers, and one of each group.
    """

    def __init__(self, X, names, constraints, learned, norm):
        n = int(np.prod(np.shape(X)[1:]))
        self.rules = (constraints or Constraints()).resolve(n, names)
        known = ({},) if learned is None else (learned.categories, learned.alone)
        self.table = Table(X, self.rules, *known)
        self._lay_out(n)
        self._rule(norm, learned, n)

    def _lay_out(self, n):
        """Give every feature its coordinates."""
        self.spread = np.array([len(self.table.categories.get(i, (0,))) for i in range(n)])
        self.spread[self.table.carried] = 2
        self.start = np.concatenate([[0], np.cumsum(self.spread)[:-1]]).astype(np.int64)
        self.width = int(self.spread.sum())
        self.feature = np.repeat(np.arange(n), self.spread)  # of each coordinate
        self.categorical = np.isin(self.feature, list(self.table.categories))
        self.carried = np.isin(self.feature, self.table.carried)
        self.plain = not (self.table.categories or self.table.carried)
        reachable = [self.table.reachable.get(i, [True] * self.spread[i]) for i in range(n)]
        self.reachable = np.concatenate(reachable).astype(bool) & ~self.carried

    def _rule(self, norm, learned, n):
        rules = self.rules
        whole = {*rules.integer}
        if self.table.frame:
            whole |= {*self.table.whole}
        members = {int(i) for group in rules.one_hot for i in group}
        self.integer = self._mask(whole - members)
        self.groups = [self.start[group] for group in rules.one_hot]
        self.groups += [
            self.start[i] + np.arange(self.spread[i]) for i in sorted(self.table.categories)
        ]
        unit, still = _unit(rules.scale, learned, n, {*self.table.categories} | members)
        frozen = {*rules.immutable, *self.table.carried} | still
        self.unit = None if unit is None else unit[self.feature]
        if self.table.categories:
            self.unit = np.ones(self.width) if self.unit is None else self.unit
            # two coordinates of a category change at once
            self.unit[self.categorical] *= {1: 2, 2: np.sqrt(2)}.get(norm, 1)
        self.frozen = self._mask(frozen)
        self.rising, self.falling = self._mask(rules.increasing), self._mask(rules.decreasing)
        if self.unit is not None:
            self.unit[self.carried] = 1.0
        self.snap = None
        if self.integer.any() or self.groups:
            self.snap = Snap(self.integer, self.groups, self.unit)
        self.fixed = self.integer | self.carried  # what rounding into the ball must leave alone
        for group in self.groups:
            self.fixed[group] = True

    def _mask(self, features):
        return np.isin(self.feature, [int(i) for i in features])

    def encode(self, X):
        """Give the coordinates of rows: ndarray (n, width), or as they came where that is it."""
        if self.plain and not self.table.frame and not self.table.missing.any():
            return X
        numbers = self.table.encode(X)
        if self.plain:
            return numbers.reshape(len(numbers), *self.table.shape)
        rows = numbers[:, self.feature]
        place = np.arange(self.width) - self.start[self.feature]
        hot = rows == place
        rows = np.where(self.categorical, hot, rows)
        halves = np.divmod(rows, HALF)
        rows = np.where(self.carried, np.where(place == 0, *halves), rows)
        return rows.astype(numbers.dtype)

    def decode(self, rows, X, index=None):
        """Put coordinates back into a container like `X`, whose rows `index` they are."""
        if not self.plain:
            numbers = rows[:, self.start].copy()
            for i in self.table.categories:
                block = rows[:, self.start[i] : self.start[i] + self.spread[i]]
                numbers[:, i] = np.where(block.max(axis=1) > 0.5, block.argmax(axis=1), -1)
            for i in self.table.carried:
                halves = np.round(rows[:, self.start[i] : self.start[i] + 2])
                numbers[:, i] = halves[:, 0] * HALF + halves[:, 1]
            rows = numbers
        numbers = self._whole(rows.reshape(len(rows), len(self.start)))
        return self.table.decode(numbers, X, index)

    def _whole(self, numbers):
        whole = self.integer[self.start]
        if not whole.any():
            return numbers
        return np.where(whole, np.round(numbers), numbers)

    def tidy(self, rows):
        """Round away what arithmetic left on whole numbers and on the members of groups."""
        if not self.fixed.any():
            return rows
        flat = rows.reshape(len(rows), self.width)
        return np.where(self.fixed, np.round(flat), flat).reshape(rows.shape)

    def hold(self, rows, origin):
        """Round numbers of columns of a coarser float towards the original rows, as they will be.

        Otherwise a frame's float32 columns could leave box and budget when they are put back.
        """
        for i, dtype in self.table.dtypes.items():
            coarse = getattr(dtype, "kind", "O") == "f" and dtype.itemsize < rows.dtype.itemsize
            if i in self.table.categories or not coarse:
                continue
            before = origin[:, self.start[i]]
            moves = before < MISSING / 2 if self.table.missing[i] else np.ones(len(rows), bool)
            wanted, before = rows[moves, self.start[i]], before[moves]
            value = wanted.astype(f"f{dtype.itemsize}")
            further = np.abs(value - before) > np.abs(wanted - before)
            back = np.nextafter(value, before.astype(value.dtype))
            rows[moves, self.start[i]] = np.where(further, back, value)
        return rows

    def expand(self, bounds):
        """Give bounds, a pair of arrays by feature, by coordinate."""
        if bounds is None or self.plain:
            return bounds
        low, high = (b.reshape(1, -1) for b in bounds)
        low, high = (b if b.shape[1] == 1 else b[:, self.feature] for b in (low, high))
        low, high = np.where(self.carried, -np.inf, low), np.where(self.carried, np.inf, high)
        return np.where(self.categorical, 0.0, low), np.where(self.categorical, 1.0, high)

    def unit_box(self, rows):
        """Give the bounds (0, 1) of the coordinates of which no range is known."""
        ranged = self._mask(self.rules.ranges) | self.categorical | self.carried
        missing = self.missing(rows)
        if not (ranged.any() or missing.any()):
            return unit_bounds(rows)
        known = np.where(missing, 0, rows).reshape(len(rows), self.width)[:, ~ranged]
        return self.unranged(unit_bounds(known))

    def unranged(self, bounds):
        """Take bounds that nobody gave off the features that have a range."""
        ranged = self._mask(self.rules.ranges) | self.categorical | self.carried
        if bounds is None or not ranged.any():
            return bounds
        low, high = (bound.reshape(1, -1) for bound in bounds)
        return np.where(ranged, -np.inf, low), np.where(ranged, np.inf, high)

    def box(self, rows, bounds, widen):
        """Give the lowest and highest coordinates that each row may have, or None.

        Parameters
        ----------
        rows : ndarray of shape (n, ...)
            Coordinates.
        bounds : pair of ndarrays, or None
            By coordinate.
        widen : bool
            Whether a row outside widens the box for itself.

        Returns
        -------
        lower, upper : ndarray of shape (1 or n, ...), or None
        """
        missing = self.missing(rows)
        # what is missing is outside no bounds
        there = np.where(missing, np.nan, rows) if missing.any() else rows
        lower, upper = check_bounds(bounds, there, widen)
        if self.rules.ranges or self.groups or self.table.limits:
            low, high = check_bounds(self._ranges(), there, widen=False)
            lower = low if lower is None else np.maximum(lower, low)
            upper = high if upper is None else np.minimum(upper, high)
        if not ((self.frozen | self.rising | self.falling).any() or missing.any()):
            return lower, upper
        shape = (1,) * rows.ndim
        lower = np.full(shape, -np.inf, rows.dtype) if lower is None else lower
        upper = np.full(shape, np.inf, rows.dtype) if upper is None else upper
        at_least, at_most = self.frozen | self.rising, self.frozen | self.falling
        lower = np.where(at_least.reshape(1, *rows.shape[1:]) | missing, rows, lower)
        upper = np.where(at_most.reshape(1, *rows.shape[1:]) | missing, rows, upper)
        return lower, upper

    def _ranges(self):
        """Give what rules, groups and dtypes allow each coordinate, a pair of (1, width)."""
        low, high = np.full((2, 1, self.width), [[[-np.inf]], [[np.inf]]])
        for i, (least, most) in self.table.limits.items():
            low[:, self.start[i]], high[:, self.start[i]] = least, most
        for i, (least, most) in self.rules.ranges.items():
            at = self.start[i]
            low[:, at], high[:, at] = max(low[0, at], least), min(high[0, at], most)
        for group in self.groups:
            low[:, group], high[:, group] = 0, 1
        return low, high

    def missing(self, rows):
        """Tell which coordinates are of what is missing, and stays so, or may not be reached."""
        missing = np.zeros((1,) * rows.ndim, dtype=bool)
        if self.plain and not self.table.missing.any():
            return missing
        flat = rows.reshape(len(rows), self.width)
        missing = np.zeros(flat.shape, dtype=bool)
        missing[:, self.start] = self.table.are_missing(flat[:, self.start])
        for i in self.table.categories:
            block = slice(self.start[i], self.start[i] + self.spread[i])
            nowhere = flat[:, block].max(axis=1) == 0
            closed = ~self.reachable[block] & (flat[:, block] == 0)
            missing[:, block] = nowhere[:, None] | closed
        return missing.reshape(rows.shape)

    def price(self, i):
        """Give the length of a change of category `i`."""
        return 1 / self.rules.scale[i] if isinstance(self.rules.scale, np.ndarray) else 1.0

    def distances(self, rows, rows_adv):
        """Distance of each row in l0, l1, l2 and linf, a change of category being one unit."""
        if self.plain and self.unit is None:
            return distances(rows, rows_adv)
        delta = np.subtract(rows_adv, rows, dtype=np.float64).reshape(len(rows), self.width)
        if self.unit is not None:
            delta = delta / np.where(self.categorical, 1.0, self.unit)
        if not self.plain:
            for i in self.table.categories:
                block = slice(self.start[i], self.start[i] + self.spread[i])
                changed = (delta[:, block] != 0).any(axis=1)
                delta[:, self.start[i]] = changed * self.price(i)
            delta = delta[:, self.start]
        return distances(np.zeros_like(delta), delta)


class Learned:
    """What data tell about features: how far they spread, and which categories there are.

    Parameters
    ----------
    X : data frame or ndarray of shape (n_samples, ...)
    names : list of str, or None
    constraints : Constraints or None
    """

    def __init__(self, X, names, constraints):
        n = int(np.prod(np.shape(X)[1:]))
        rules = (constraints or Constraints()).resolve(n, names)
        seen = Table(X, replace(rules, categories=_seen(X, rules)), {})
        self.categories = {i: objects(values) for i, values in _seen(X, rules).items()}
        self.alone = seen.carried
        self.low = self.high = self.std = None
        if constraints is None and not seen.frame:
            return
        numbers = seen.encode(X).astype(np.float64)
        numbers = np.ma.array(numbers, mask=seen.are_missing(numbers))
        # a column of which nothing is known has no range: its rows may not move
        self.low, self.high = (
            numbers.min(axis=0).filled(np.inf),
            numbers.max(axis=0).filled(-np.inf),
        )
        self.std = numbers.std(axis=0).filled(0.0)
        for i in self.categories:
            self.low[i], self.high[i] = -np.inf, np.inf


def _seen(X, rules):
    """Give the categories of every categorical feature: as said, by dtype, or those seen."""
    found = dict(rules.categories or {})
    for i in sorted({*rules.categorical.tolist(), *categorical_columns(X)} - set(found)):
        column = X.iloc[:, i] if hasattr(X, "iloc") else pd.Series(X.reshape(len(X), -1)[:, i])
        values = column.dropna().unique()
        if isinstance(column.dtype, pd.CategoricalDtype):  # in their order, those that are there
            found[i] = column.cat.categories[column.cat.categories.isin(values)]
        else:
            found[i] = in_order(values)
    return found


def _unit(scale, learned, n, without):
    """Give the unit of each feature, and the features that may not move for want of one."""
    if not isinstance(scale, str):
        return scale, set()
    if learned is None:
        raise ValueError(
            f"constraints: scale={scale!r} is learned from data, but the attack was fitted on a "
            "model; fit it on data, attack.fit(X, y), or give one number for each feature."
        )
    spread = learned.std if scale == "std" else learned.high - learned.low
    spread = np.array([1.0 if i in without else spread[i] for i in range(n)])
    still = {i for i in range(n) if not spread[i] > 0}
    return np.where(spread > 0, spread, 1.0), still
