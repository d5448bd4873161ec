"""Random numbers that belong to a row: the same for it in any batch, order or process."""

import hashlib

import numpy as np
import torch


class RowStreams:
    """One stream of random numbers per row, its key made of the row's own content.

    Parameters
    ----------
    x : torch.Tensor of shape (n_rows, ...)
        The rows.
    seed : int
        Seed of the whole attack.
    restart : int
        Each restart draws other numbers.
    """

    def __init__(self, x, seed, restart):
        self.device = x.device
        salt = int(seed).to_bytes(8, "little") + int(restart).to_bytes(8, "little")
        rows = np.ascontiguousarray(x.detach().cpu().numpy())
        self.dtype = rows.dtype
        digests = (hashlib.blake2b(row.tobytes(), digest_size=16, salt=salt) for row in rows)
        self.keys = np.frombuffer(b"".join(d.digest() for d in digests), np.uint64).reshape(-1, 2)
        self.n_draws = 0

    def _draw(self, sample, shape=()):
        # a counter-based generator: setting key and counter costs less than making a generator
        bits = np.random.Philox(0)
        state, generator = bits.state, np.random.Generator(bits)
        state["state"]["counter"][:] = (0, 0, 0, self.n_draws)
        rows = np.empty((len(self.keys), *shape), self.dtype)
        for row, key in zip(rows.reshape(len(rows), -1), self.keys, strict=True):
            state["state"]["key"][:] = key
            bits.state = state
            row[:] = sample(generator, row.shape)
        self.n_draws += 1
        return torch.as_tensor(rows, device=self.device)

    def uniform(self, *shape):
        """Draw uniform numbers in [0, 1): tensor of shape (n_rows, *shape)."""
        return self._draw(lambda g, size: g.random(size, self.dtype), shape)

    def power(self, exponent):
        """Draw uniform numbers raised to a power: tensor of shape (n_rows,)."""
        # by numpy, number by number: torch.pow rounds differently at different places in a tensor
        return self._draw(lambda g, size: g.random(size) ** exponent)

    def normal(self, *shape):
        """Draw standard normal numbers: tensor of shape (n_rows, *shape)."""
        return self._draw(lambda g, size: g.standard_normal(size, self.dtype), shape)

    def exponential(self, *shape):
        """Draw standard exponential numbers: tensor of shape (n_rows, *shape)."""
        return self._draw(lambda g, size: g.standard_exponential(size, self.dtype), shape)

    def keep(self, index):
        """Go on with the rows of `index`, a sequence of ints, only."""
        self.keys = self.keys[np.asarray(index)]
