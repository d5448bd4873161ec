"""Records told apart by their content, so that a record is known again wherever it comes."""

from hashlib import blake2b

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals
from sklearn.utils import _safe_indexing

from sklearn_privfair._stored import StoredState


class Records(StoredState):
    """Rows with class labels, each known by its content.

    Parameters
    ----------
    X : array-like or data frame of shape (n_records, ...)
    codes : int ndarray of shape (n_records,)
        Their classes, as numbers.

    Attributes
    ----------
    first : int ndarray of shape (n_records,)
        For each record the number of the first that is the same.
    """

    def __init__(self, X, codes):
        self.X, self.codes = X, codes
        self._dtype = X.dtypes if hasattr(X, "iloc") else np.asarray(X).dtype
        keys = _keys(X, codes, self._dtype)
        known, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        self.first = first[inverse]
        self._known, self._known_first = known, first

    def __len__(self):
        return len(self.codes)

    def rows(self, index):
        """Give some of the rows."""
        return _safe_indexing(self.X, index)

    def alike(self, X):
        """Give rows in the container of these: a data frame, or what NumPy takes."""
        if hasattr(self.X, "iloc"):
            return X if hasattr(X, "iloc") else pd.DataFrame(np.asarray(X), columns=self.X.columns)
        return X.to_numpy() if hasattr(X, "iloc") else X

    def find(self, X, codes):
        """Give for each record the number of the first that is the same; -1: there is none."""
        keys = _keys(self.alike(X), codes, self._dtype)
        place = np.searchsorted(self._known, keys).clip(max=len(self._known) - 1)
        return np.where(self._known[place] == keys, self._known_first[place], -1)


def join(own, judged):
    """Put records to be judged behind the attacker's own, each of those that are in both once.

    Parameters
    ----------
    own : Records
    judged : Records or None

    Returns
    -------
    records : Records
    audited : bool ndarray of shape (n_records,)
        Which are to be judged.
    """
    if judged is None:
        return own, np.zeros(len(own), dtype=bool)
    kept = np.flatnonzero(judged.find(own.X, own.codes) < 0)
    rest, more = own.rows(kept), own.alike(judged.X)
    X = _one_frame(rest, more) if hasattr(rest, "iloc") else np.concatenate([rest, more])
    codes = np.concatenate([own.codes[kept], judged.codes])
    return Records(X, codes), np.arange(len(codes)) >= len(kept)


def _one_frame(above, below):
    """Put frames together; columns of categories go on having them."""
    both = [above, below]
    for name, kind in above.dtypes.items():
        if isinstance(kind, pd.CategoricalDtype) and below[name].dtype != kind:
            merged = union_categoricals([frame[name] for frame in both], ignore_order=True)
            both = [frame.astype({name: merged.dtype}) for frame in both]
    return pd.concat(both)


def _keys(X, codes, dtype):
    """Give a number of 64 bits for each record, made of all its values and its class.

    Numbers are compared in the precision of `dtype`, if that is of floats, whatever they come in.
    """
    if hasattr(X, "iloc"):
        columns = {i: _plain(X[name], dtype[name]) for i, name in enumerate(X.columns)}
        rows = _hash(pd.DataFrame(columns))
    else:
        values = np.asarray(X).reshape(len(codes), -1)
        if dtype.kind in "OUS":
            rows = _hash(pd.DataFrame(values.astype(object)))
        else:
            values = np.ascontiguousarray(values, dtype=_float(dtype)) + 0  # -0.0 is 0.0
            digests = (blake2b(row.tobytes(), digest_size=8).digest() for row in values)
            rows = np.frombuffer(b"".join(digests), dtype=np.uint64)
    pairs = np.column_stack([rows, np.asarray(codes).astype(np.uint64)])
    digests = (blake2b(pair.tobytes(), digest_size=8).digest() for pair in pairs)
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def _hash(frame):
    try:
        return pd.util.hash_pandas_object(frame, index=False).to_numpy()
    except TypeError as error:
        raise TypeError(
            f"X holds what records cannot be told apart by: {error}. Each argument must be a "
            "string or a number."
        ) from error


def _plain(column, dtype):
    """Give a column as it is hashed: numbers as floats, everything else as objects."""
    if pd.api.types.is_numeric_dtype(dtype):
        return column.to_numpy(dtype=_float(dtype), na_value=np.nan) + 0
    return column.to_numpy(dtype=object)


def _float(dtype):
    """Give the precision in which numbers of a dtype are compared."""
    return dtype if isinstance(dtype, np.dtype) and dtype.kind == "f" else np.dtype(np.float64)
