"""Models made of models: pipelines, searches, frozen estimators."""

from functools import singledispatch

from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module


def is_passthrough(step):
    """Tell whether a step of a pipeline or of a union hands on its rows as they are."""
    return step is None or (isinstance(step, str) and step == "passthrough")


@singledispatch
def as_transformer(step):
    """Convert a step that stands before others, where its `transform` is what counts."""
    if is_passthrough(step):
        return nn.Identity()
    if hasattr(step, "__sklearn_tags__") and is_classifier(step):
        raise NotDifferentiableError(
            step, "a classifier that stands before other steps, as a transformer, is not supported"
        )
    return as_module(step)


def peel(model):
    """Split a model into the modules of its transformers and the fitted step it ends in."""
    before: list[nn.Module] = []
    while True:
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif isinstance(model, BaseSearchCV):
            check_is_fitted(model, "best_estimator_")
            model = model.best_estimator_
        elif isinstance(model, Pipeline):
            check_is_fitted(model)
            before += [as_transformer(step) for _, step in model.steps[:-1]]
            model = model.steps[-1][1]
        else:
            return before, model


@as_module.register(FrozenEstimator)
@as_module.register(BaseSearchCV)
@as_module.register(Pipeline)
def _(model):
    before, last = peel(model)
    return nn.Sequential(*before, nn.Identity() if is_passthrough(last) else as_module(last)).eval()
