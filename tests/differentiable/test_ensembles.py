"""Soft votes, calibration, one class against the rest: log probabilities that never underflow."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from sklearn_privfair.differentiable import NotDifferentiableError, as_log_proba, as_module

from ._harness import Case, contract, make_labels, make_rows

SCALED = make_pipeline(StandardScaler(), LogisticRegression())
BAYES = GaussianNB(var_smoothing=0.05)
QDA = QuadraticDiscriminantAnalysis(reg_param=0.5)
SGD = SGDClassifier(loss="log_loss", alpha=0.1, random_state=0)
HUGE = {"huge": 30.0}  # further out scikit-learn's own sums are 0 / 0


def _vote(*members, weights=None):
    named = [(f"m{i}", member) for i, member in enumerate(members)]
    return VotingClassifier(named, voting="soft", weights=weights)


VOTES = [
    _vote(SCALED, BAYES, QDA),
    _vote(SCALED, BAYES, LinearDiscriminantAnalysis(), weights=[3, 0, 0.5]),
    _vote(GridSearchCV(SCALED, {"logisticregression__C": [0.1, 1]}), _vote(BAYES, SCALED)),
    _vote(OneVsRestClassifier(SCALED), CalibratedClassifierCV(SCALED, cv=2)),
    _vote(make_pipeline(StandardScaler(), SGD), MLPClassifier((5,), tol=0.1, random_state=0)),
]
CALIBRATED = [
    CalibratedClassifierCV(make_pipeline(StandardScaler(), base), method=method, cv=2, **options)
    for base, method, options in [
        (LinearSVC(), "sigmoid", {}),
        (LinearSVC(), "sigmoid", {"ensemble": False}),
        (LinearSVC(), "temperature", {}),
        (RidgeClassifier(), "temperature", {"ensemble": False}),
        (BAYES, "sigmoid", {}),
        (BAYES, "temperature", {}),
        (SVC(), "sigmoid", {}),
    ]
]
AGAINST_REST = [
    OneVsRestClassifier(make_pipeline(StandardScaler(), base)) for base in (LinearSVC(), SVC())
]


@contract(*[Case(model, n_classes=k, **HUGE) for model in VOTES for k in (2, 3)])
def test_votes(case, check):
    check(case)


@contract(*[Case(model, n_classes=k, **HUGE) for model in CALIBRATED for k in (2, 3)])
def test_calibrated(case, check):
    check(case)


@contract(
    *[Case(model, n_classes=k) for model in AGAINST_REST for k in (2, 3)],
    *[Case(OneVsRestClassifier(BAYES), n_classes=k, **HUGE) for k in (2, 3)],
)
def test_one_against_rest(case, check):
    check(case)


def test_log_probabilities_do_not_underflow():
    X = make_rows(100, 0)
    y = make_labels(X, 3)
    model = _vote(LogisticRegression(max_iter=5000), GaussianNB()).fit(X, y)
    far = torch.tensor(1e3 * X, requires_grad=True)
    logs = as_module(model)(far)
    assert (model.predict_proba(1e3 * X) == 0).any()
    assert logs.isfinite().all()
    assert (logs < -1e3).any()
    (gradient,) = torch.autograd.grad(logs.min(dim=1).values.sum(), far)
    assert (gradient.abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize("k", [2, 3])
def test_a_net_votes(k):
    X = make_rows(60, 0).astype(np.float32)
    X /= X.std(axis=0)
    y = np.unique(make_labels(X, k), return_inverse=True)[1]
    net = NeuralNetClassifier(
        nn.Sequential(nn.Linear(6, k), nn.Softmax(dim=1)), max_epochs=1, verbose=0
    )
    model = _vote(net, LogisticRegression(max_iter=2000)).fit(X, y)
    logs = as_module(model)(torch.tensor(X))
    np.testing.assert_allclose(logs.exp().detach(), model.predict_proba(X), rtol=1e-5)


def test_a_threshold_moves_no_probability():
    X = make_rows(60, 0).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.float32)
    net = NeuralNetBinaryClassifier(nn.Linear(6, 1), threshold=0.9, max_epochs=1, verbose=0)
    net.fit(X, y)
    logs = as_log_proba(net)(torch.tensor(X))
    np.testing.assert_allclose(logs.exp().detach(), net.predict_proba(X), rtol=1e-4, atol=1e-6)


def _fit(model, n_classes=3):
    X = make_rows(80, 0)
    return clone(model).fit(X, make_labels(X, n_classes))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (VotingClassifier([("a", SCALED), ("b", BAYES)], voting="hard"), "hard votes are steps"),
        (_vote(SCALED, RandomForestClassifier(2)), "RandomForestClassifier"),
        (_vote(SGDClassifier(loss="modified_huber")), "cut off"),
        (CalibratedClassifierCV(SCALED, method="isotonic", cv=2), "isotonic"),
        (CalibratedClassifierCV(SVC(decision_function_shape="ovo"), cv=2), "no one belongs"),
        (CalibratedClassifierCV(RandomForestClassifier(2), cv=2), "RandomForestClassifier"),
    ],
)
def test_refused(model, why):
    with pytest.raises(NotDifferentiableError, match=why):
        as_module(_fit(model))


def test_several_labels_a_row_are_refused():
    X = make_rows(80, 0)
    model = OneVsRestClassifier(SCALED).fit(X, np.stack([X[:, 0] > 0, X[:, 1] > 5], axis=1) * 1)
    with pytest.raises(NotDifferentiableError, match="several labels a row"):
        as_module(model)


@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
def test_calibration_of_a_frozen_model(method):
    X = make_rows(80, 0)
    model = CalibratedClassifierCV(FrozenEstimator(_fit(SCALED)), method=method)
    model.fit(X, make_labels(X, 3))
    logs = as_module(model)(torch.tensor(X))
    np.testing.assert_allclose(logs.exp(), model.predict_proba(X), rtol=1e-9)
