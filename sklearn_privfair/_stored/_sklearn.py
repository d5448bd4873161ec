"""Partials, dtypes, and parts of scikit-learn's estimators that skops does not take for safe."""

import functools

import numpy as np
from scipy.interpolate import BSpline
from sklearn import feature_selection, metrics
from sklearn._loss.loss import BaseLoss
from sklearn.calibration import _CalibratedClassifier, _SigmoidCalibration
from sklearn.gaussian_process._gpc import _BinaryGaussianProcessClassifierLaplace
from sklearn.gaussian_process.kernels import Kernel
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer, _PassthroughScorer
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
from sklearn.multiclass import _ConstantPredictor
from sklearn.neural_network._stochastic_optimizers import BaseOptimizer
from sklearn.utils import Bunch
from sklearn.utils._metadata_requests import SIMPLE_METHODS, MetadataRequest

from sklearn_privfair._stored._functions import add_functions
from sklearn_privfair._stored._named import add_package
from sklearn_privfair._stored._ways import add_way, from_stored, to_stored

_PARTS: tuple = (_BaseScorer, _MultimetricScorer, _PassthroughScorer)
_PARTS += (BaseCrossValidator, BaseShuffleSplit, Kernel, BaseOptimizer, BaseLoss)
_PARTS += (_CalibratedClassifier, _SigmoidCalibration, _ConstantPredictor)
_PARTS += (_BinaryGaussianProcessClassifierLaplace,)


def _requests(request, memo):
    """Give what is asked for, without the estimator that asks, whose part this is."""
    asked = {method: getattr(request, method).requests for method in SIMPLE_METHODS}
    return {"asked": to_stored(asked, memo)}


def _make_requests(content, memo):
    request = MetadataRequest(owner=None)
    for method, asked in from_stored(content["asked"], memo).items():
        getattr(request, method)._requests = asked
    return request


def _partial(partial, memo):
    parts = {"args": list(partial.args), "keywords": partial.keywords}
    return {"func": to_stored(partial.func, memo)} | to_stored(parts, memo)


def _make_partial(content, memo):
    func = from_stored(content["func"], memo)
    args, keywords = (from_stored(content[name], memo) for name in ("args", "keywords"))
    return functools.partial(func, *args, **keywords)


add_way("partial", functools.partial, _partial, _make_partial)
add_way("dtype", np.dtype, lambda dtype, _: {"name": dtype.str}, lambda c, _: np.dtype(c["name"]))
add_way(
    "bunch",
    lambda value: type(value) is Bunch,
    lambda bunch, memo: {"items": to_stored(dict(bunch), memo)},
    lambda content, memo: Bunch(**from_stored(content["items"], memo)),
)
add_way("requests", MetadataRequest, _requests, _make_requests)
add_package("sklearn", _PARTS)
add_package("sklearn.callback")
add_way(
    "spline",
    lambda value: type(value) is BSpline,
    lambda s, _: {"t": s.t, "c": s.c, "k": s.k, "extrapolate": s.extrapolate, "axis": s.axis},
    lambda content, _: BSpline(**content),
)
add_functions("sklearn.feature_selection", tuple(feature_selection.__all__))
add_functions("sklearn.metrics", tuple(metrics.__all__))
add_functions("sklearn.utils.validation", ("check_array",))
