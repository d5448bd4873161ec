"""Tables whose columns are not all numbers: from data frames to arrays of numbers, and back."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array

from sklearn_privfair.attacks._containers import container_like


def is_typed(X):
    """Tell whether `X` is a data frame with columns that hold no numbers."""
    return hasattr(X, "select_dtypes") and X.select_dtypes(exclude=["number", "bool"]).shape[1] > 0


def check_numeric(X):
    """Raise if a data frame has columns that hold no numbers.

    Parameters
    ----------
    X : array-like or data frame

    Raises
    ------
    ValueError
        Naming the columns.
    """
    if not hasattr(X, "select_dtypes"):
        return
    others = list(X.select_dtypes(exclude=["number", "bool"]).columns)
    if others:
        raise ValueError(
            f"Columns {others[:5]} of X hold no numbers, and a gradient cannot move them; use an "
            "attack that needs no gradient, as SquareAttack or HopSkipJumpAttack, or encode them "
            "before, and give the attack the part of the pipeline behind the encoder."
        )


class Table:
    """The columns of a table, and what a categorical one may hold.

    Parameters
    ----------
    X : data frame or ndarray of shape (n_samples, ...)
        Whose columns these are.
    constraints : Constraints
        By number; its `categorical` grows by the columns that hold no numbers.
    learned : dict of int to ndarray
        Categories by feature, from the data on which the attack was fitted.

    Attributes
    ----------
    categories : dict of int to ndarray
        Of each categorical feature.
    whole : int ndarray
        Columns of a frame whose dtype holds whole numbers only, and that are not categorical.
    """

    def __init__(self, X, constraints, learned):
        self.frame = hasattr(X, "select_dtypes")
        self.shape = np.shape(X)[1:]
        self.dtypes = dict(enumerate(X.dtypes)) if self.frame else {}
        named = constraints.categories or {}
        self.categories = {
            int(i): self._categories(int(i), X, named.get(int(i)), learned)
            for i in sorted({*constraints.categorical, *categorical_columns(X)})
        }
        self.whole = np.array(
            [
                i
                for i, dtype in self.dtypes.items()
                if i not in self.categories and getattr(dtype, "kind", "O") in "biu"
            ],
            dtype=np.int64,
        )

    def _categories(self, i, X, given, learned):
        dtype = self.dtypes.get(i)
        if given is None and isinstance(dtype, pd.CategoricalDtype):
            given = dtype.categories
        if given is None:
            given = learned.get(i)
        if given is None:
            name = repr(X.columns[i]) if self.frame else i
            raise ValueError(
                f"Feature {name} is categorical, and what it may hold is not known: fit the attack "
                f"on data, give it a pandas category dtype, or say constraints=Constraints("
                f"categories={{{name}: [...]}})."
            )
        return np.asarray(given)

    def encode(self, X):
        """Give the numbers of a table: a category by its place, -1 where it is missing.

        Parameters
        ----------
        X : data frame or ndarray of shape (n_samples, ...)

        Returns
        -------
        numbers : ndarray of shape (n_samples, n_features)
        """
        if not self.frame:
            numbers = X.reshape(len(X), -1).copy()
            for i in self.categories:
                numbers[:, i] = self._codes(i, numbers[:, i])
            return numbers
        columns = [
            self._codes(i, X.iloc[:, i]) if i in self.categories else X.iloc[:, i]
            for i in range(X.shape[1])
        ]
        numbers = np.empty(X.shape, dtype=_common_float(self.dtypes, self.categories))
        for i, column in enumerate(columns):
            numbers[:, i] = np.asarray(column, dtype=numbers.dtype)
        return check_array(numbers, dtype=None, input_name="X", ensure_min_samples=0)

    def _codes(self, i, column):
        values = pd.Series(np.asarray(column, dtype=object))
        codes = pd.Index(self.categories[i].astype(object)).get_indexer(values)
        unknown = (codes < 0) & values.notna().to_numpy()
        if unknown.any():
            raise ValueError(
                f"Categorical feature {i} holds {values[unknown].iloc[0]!r}, which is none of its "
                f"categories, {self.categories[i][:8].tolist()}."
            )
        return codes

    def decode(self, numbers, X, index=None):
        """Put numbers back into a container like `X`, its dtypes included.

        Parameters
        ----------
        numbers : ndarray of shape (n_rows, n_features)
        X : data frame or ndarray
            What the user gave.
        index : int ndarray of shape (n_rows,), default=None
            Which rows of `X` these are; None: all.

        Returns
        -------
        rows : data frame or ndarray
        """
        if not self.frame:
            rows = numbers.copy()
            for i, categories in self.categories.items():
                rows[:, i] = categories[numbers[:, i].astype(np.int64)]
            return container_like(rows.reshape(len(rows), *self.shape), X, index)
        like = X.index if index is None else X.index[index]
        if len(like) != len(numbers):  # rows of nobody, to ask the model about
            like = pd.RangeIndex(len(numbers))
        columns = [self._column(i, numbers[:, i], like) for i in range(numbers.shape[1])]
        frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=like)
        frame.columns = X.columns
        return frame

    def _column(self, i, numbers, index):
        dtype = self.dtypes[i]
        if i in self.categories:
            values = np.append(self.categories[i].astype(object), np.nan)[numbers.astype(np.int64)]
            return pd.Series(values, index=index, dtype=object).astype(dtype)
        return pd.Series(numbers, index=index).astype(dtype)


def categorical_columns(X):
    """List the columns, by number, that hold no numbers."""
    if not hasattr(X, "select_dtypes"):
        return []
    numeric = set(X.select_dtypes(["number", "bool"]).columns)
    return [i for i, name in enumerate(X.columns) if name not in numeric]


def _common_float(dtypes, categories):
    """Give float32 if that holds every number of the table, else float64."""
    kinds = {dtype for i, dtype in dtypes.items() if i not in categories}
    return np.float32 if kinds and all(dtype == np.float32 for dtype in kinds) else np.float64
