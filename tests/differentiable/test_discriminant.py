"""Gaussian discriminants and naive Bayes: logits are the log joint densities."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from sklearn_privfair.differentiable import NotDifferentiableError, as_module

from ._harness import Case, contract, make_labels, make_rows

CLASSIFIERS = [
    QuadraticDiscriminantAnalysis(),
    QuadraticDiscriminantAnalysis(reg_param=0.3),
    QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.2),
    GaussianNB(),
    GaussianNB(priors=[0.2, 0.8]),
    GaussianNB(priors=[0.2, 0.3, 0.5]),
]


@contract(
    *[
        Case(model, n_classes=k)
        for model in CLASSIFIERS
        for k in (2, 3)
        if getattr(model, "priors", None) is None or len(model.priors) == k
    ]
)
def test_discriminants(case, check):
    check(case)


@contract(
    *[
        make_pipeline(LinearDiscriminantAnalysis(**options), LogisticRegression(max_iter=2000))
        for options in ({}, {"n_components": 1}, {"solver": "eigen"})
    ]
)
def test_lda_as_a_transformer(case, check):
    check(case)


def test_a_classifier_that_cannot_stand_before_others():
    X = make_rows(60, 0)
    lda = LinearDiscriminantAnalysis(solver="lsqr").fit(X, make_labels(X, 3))
    model = make_pipeline(LinearDiscriminantAnalysis(), LogisticRegression(max_iter=2000))
    model.fit(X, make_labels(X, 3)).steps[0] = ("lda", lda)
    with pytest.raises(NotDifferentiableError, match="no transform with solver='lsqr'"):
        as_module(model)


def test_softmax_is_predict_proba():
    X = make_rows(60, 0)
    for k in (2, 3):
        for model in (QuadraticDiscriminantAnalysis(), GaussianNB()):
            model.fit(X, make_labels(X, k))
            probabilities = as_module(model)(torch.tensor(X)).softmax(dim=1)
            np.testing.assert_allclose(probabilities, model.predict_proba(X), 1e-9, 1e-15)
