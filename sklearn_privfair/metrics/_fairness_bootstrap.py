"""Bootstrap intervals of rates by group, and of the largest gap between groups.

Efron & Tibshirani, "An introduction to the bootstrap" (1993): percentile intervals, strata, and
studentized statistics (chapters 8, 12 and 13); Tukey's simultaneous intervals for all pairs.
"""

import numpy as np

from ._binomial import proportion_high
from ._fairness_counts import denominators_of, rates_of

_BLOCK = 4_000_000  # numbers drawn at a time


def resample_rates(cells, n_resamples, rng):
    """Draw rows afresh within each group: (n_resamples, n_groups, 4, n_classes).

    Rows of a cell are alike, so only how often each cell is drawn matters.
    """
    sums = np.zeros((n_resamples, len(cells.groups), cells.indicator.shape[1]))
    for group in range(len(cells.groups)):
        mine = np.flatnonzero(cells.group == group)
        rows = cells.n_rows[mine]
        value = (cells.weight[mine] / rows)[:, None] * cells.indicator[mine]
        step = max(1, _BLOCK // rows.sum())
        for start in range(0, n_resamples, step):
            size = min(step, n_resamples - start)
            sums[start : start + size, group] = _draw(rows, size, rng) @ value
    return rates_of(sums)


def _draw(rows, size, rng):
    """Draw as many rows as there are, `size` times, and count those of each cell."""
    n_cells, total = len(rows), rows.sum()
    if 20 * n_cells < total:  # the cost of drawing a cell's number against that of drawing rows
        return rng.multinomial(total, rows / total, size=size)
    cell = np.repeat(np.arange(n_cells), rows)[rng.randint(total, size=(size, total))]
    cell += n_cells * np.arange(size)[:, None]
    return np.bincount(cell.ravel(), minlength=size * n_cells).reshape(size, n_cells)


def effective_rows(cells):
    """Kish's effective number of rows under each rate: (n_groups, 4, n_classes)."""
    squares = cells.sums(cells.weight**2 / cells.n_rows)
    with np.errstate(invalid="ignore"):
        return denominators_of(cells.sums()) ** 2 / denominators_of(squares)


def rate_intervals(rates, resampled, n_rows, confidence):
    """Give both bounds of each rate, (n_groups, 4, n_classes), from its resamples.

    A rate of 0 or 1 comes out of every resample; its open side is Clopper & Pearson's bound.
    """
    tail = (1 - confidence) / 2
    low, high = np.full((2, *rates.shape), np.nan)
    known = ~np.isnan(rates)
    low[known], high[known] = np.nanquantile(resampled[:, known], [tail, 1 - tail], axis=0)
    room = proportion_high(0, n_rows[known], tail)
    low[known] = np.where(rates[known] == 1, 1 - room, low[known])
    high[known] = np.where(rates[known] == 0, room, high[known])
    return low, high


def widest_gap_interval(values, resampled, slack, confidence):
    """Give an interval of the largest difference between any two groups, over all columns.

    Of all pairs the widest apart looks wider than it is. All pairs' intervals together hold the
    truth with `confidence`, so the largest lower and the largest upper bound do: each is the
    observed difference plus or minus the same multiple of its standard error.

    Parameters
    ----------
    values : ndarray of shape (n_groups, n_columns)
        What is compared.
    resampled : ndarray of shape (n_resamples, n_groups, n_columns)
        The same in each resample, NaN where undefined.
    slack : ndarray of shape (n_groups, n_columns)
        Added to the half-width of every pair that the group is in.
    confidence : float
        Of the interval.

    Returns
    -------
    low, high : float
        The bounds; `low` is not below 0.
    """
    errors = np.nan_to_num(resampled - values)
    largest = np.zeros(len(errors))
    pairs = []
    for i in range(len(values) - 1):
        noise = errors[:, i + 1 :] - errors[:, i, None]
        scale = noise.std(axis=0)
        studentized = np.abs(noise) / np.where(scale > 0, scale, np.inf)
        largest = np.maximum(largest, studentized.max(axis=(1, 2)))
        pairs.append((np.abs(values[i + 1 :] - values[i]), scale, slack[i + 1 :] + slack[i]))
    distance, scale, extra = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    margin = np.quantile(largest, confidence) * scale + extra
    return max(float((distance - margin).max()), 0.0), float((distance + margin).max())
