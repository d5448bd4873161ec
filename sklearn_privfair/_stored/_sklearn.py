"""Partials, dtypes, and parts of scikit-learn's estimators that skops does not take for safe."""

import functools

import numpy as np
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from sklearn_privfair._stored._ways import add_way, from_stored, to_stored


def _partial(partial, memo):
    parts = {"args": list(partial.args), "keywords": partial.keywords}
    return {"func": to_stored(partial.func, memo)} | to_stored(parts, memo)


def _make_partial(content, memo):
    func = from_stored(content["func"], memo)
    args, keywords = (from_stored(content[name], memo) for name in ("args", "keywords"))
    return functools.partial(func, *args, **keywords)


add_way("partial", functools.partial, _partial, _make_partial)
add_way("dtype", np.dtype, lambda dtype, _: {"name": dtype.str}, lambda c, _: np.dtype(c["name"]))
# scikit-learn's own, which skops does not know: three arrays
add_way("trees", TreePredictor, lambda t, _: dict(vars(t)), lambda c, _: TreePredictor(**c))
