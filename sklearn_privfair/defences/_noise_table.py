"""Rows as numbers, to which noise can be added: arrays, images, data frames of mixed columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names, _check_n_features, validate_data

from sklearn_privfair.attacks._containers import container_like


@dataclass
class Table:
    """Rows as numbers, to which noise can be added, and the way back to what a model takes.

    Parameters
    ----------
    values : float ndarray of shape (n_samples, ...)
        Of a data frame whose columns are not all numbers, those that are.
    frame : data frame or None
        The rows as they came; if all columns are numbers none of them, it says the names only.
    numeric : int ndarray or None
        The places of the columns that are numbers, if not all are.
    """

    values: np.ndarray
    frame: Any = None
    numeric: np.ndarray | None = None

    def container(self, values, owner):
        """Give rows in the container that the model takes.

        Parameters
        ----------
        values : ndarray of shape (m, ...)
        owner : int ndarray of shape (m,)
            Whose copies they are, for the columns that hold no numbers.
        """
        if self.numeric is None:
            return container_like(values, self.frame)
        frame = self.frame.iloc[owner].reset_index(drop=True)
        names = frame.columns[self.numeric]
        frame[names] = pd.DataFrame(values, columns=names)
        return frame

    def take(self, index):
        """Give some of the rows."""
        frame = self.frame if self.numeric is None else self.frame.iloc[index]
        return Table(self.values[index], frame, self.numeric)


def read(owner, X, dtype, arrays, allow_nan, reset=False):
    """Validate rows.

    Parameters
    ----------
    owner : estimator
        Whose `n_features_in_` and `feature_names_in_` are checked, or set.
    X : array-like or data frame of shape (n_samples, ...)
    dtype : numpy dtype
        In which the noise is added.
    arrays : bool
        Whether the model takes arrays and no data frames.
    allow_nan : bool
    reset : bool, default=False

    Returns
    -------
    table : Table
    """
    how = {"dtype": dtype, "ensure_all_finite": "allow-nan" if allow_nan else True}
    numeric = None if arrays or not hasattr(X, "iloc") else _numeric_columns(X)
    if numeric is None or len(numeric) == X.shape[1]:
        values = validate_data(owner, X, reset=reset, allow_nd=True, **how)
        values = np.require(values, requirements=["C", "W"])  # torch wants to be able to write
        return Table(values, X[:0] if hasattr(X, "columns") and not arrays else None)
    if not len(numeric):
        raise ValueError("No column of X holds numbers, to which noise could be added.")
    _check_feature_names(owner, X, reset=reset)
    _check_n_features(owner, X, reset=reset)
    values = check_array(X.iloc[:, numeric], estimator=owner, input_name="X", **how)
    return Table(np.require(values, requirements=["C", "W"]), X, numeric)


def _numeric_columns(X):
    kinds = enumerate(getattr(X, "dtypes", ()))  # a series has one dtype, and is no table
    numeric = pd.api.types.is_numeric_dtype
    is_bool = pd.api.types.is_bool_dtype
    return np.array([i for i, kind in kinds if numeric(kind) and not is_bool(kind)], dtype=int)


def resolve_scale(scale, table, n_features):
    """Give the unit of each feature; 0 for columns that hold no numbers.

    Parameters
    ----------
    scale : None, "std" or array-like of shape (n_features, ...)
    table : Table
        The training data.
    n_features : int

    Returns
    -------
    unit : float ndarray of shape (n_features, ...)
    """
    shape = table.values.shape[1:] if table.numeric is None else (n_features,)
    noisy = slice(None) if table.numeric is None else table.numeric
    unit = np.zeros(shape)
    if scale is None:
        unit[noisy] = 1.0
    elif isinstance(scale, str):
        std = np.nanstd(table.values, axis=0, dtype=np.float64)
        unit[noisy] = np.where(std > 0, std, 1.0)  # a constant may be changed too
    else:
        given = np.asarray(scale, dtype=np.float64)
        if given.shape != shape or not (np.isfinite(given) & (given >= 0)).all():
            raise ValueError(
                "scale must hold one number for each feature, finite and not negative: shape "
                f"{shape}; got {scale!r}."
            )
        unit[noisy] = given[noisy]
    if not unit.any():
        raise ValueError("scale is 0 for every feature; give at least one a unit above 0.")
    return unit
