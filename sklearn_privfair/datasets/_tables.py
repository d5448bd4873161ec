"""From a data frame to a Bunch with features, target and sensitive columns."""

import numpy as np
import pandas as pd
from sklearn.utils import Bunch


def as_categories(column):
    """Return strings as a categorical, categories sorted and `?` as missing."""
    values = column.astype(object)
    values = values.where(values.notna() & (values != "?"), None)
    return pd.Categorical(values, categories=sorted(set(values.dropna())))


def table_bunch(frame, *, target, target_names, sensitive, descr, as_frame, return_X_y):
    """Return the Bunch of a table whose column `target` is the target."""
    frame = frame.reset_index(drop=True)
    data, y = frame.drop(columns=target), frame[target]
    names = list(data.columns)
    if not as_frame:
        data, y, frame = data.to_numpy(dtype=object), np.asarray(y), None
    if return_X_y:
        return data, y
    return Bunch(
        data=data,
        target=y,
        frame=frame,
        feature_names=names,
        target_names=target_names,
        sensitive_features=list(sensitive),
        DESCR=descr,
    )
