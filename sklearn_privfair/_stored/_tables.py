"""Data frames, series and indexes as arrays."""

import numpy as np
import pandas as pd

from sklearn_privfair._stored._cells import cells, make_cells
from sklearn_privfair._stored._ways import add_way, from_stored, to_stored


def _frame(frame, memo):
    content = {
        "columns": to_stored(frame.columns, memo),
        "index": to_stored(frame.index, memo),
    }
    kinds = set(frame.dtypes)
    if len(kinds) == 1 and isinstance(kind := kinds.pop(), np.dtype) and kind.kind != "O":
        return content | {"array": frame.to_numpy()}  # one for hundreds of columns
    places = range(frame.shape[1])
    return content | {"cells": [cells(frame.iloc[:, place], memo) for place in places]}


def _make_frame(content, memo):
    columns, index = (from_stored(content[name], memo) for name in ("columns", "index"))
    if "array" in content:
        return pd.DataFrame(content["array"], index=index, columns=columns)
    series = {i: _column(part, index, memo) for i, part in enumerate(content["cells"])}
    return pd.DataFrame(series, index=index, columns=range(len(series))).set_axis(columns, axis=1)


def _column(content, index, memo):
    values = make_cells(content, memo)
    return pd.Series(values, index=index, dtype=values.dtype)


def _series(series, memo):
    parts = {"index": series.index, "name": series.name}
    return {"cells": cells(series, memo)} | {k: to_stored(v, memo) for k, v in parts.items()}


def _make_series(content, memo):
    index, name = (from_stored(content[part], memo) for part in ("index", "name"))
    return _column(content["cells"], index, memo).rename(name)


def _index(index, memo):
    names = [to_stored(name, memo) for name in index.names]
    if isinstance(index, pd.RangeIndex):
        return {"names": names, "range": [index.start, index.stop, index.step]}
    if isinstance(index, pd.MultiIndex):
        levels = [to_stored(level, memo) for level in index.levels]
        return {"names": names, "levels": levels, "codes": [np.asarray(c) for c in index.codes]}
    return {"names": names, "cells": cells(index, memo), "freq": getattr(index, "freqstr", None)}


def _make_index(content, memo):
    names = [from_stored(name, memo) for name in content["names"]]
    if "range" in content:
        index: pd.Index = pd.RangeIndex(*content["range"])
    elif "levels" in content:
        levels = [from_stored(level, memo) for level in content["levels"]]
        index = pd.MultiIndex(levels, content["codes"])
    else:
        values = make_cells(content["cells"], memo)
        index = pd.Index(values, dtype=values.dtype)
        if isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
            index.freq = content["freq"]
    return index.set_names(names)


add_way("frame", lambda value: type(value) is pd.DataFrame, _frame, _make_frame)
add_way("series", lambda value: type(value) is pd.Series, _series, _make_series)
add_way("index", pd.Index, _index, _make_index)
