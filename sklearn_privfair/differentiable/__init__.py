"""Any model as one differentiable torch module, from raw features to logits."""

from sklearn_privfair.differentiable import _compose, _torch  # noqa: F401  (register converters)
from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._victim import Victim

__all__ = ["NotDifferentiableError", "Victim", "as_module"]
