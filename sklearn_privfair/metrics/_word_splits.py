"""How often a random split of numbers in two has as large a first sum: exactly, or by sampling.

The permutation test of WEAT asks this. Its splits are choices of m among n words, and only the sum
of the chosen matters, so that they need not be listed one by one: the words are cut in two halves,
the sums of all subsets of each are sorted, and pairs of them are counted by binary search (Horowitz
& Sahni, "Computing partitions with applications to the knapsack problem", 1974). That takes the
square root of the time: of 18 words in each set there are 9e9 splits, and 2 * 2**18 subsets.
"""

import math

import numpy as np

EXACT_UP_TO = 40  # words in all; 2**20 subsets of a half, a third of a second
_EXACT_AT_MOST = 56  # when asked for; two gigabytes
_BLOCK = 2**22  # random numbers at a time


def share_of_splits(values, n_chosen, *, two_sided, n_resamples, rng, method):
    """Return the share of splits at least as extreme as the first `n_chosen` values, and how many.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        The numbers, float64.
    n_chosen : int
        How many of them, the first ones, are chosen.
    two_sided : bool
        Whether a sum as far below its mean counts as well.
    n_resamples : int
        Random splits, when sampling.
    rng : RandomState
        Decides these.
    method : {"auto", "exact", "sampled"}
        "auto" is exact up to :data:`EXACT_UP_TO` values.

    Returns
    -------
    share : float
        Exact, or by sampling with the observed split counted in, so that it is never 0.
    n_splits : int
        All splits, or those sampled.
    exact : bool
        Which of the two.
    """
    values = values - values.mean()  # now the expected sum is 0
    observed = values[:n_chosen].sum()
    slack = 1e-12 * np.abs(values).sum()  # sums in another order round otherwise
    if method == "exact" and len(values) > _EXACT_AT_MOST:
        raise ValueError(
            f"method='exact' takes memory for 2**{math.ceil(len(values) / 2)} sums of "
            f"{len(values)} words; up to {_EXACT_AT_MOST} are allowed. Pass method='sampled'."
        )
    exact = method == "exact" or (method == "auto" and len(values) <= EXACT_UP_TO)
    limit = abs(observed) if two_sided else observed
    if exact:
        n_splits = math.comb(len(values), n_chosen)
        count = _count_exact(values, n_chosen, limit - slack)
        if two_sided:
            count += _count_exact(-values, n_chosen, limit - slack)
            count = min(count, n_splits)  # of an observed sum of 0 both counts hold all
        return count / n_splits, n_splits, True
    count = 0
    for size in _block_sizes(n_resamples, len(values)):
        order = rng.random_sample((size, len(values))).argpartition(n_chosen - 1, axis=1)
        sums = values[order[:, :n_chosen]].sum(axis=1)
        count += int(np.sum((np.abs(sums) if two_sided else sums) >= limit - slack))
    return (count + 1) / (n_resamples + 1), n_resamples, False


def _count_exact(values, n_chosen, limit):
    """Count the choices of `n_chosen` values whose sum is at least `limit`."""
    half = len(values) // 2
    left, right = _subset_sums(values[:half]), _subset_sums(values[half:])
    count = 0
    for n_left, sums in enumerate(left):
        if 0 <= n_chosen - n_left < len(right):
            others = right[n_chosen - n_left]
            places = np.searchsorted(others, limit - sums[::-1])  # sorted, which is quick
            count += len(sums) * len(others) - int(places.sum())
    return count


def _subset_sums(values):
    """List, by the size of the subset, the sorted sums of all subsets."""
    by_size = [np.zeros(1)]
    for value in values:
        grown = [np.zeros(0), *(sums + value for sums in by_size)]
        by_size = [
            np.concatenate(pair) for pair in zip([*by_size, np.zeros(0)], grown, strict=True)
        ]
    for sums in by_size:
        sums.sort()
    return by_size


def _block_sizes(n, width):
    block = max(1, _BLOCK // width)
    return [min(block, n - start) for start in range(0, n, block)]
