"""Transformers that bend each feature, or scale each row, by a closed formula."""

import numpy as np
import torch
from sklearn.preprocessing import Normalizer, PowerTransformer
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import as_module
from sklearn_privfair.differentiable._numbers import Numbers, as_float


class RowNorm(nn.Module):
    """Each row divided by its norm; rows of nearly nothing stay, as in scikit-learn."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        """Normalize rows `x`."""
        x = as_float(x)
        nothing = self._measure(x.detach()) < 10 * torch.finfo(x.dtype).eps
        # ones under the norm of such rows, so that its slope there is a number
        norm = self._measure(torch.where(nothing, 1.0, x))
        return x / torch.where(nothing, 1.0, norm)

    def _measure(self, x):
        if self.norm == "l1":
            return x.abs().sum(dim=1, keepdim=True)
        if self.norm == "l2":
            return (x * x).sum(dim=1, keepdim=True).sqrt()
        return x.abs().amax(dim=1, keepdim=True)


def _power(log_base, exponent):
    """Compute ``(base**exponent - 1) / exponent``, whose limit at 0 is the logarithm."""
    flat = exponent.abs() < torch.finfo(log_base.dtype).eps
    safe = torch.where(flat, 1.0, exponent)
    # beyond 700 the power is no number any more; it stays at the largest there are
    return torch.where(flat, log_base, torch.expm1((log_base * safe).clamp_max(700.0)) / safe)


class BoxCox(Numbers):
    """The Box-Cox power of each feature, whose values are positive."""

    def forward(self, x):
        """Transform rows `x`; what is not positive is taken for the least positive number."""
        x = self.cast(x)
        return _power(x.clamp_min(torch.finfo(x.dtype).tiny).log(), self.exponent)


class YeoJohnson(Numbers):
    """The Yeo-Johnson power of each feature."""

    def forward(self, x):
        """Transform rows `x`."""
        x = self.cast(x)
        above = x >= 0
        up = _power(torch.where(above, x, 0.0).log1p(), self.exponent)
        down = _power(torch.where(above, 0.0, -x).log1p(), 2 - self.exponent)
        return torch.where(above, up, -down)


@as_module.register(Normalizer)
def _(model):
    return RowNorm(model.norm).eval()


@as_module.register(PowerTransformer)
def _(model):
    check_is_fitted(model)
    kind = BoxCox if model.method == "box-cox" else YeoJohnson
    bend = kind(exponent=np.asarray(model.lambdas_))
    return nn.Sequential(bend, *([as_module(model._scaler)] if model.standardize else [])).eval()
