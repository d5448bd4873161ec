"""MLPClassifier: its logits are those under its softmax."""

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier

from sklearn_privfair.differentiable import NotDifferentiableError, as_module

from ._harness import Case, contract, make_rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _net(activation, hidden):
    return MLPClassifier(
        hidden, activation=activation, learning_rate_init=0.03, max_iter=100, random_state=0
    )


@contract(
    *[Case(_net(a, (9, 8)), n_classes=k) for a in ("relu", "tanh", "logistic") for k in (2, 3)],
    Case(_net("identity", (5,))),
    Case(_net("tanh", (16,))),
)
def test_mlp(case, check):
    check(case)


def test_logits_stay_exact_where_probabilities_underflow():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6))
    model = _net("relu", (8,)).fit(X, (X[:, 0] > 0).astype(int))
    x = torch.tensor(1e4 * X, requires_grad=True)
    logits = as_module(model)(x)
    assert (model.predict_proba(1e4 * X) == 0).any()
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), x)
    assert logits.isfinite().all()
    assert (gradient.abs().sum(dim=1) > 0).all()


def test_several_labels_a_row_are_refused():
    X = make_rows(100, 0)
    model = _net("relu", (4,)).fit(X, np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int))
    with pytest.raises(NotDifferentiableError, match="several labels a row"):
        as_module(model)
