"""Pipelines, searches and frozen estimators of converted steps."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.differentiable import NotDifferentiableError, as_module

from ._harness import Case, contract, make_labels, make_rows

LINEAR = LogisticRegression(max_iter=2000)


@contract(
    make_pipeline(StandardScaler(), MinMaxScaler(), LINEAR),
    Case(make_pipeline(StandardScaler(), "passthrough", LINEAR), n_classes=2),
    Pipeline([("a", StandardScaler()), ("none", None), ("b", MinMaxScaler())]),
    make_pipeline(StandardScaler(), "passthrough"),
    make_pipeline(StandardScaler(), make_pipeline(MinMaxScaler(), LINEAR)),
    GridSearchCV(make_pipeline(StandardScaler(), LINEAR), {"logisticregression__C": [0.1, 1]}),
    make_pipeline(GridSearchCV(LINEAR, {"C": [0.1, 1]})),
)
def test_compositions(case, check):
    check(case)


def test_frozen():
    X = make_rows(80, 0)
    model = make_pipeline(
        FrozenEstimator(StandardScaler().fit(X)), LogisticRegression(max_iter=2000)
    ).fit(X, make_labels(X, 3))
    logits = as_module(FrozenEstimator(model))(torch.tensor(X)).numpy()
    np.testing.assert_allclose(logits, model.decision_function(X), rtol=1e-12)


def test_float32_net_after_a_scaler_takes_float64_rows():
    X = make_rows(80, 0)
    net = NeuralNetClassifier(
        nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=1)),
        max_epochs=1,
        verbose=0,
    )
    scaler = StandardScaler().fit(X.astype(np.float32))
    codes = np.unique(make_labels(X, 3), return_inverse=True)[1]
    net.fit(scaler.transform(X.astype(np.float32)), codes)
    model = Pipeline([("scale", scaler), ("net", net)])

    x = torch.tensor(X, requires_grad=True)
    logits = as_module(model)(x)
    assert logits.dtype == torch.float32
    expected = model.predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(logits.softmax(1).detach(), expected, rtol=1e-4)
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), x)
    assert gradient.dtype == torch.float64
    w1, w2 = (p.detach().double().numpy() for p in net.module_.parameters() if p.ndim == 2)
    hidden = np.maximum(0, np.sign(scaler.transform(X) @ w1.T + net.module_[0].bias.tolist()))
    np.testing.assert_allclose(gradient, (hidden * w2[0]) @ w1 / scaler.scale_, rtol=1e-5)


@pytest.mark.parametrize(
    "step",
    [
        KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf"),
        Binarizer(),
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(),
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_step_without_derivative_is_named(step):
    X = make_rows(80, 0)
    model = make_pipeline(StandardScaler(), step, LINEAR).fit(X, make_labels(X, 3))
    with pytest.raises(NotDifferentiableError, match=rf"^{type(step).__name__}") as caught:
        as_module(model)
    assert caught.value.step is model[1]


@pytest.mark.parametrize("last", [RandomForestClassifier(3), KNeighborsClassifier()], ids=str)
def test_a_classifier_without_derivative_is_named(last):
    X = make_rows(80, 0)
    model = make_pipeline(StandardScaler(), last).fit(X, make_labels(X, 3))
    with pytest.raises(NotDifferentiableError, match=rf"^{type(last).__name__}") as caught:
        as_module(model)
    assert caught.value.step is model[-1]


def test_unfitted_pipelines():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's own, on its way to the error
        with pytest.raises(NotFittedError):
            as_module(make_pipeline(StandardScaler(), LINEAR))
