"""Classifiers that ask other classifiers: by soft votes, or one class against the rest."""

import torch
from sklearn.ensemble import VotingClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._numbers import binary_columns
from sklearn_privfair.differentiable._probabilities import (
    Difference,
    LogShares,
    LogSoftmax,
    Mixture,
    as_decision,
    as_log_proba,
)


@as_module.register(VotingClassifier)
@as_log_proba.register(VotingClassifier)
def _(model):
    check_is_fitted(model)
    if model.voting != "soft":
        raise NotDifferentiableError(model, "hard votes are steps; take voting='soft'")
    weights = model._weights_not_none
    weights = [1.0] * len(model.estimators_) if weights is None else [float(w) for w in weights]
    if min(weights) < 0:
        raise NotDifferentiableError(model, f"its weights, {weights}, are not all positive")
    voters = [(e, w) for e, w in zip(model.estimators_, weights, strict=True) if w > 0]
    return Mixture([as_log_proba(e) for e, _ in voters], [w for _, w in voters]).eval()


class OneAgainstRest(nn.Module):
    """One value for each class from its own binary classifier; of two classes, one classifier."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x):
        """Give the logits of rows `x`."""
        values = torch.cat([member(x) for member in self.members], dim=1)
        return binary_columns(values) if len(self.members) == 1 else values


def _odds(model):
    return OneAgainstRest([nn.Sequential(as_log_proba(e), Difference()) for e in model.estimators_])


def _refuse_multilabel(model):
    check_is_fitted(model)
    if model.multilabel_:
        raise NotDifferentiableError(
            model, "it was fitted on several labels a row, and logits rank one label a row"
        )


@as_module.register(OneVsRestClassifier)
def _(model):
    _refuse_multilabel(model)
    if hasattr(model, "decision_function"):
        return OneAgainstRest([as_decision(e) for e in model.estimators_]).eval()
    return as_log_proba(model)


@as_log_proba.register(OneVsRestClassifier)
def _(model):
    _refuse_multilabel(model)
    normalize = LogSoftmax() if len(model.estimators_) == 1 else LogShares()
    return nn.Sequential(_odds(model), normalize).eval()
