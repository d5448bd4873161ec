"""Rows as AIF360's data sets."""

import pandas as pd
from aif360.datasets import BinaryLabelDataset


def as_dataset(rows):
    """Give training set, test set, and (unprivileged, privileged) groups."""
    first = min(set(rows.group))
    parts = []
    for X, y, group in (
        (rows.X, rows.y, rows.group),
        (rows.X_test, rows.y_test, rows.group_test),
    ):
        frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        frame["group"] = (group != first).astype(float)
        frame["label"] = y.astype(float)
        parts.append(
            BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["group"])
        )
    return *parts, ([{"group": 0.0}], [{"group": 1.0}])
