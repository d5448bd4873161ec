"""The polish: exact on linear models from wherever an attack ended, never a step back on nets."""

from numbers import Real

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils._param_validation import Options
from torch import nn

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._polish import polish

from ._boxed import binding_box, boxed_distance
from ._harness import blobs, mlp, predict, rows

NORMS = [0, 1, 2, np.inf]
NAMES = {0: "l0", 1: "l1", 2: "l2", np.inf: "linf"}


class Crude(BaseAttack):
    """Finds a random point of the box, and lets it be polished, or not."""

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, set(NORMS))],
        "n_polish": "no_validation",
        "confidence": "no_validation",
    }

    def __init__(
        self, estimator=None, *, norm=2, n_polish=12, confidence=0.0, target=None, bounds="auto"
    ):
        self.estimator = estimator
        self.norm = norm
        self.n_polish = n_polish
        self.confidence = confidence
        self.target = target
        self.bounds = bounds
        self.batch_size, self.n_jobs, self.random_state, self.verbose = 64, None, 0, 0

    def _attack(self, rows):
        for _ in rows.steps(8):
            share = rows.random.uniform(*rows.x0.shape[1:])
            rows.logits(rows.lower + share * (rows.upper - rows.lower))

    def _polish(self, rows):
        polish(rows, self.n_polish)


def found(model, X, **params):
    return Crude(**params).fit(model).generate(X)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("fixed", [(), (1, 3)])
def test_linear_models(fixed, norm):
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    X, low, high = binding_box(X, fixed)
    exact = boxed_distance(model, X, norm, low, high)
    crude = found(model, X, norm=norm, bounds=(low, high), n_polish=0)
    result = found(model, X, norm=norm, bounds=(low, high))
    assert crude.success.mean() > 0.8
    np.testing.assert_array_equal(result.success, crude.success)
    name, ok = NAMES[norm], result.success
    assert np.median(crude.distance[name][ok] / exact[ok]) > 1.5
    ratio = result.distance[name][ok] / exact[ok]
    assert (ratio >= 1 - 1e-9).all()
    assert ratio.max() < 1.0005
    np.testing.assert_array_equal(result.X_adv[:, fixed], X[:, fixed])
    # one look at what was found, one at the plane: a row knows when it is there
    assert np.median(result.n_forward - crude.n_forward) <= 2


@pytest.mark.parametrize("norm", NORMS)
def test_nets(norm):
    """Each pass may bring rows nearer, none takes them away; what comes back is adversarial."""
    X, net = rows(60), mlp(nn.Tanh)
    previous = found(net, X, norm=norm, bounds=(0, 1), n_polish=0)
    first, name = previous, NAMES[norm]
    assert previous.success.sum() > 40
    for n in (2, 4, 8, 16):
        result = found(net, X, norm=norm, bounds=(0, 1), n_polish=n)
        np.testing.assert_array_equal(result.success, first.success)
        assert (predict(net, result.X_adv) != result.y)[result.success].all()
        ok = result.success
        assert (result.distance[name][ok] <= previous.distance[name][ok] * (1 + 1e-6)).all()
        assert (result.n_forward - first.n_forward).max() <= n
        previous = result
    ok = first.success
    assert (previous.distance[name][ok] < first.distance[name][ok]).mean() > 0.9


def test_no_change_is_needed_that_is_left():
    """In l0 the polish ends, given the passes, where no single change can be taken back."""
    X, net = rows(40), mlp(nn.ReLU)
    result = found(net, X, norm=0, bounds=(0, 1), n_polish=40)
    assert result.success.sum() > 25
    for i in np.flatnonzero(result.success):
        changed = np.flatnonzero(result.X_adv[i] != X[i])
        back = np.repeat(result.X_adv[i : i + 1], len(changed), axis=0)
        back[np.arange(len(changed)), changed] = X[i, changed]
        # a change that was needed at its turn may have become needless by later ones: rarely
        still = predict(net, back) != result.y[i]
        assert still.sum() <= 1


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_confidence_and_target(norm):
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    low, high = X.min(axis=0), X.max(axis=0)
    target = 1 - model.predict(X)
    params = {"norm": norm, "bounds": (low, high), "target": target}
    near, sure = (found(model, X, confidence=c, **params) for c in (0.0, 1.0))
    margin = np.abs(model.decision_function(sure.X_adv))[sure.success]
    assert sure.success.mean() > 0.5
    assert (margin >= 1 - 1e-9).all()
    assert np.median(margin) < 1.01
    both = near.success & sure.success
    assert (near.distance[NAMES[norm]] < sure.distance[NAMES[norm]])[both].all()


@pytest.mark.parametrize("norm", NORMS)
def test_rows_do_not_matter_to_each_other(norm):
    X, net = rows(24), mlp(nn.Tanh)
    together = found(net, X, norm=norm, bounds=(0, 1))
    for i in (0, 7, 23):
        alone = found(net, X[i : i + 1], norm=norm, bounds=(0, 1))
        np.testing.assert_array_equal(alone.X_adv[0], together.X_adv[i])
