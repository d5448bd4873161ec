"""Linear projections, and the products of PolynomialFeatures."""

import numpy as np
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.decomposition._base import _BasePCA
from sklearn.preprocessing import PolynomialFeatures
from sklearn.random_projection import BaseRandomProjection
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import as_module
from sklearn_privfair.differentiable._linear_models import Linear
from sklearn_privfair.differentiable._numbers import as_float, dense
from sklearn_privfair.differentiable._scaling import Scaler


@as_module.register(_BasePCA)  # PCA, IncrementalPCA
def _(model):
    check_is_fitted(model)
    project = Linear(model.components_, center=model.mean_)
    if not model.whiten:
        return project.eval()
    scale = np.sqrt(model.explained_variance_)
    return nn.Sequential(project, Scaler(divide=scale.clip(np.finfo(scale.dtype).eps))).eval()


@as_module.register(TruncatedSVD)
@as_module.register(BaseRandomProjection)
def _(model):
    check_is_fitted(model)
    return Linear(dense(model.components_)).eval()


class Products(nn.Module):
    """Products of features.

    Parameters
    ----------
    powers : array of shape (n_products, n_features)
        How often each feature is a factor.
    """

    factors: torch.Tensor

    def __init__(self, powers):
        super().__init__()
        powers = np.asarray(powers)
        n_features = powers.shape[1]
        # each product as a list of its factors, filled up with a feature that is always 1
        factors = np.full((max(1, powers.sum(axis=1).max()), len(powers)), n_features)
        for i, row in enumerate(powers):
            chosen = np.repeat(np.arange(n_features), row)
            factors[: len(chosen), i] = chosen
        self.register_buffer("factors", torch.tensor(factors))

    def forward(self, x):
        """Give the products of rows `x`."""
        x = as_float(x)
        padded = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        product = padded.index_select(1, self.factors[0])
        for factor in self.factors[1:]:
            product = product * padded.index_select(1, factor)
        return product


@as_module.register(PolynomialFeatures)
def _(model):
    check_is_fitted(model)
    return Products(model.powers_).eval()
