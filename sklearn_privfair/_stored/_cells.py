"""Columns of tables and their dtypes as arrays: numbers, words, categories, moments, gaps."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype
from pandas.api.types import pandas_dtype

from sklearn_privfair._stored._ways import add_way, from_stored, to_stored

_SCALARS = (pd.Timestamp, pd.Timedelta, pd.Interval, pd.Period)
_DAYS: dict[str, Any] = {"date": dt.date, "datetime": dt.datetime, "time": dt.time}


def cells(column, memo):
    """Give the values of a column.

    Parameters
    ----------
    column : Series or Index
        Of one level.
    memo : dict

    Returns
    -------
    content : dict
        Arrays, or lists of what stands for each value, and the dtype.
    """
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return {"array": column.to_numpy()}
    return _special(column, dtype, memo) | {"dtype": to_stored(dtype, memo)}


def _special(column, dtype, memo):
    array = column.array
    if isinstance(dtype, pd.CategoricalDtype):
        return {"codes": np.asarray(array.codes)}
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"array": np.asarray(pd.DatetimeIndex(array).tz_convert("UTC").tz_localize(None))}
    if isinstance(dtype, pd.PeriodDtype):
        return {"array": array.asi8}
    if isinstance(dtype, pd.IntervalDtype):
        return {side: cells(pd.Index(getattr(array, side)), memo) for side in ("left", "right")}
    if hasattr(dtype, "numpy_dtype") and not hasattr(dtype, "pyarrow_dtype"):  # Int64, boolean, ...
        return {
            "array": array.to_numpy(dtype=dtype.numpy_dtype, na_value=0),
            "missing": np.asarray(array.isna()),
        }
    if isinstance(dtype, pd.StringDtype) or all(type(word) is str for word in array):
        codes, words = pd.factorize(np.asarray(array, dtype=object))
        return {"codes": codes, "words": words.tolist()}
    return {"cells": [to_stored(value, memo) for value in array]}


def make_cells(content, memo):
    """Undo `cells`.

    Returns
    -------
    values : ndarray or ExtensionArray
    """
    if "dtype" not in content:
        return content["array"]
    dtype: Any = from_stored(content["dtype"], memo)
    if isinstance(dtype, pd.CategoricalDtype):
        return pd.Categorical.from_codes(content["codes"], dtype=dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(content["array"]).tz_localize("UTC").tz_convert(dtype.tz).array
    if isinstance(dtype, pd.PeriodDtype):
        return pd.PeriodIndex.from_ordinals(content["array"], freq=dtype.freq).array
    if isinstance(dtype, pd.IntervalDtype):
        sides = [pd.Index(make_cells(content[side], memo)) for side in ("left", "right")]
        return pd.arrays.IntervalArray.from_arrays(*sides, dtype.closed)
    if "missing" in content:
        array = pd.array(content["array"], dtype=dtype)
        array[content["missing"]] = pd.NA
        return array
    if "codes" in content:
        words = np.fromiter(content["words"], dtype=object)
        values = np.append(words, [None])[content["codes"]]  # -1: the last
    else:
        given = (from_stored(value, memo) for value in content["cells"])
        values = np.fromiter(given, dtype=object)
    return values if isinstance(dtype, np.dtype) else pd.array(values, dtype=dtype)


def _dtype(dtype, memo):
    if isinstance(dtype, pd.CategoricalDtype):
        if dtype.categories is None:
            return {"name": "category"}
        return {
            "categories": to_stored(dtype.categories, memo),
            "ordered": bool(dtype.ordered),
        }
    if isinstance(dtype, pd.StringDtype):
        return {"string": dtype.storage, "missing": "NA" if dtype.na_value is pd.NA else "nan"}
    if pandas_dtype(str(dtype)) != dtype:
        raise TypeError(
            f"A column is of dtype {dtype!r}, which cannot be told by a word, so that skops cannot "
            "store it; use another dtype, or pickle."
        )
    return {"name": str(dtype)}


def _make_dtype(content, memo):
    if "categories" in content:
        return pd.CategoricalDtype(from_stored(content["categories"], memo), content["ordered"])
    if "string" not in content:
        return pandas_dtype(content["name"])
    if content["missing"] == "NA":
        return pd.StringDtype(content["string"])
    return pd.StringDtype(content["string"], na_value=np.nan)


add_way("pandas dtype", ExtensionDtype, _dtype, _make_dtype)
add_way(
    "gap",
    lambda value: value is pd.NA or value is pd.NaT,
    lambda gap, _: {"name": "NA" if gap is pd.NA else "NaT"},
    lambda content, _: {"NA": pd.NA, "NaT": pd.NaT}[content["name"]],
)
add_way(
    "scalar",
    _SCALARS,
    lambda scalar, memo: cells(pd.Series([scalar]), memo),
    lambda content, memo: pd.Series(make_cells(content, memo))[0],
)
add_way(
    "day",
    lambda value: type(value) in _DAYS.values() and getattr(value, "tzinfo", None) is None,
    lambda day, _: {"class": type(day).__name__, "name": day.isoformat()},
    lambda content, _: _DAYS[content["class"]].fromisoformat(content["name"]),
)
