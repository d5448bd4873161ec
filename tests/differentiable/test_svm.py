"""Kernel classifiers: the decision values of libsvm, and logits that vote as it does."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, NuSVC
from torch import nn

from sklearn_privfair.differentiable import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._svm import Duels, VoteLogits, pair_decisions

from ._harness import Case, check_values, contract, make_labels, make_rows


def _winner(signs, pairs, k):
    winners = [i if sign > 0 else j for (i, j), sign in zip(pairs, signs, strict=True)]
    return np.bincount(winners, minlength=k).argmax()


def _by_votes(decisions, k):
    """Of all sets of duels that settle the vote for a class, the one with the best weakest duel."""
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    outcome = {signs: _winner(signs, pairs, k) for signs in product([1, -1], repeat=len(pairs))}
    logits = np.full((len(decisions), k), -np.inf)
    for known in product([1, 0, -1], repeat=len(pairs)):
        ways = product(*[[sign] if sign else [1, -1] for sign in known])
        winners = {outcome[way] for way in ways}
        if len(winners) == 1:
            chosen = [i for i, sign in enumerate(known) if sign]
            weakest = (decisions * known)[:, chosen].min(axis=1)
            winner = winners.pop()
            logits[:, winner] = np.maximum(logits[:, winner], weakest)
    return logits


def _reference(model, X):
    return _by_votes(model.decision_function(X), 3)


def _case(model, n_classes):
    model.set_params(decision_function_shape="ovo")
    # a far polynomial: libsvm and we round a sum of large terms that cancel
    options = {"huge": 1e3, "rtol": 1e-8}
    if n_classes == 3:
        options["reference"] = _reference
    if n_classes == 4:  # see the tests of duels
        options["without"] = (check_values,)
    return Case(model, n_classes, **options)


@contract(
    *[
        _case(SVC(kernel=kernel, **options), k)
        for kernel, options in [
            ("linear", {"C": 0.1}),
            ("rbf", {}),
            ("rbf", {"gamma": 0.3, "C": 10}),
            ("poly", {"coef0": 1.0}),
            ("poly", {"degree": 2, "gamma": "auto"}),
            ("sigmoid", {"gamma": 0.01}),
        ]
        for k in (2, 3, 4)
    ],
    *[_case(NuSVC(nu=0.1), k) for k in (2, 3)],
)
def test_svc(case, check):
    check(case)


@contract(
    Case(make_pipeline(StandardScaler(), PCA(4), SVC()), without=(check_values,)),
    Case(make_pipeline(StandardScaler(), PCA(4), SVC()), n_classes=2),
)
def test_in_a_pipeline(case, check):
    check(case)


class _Given(nn.Module):
    """Decision values, given as the rows."""

    def forward(self, x):
        return x


def _votes(decisions, k):
    first, second = np.triu_indices(k, 1)
    winners = np.where(decisions > 0, first, second)
    return np.stack([(winners == i).sum(axis=1) for i in range(k)], axis=1)


@pytest.mark.parametrize("k", [3, 4, 5, 7])
@pytest.mark.parametrize("break_ties", [False, True])
def test_votes_of_any_duels(k, break_ties):
    """Random duels, most without a class that wins all of its own."""
    rng = np.random.default_rng(k)
    decisions = rng.normal(size=(500, k * (k - 1) // 2))
    module = VoteLogits(Duels(_Given(), k), break_ties)
    x = torch.tensor(decisions, requires_grad=True)
    logits = module(x)

    votes = _votes(decisions, k).astype(float)
    assert (votes.max(axis=1) < k - 1).any()
    if break_ties:
        table = Duels(_Given(), k)(x.detach()).numpy()
        votes += np.tanh(table.sum(axis=2) / 100) / 10
    winner = votes.argmax(axis=1)
    np.testing.assert_array_equal(logits.argmax(dim=1), winner)
    np.testing.assert_array_equal((logits > 0).sum(dim=1), 1)

    # continuous, with the slope of one decision value: no logit moves further than the largest move
    step = 1e-3 * rng.uniform(-1, 1, size=decisions.shape)
    moved = (module(torch.tensor(decisions + step)) - logits).abs().detach().numpy()
    bound = 1e-3 * (2 * (k - 1) if break_ties else 1)
    assert moved.max() <= bound
    (slope,) = torch.autograd.grad(logits[range(500), winner].sum(), x)
    assert (slope.abs().sum(dim=1) >= 1).all()


@pytest.mark.parametrize("k", [3, 4])
def test_the_logit_is_the_change_that_would_change_the_vote(k):
    """Of the winner exactly; of the others too, or a change that is at least needed."""
    decisions = np.random.default_rng(0).normal(size=(1000, k * (k - 1) // 2))
    logits = VoteLogits(Duels(_Given(), k), break_ties=False)(torch.tensor(decisions)).numpy()
    exact = _by_votes(decisions, k)
    np.testing.assert_array_equal(logits[exact > 0], exact[exact > 0])
    assert (logits >= exact).all()
    assert (logits == exact).mean() >= (1.0 if k == 3 else 0.9)


def test_break_ties_as_predict_does():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 6))
    y = np.arange(90) % 6
    rows = rng.normal(size=(2000, 6))
    predictions = {}
    for ties in (True, False):
        model = SVC(gamma=0.5, break_ties=ties).fit(X, y)
        logits = as_module(model)(torch.tensor(rows))
        predictions[ties] = model.predict(rows)
        np.testing.assert_array_equal(logits.argmax(dim=1), predictions[ties])
    assert (predictions[True] != predictions[False]).mean() > 0.02


def test_fitted_on_sparse_rows():
    X = make_rows(80, 0)
    X[:, [1, 4]] = 0
    for k, kernel in product((2, 3), ("linear", "rbf")):
        model = SVC(kernel=kernel, decision_function_shape="ovo")
        model.fit(csr_array(X), make_labels(X, k))
        pairs = pair_decisions(model)(torch.tensor(X)).numpy()
        expected = model.decision_function(csr_array(X)).reshape(len(X), -1)
        np.testing.assert_allclose(pairs, expected, rtol=1e-9, atol=1e-9)


def test_near_rows_far_from_zero_keep_their_digits():
    X = make_rows(80, 0)
    model = SVC(gamma=10.0).fit(X + 1e5, make_labels(X, 2))
    rows = X + 1e5 + 0.05
    logits = as_module(model)(torch.tensor(rows))[:, 1]
    np.testing.assert_allclose(logits, model.decision_function(rows), rtol=1e-9)


@pytest.mark.parametrize("kernel", ["precomputed", np.inner])
def test_kernels_without_derivative_are_refused(kernel):
    X = make_rows(40, 0)
    gram = np.inner(X, X) if kernel == "precomputed" else X
    model = SVC(kernel=kernel).fit(gram, make_labels(X, 2))
    with pytest.raises(NotDifferentiableError, match="only values are known"):
        as_module(model)
