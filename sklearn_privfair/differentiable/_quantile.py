"""QuantileTransformer: piecewise linear interpolation, forward and backward, as scikit-learn's."""

import numpy as np
import torch
from sklearn.preprocessing import QuantileTransformer
from sklearn.preprocessing._data import BOUNDS_THRESHOLD
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.differentiable._dispatch import as_module
from sklearn_privfair.differentiable._numbers import Numbers


def interpolate(x, knots, values):
    """Do what `numpy.interp` does, feature by feature.

    Parameters
    ----------
    x : tensor of shape (n_samples, n_features)
    knots : tensor of shape (n_features, n_knots)
        Increasing; of equal knots the last counts.
    values : tensor of shape (n_knots,)

    Returns
    -------
    y : tensor of shape (n_samples, n_features)
    """
    columns = x.detach().T.contiguous()
    place = torch.searchsorted(knots, columns, right=True)
    left = (place - 1).clamp(0, knots.shape[1] - 2)
    low, high = knots.gather(1, left).T, knots.gather(1, left + 1).T
    start, stop = values[left].T, values[left + 1].T
    width = high - low
    slope = torch.where(width > 0, (stop - start) / torch.where(width > 0, width, 1.0), 0.0)
    inside = start + slope * (x - low)
    place = place.T
    return torch.where(
        place == 0, values[0], torch.where(place == knots.shape[1], values[-1], inside)
    )


class Quantiles(Numbers):
    """The mean of the upper and the lower share of the training rows that lie below a value."""

    def __init__(self, quantiles, references, normal):
        super().__init__(quantiles=quantiles.T, references=references)
        self.normal = normal
        # scikit-learn's own margin, within which a value counts as on the bound
        self.margin = BOUNDS_THRESHOLD if normal else 0.0
        self.least = float(BOUNDS_THRESHOLD - np.spacing(1))

    def forward(self, x):
        """Transform rows `x`."""
        x = self.cast(x)
        knots, values = self.quantiles, self.references
        upper = interpolate(x, knots.contiguous(), values)
        lower = -interpolate(-x, -knots.flip(1), -values.flip(0))
        share = 0.5 * (upper + lower)
        first, last = knots[:, 0], knots[:, -1]
        if self.normal:
            above, below = x + self.margin > last, x - self.margin < first
        else:
            above, below = x >= last, x <= first
        share = torch.where(below, 0.0, torch.where(above, 1.0, share))
        if not self.normal:
            return share
        return torch.special.ndtri(share.clamp(self.least, 1 - self.least))


@as_module.register(QuantileTransformer)
def _(model):
    check_is_fitted(model)
    normal = model.output_distribution == "normal"
    return Quantiles(model.quantiles_, model.references_, normal).eval()
