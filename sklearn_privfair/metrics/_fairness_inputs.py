"""What the fairness metrics accept: labels of any type, and who belongs to which group."""

import warnings
from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils.multiclass import type_of_target

GROUPS = {"sensitive_features": ["array-like", Mapping], "sample_weight": ["array-like", None]}
LABELS = {
    "y_true": ["array-like"],
    "y_pred": ["array-like"],
    "pos_label": [Real, str, "boolean", None],
} | GROUPS


def encode_labels(y_true, y_pred):
    """Return the labels that occur, sorted, and both vectors as places in them."""
    codes, found = zip(
        *(_encode(labels, name) for name, labels in (("y_true", y_true), ("y_pred", y_pred))),
        strict=True,
    )
    same_length(y_true=codes[0], y_pred=codes[1])
    if len({isinstance(label, str) for labels in found for label in labels}) > 1:
        raise ValueError(
            "y_true and y_pred mix strings and numbers, "
            f"{found[0][:3]} and {found[1][:3]}; pass labels of one kind."
        )
    labels = sorted({*found[0], *found[1]})
    place = {label: i for i, label in enumerate(labels)}
    true, pred = (
        np.array([place[label] for label in labels_], dtype=np.intp)[codes_]
        for labels_, codes_ in zip(found, codes, strict=True)
    )
    return labels, true, pred


def _encode(labels, name):
    """Return the place of each label in the list of those found, and that list."""
    values = np.asarray(labels)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(
            f"{name} has shape {values.shape}; pass one label per row, and at least one row."
        )
    codes, found = pd.factorize(values)  # hashes: sorting 30,000 strings takes ten times as long
    if (codes < 0).any():
        raise ValueError(f"{name} holds missing values; leave those rows out.")
    found = found.tolist()
    if not isinstance(found[0], str) and type_of_target(np.array(found)).startswith("continuous"):
        raise ValueError(
            f"{name} holds continuous values, such as {found[0]!r}; pass labels. For scores and "
            "regressors there are group_means, mean_prediction_difference and "
            "statistical_parity_difference."
        )
    return codes, found


def positive_classes(labels, pos_label):
    """Return which labels count as positive, each against the rest.

    One, save for three labels and more without `pos_label`: then each in turn.
    """
    if pos_label is not None:
        if pos_label not in labels and len(labels) > 1:
            raise ValueError(f"pos_label={pos_label!r} is not among the labels, {labels}.")
        return [pos_label]
    if set(labels) <= {0, 1} or set(labels) <= {-1, 1}:
        return [1]
    if len(labels) < 3:
        raise ValueError(
            f"pos_label is None, and of the labels {labels} none is known to be the positive one; "
            f"pass it, for instance pos_label={labels[-1]!r}."
        )
    return labels


def encode_groups(sensitive_features, n_samples):
    """Return the groups that occur, as an index, and each row's place in it.

    Rows are matched by position; a missing value is a value of its own.
    """
    columns = _columns(sensitive_features)
    joint = np.zeros(n_samples, dtype=np.int64)
    parts = []
    for name, column in columns.items():
        if len(column) != n_samples:
            raise ValueError(
                f"sensitive_features has {len(column)} rows, and there are {n_samples} predictions."
            )
        codes, found = pd.factorize(column, sort=True, use_na_sentinel=False)
        found = np.asarray(found)
        if found.dtype.kind == "f" and np.any(found % 1 > 0):
            raise ValueError(
                f"The sensitive feature {name!r} is continuous, with values such as {found[0]}; "
                "cut it into groups, for instance with pandas.qcut."
            )
        parts.append((found, codes))
        joint, row = distinct(joint * len(found) + codes)
    levels = [
        pd.Index(found[codes[row]], name=name)
        for name, (found, codes) in zip(columns, parts, strict=True)
    ]
    return (levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)), joint


def group_name(groups, i):
    """Give the i-th group as Python writes it, not numpy."""
    parts = groups[i] if isinstance(groups[i], tuple) else (groups[i],)
    parts = tuple(part.item() if isinstance(part, np.generic) else part for part in parts)
    return parts if groups.nlevels > 1 else parts[0]


def distinct(codes):
    """Give equal codes one number, in their order, and of each number a row."""
    place, found = pd.factorize(codes, sort=True)
    row = np.empty(len(found), dtype=np.intp)
    row[place] = np.arange(len(codes))
    return place, row


def _columns(sensitive_features):
    if isinstance(sensitive_features, (Mapping, pd.DataFrame)):
        columns = {name: sensitive_features[name] for name in sensitive_features}
    elif isinstance(sensitive_features, pd.Series):
        name = sensitive_features.name
        columns = {"group" if name is None else name: sensitive_features}
    else:
        if isinstance(sensitive_features, (list, tuple)):  # numpy turns ["a", nan] into strings
            sensitive_features = pd.DataFrame(sensitive_features)
        array = np.asarray(sensitive_features)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim not in (1, 2):
            raise ValueError(
                f"sensitive_features has shape {array.shape}; pass one value per row, or one "
                "column per sensitive feature."
            )
        columns = {"group": array}
        if array.ndim == 2:
            columns = {f"group_{i}": pd.Series(a).infer_objects() for i, a in enumerate(array.T)}
    if not columns or any(np.ndim(column) != 1 for column in columns.values()):
        raise ValueError("sensitive_features must hold at least one column, one value per row.")
    return {
        name: pd.Series(column) if isinstance(column, (list, tuple)) else column
        for name, column in columns.items()
    }


def same_length(**named):
    """Raise if the arrays differ in length."""
    lengths = {name: len(values) for name, values in named.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"One row each is needed, and the lengths differ: "
            f"{', '.join(f'{name} has {n}' for name, n in lengths.items())}."
        )


def warn_undefined(message, stacklevel):
    """Warn that something is NaN; `stacklevel` counts from the caller of this function."""
    warnings.warn(message, UndefinedMetricWarning, stacklevel=stacklevel + 1)
