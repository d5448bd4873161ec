"""Adult and COMPAS as every method gets them: encoded alike, with the group beside.

Adult has its own test rows, and a seed decides only what a method draws. COMPAS has none: a seed
decides the split as well. The census weight `fnlwgt` is no property of a person, and left out.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_privfair.datasets import fetch_adult, fetch_compas


@dataclass
class Rows:
    """Training and test rows: float32 features, labels 0 and 1, names of groups."""

    X: np.ndarray
    y: np.ndarray
    group: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    group_test: np.ndarray


def adult(seed):
    """Give Adult in the census's own split; the group is sex, and positive is above 50,000."""
    del seed
    parts = (fetch_adult(subset=part, return_X_y=True) for part in ("train", "test"))
    (X, y), (X_test, y_test) = ((X.drop(columns="fnlwgt"), y == ">50K") for X, y in parts)
    return _encoded(X, y, X_test, y_test, "sex")


def compas(seed):
    """Give COMPAS, three tenths of it for testing; the group is race, positive a new charge."""
    X, y = fetch_compas(return_X_y=True)
    strata = X["race"].astype(str) + y.astype(str)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=strata)
    return _encoded(X, y, X_test, y_test, "race")


def _encoded(X, y, X_test, y_test, group):
    encoder = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), _categories),
    )
    arrays = [
        encoder.fit_transform(X).astype(np.float32),
        encoder.transform(X_test).astype(np.float32),
    ]
    labels = [np.asarray(part).astype(np.int64) for part in (y, y_test)]
    groups = [np.asarray(part[group]).astype(str) for part in (X, X_test)]
    return Rows(arrays[0], labels[0], groups[0], arrays[1], labels[1], groups[1])


def _categories(frame):
    return [name for name, kind in frame.dtypes.items() if kind.kind not in "if"]


ROWS = {"Adult": adult, "COMPAS": compas}
