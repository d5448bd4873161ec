"""Sums over rows, block by block: what concept erasure needs to know of the data."""

from typing import Any

import numpy as np
from scipy import sparse

from ._blocks import computing_dtype

BLOCK = 600_000  # numbers: many enough for fast products, and no memory to speak of
PIECE = 128  # rows whose sum in float32 is as good as the rows themselves
FEW = 16  # categories up to which products with a vector are faster than a sparse product


class Moments:
    """The covariance of rows and their cross-covariance with concepts, of blocks seen so far.

    Rows are taken relative to the mean of the first ones, so that nothing cancels where means are
    far from zero. Of float32 rows, products of features are summed in float32 within a block; the
    sums that the erasure depends on, within a few rows only. Everything else is float64.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        The first ones.
    squares : bool, default=True
        Whether the covariance of the rows is wanted.
    """

    def __init__(self, rows, squares=True):
        n_features = rows.shape[1]
        # in the precision of the rows: near it, rows less the shift are exact
        self.dtype = computing_dtype(rows).name  # a word: a dtype would need trust in a file
        self.shift = rows[:1000].mean(axis=0, dtype=np.float64).astype(self.dtype)
        self.n = 0
        self.step = min(max(64, BLOCK // n_features), 4096)
        self.squares: Any = np.zeros((n_features, n_features)) if squares else None
        self.total = np.zeros(n_features)
        self.concepts: dict = {}
        self.noise = n_features * np.finfo(np.float64).eps

    def add(self, X, columns):
        """Add rows of float64, float32 or float16 and what they are of each concept."""
        if not self.concepts:
            self.concepts = {name: _sums_like(c, X.shape[1]) for name, c in columns.items()}
        self._check_same(columns)
        computing = computing_dtype(X)
        if computing == np.float32:
            self.dtype = computing.name
            self.noise = max(self.noise, 10 * np.finfo(np.float32).eps)
        room = np.empty((min(self.step, len(X)), X.shape[1]), dtype=computing)
        for start in range(0, len(X), self.step):
            rows = slice(start, min(start + self.step, len(X)))
            block = room[: rows.stop - start]
            np.subtract(X[rows], self.shift, out=block, casting="same_kind")
            self.total += _sum(np.ones(len(block), dtype=computing), block)
            for name, column in columns.items():
                self.concepts[name].add(block, column.values[rows], column.categories)
            if self.squares is not None:
                with np.errstate(over="ignore"):  # which is told of when all is known
                    self.squares += block.T @ block
        self.n += len(X)

    def _check_same(self, columns):
        kinds = {name: c.categories is not None for name, c in columns.items()}
        seen = {name: isinstance(sums, Categories) for name, sums in self.concepts.items()}
        if kinds != seen:
            raise ValueError(
                "The concept is not that of the blocks before: it had the columns "
                f"{_named(seen)}, and now has {_named(kinds)}."
            )

    @property
    def mean(self):
        """Mean of the rows."""
        return self.shift + self.total / self.n

    def covariance(self):
        """Covariance of the rows (divided by n)."""
        return (self.squares - np.outer(self.total, self.total) / self.n) / self.n

    def cross_covariance(self):
        """Covariance of rows with concepts, each of these brought to a variance of 1."""
        parts = [sums.cross(self.total, self.n) for sums in self.concepts.values()]
        return np.concatenate(parts, axis=1)


def _sum(weights, block):
    """Give ``weights @ block``: over pieces in their own precision, and of these in float64."""
    n_pieces, n_features = len(block) // PIECE, block.shape[1]
    whole = n_pieces * PIECE
    pieces = weights[:whole].reshape(n_pieces, 1, PIECE) @ block[:whole].reshape(
        n_pieces, PIECE, n_features
    )
    return pieces.sum(axis=(0, 1), dtype=np.float64) + weights[whole:] @ block[whole:]


def _named(kinds):
    return ", ".join(f"{n} ({'categories' if c else 'numbers'})" for n, c in kinds.items())


def _sums_like(column, n_features):
    return Numbers(n_features) if column.categories is None else Categories(n_features)


class Categories:
    """How many rows each category has, and their sum."""

    def __init__(self, n_features):
        self.count: dict = {}
        self.sums = np.zeros((0, n_features))

    def add(self, block, codes, categories):
        """Add rows; a code stands for ``categories[code]``, which may be new."""
        k = len(categories)
        new = [c for c in categories if c not in self.count]
        self.count |= dict.fromkeys(new, 0)
        if new:
            self.sums = np.concatenate([self.sums, np.zeros((len(new), block.shape[1]))])
        order = {category: i for i, category in enumerate(self.count)}
        place = np.array([order[c] for c in categories], dtype=np.intp)
        for category, n in zip(categories, np.bincount(codes, minlength=k), strict=True):
            self.count[category] += int(n)
        if k <= FEW:
            for code, row in enumerate(place):
                self.sums[row] += _sum((codes == code).astype(block.dtype), block)
        else:
            ones, rows = np.ones(len(codes)), np.arange(len(codes))
            of_category = sparse.csr_array((ones, (codes, rows)), shape=(k, len(codes)))
            self.sums[place] += of_category @ block

    def cross(self, total, n):
        """Covariance with the indicators of all categories but the most frequent one."""
        counts = np.array(list(self.count.values()), dtype=np.float64)
        others = np.delete(np.arange(len(counts)), counts.argmax())
        share = counts[others] / n
        covariance = self.sums[others] / n - np.outer(share, total / n)
        return (covariance / np.sqrt(share * (1 - share))[:, None]).T

    @property
    def vary(self):
        """Whether there are two categories."""
        return len(self.count) > 1


class Numbers:
    """Sum, sum of squares and product sum of a number, relative to its first value."""

    def __init__(self, n_features):
        self.n, self.first, self.sum, self.squares = 0, None, 0.0, 0.0
        self.products = np.zeros(n_features)

    def add(self, block, values, _):
        """Add rows and their numbers."""
        if self.first is None:
            self.first = values[0]
        values = values - self.first
        self.n += len(values)
        self.sum += values.sum()
        self.squares += values @ values
        self.products += values @ block

    @property
    def variance(self):
        """Variance of the numbers."""
        return max(self.squares / self.n - (self.sum / self.n) ** 2, 0.0)

    def cross(self, total, n):
        """Covariance with the number."""
        if not self.vary:
            return np.zeros((len(total), 0))
        return ((self.products / n - self.sum / n * total / n) / np.sqrt(self.variance))[:, None]

    @property
    def vary(self):
        """Whether there are two values."""
        return self.variance > 1e-24 * (self.squares / self.n + 1e-300)
