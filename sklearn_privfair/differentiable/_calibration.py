"""CalibratedClassifierCV: Platt's sigmoid and temperatures, in log probabilities.

Where every class of a row is so unlikely that scikit-learn rounds all to 0 and answers with equal
probabilities, the logits still tell the classes apart.
"""

import math

import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._numbers import Numbers, binary_columns
from sklearn_privfair.differentiable._probabilities import (
    Exp,
    LogShares,
    LogSoftmax,
    Mixture,
    as_decision,
    as_log_proba,
)

_EPS = 1e-12  # what scikit-learn adds to probabilities before it takes their logarithm


class PlattOdds(Numbers):
    """Log-odds from decision values, by a line for each class."""

    def forward(self, values):
        """Calibrate rows of decision values."""
        odds = -(self.slope * values + self.intercept)
        return binary_columns(odds) if odds.shape[1] == 1 else odds


class Temperature(nn.Module):
    """Logits times a constant; one value z stands for the logits ``(-z, z)``."""

    def __init__(self, beta):
        super().__init__()
        self.beta = beta

    def forward(self, values):
        """Calibrate rows of decision values."""
        logits = torch.cat([-values, values], dim=1) if values.shape[1] == 1 else values
        return self.beta * logits


class LogWithFloor(nn.Module):
    """The logarithm of probabilities plus a little, from their logarithms."""

    def forward(self, logs):
        """Add the little."""
        return torch.logaddexp(logs, torch.full_like(logs, math.log(_EPS)))


def _calibrated(member):
    model, method = member.estimator, member.method
    # for a temperature, scikit-learn fits the members on the numbers of the classes
    if len(model.classes_) != len(member.classes):
        raise NotDifferentiableError(
            model, "its share of the training rows lacks some of the classes"
        )
    has_decision = hasattr(model, "decision_function")
    if method == "temperature":
        values = as_decision(model) if has_decision else as_log_proba(model)
        floor = [] if has_decision else [LogWithFloor()]
        beta = float(member.calibrators[0].beta_)
        return nn.Sequential(values, *floor, Temperature(beta), LogSoftmax())
    if has_decision:
        values = as_decision(model)
    else:
        values = nn.Sequential(as_log_proba(model), Exp(), _PositiveClass())
    platt = PlattOdds(
        slope=[c.a_ for c in member.calibrators], intercept=[c.b_ for c in member.calibrators]
    )
    normalize = LogSoftmax() if len(member.classes) == 2 else LogShares()
    return nn.Sequential(values, platt, normalize)


class _PositiveClass(nn.Module):
    """Of two columns the second; more columns stay."""

    def forward(self, x):
        return x[:, 1:] if x.shape[1] == 2 else x


@as_module.register(CalibratedClassifierCV)
@as_log_proba.register(CalibratedClassifierCV)
def _(model):
    check_is_fitted(model)
    if model.method not in ("sigmoid", "temperature"):
        raise NotDifferentiableError(
            model, f"calibration with method={model.method!r} is a step function; take 'sigmoid'"
        )
    members = [_calibrated(member) for member in model.calibrated_classifiers_]
    return Mixture(members, [1.0] * len(members)).eval()
