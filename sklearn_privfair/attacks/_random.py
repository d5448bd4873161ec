"""Random numbers that belong to a row: the same for it in any batch, order or process."""

import hashlib

import numpy as np
import torch


class RowStreams:
    """One random generator per row, seeded by the row's own content.

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
        self.like = x[:1]
        salt = int(seed).to_bytes(8, "little") + int(restart).to_bytes(8, "little")
        rows = np.ascontiguousarray(x.detach().cpu().numpy())
        self.generators = [
            np.random.Generator(
                np.random.Philox(
                    key=np.frombuffer(
                        hashlib.blake2b(row.tobytes(), digest_size=16, salt=salt).digest(), "u8"
                    )
                )
            )
            for row in rows
        ]

    def _draw(self, one):
        rows = np.stack([one(generator) for generator in self.generators])
        return torch.as_tensor(rows, dtype=self.like.dtype, device=self.like.device)

    def uniform(self, *shape):
        """Draw uniform numbers in [0, 1): tensor of shape (n_rows, *shape)."""
        return self._draw(lambda g: g.random(shape))

    def power(self, exponent):
        """Draw uniform numbers raised to a power: tensor of shape (n_rows,)."""
        # by numpy, number by number: torch.pow rounds differently at different places in a tensor
        return self._draw(lambda g: g.random() ** exponent)

    def normal(self, *shape):
        """Draw standard normal numbers: tensor of shape (n_rows, *shape)."""
        return self._draw(lambda g: g.standard_normal(shape))

    def exponential(self, *shape):
        """Draw standard exponential numbers: tensor of shape (n_rows, *shape)."""
        return self._draw(lambda g: g.standard_exponential(shape))

    def keep(self, index):
        """Go on with the rows of `index`, a sequence of ints, only."""
        self.generators = [self.generators[i] for i in index]
