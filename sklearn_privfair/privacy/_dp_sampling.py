"""The secret numbers of DP-SGD: coins for the rows of a batch, and noise for the weights.

The accountant assumes Poisson samples: each row takes part by a coin of its own.
"""

import math

import numpy as np
import torch
from torch.utils.data import DataLoader, default_collate

from sklearn_privfair.differentiable._array_batches import by_arrays


class PoissonBatches:
    """Batches of indices in which each row stands with the same probability, independently.

    Their sizes vary, and may be 0. An epoch has as many batches as one in order.

    Parameters
    ----------
    n_rows : int
    batch_size : int
        Expected number of rows.
    rng : numpy.random.Generator
        Of the coins.

    Attributes
    ----------
    sample_rate : float
        Probability of a row, in (0, 1].
    """

    def __init__(self, n_rows, batch_size, rng):
        self.n_rows, self.rng = n_rows, rng
        self.sample_rate = min(1.0, batch_size / n_rows)

    def __len__(self):
        return math.ceil(1 / self.sample_rate)

    def __iter__(self):
        for _ in range(len(self)):
            coins = self.rng.random(self.n_rows)
            yield np.flatnonzero(coins < self.sample_rate)


def poisson_loader(dataset, batches):
    """Give a loader of the rows of a dataset in Poisson batches."""

    def collate(rows):
        return default_collate(rows) if rows else [part[:0] for part in one]

    fast = by_arrays(DataLoader(dataset, batch_sampler=batches))
    if fast.dataset is not dataset:
        return fast
    one = default_collate([dataset[0]])
    return DataLoader(dataset, batch_sampler=batches, collate_fn=collate)


class Noise:
    """Gaussian noise, from generators whose seed is too long to be guessed.

    Those of torch on a CPU take seeds of 32 bits only.

    Parameters
    ----------
    seeds : numpy.random.SeedSequence
    """

    def __init__(self, seeds):
        self.rng = np.random.default_rng(seeds)
        self.there: torch.Generator | None = None

    def like(self, weight):
        """Draw standard normal numbers in the shape of a tensor, where it is."""
        if weight.device.type == "cpu":
            dtype = np.float64 if weight.dtype == torch.float64 else np.float32
            drawn = self.rng.standard_normal(tuple(weight.shape), dtype)
            return torch.from_numpy(np.asarray(drawn)).to(weight.dtype)
        if self.there is None:
            seed = int(self.rng.integers(2**63))
            self.there = torch.Generator(weight.device).manual_seed(seed)
        return torch.empty_like(weight).normal_(generator=self.there)
