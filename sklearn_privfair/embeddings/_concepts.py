"""Concepts to be erased, of whatever kind, as columns of categories and of numbers."""

from typing import NamedTuple

import numpy as np
import pandas as pd

CHUNK = 2**16  # values, of which pandas tells the categories apart in 40 bytes each


class Column(NamedTuple):
    """A concept: for categories the code of each row and what the codes are; else numbers."""

    values: np.ndarray
    categories: list | None


def concept_columns(concept, n_samples, estimator):
    """Return the columns of a concept by name.

    Parameters
    ----------
    concept : array-like, Series or DataFrame of shape (n_samples,) or (n_samples, n_concepts)
        Strings, integers, booleans and pandas' categories are categories, floats are numbers.
    n_samples : int
    estimator : estimator
        Who asks, for errors.

    Returns
    -------
    columns : dict of str to Column
    """
    if concept is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None: the "
            "concept to erase, a value for each row (or pass it as sensitive_features)."
        )
    if isinstance(concept, (pd.Series, pd.DataFrame)):
        frame = concept.to_frame() if isinstance(concept, pd.Series) else concept
        columns = {str(name): frame[name] for name in frame}
    else:
        values = np.asarray(concept)
        if values.ndim not in (1, 2):
            raise ValueError(
                f"The concept has shape {values.shape}; pass one value per row, or a column for "
                "each of several concepts."
            )
        columns = {str(i): c for i, c in enumerate(values.T if values.ndim == 2 else [values])}
    n_rows = len(next(iter(columns.values()), ()))
    if n_rows != n_samples:
        raise ValueError(f"The concept has {n_rows} rows, and X has {n_samples} samples.")
    return {name: _column(values, name) for name, values in columns.items()}


def _column(values, name):
    if values.dtype == object:
        values = pd.Series(values).infer_objects()
    if pd.isna(values).any():
        raise ValueError(
            f"The concept (column {name!r}) holds missing values; leave out such rows."
        )
    if values.dtype.kind == "c":
        raise ValueError("Complex data not supported: the concept holds complex numbers.")
    if pd.api.types.is_float_dtype(values.dtype):
        numbers = np.asarray(values, dtype=np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError(f"The concept (column {name!r}) holds infinity.")
        return Column(numbers, None)
    return _categories(values)


def _categories(values):
    """Give each category a number, in the order in which they come."""
    values = values.array if isinstance(values, pd.Series) else values  # sliced by rows
    place: dict = {}
    parts = []
    for start in range(0, len(values), CHUNK):
        codes, found = pd.factorize(values[start : start + CHUNK])
        numbers = np.array([place.setdefault(category, len(place)) for category in found])
        parts.append(numbers.astype(np.min_scalar_type(len(place)))[codes])
    return Column(np.concatenate(parts), list(place))


def check_varies(columns):
    """Raise if a concept is the same in all rows: there is nothing to tell apart."""
    for name, column in columns.items():
        if (column.values == column.values[0]).all():
            raise ValueError(
                f"The concept (column {name!r}) is the same in all rows: 1 class, and nothing to "
                "erase; leave it out."
            )
