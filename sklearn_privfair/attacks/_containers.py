"""Rows out of whatever container they come in, and back into one like it."""

import numpy as np
from sklearn.utils._set_output import _get_adapter_from_container


def container_like(array, X):
    """Put an array of rows back into a container like `X`: a data frame for a data frame.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)
    X : array-like or data frame
        What the user gave.

    Returns
    -------
    rows : ndarray or data frame
        With the columns and, for pandas, the index of `X`.
    """
    if not hasattr(X, "columns"):
        return array
    columns = np.asarray(X.columns, dtype=object)
    adapter = _get_adapter_from_container(X)
    return adapter.create_container(array, X, columns=columns, inplace=False)
