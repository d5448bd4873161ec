"""Fitted numbers inside a module, and columns of logits: what every converter is made of."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn


class Numbers(nn.Module):
    """A module whose fitted numbers are float64 buffers; it computes in their precision.

    Parameters
    ----------
    **arrays : array-like or None
        One buffer each, a copy; None stays None.
    """

    def __init__(self, **arrays):
        super().__init__()
        self._lead = next((name for name, value in arrays.items() if value is not None), None)
        for name, value in arrays.items():
            copied = None if value is None else torch.tensor(np.array(value, dtype=np.float64))
            self.register_buffer(name, copied)

    if TYPE_CHECKING:  # the buffers, which torch's own annotation takes for modules

        def __getattr__(self, name: str) -> Any: ...

    def cast(self, x):
        """Give `x` in the precision of the numbers; without numbers, as the floats it holds."""
        if self._lead is not None:
            return x.to(getattr(self, self._lead).dtype)
        return as_float(x)


def as_float(x):
    """Give `x` as it is when it holds floats, else in float64, as scikit-learn does."""
    return x if x.is_floating_point() else x.double()


def binary_columns(z):
    """Give the two logits ``[0, z]`` of a decision value `z` of shape (n,) or (n, 1)."""
    z = z.reshape(-1, 1)
    return torch.cat([torch.zeros_like(z), z], dim=1)


def dense(array):
    """Give a fitted array that may be sparse as a dense one."""
    return array.toarray() if hasattr(array, "toarray") else array
