"""Linear classifiers: logits are the decision function."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.svm import LinearSVC

from sklearn_privfair.differentiable import NotDifferentiableError, as_module

from ._harness import Case, contract, make_labels, make_rows

CLASSIFIERS = [
    LogisticRegression(max_iter=2000),
    LogisticRegression(max_iter=2000, fit_intercept=False),
    LinearSVC(dual=False),
    SGDClassifier(random_state=0),
    SGDClassifier(loss="modified_huber", penalty="l1", random_state=0),
    RidgeClassifier(),
    RidgeClassifier(fit_intercept=False),
    RidgeClassifierCV(),
    Perceptron(random_state=0),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    LinearDiscriminantAnalysis(solver="eigen"),
]


@contract(*[Case(model, n_classes=k) for model in CLASSIFIERS for k in (2, 3)])
def test_linear_classifiers(case, check):
    check(case)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_softmax_is_predict_proba_of_logistic_regression(n_classes):
    X = make_rows(100, 0)
    model = LogisticRegression(max_iter=2000).fit(X, make_labels(X, n_classes))
    probabilities = as_module(model)(torch.tensor(X)).softmax(dim=1).numpy()
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=1e-12)


def test_sparse_coefficients():
    X = make_rows(100, 0)
    model = SGDClassifier(penalty="l1", random_state=0).fit(X, make_labels(X, 3)).sparsify()
    logits = as_module(model)(torch.tensor(X)).numpy()
    np.testing.assert_allclose(logits, model.decision_function(X), rtol=1e-12)


def test_several_labels_a_row_are_refused():
    X = make_rows(100, 0)
    model = RidgeClassifier().fit(X, np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int))
    with pytest.raises(NotDifferentiableError, match="several labels a row"):
        as_module(model)


def test_a_decision_of_its_own_is_not_taken_for_linear():
    class Squared(LogisticRegression):
        def decision_function(self, X):
            return super().decision_function(X) ** 2

    X = make_rows(100, 0)
    model = Squared(max_iter=2000).fit(X, make_labels(X, 3))
    with pytest.raises(NotDifferentiableError, match="decision_function of its own"):
        as_module(model)
