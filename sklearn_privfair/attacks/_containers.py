"""Rows out of whatever container they come in, and back into one like it."""

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils._set_output import _get_adapter_from_container


def container_like(array, X, index=None):
    """Put an array of rows back into a container like `X`: a data frame for a data frame.

    Parameters
    ----------
    array : ndarray of shape (n_rows, ...)
    X : array-like or data frame
        What the user gave.
    index : int ndarray of shape (n_rows,), default=None
        Which rows of `X` these are; None: all.

    Returns
    -------
    rows : ndarray or data frame
        With the columns and, for pandas, the index of those rows of `X`.
    """
    if not hasattr(X, "columns"):
        return array
    columns = np.asarray(X.columns, dtype=object)
    like = X if index is None else _safe_indexing(X, index)
    if len(like) != len(array):  # rows of nobody, to ask the model about
        like = array
    return _get_adapter_from_container(X).create_container(array, like, columns, inplace=False)
