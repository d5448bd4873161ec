"""Steps without a useful derivative: the step itself forwards, a stand-in's gradient backwards."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
from sklearn.utils.validation import validate_data

from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.differentiable import as_module, soft_round, straight_through

from ._harness import gradient, make_labels, make_rows

X = make_rows(120, 0)
Y = make_labels(X, 3)


class Rounder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Rounds to multiples of what it has learned, in the very array that it gets."""

    def fit(self, X, y=None):
        self.step_ = np.std(validate_data(self, X), axis=0)
        return self

    def transform(self, X):
        X = validate_data(self, X, reset=False, copy=False, force_writeable=True)
        X /= self.step_
        np.round(X, out=X)
        X *= self.step_
        return X


@as_module.register(Rounder)
def _(step):
    return straight_through(step.transform)


def tensor(rows, **kwargs):
    return torch.tensor(rows, requires_grad=True, **kwargs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forwards_it_is_the_step(dtype):
    rows = (10 * X).astype(dtype)
    step = Rounder().fit(X)
    x = tensor(rows)
    out = as_module(step)(x)
    expected = step.transform(rows.copy())
    assert out.detach().numpy().dtype == expected.dtype == dtype
    np.testing.assert_array_equal(out.detach(), expected)
    np.testing.assert_array_equal(x.detach(), rows)
    np.testing.assert_array_equal(as_module(step)(torch.tensor(rows)), expected)


def test_backwards_it_is_the_identity():
    """The gradient of what comes after, at the rounded point."""
    pipeline = make_pipeline(StandardScaler(), Rounder(), LogisticRegression()).fit(X, Y)
    scaler, rounder, _ = pipeline
    rounded = rounder.transform(scaler.transform(X))
    behind = gradient(as_module(pipeline[-1]), rounded)
    np.testing.assert_allclose(gradient(as_module(pipeline), X), behind / scaler.scale_, rtol=1e-12)
    logits = as_module(pipeline)(torch.tensor(X))
    np.testing.assert_array_equal(pipeline.classes_[logits.argmax(1)], pipeline.predict(X))


def test_another_gradient():
    x = tensor([[0.3, -1.4], [2.5, 0.0]], dtype=torch.float64)
    out = straight_through(np.round, torch.sin)(x)
    (slope,) = torch.autograd.grad((out**3).sum(), x)
    np.testing.assert_array_equal(out.detach(), [[0, -1], [2, 0]])
    np.testing.assert_allclose(slope, 3 * out.detach() ** 2 * x.detach().cos(), rtol=1e-15)


def test_other_shapes_and_sparse_answers():
    step = KBinsDiscretizer(3, encode="onehot", strategy="uniform").fit(X[:, :2])
    ends = torch.tensor(np.concatenate([edges[1:] for edges in step.bin_edges_]))
    module = straight_through(
        step.transform, lambda x: torch.sigmoid(x.repeat_interleave(3, dim=1) - ends)
    )
    x = tensor(X[:, :2])
    out = module(x)
    np.testing.assert_array_equal(out.detach(), step.transform(X[:, :2]).toarray())
    s = torch.sigmoid(x.detach().repeat_interleave(3, dim=1) - ends)
    expected = (s * (1 - s)).reshape(-1, 2, 3).sum(dim=2)
    np.testing.assert_allclose(torch.autograd.grad(out.sum(), x)[0], expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"\(120, 6\), and the identity gives \(120, 2\): give as"):
        straight_through(step.transform)(x)
    with pytest.raises(ValueError, match=r"\(120, 6\), and backward gives \(120, 1\)"):
        straight_through(step.transform, lambda x: x[:, :1])(x)


def test_precision_of_the_step_is_kept():
    x = tensor(X, dtype=torch.float32)
    out = straight_through(lambda rows: np.round(rows.astype(np.float64) / 3))(x)
    assert out.dtype == torch.float64
    (slope,) = torch.autograd.grad(out.sum(), x)
    assert slope.dtype == torch.float32
    whole = straight_through(lambda rows: rows.astype(np.int64))
    assert whole(x).dtype == whole(torch.ones(2, 3, dtype=torch.int64)).dtype == torch.float64


def test_awkward_arrays():
    """Read-only ones, and those that run backwards."""
    still = np.broadcast_to(1.5, X.shape)
    for expected in (still, X[:, ::-1]):
        out = straight_through(lambda rows, expected=expected: expected)(tensor(X))
        np.testing.assert_array_equal(out.detach(), expected)


def test_steps_fitted_on_frames():
    """They get frames again: no warning about names, and `set_output` does no harm."""
    frame = pd.DataFrame(X, columns=list("abcdef"))
    step = Rounder().set_output(transform="pandas")
    pipeline = make_pipeline(step, LogisticRegression(max_iter=2000)).fit(frame, Y)
    out = as_module(step)(torch.tensor(X))
    np.testing.assert_array_equal(out, step.transform(frame.copy()))
    attack = PGDAttack(eps=1.0, bounds=None, n_steps=5, random_state=0).fit(pipeline)
    assert attack.score(frame, Y) > 0.2


def test_it_is_the_step_as_it_was():
    step = Rounder().fit(X)
    module = as_module(step)
    expected = step.transform(X.copy())
    step.fit(100 * X)
    np.testing.assert_array_equal(module(torch.tensor(X)), expected)
    again = pickle.loads(pickle.dumps(module))
    np.testing.assert_array_equal(again(torch.tensor(X)), expected)
    assert not again.training


def test_the_stand_in_is_asked_for_gradients_only():
    def never(x):
        raise AssertionError("no gradient was asked for")

    module = straight_through(np.round, never)
    np.testing.assert_array_equal(module(torch.tensor(X)), np.round(X))
    with torch.no_grad():
        np.testing.assert_array_equal(module(tensor(X)), np.round(X))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [((Rounder(),), r"forward is Rounder\(\), which cannot"), ((np.round, 3), "backward is 3")],
)
def test_only_functions(arguments, match):
    with pytest.raises(TypeError, match=match):
        straight_through(*arguments)


def test_soft_round():
    x = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    soft = soft_round(x)
    assert torch.autograd.gradcheck(soft_round, tensor(x[::97].numpy()))
    assert (soft.diff() > 0).all()
    halves = x[::500]
    torch.testing.assert_close(soft_round(halves), halves)
    near = (x - x.round()).abs() < 0.4
    assert ((soft - x.round()).abs() < (x - x.round()).abs())[near & (x != x.round())].all()
