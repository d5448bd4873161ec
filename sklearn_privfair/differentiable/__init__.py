"""Any model as one differentiable torch module, from raw features to logits."""

from sklearn_privfair.differentiable import (  # noqa: F401  (register converters)
    _columns,
    _compose,
    _discriminant,
    _functions,
    _imputing,
    _linear_models,
    _mlp,
    _power,
    _projection,
    _quantile,
    _scaling,
    _splines,
    _torch,
)
from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._functions import register_function
from sklearn_privfair.differentiable._victim import Victim

__all__ = ["NotDifferentiableError", "Victim", "as_module", "register_function"]
