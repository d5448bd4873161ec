"""Tables whose columns are not all numbers: from data frames to arrays of numbers, and back."""

from numbers import Number

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array

from sklearn_privfair.attacks._cells import (
    EXACT,
    MISSING,
    by_code,
    codes_of,
    distinct,
    in_order,
    limits,
    named,
    objects,
)
from sklearn_privfair.attacks._containers import container_like

_NO_NAMES = ("datetime", "date", "time", "timedelta", "period", "interval")


def without_numbers(X):
    """List the columns, by place, that hold no numbers; none of what is no data frame."""
    if not hasattr(X, "dtypes") or not hasattr(X, "iloc"):
        return []
    return [i for i, dtype in enumerate(X.dtypes) if not pd.api.types.is_numeric_dtype(dtype)]


def categorical_columns(X):
    """List those of the columns without numbers that hold names, of which to choose another."""
    return [i for i in without_numbers(X) if _holds_names(X.iloc[:, i])]


def _holds_names(column):
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    kind = pd.api.types.infer_dtype(column, skipna=True).removesuffix("64")
    if kind == "mixed":
        try:
            in_order(column.dropna().unique())
        except TypeError:  # lists, dicts, objects of all kinds
            return False
    return kind not in _NO_NAMES


def is_typed(X):
    """Tell whether `X` is a data frame with columns that hold no numbers."""
    return bool(without_numbers(X))


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
    others = [X.columns[i] for i in without_numbers(X)]
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
    alone : collection of int, default=()
        Columns of which these data said that they hold no names, whatever these rows hold.

    Attributes
    ----------
    categories : dict of int to ndarray
        Of each categorical feature.
    reachable : dict of int to bool ndarray
        Which of its categories an attack may choose: not those that are only declared, by a pandas
        dtype, where data tell which ones the model has met.
    whole : int ndarray
        Columns of a frame whose dtype holds whole numbers only, and that are not categorical.
    limits : dict of int to (low, high)
        What the dtypes of those that may move can hold.
    missing : bool ndarray of shape (n_features,)
        Features that are numbers, some of which are missing.
    carried : list of int
        Columns without numbers that may not move, or whose values are no names either, as dates.
        Their values are not listed but carried along, as codes, for the model to be asked about.
    """

    def __init__(self, X, constraints, learned, alone=()):
        self.frame = hasattr(X, "iloc")
        self.shape = np.shape(X)[1:]
        self.names = list(X.columns) if self.frame else None
        self.dtypes = dict(enumerate(X.dtypes)) if self.frame else {}
        self.fixed = {*map(int, constraints.immutable)}
        given, typed = constraints.categories or {}, without_numbers(X)
        names = {*map(int, constraints.categorical), *given, *learned}
        names |= {*categorical_columns(X)} - {*alone}
        self.carried = [i for i in typed if i in self.fixed or i not in names]
        self._seen = {i: distinct(X.iloc[:, i]) for i in self.carried}
        self._values = {i: by_code(seen) for i, seen in self._seen.items()}
        self.categories, self.reachable = {}, {}
        named = {*map(int, constraints.categorical), *typed} - {*self.fixed, *self.carried}
        for i in sorted(named):
            known = self._categories(i, given.get(i), learned.get(i))
            declared = getattr(self.dtypes.get(i), "categories", known)
            more = declared[~pd.Index(declared).isin(known)]
            self.categories[i] = objects([*known, *more])
            self.reachable[i] = np.arange(len(known) + len(more)) < len(known)
        kinds = {i: getattr(dtype, "kind", "O") for i, dtype in self.dtypes.items()}
        others = {*self.categories, *self.carried}
        whole = [i for i, kind in kinds.items() if i not in others and kind in "biu"]
        self.whole = np.array(whole, dtype=np.int64)
        self.limits = {i: limits(self.dtypes[i]) for i in whole if i not in self.fixed}
        self.missing = self._missing(X)

    @property
    def is_numeric(self):
        """Whether a module can be asked about rows: every cell is a number, a category at least."""
        names = [name for categories in self.categories.values() for name in categories]
        known = all(isinstance(name, Number) for name in names)
        return known and not (self.missing.any() or self.carried)

    def _missing(self, X):
        if not self.frame:
            return np.isnan(X.reshape(len(X), -1)).any(axis=0)
        others = {*self.categories, *self.carried}
        lacks = [i not in others and X.iloc[:, i].isna().any() for i in self.dtypes]
        return np.array(lacks, dtype=bool)

    def name(self, i):
        """Give a feature's name, or its number, for a message."""
        return str(int(i)) if self.names is None else repr(self.names[i])

    def _categories(self, i, given, seen):
        for values in (given, seen, getattr(self.dtypes.get(i), "categories", None)):
            if values is not None:
                return objects(values)
        raise ValueError(
            f"Feature {self.name(i)} is categorical, and what it may hold is not known: fit the "
            f"attack on data, give it a pandas category dtype, or say constraints=Constraints("
            f"categories={{{self.name(i)}: [...]}})."
        )

    def encode(self, X):
        """Give the numbers of a table: a category by its place, -1 where it is missing.

        Parameters
        ----------
        X : data frame or ndarray of shape (n_samples, ...)

        Returns
        -------
        numbers : ndarray of shape (n_samples, n_features)
            `MISSING` where a number is missing.
        """
        if self.frame:
            numbers = np.empty(X.shape, dtype=self._common_float())
            for i in range(X.shape[1]):
                numbers[:, i] = self._numbers(i, X.iloc[:, i], numbers.dtype)
            numbers = check_array(
                numbers, dtype=None, input_name="X", ensure_all_finite="allow-nan"
            )
        else:
            numbers = X.reshape(len(X), -1).copy()
            for i in self.categories:
                numbers[:, i] = self._codes(i, numbers[:, i])
        for i in np.flatnonzero(self.missing).tolist():
            gone = np.isnan(numbers[:, i])
            largest = np.abs(numbers[~gone, i]).max(initial=0)
            if largest >= MISSING / 2:
                raise ValueError(
                    f"Feature {self.name(i)} has missing values, and values as large as "
                    f"{largest:g}; attacks take missing values beside values below 2**59."
                )
            numbers[gone, i] = MISSING
        return numbers

    def carry(self, X):
        """Learn the values that other rows hold in columns that are carried along."""
        for i in self.carried:
            self._values[i] = by_code(pd.concat([self._seen[i], X.iloc[:, i]]))

    def _numbers(self, i, column, dtype):
        if i in self.categories:
            return self._codes(i, column)
        if i in self.carried:
            return codes_of(column)
        there = column.dropna()
        if i in self.limits and len(there):
            largest = max(abs(int(there.min())), abs(int(there.max())))
            if largest > EXACT:
                raise ValueError(
                    f"Column {self.name(i)} holds whole numbers up to {largest}, beyond 2**53, "
                    "which cannot be moved by single steps; list it in Constraints(immutable=...)."
                )
        if getattr(column.dtype, "na_value", None) is pd.NA:
            return column.to_numpy(dtype=dtype, na_value=np.nan)
        return column.to_numpy(dtype=dtype)

    def are_missing(self, numbers):
        """Tell which numbers, (n_samples, n_features), stand for missing ones."""
        return self.missing & (numbers >= MISSING / 2)

    def _codes(self, i, column):
        values = pd.Series(np.asarray(column, dtype=object))
        codes = pd.Index(self.categories[i], dtype=object).get_indexer(values)
        unknown = (codes < 0) & values.notna().to_numpy()
        if unknown.any():
            raise ValueError(
                f"Categorical feature {self.name(i)} holds {values[unknown].iloc[0]!r} (row "
                f"{unknown.argmax()}), which is none of its categories, "
                f"{self.categories[i][:8].tolist()}; say constraints=Constraints(categories="
                f"{{{self.name(i)}: [...]}}), or leave such rows out."
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
            rows = np.where(self.are_missing(numbers), np.nan, numbers)
            for i, categories in self.categories.items():
                rows[:, i] = named(categories, numbers[:, i])
            return container_like(rows.reshape(len(rows), *self.shape), X, index)
        like = X if index is None else X.iloc[index]
        if len(like) != len(numbers):  # rows of nobody, to ask the model about
            nobody = pd.RangeIndex(len(numbers))
            columns = [self._column(i, numbers[:, i], nobody) for i in self.dtypes]
        else:
            before = self.encode(like)
            columns = [
                self._moved(i, numbers[:, i], numbers[:, i] != before[:, i], like.iloc[:, i])
                for i in self.dtypes
            ]
        frame = pd.concat(columns, axis=1)
        frame.columns = X.columns
        return frame

    def _moved(self, i, numbers, moved, column):
        """Give a column with new values where they differ, and the very cells that were there."""
        if not moved.any():
            return column
        new = self._column(i, numbers, column.index)
        if moved.all():
            return new
        values = column.array.copy()
        values[moved] = new.array[moved]
        return pd.Series(values, index=column.index, dtype=column.dtype)

    def _column(self, i, numbers, index):
        dtype = self.dtypes[i]
        if i in self.categories or i in self.carried:
            if i in self.categories:
                values = named(self.categories[i], numbers)
            else:
                values = objects([self._values[i][code] for code in numbers.tolist()])
            return pd.Series(values, index=index, dtype=object).astype(dtype)
        if self.missing[i]:
            numbers = np.where(numbers >= MISSING / 2, np.nan, numbers)
        if i in self.whole:  # those that stay may be larger than a float can tell
            numbers = np.clip(numbers, *limits(dtype, exact=False))
        return pd.Series(numbers, index=index).astype(dtype)

    def _common_float(self):
        """Give float32 if that holds every number of the table, else float64."""
        kinds = {dtype for i, dtype in self.dtypes.items() if i not in self.categories}
        single = kinds and all(dtype == np.float32 for dtype in kinds)
        return np.float32 if single else np.float64
