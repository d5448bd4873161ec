"""Sensitive features, of whatever kind, as what an adversary is to guess."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass
class Target:
    """One thing that an adversary guesses.

    Parameters
    ----------
    name : str
    values : ndarray of shape (n_samples,)
        Codes of groups, int64; or numbers, float64, of mean 0 and variance 1.
    groups : list or None
        What the codes stand for; None: numbers.
    """

    name: str
    values: np.ndarray
    groups: list | None

    @property
    def width(self):
        """How many outputs an adversary needs for it."""
        return 1 if self.groups is None or len(self.groups) == 2 else len(self.groups)

    def take(self, rows):
        """Give the same of some of the rows."""
        return Target(self.name, self.values[rows], self.groups)


class SensitiveEncoder:
    """What the sensitive features of the first rows were, so that later rows are told alike.

    Parameters
    ----------
    several : {"joint", "separate"}
        Whether groups of several columns are taken together, each combination that occurs, or each
        column for itself.
    continuous : "auto" or list of str and int
        Which columns are numbers, by name or place; "auto": those that hold fractions.
    """

    def __init__(self, several, continuous="auto"):
        self.several, self.continuous = several, continuous

    def fit(self, frame, weight=None):
        """Learn groups, means and scales from a data frame, weighted."""
        self.columns = list(frame)
        self.numbers = self._numbers(frame)
        others = [name for name in frame if name not in self.numbers]
        joint = self.several == "joint" and len(others) > 1
        self.parts = [others] if joint else [[name] for name in others]
        self.levels = {name: _levels(frame[name]) for name in others}
        self.scales = {name: _scale(name, frame[name], weight) for name in self.numbers}
        self.found = {}
        for part in self.parts:
            found = np.unique(self._joint_codes(frame, part))
            if len(found) < 2:
                raise ValueError(
                    f"Sensitive feature {' & '.join(part)!r} holds one group alone over "
                    f"n_samples={len(frame)}, {self._names(part, found)[0]!r}; there is nothing "
                    "to be fair between."
                )
            self.found[tuple(part)] = found
        return self

    def transform(self, frame):
        """Give what is to be guessed: a list of `Target`, numbers first."""
        if list(frame) != self.columns:
            raise ValueError(
                f"sensitive_features has the columns {list(frame)}; before it had {self.columns}."
            )
        targets = []
        for name in self.numbers:
            mean, scale = self.scales[name]
            targets.append(Target(name, (_finite(name, frame[name]) - mean) / scale, None))
        for part in self.parts:
            found, codes = self.found[tuple(part)], self._joint_codes(frame, part)
            values = np.searchsorted(found, codes)
            known = found[values.clip(max=len(found) - 1)] == codes
            if not known.all():
                raise ValueError(
                    f"Sensitive feature {' & '.join(part)!r} holds a group that the first rows had "
                    "not, and the adversary has no output for it; let the first rows have a row "
                    "of each group."
                )
            targets.append(Target(" & ".join(part), values, self._names(part, found)))
        return targets

    def _numbers(self, frame):
        names = list(frame)
        if isinstance(self.continuous, str):
            return [name for name in names if _holds_fractions(frame[name])]
        chosen = []
        for which in self.continuous:
            name = names[which] if which in range(len(names)) else str(which)
            if name not in names:
                raise ValueError(
                    f"continuous_features={self.continuous!r}: {which!r} is none of the sensitive "
                    f"features, {names}."
                )
            chosen.append(name)
        return chosen

    def _joint_codes(self, frame, part):
        codes = np.zeros(len(frame), dtype=np.int64)
        for name in part:
            levels = self.levels[name]
            place = levels.get_indexer(_plain(frame[name]))
            if (place < 0).any():
                new = frame[name].to_numpy()[place < 0][0]
                raise ValueError(
                    f"Sensitive feature {name!r} holds {new!r}, a group that the first rows had "
                    "not, and the adversary has no output for it; let the first rows have a row "
                    "of each group."
                )
            codes = codes * len(levels) + place
        return codes

    def _names(self, part, found):
        """Name groups by their codes: a value, or a tuple of values."""
        places = np.unravel_index(found, [len(self.levels[name]) for name in part])
        columns = [self.levels[name][place] for name, place in zip(part, places, strict=True)]
        return list(columns[0]) if len(part) == 1 else list(zip(*columns, strict=True))


def as_frame(sensitive_features, n_samples):
    """Give sensitive features as a data frame of columns with names.

    Parameters
    ----------
    sensitive_features : array-like, mapping, Series or DataFrame of shape (n_samples,) \
or (n_samples, k)
    n_samples : int

    Returns
    -------
    frame : DataFrame of shape (n_samples, k)
        With an index from 0: rows belong together by their place.
    """
    if isinstance(sensitive_features, pd.Series):
        named = sensitive_features.name is not None
        name = sensitive_features.name if named else "sensitive_0"
        sensitive_features = sensitive_features.to_frame(name)
    elif isinstance(sensitive_features, dict):
        sensitive_features = pd.DataFrame({k: list(v) for k, v in sensitive_features.items()})
    elif not isinstance(sensitive_features, pd.DataFrame):
        if isinstance(sensitive_features, (list, tuple)):  # numpy turns ["a", nan] into strings
            sensitive_features = pd.DataFrame(sensitive_features)
        values = np.asarray(sensitive_features)
        values = values.reshape(-1, 1) if values.ndim == 1 else values
        if values.ndim != 2:
            raise ValueError(
                f"sensitive_features has shape {values.shape}; give one column, or several: "
                "(n_samples,) or (n_samples, n_features)."
            )
        sensitive_features = pd.DataFrame(values).infer_objects()
        sensitive_features.columns = [f"sensitive_{i}" for i in range(values.shape[1])]
    if len(sensitive_features) != n_samples:
        raise ValueError(
            f"sensitive_features has {len(sensitive_features)} rows, and X has {n_samples}."
        )
    if sensitive_features.shape[1] == 0:
        raise ValueError("sensitive_features has no column; give one at least.")
    frame = sensitive_features.reset_index(drop=True)
    return frame.rename(columns=str)


def places_of(names, X):
    """Give the places of the columns of X that are named or numbered.

    Parameters
    ----------
    names : str, int or list of these
    X : ndarray or DataFrame of shape (n_samples, n_features)
    """
    listed = names if isinstance(names, list) else [names]
    n_columns = np.shape(X)[1]
    columns = list(X.columns) if hasattr(X, "columns") else list(range(n_columns))
    places = []
    for name in listed:
        if name in columns:
            places.append(columns.index(name))
        elif isinstance(name, (int, np.integer)) and -n_columns <= name < n_columns:
            places.append(int(name) % n_columns)
        else:
            raise ValueError(
                f"sensitive_features={names!r}: X has no column {name!r}; it has {columns[:10]}"
                f"{' and others' if n_columns > 10 else ''}."
            )
    if len(set(places)) < len(places) or not places:
        raise ValueError(f"sensitive_features={names!r} must name one column or more, each once.")
    return places


def _holds_fractions(column):
    if column.dtype.kind != "f":
        return False
    known = column.dropna()
    return bool((known != known.round()).any())


def _plain(column):
    """Give a column as objects with one kind of missing value."""
    values = column.astype("object")
    return values.where(values.notna(), np.nan)


def _levels(column):
    """Give the groups of a column in an order that is not that of the rows."""
    found = list(pd.unique(_plain(column)))
    known = [value for value in found if value == value]
    try:
        known = sorted(known)
    except TypeError:
        known = sorted(known, key=lambda value: (type(value).__name__, str(value)))
    missing = [np.nan] if len(known) < len(found) else []
    return pd.Index(known + missing, dtype="object")


def _finite(name, column):
    try:
        values = column.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Sensitive feature {name!r} is to be a number: {error}") from error
    if not np.isfinite(values).all():
        raise ValueError(f"Sensitive feature {name!r} is a number, and not finite in all rows.")
    return values


def _scale(name, column, weight):
    values = _finite(name, column)
    mean = np.average(values, weights=weight)
    scale = np.sqrt(np.average((values - mean) ** 2, weights=weight))
    if scale == 0:
        raise ValueError(
            f"Sensitive feature {name!r} is constant over n_samples={len(values)}; there is "
            "nothing to be fair about."
        )
    return mean, scale
