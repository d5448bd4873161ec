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


def as_frame(sensitive_features, n_samples):
    """Give sensitive features as a data frame of columns with names.

    Parameters
    ----------
    sensitive_features : array-like, Series or data frame of shape (n_samples,) or (n_samples, k)
    n_samples : int

    Returns
    -------
    frame : DataFrame of shape (n_samples, k)
        With an index from 0: rows belong together by their place.
    """
    if isinstance(sensitive_features, pd.Series):
        sensitive_features = sensitive_features.to_frame()
    if not isinstance(sensitive_features, pd.DataFrame):
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
    frame = sensitive_features.reset_index(drop=True)
    return frame.rename(columns=str)


def targets(frame, several):
    """Give what is to be guessed.

    Parameters
    ----------
    frame : DataFrame of shape (n_samples, k)
        A column of fractions is a number; any other is a group, and what is missing in it too.
    several : {"joint", "separate"}
        Whether groups of several columns are taken together, as of each combination that occurs,
        or each column for itself.

    Returns
    -------
    targets : list of Target
    """
    numbers = [name for name in frame if is_number(frame[name])]
    groups = [name for name in frame if name not in numbers]
    found = [_number(name, frame[name]) for name in numbers]
    if several == "joint" and len(groups) > 1:
        columns = [frame[name].astype("object") for name in groups]
        found.append(_group(" & ".join(groups), pd.Series(list(zip(*columns, strict=True)))))
    else:
        found += [_group(name, frame[name]) for name in groups]
    return found


def is_number(column):
    """Tell whether a column holds fractions, and so numbers rather than names of groups."""
    if column.dtype.kind != "f":
        return False
    known = column.dropna()
    return bool((known != known.round()).any())


def _number(name, column):
    values = column.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"Sensitive feature {name!r} is a number, and not finite in all rows.")
    return Target(name, (values - values.mean()) / values.std(), None)


def _group(name, column):
    codes, groups = pd.factorize(column.astype("object"), use_na_sentinel=False)
    if len(groups) < 2:
        raise ValueError(
            f"Sensitive feature {name!r} holds one group, {groups[0]!r}, and there is nothing to "
            "be fair between."
        )
    return Target(name, codes.astype(np.int64), list(groups))
