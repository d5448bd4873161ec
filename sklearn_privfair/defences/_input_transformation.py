"""What input transformations share: rows as images, the range of values, fitting."""

import copy
from abc import abstractmethod

import numpy as np
import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_privfair._stored import StoredState
from sklearn_privfair.attacks._bounds import resolve_bounds

_FLOATS = (np.float64, np.float32)


class BaseInputTransformation(StoredState, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """A transformer of rows into rows of the same shape, for study, in front of a classifier.

    A subclass stores its parameters, extends `_parameter_constraints`, and writes `_change(X)`,
    for arrays of shape (n, ...), row by row.
    """

    _parameter_constraints: dict = {
        "image_shape": [tuple, list, None],
        "bounds": [tuple, list, StrOptions({"auto"})],
    }
    _one_range = False  # whether the columns of a table have one range of values in common

    @abstractmethod
    def _change(self, X):
        """Transform checked rows, keeping their precision."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the range of values, where `bounds` does not give it.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows of shape (n_features,), or images of shape (height, width) or
            (channels, height, width) with 1 or 3 channels.
        y : None
            Not used.

        Returns
        -------
        self : object
        """
        X = validate_data(self, X, dtype=_FLOATS, allow_nd=True)
        self.row_shape_ = X.shape[1:]
        self.image_shape_ = self._find_image_shape()
        one = self._one_range or self.image_shape_ is not None
        # of arrays with more than two axes one range is learned
        low, high = resolve_bounds(self.bounds, X.reshape(len(X), -1, 1) if one else X)
        self.bounds_ = low.ravel(), high.ravel()
        sizes = {1} if one else {1, X.shape[1]}
        if any(b.size not in sizes or not np.isfinite(b).all() for b in self.bounds_):
            arrays = "" if one else f", or two arrays with one for each of {X.shape[1]} columns"
            raise ValueError(f"bounds={self.bounds!r} must be two finite numbers{arrays}.")
        return self

    def transform(self, X):
        """Transform rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            As in `fit`.

        Returns
        -------
        X_new : ndarray of the shape of X
            In the precision of X, float32 or float64.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_FLOATS, allow_nd=True, reset=False)
        if X.shape[1:] != self.row_shape_:
            raise ValueError(
                f"X holds rows of shape {X.shape[1:]}, but {type(self).__name__} was fitted on "
                f"rows of shape {self.row_shape_}."
            )
        return self._change(X)

    def _find_image_shape(self):
        """Give the shape (channels, height, width) of images, None for the rows of a table."""
        if self.image_shape is None and len(self.row_shape_) == 1:
            return None
        name, shape = "image_shape", self.image_shape
        if shape is None:
            name, shape = "X.shape[1:]", self.row_shape_
        full = (1, *shape) if len(shape) == 2 else tuple(shape)
        n_values = int(np.prod(self.row_shape_))
        if len(full) != 3 or full[0] not in (1, 3) or np.prod(full) != n_values:
            raise ValueError(
                f"{name} is {tuple(shape)}; it must be (height, width), or (channels, height, "
                f"width) with 1 or 3 channels, of {n_values} values, as many as a row of X holds."
            )
        return full

    def _in_unit(self, x, change):
        """Apply `change` to an array or a tensor whose range of values is made [0, 1]."""
        low, high = (like(bound, x) for bound in self.bounds_)
        width = high - low
        return low + change((x.clip(low, high) - low) / (width + (width == 0))) * width

    def _in_unit_exactly(self, X, change):
        """Do so to an array, in float64: what is rounded does not depend on its precision."""
        changed = self._in_unit(X.astype(np.float64), change)
        return changed.clip(*self.bounds_).astype(X.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def fitted_copy(model):
    """Copy a fitted transformer for its module, which asks it in arrays without names."""
    check_is_fitted(model)
    model = copy.deepcopy(model)
    vars(model).pop("feature_names_in_", None)
    return model


def like(array, x):
    """Give an array as what `x` is, an array or a tensor."""
    if isinstance(x, torch.Tensor):
        return torch.as_tensor(array, dtype=x.dtype, device=x.device)
    return array
