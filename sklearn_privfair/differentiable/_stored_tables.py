"""Tables, and what stands beside them, as arrays: the ways in which they are stored."""

import functools
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from sklearn_privfair.differentiable._stored import add_way, from_stored, to_stored


def _frame(frame, memo):
    return {
        "columns": [to_stored(name, memo) for name in frame.columns],
        "index": frame.index.to_numpy(),
        "values": [_column(frame.iloc[:, i]) for i in range(frame.shape[1])],
    }


def _column(column):
    if isinstance(column.dtype, pd.CategoricalDtype):
        return {
            "codes": column.cat.codes.to_numpy(),
            "categories": column.cat.categories.to_numpy(),
            "ordered": bool(column.cat.ordered),
        }
    exact = isinstance(column.dtype, np.dtype)
    return {"array": column.to_numpy(None if exact else object), "dtype": str(column.dtype)}


def _make_frame(content, _):
    columns = {}
    for place, part in enumerate(content["values"]):
        if "codes" in part:
            values: Any = pd.Categorical.from_codes(
                part["codes"], categories=part["categories"], ordered=part["ordered"]
            )
        else:
            values = pd.array(part["array"], dtype=part["dtype"])
        columns[place] = pd.Series(values, index=content["index"])
    frame = pd.DataFrame(columns, index=content["index"])
    return frame.set_axis(content["columns"], axis=1)


def _partial(partial, memo):
    parts = {"args": list(partial.args), "keywords": partial.keywords}
    return {"func": to_stored(partial.func, memo)} | to_stored(parts, memo)


def _make_partial(content, memo):
    func = from_stored(content["func"], memo)
    args, keywords = (from_stored(content[name], memo) for name in ("args", "keywords"))
    return functools.partial(func, *args, **keywords)


add_way("frame", pd.DataFrame, _frame, _make_frame)
add_way("partial", functools.partial, _partial, _make_partial)
add_way("dtype", np.dtype, lambda dtype, _: {"name": dtype.str}, lambda c, _: np.dtype(c["name"]))
# scikit-learn's own, which skops does not know: three arrays
add_way("trees", TreePredictor, lambda t, _: dict(vars(t)), lambda c, _: TreePredictor(**c))
