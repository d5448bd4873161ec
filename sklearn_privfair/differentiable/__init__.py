"""Any model as one differentiable torch module, from raw features to logits."""

from sklearn_privfair.differentiable import (  # noqa: F401  (register converters, ways of storing)
    _calibration,
    _columns,
    _compose,
    _discriminant,
    _ensembles,
    _functions,
    _imputing,
    _linear_models,
    _mlp,
    _power,
    _projection,
    _quantile,
    _scaling,
    _splines,
    _stored_names,
    _stored_torch,
    _svm,
    _torch,
)
from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._functions import register_function
from sklearn_privfair.differentiable._probabilities import as_log_proba
from sklearn_privfair.differentiable._straight_through import soft_round, straight_through
from sklearn_privfair.differentiable._victim import Victim

__all__ = [
    "NotDifferentiableError",
    "Victim",
    "as_log_proba",
    "as_module",
    "register_function",
    "soft_round",
    "straight_through",
]
