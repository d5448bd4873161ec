"""SimpleImputer: missing numbers become the fitted ones, and have no gradient."""

import numpy as np
import torch
from sklearn.impute import SimpleImputer
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._columns import Columns
from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._numbers import Numbers


class Imputer(Numbers):
    """Put the fitted statistic where a number is missing."""

    def __init__(self, statistics, missing):
        super().__init__(statistics=statistics)
        self.missing = missing

    def forward(self, x):
        """Fill rows `x`."""
        x = self.cast(x)
        missing = x.isnan() if np.isnan(self.missing) else x == self.missing
        return torch.where(missing, self.statistics, x)


@as_module.register(SimpleImputer)
def _(model):
    check_is_fitted(model)
    if model.add_indicator:
        raise NotDifferentiableError(model, "its indicator of missing values is 0 or 1")
    missing = model.missing_values
    try:
        statistics = np.asarray(model.statistics_).astype(np.float64)
        float(missing)
    except (TypeError, ValueError):
        raise NotDifferentiableError(model, "it does not impute numbers") from None
    if model.keep_empty_features:
        return Imputer(statistics, missing).eval()
    kept = np.flatnonzero(~np.isnan(statistics))
    return nn.Sequential(Columns(kept), Imputer(statistics[kept], missing)).eval()
