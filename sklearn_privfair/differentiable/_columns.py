"""Transformers that work side by side: by columns, in a union, or choosing columns."""

import numpy as np
import torch
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import FeatureUnion
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._compose import as_transformer
from sklearn_privfair.differentiable._dispatch import as_module


class Columns(nn.Module):
    """Chosen columns of the rows, in the chosen order."""

    def __init__(self, indices):
        super().__init__()
        self.register_buffer("indices", torch.tensor(np.array(indices, dtype=np.int64)))

    def forward(self, x):
        """Choose columns of rows `x`."""
        return x.index_select(1, self.indices)


class Weighted(nn.Module):
    """The features of a part of a union, times its weight."""

    def __init__(self, part, weight):
        super().__init__()
        self.part = part
        self.weight = weight

    def forward(self, x):
        """Transform and weigh rows `x`."""
        return self.part(x) * self.weight


class SideBySide(nn.Module):
    """The features of several modules on the same rows, next to each other."""

    def __init__(self, parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        """Transform rows `x`."""
        features = [part(x) for part in self.parts]
        return torch.cat(features, dim=1) if features else x[:, :0]


def _weigh(module, weight):
    return module if weight is None else Weighted(module, float(weight))


@as_module.register(ColumnTransformer)
def _(model):
    check_is_fitted(model)
    weights = model.transformer_weights or {}
    parts = []
    for name, step, _columns in model.transformers_:
        indices = model._transformer_to_input_indices[name]
        if (isinstance(step, str) and step == "drop") or len(indices) == 0:
            continue
        columns = Columns(indices)
        part = columns if isinstance(step, str) else nn.Sequential(columns, as_transformer(step))
        parts.append(_weigh(part, weights.get(name)))
    return SideBySide(parts).eval()


@as_module.register(FeatureUnion)
def _(model):
    check_is_fitted(model)
    weights = model.transformer_weights or {}
    return SideBySide(
        [
            _weigh(as_transformer(step), weights.get(name))
            for name, step in model.transformer_list
            if not (isinstance(step, str) and step == "drop")
        ]
    ).eval()


@as_module.register(SelectorMixin)
def _(model):
    check_is_fitted(model)
    return Columns(model.get_support(indices=True)).eval()
