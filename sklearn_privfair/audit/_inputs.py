"""What an audit is given: rows, labels and groups, looked at once and for all steps."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import column_or_1d

from sklearn_privfair.attacks._table import without_numbers
from sklearn_privfair.differentiable import NotDifferentiableError, Victim

_MANY = 20  # different numbers that may still be the names of groups


@dataclass
class AuditData:
    """Rows, labels and groups, and what the model says of the rows.

    Parameters
    ----------
    model : object
        The fitted model.
    victim : Victim
        The same, as attacks see it.
    X_train, X_test : ndarray or data frame
    y_train, y_test : ndarray
    groups_train, groups_test : dict of str to ndarray of str
        By sensitive feature; empty where there is none.
    """

    model: object
    victim: Victim
    X_train: Any
    y_train: np.ndarray
    X_test: Any
    y_test: np.ndarray
    groups_train: dict
    groups_test: dict

    def __post_init__(self):
        self.codes_train = self.victim.encode(self.y_train, "y_train")
        self.codes_test = self.victim.encode(self.y_test, "y_test")
        self.right_train = self.victim.predict(self.X_train) == self.codes_train
        self.predicted = self.victim.predict(self.X_test)
        self.right = self.predicted == self.codes_test

    @property
    def is_table(self):
        """Whether rows are those of a table, and not images."""
        return np.ndim(self.X_test) == 2

    @property
    def is_frame(self):
        """Whether rows come in data frames."""
        return hasattr(self.X_test, "iloc")

    def access(self):
        """Tell what the model gives an attacker: "gradients", "scores" or "decisions"; and why."""
        try:
            self.victim.module  # noqa: B018  (whether there is one)
        except NotDifferentiableError as error:
            scores = self.victim.has_scores
            step = type(error.step).__name__
            return ("scores" if scores else "decisions"), f"{step} has no derivative."
        why = self._without_gradient()
        if why is not None:
            return ("scores" if self.victim.has_scores else "decisions"), why
        return "gradients", "Every step of it has a derivative."

    def _without_gradient(self):
        """Say what in the rows has no gradient; None where everything has."""
        names = [str(self.X_test.columns[i]) for i in without_numbers(self.X_test)]
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            return f"Columns hold no numbers, which have no gradient: {shown}."
        if _lacks_numbers(self.X_test):
            return "Some rows lack numbers, which have no gradient."
        return None


def read_inputs(model, X_train, y_train, X_test, y_test, sensitive_features):
    """Look at what `run` was given.

    Returns
    -------
    data : AuditData
    """
    victim = Victim(model)
    parts = []
    for name, X, y in (("train", X_train, y_train), ("test", X_test, y_test)):
        if issparse(X):
            raise TypeError(f"X_{name} is sparse, and audits take dense rows; give X.toarray().")
        X = X if hasattr(X, "iloc") else np.asarray(X)
        if np.ndim(X) < 2 or len(X) == 0:
            raise ValueError(f"X_{name} has shape {np.shape(X)}; give rows of features, some.")
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        parts += [X, y]
    groups = _read_groups(sensitive_features, parts[0], parts[2])
    return AuditData(model, victim, *parts, *groups)


def _read_groups(given, X_train, X_test):
    """Give the groups of the training and of the test rows, by sensitive feature."""
    if given is None:
        return {}, {}
    names = _names_of_columns(given, X_test)
    if names is not None:
        return tuple(_columns_of(X, names) for X in (X_train, X_test))
    if isinstance(given, tuple):
        if len(given) != 2:
            raise ValueError(
                f"sensitive_features is a tuple of {len(given)}; give a pair, those of the "
                "training rows and those of the test rows."
            )
        named = [_groups(part, len(X)) for part, X in zip(given, (X_train, X_test), strict=True)]
        if list(named[0]) != list(named[1]):
            raise ValueError(
                "sensitive_features names other features for the training rows, "
                f"{list(named[0])}, than for the test rows, {list(named[1])}."
            )
        return tuple(named)
    return {}, _groups(given, len(X_test))


def _names_of_columns(given, X):
    """Give the names if names of columns are meant, and not a value for each row; else None."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, (list, tuple, pd.Index)) or len(given) == 0:
        return None
    names = list(given)
    if not all(isinstance(name, str) for name in names):
        return None
    meant = not isinstance(given, list) or set(names) & set(getattr(X, "columns", ()))
    return names if meant else None


def _columns_of(X, names):
    missing = [name for name in names if name not in getattr(X, "columns", ())]
    if missing:
        raise ValueError(
            f"sensitive_features names {missing}, which are no columns of X; give names of "
            "columns of a data frame, an array with a value for each test row, or a pair of "
            "arrays, for the training and for the test rows."
        )
    return _groups(X[names], len(X))


def _groups(values, n):
    """Give each sensitive feature as an array of names."""
    if isinstance(values, pd.Series):
        values = values.to_frame("group" if values.name is None else values.name)
    elif not isinstance(values, (pd.DataFrame, dict)):
        array = np.asarray(values, dtype=object)
        if array.ndim == 1:
            array = array[:, None]
        one = array.shape[1] == 1
        values = {("group" if one else f"group_{i}"): column for i, column in enumerate(array.T)}
    groups = {}
    for name in values:
        column = pd.Series(np.asarray(values[name], dtype=object))
        if len(column) != n:
            raise ValueError(
                f"sensitive_features has {len(column)} values for {n} rows; give one for each test "
                "row, or a pair: those of the training rows and those of the test rows."
            )
        numbers = pd.to_numeric(column, errors="coerce")
        if (numbers % 1 > 0).any():
            raise ValueError(
                f"The sensitive feature {name!r} is continuous, with values such as "
                f"{column[(numbers % 1 > 0)].iloc[0]}; cut it into groups, for instance with "
                "pandas.qcut."
            )
        if pd.api.types.is_numeric_dtype(column.infer_objects()) and column.nunique() > _MANY:
            raise ValueError(
                f"The sensitive feature {name!r} has {column.nunique()} different numbers, too "
                "many to be groups; cut it into some, for instance with pandas.qcut."
            )
        names = [str(value) for value in column.where(column.notna(), "missing")]
        # "all" and "class" are what figures are told by else
        key = f"{name} (feature)" if name in ("all", "class") else str(name)
        groups[key] = np.array(names, dtype=object)
    return groups


def _lacks_numbers(X):
    return bool(pd.isna(X).to_numpy().any() if hasattr(X, "iloc") else pd.isna(X).any())


def fingerprint(X, y):
    """Give a hash of rows and labels, by their values: of the same rows in their order the same."""
    table = pd.DataFrame(X if hasattr(X, "iloc") else np.reshape(X, (len(X), -1)))
    digest = hashlib.sha256()
    for i in range(table.shape[1]):
        column = table.iloc[:, i]
        # lists and other objects, which records are not told apart by, as what they say
        column = column.astype(str) if column.dtype == object else column
        digest.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    digest.update("\n".join(map(str, y)).encode())
    return digest.hexdigest()[:16]


def rows_of(X, index):
    """Give some of the rows, in their container."""
    return _safe_indexing(X, index)
