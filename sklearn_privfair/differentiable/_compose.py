"""Models made of models: pipelines, searches, frozen estimators."""

from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import as_module


@as_module.register(FrozenEstimator)
def _(model):
    return as_module(model.estimator)


@as_module.register(BaseSearchCV)
def _(model):
    check_is_fitted(model, "best_estimator_")
    return as_module(model.best_estimator_)


@as_module.register(Pipeline)
def _(model):
    check_is_fitted(model)
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return nn.Sequential(*map(as_module, steps)).eval()
