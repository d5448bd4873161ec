"""Linear classifiers: whatever decides by ``X @ coef_.T + intercept_``."""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._numbers import Numbers, binary_columns, dense
from sklearn_privfair.differentiable._rowwise import rowwise_linear


class Linear(Numbers):
    """The map ``(x - center) @ weight.T + bias``; `center` and `bias` may be None."""

    def __init__(self, weight, bias=None, center=None):
        super().__init__(weight=weight, bias=bias, center=center)

    def forward(self, x):
        """Map rows `x`."""
        x = self.cast(x)
        if self.center is not None:
            x = x - self.center
        return rowwise_linear(x, self.weight, self.bias)


class LinearLogits(Linear):
    """The decision values of a linear classifier; of one value, the two columns ``[0, z]``."""

    def forward(self, x):
        """Give the logits of rows `x`."""
        z = super().forward(x)
        return binary_columns(z) if z.shape[1] == 1 else z


def refuse_multilabel(model):
    """Raise when the targets of `model` were labels that do not exclude each other."""
    if getattr(model, "_label_binarizer", None) is None:
        return
    if model._label_binarizer.y_type_.startswith("multilabel"):
        raise NotDifferentiableError(
            model, "it was fitted on several labels a row, and logits rank one label a row"
        )


def _own_decision(cls):
    known = (LinearClassifierMixin.decision_function, LinearDiscriminantAnalysis.decision_function)
    return cls.decision_function not in known


@as_module.register(LinearClassifierMixin)
def _(model):
    check_is_fitted(model)
    refuse_multilabel(model)
    if _own_decision(type(model)):
        raise NotDifferentiableError(model, "its class has a decision_function of its own")
    weight = np.atleast_2d(dense(model.coef_))
    return LinearLogits(weight, np.broadcast_to(model.intercept_, len(weight))).eval()
