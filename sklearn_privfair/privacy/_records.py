"""Records told apart by their content, so that a record is known again wherever it comes."""

from hashlib import blake2b

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing


class Records:
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
        self._keys = _keys(X, codes, self._dtype)
        known, first, inverse = np.unique(self._keys, return_index=True, return_inverse=True)
        self.first = first[inverse]
        self._known, self._known_first = known, first

    def __len__(self):
        return len(self.codes)

    def rows(self, index):
        """Give some of the rows."""
        return _safe_indexing(self.X, index)

    def find(self, X, codes):
        """Give for each record the number of the first that is the same; -1: there is none."""
        keys = _keys(X, codes, self._dtype)
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
    rest = own.rows(kept)
    X = pd.concat([rest, judged.X]) if hasattr(rest, "iloc") else np.concatenate([rest, judged.X])
    codes = np.concatenate([own.codes[kept], judged.codes])
    return Records(X, codes), np.arange(len(codes)) >= len(kept)


def _keys(X, codes, dtype):
    """Give a number of 64 bits for each record, made of all its values and its class."""
    if hasattr(X, "iloc"):
        rows = pd.util.hash_pandas_object(X.astype(dtype), index=False).to_numpy()
    else:
        values = np.asarray(X).reshape(len(codes), -1).astype(dtype, copy=False)
        if values.dtype.kind in "OUS":
            rows = pd.util.hash_pandas_object(pd.DataFrame(values), index=False).to_numpy()
        else:
            values = values + 0 if values.dtype.kind == "f" else values  # -0.0 is 0.0
            digests = (blake2b(row.tobytes(), digest_size=8).digest() for row in values)
            rows = np.frombuffer(b"".join(digests), dtype=np.uint64)
    pairs = np.column_stack([rows, np.asarray(codes).astype(np.uint64)])
    digests = (blake2b(pair.tobytes(), digest_size=8).digest() for pair in pairs)
    return np.frombuffer(b"".join(digests), dtype=np.uint64)
