"""Single cells of tables: values as objects, as codes, by place, and what their dtypes hold."""

import numpy as np
import pandas as pd

HALF = 2.0**23  # a carried value's code is two whole numbers below this, exact in float32
MISSING = 2.0**60  # stands for a missing number; its square is finite in float32
EXACT = 2.0**53  # whole numbers beyond which float64 has gaps


def objects(values):
    """Give values of any types as they are: an array of objects."""
    return np.fromiter(values, dtype=object)


def _told(column):
    """Give values as text that tells them apart, whether they can be compared or not."""

    def text(value):
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        return f"{type(value).__name__} {plain!r}"

    return pd.Series(column).astype(object).map(text, na_action="ignore")


def codes_of(column):
    """Give whole numbers below ``HALF ** 2`` that tell the values of a column; 0 where missing."""
    places, told = pd.factorize(_told(column), use_na_sentinel=True)
    codes = pd.util.hash_array(objects(told)) % int(HALF**2 - 1) + 1
    return np.append(codes.astype(np.float64), 0.0)[places]


def distinct(column):
    """Give each value of a column once."""
    return column[~_told(column).duplicated().to_numpy()]


def by_code(column):
    """Give the values of a column by their codes."""
    values = distinct(column.dropna()).astype(object)
    found = dict(zip(codes_of(values).tolist(), values, strict=True))
    if len(found) < len(values):
        raise ValueError(
            f"Two values of column {column.name!r} have one code; leave the column out of X."
        )
    return {0.0: np.nan, **found}


def named(categories, codes):
    """Give the categories at these places, NaN for -1."""
    return np.append(categories, np.nan)[codes.astype(np.int64)]


def in_order(values):
    """Give names of any types in an order that does not depend on where they stood.

    Raises
    ------
    TypeError
        If values of one type have no order.
    """
    return objects(sorted(values, key=lambda v: (str(type(v)), v)))


def limits(dtype, exact=True):
    """Give the range of whole numbers that a dtype holds, and float64 too, singly if `exact`."""
    if dtype.kind == "b":
        return 0, 1
    info = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
    if exact:
        return max(info.min, -EXACT), min(info.max, EXACT)
    most = float(info.max)
    return float(info.min), most if int(most) <= info.max else np.nextafter(most, 0)
