"""What every converter must keep: one table of estimators, one list of checks.

A test file lists its estimators; each is held against itself::

    @contract(StandardScaler(), Case(PowerTransformer(method="box-cox"), positive=True))
    def test_scaling(case, check):
        check(case)
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError

from sklearn_privfair.differentiable import as_module


def make_rows(n, seed, positive=False):
    """Six features of different scale and shape; the fourth has few values, so many ties."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)) * [1, 10, 0.1, 1, 3, 1] + [0, 5, 0, 0, -2, 1]
    X[:, 3] = rng.integers(-2, 3, size=n)
    X[:, 4] = np.exp(X[:, 4] / 3)
    return np.abs(X) + 0.01 if positive else X


def make_labels(X, n_classes):
    score = X[:, 0] + 0.1 * X[:, 1] * np.sign(X[:, 3]) + X[:, 5] ** 2
    return np.array(["a", "b", "c", "d"])[
        np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))
    ]


@dataclass
class Case:
    """An estimator to convert, with the data that suit it.

    `far`: how far outside the training range rows are tried. `edges`: a function of the fitted
    estimator and X that gives more rows to try. `reference`: a function of the fitted estimator
    and X that gives the logits or features, where `expected` below does not know. `without`: checks
    that do not apply.
    """

    estimator: object
    n_classes: int = 3
    positive: bool = False
    far: float = 5.0
    huge: float = 1e6
    edges: object = None
    reference: object = None
    stateless: bool = False
    without: tuple = ()
    rtol: float = 1e-9

    def __repr__(self):
        name = re.sub(r" at 0x\w+|\s+", "", repr(self.estimator))  # workers must agree on it
        return f"{name}-{self.n_classes}"

    @cached_property
    def X(self):
        return make_rows(120, 0, self.positive)

    @cached_property
    def fitted(self):
        return clone(self.estimator).fit(self.X, make_labels(self.X, self.n_classes))

    @cached_property
    def module(self):
        return as_module(self.fitted)

    @cached_property
    def inside(self):
        return make_rows(64, 1, self.positive)

    @cached_property
    def everywhere(self):
        """Random rows, rows far outside, training rows, and rows on every edge we can think of."""
        inside = self.inside
        outside = self.far * (inside - inside.mean(axis=0)) + inside.mean(axis=0)
        rows = [inside, self.X[:20], outside, np.zeros((1, 6)), -outside]
        rows += [np.full((1, 6), -0.0), self.X.min(axis=0)[None], self.X.max(axis=0)[None]]
        rows += [self.huge * np.eye(6), -self.huge * np.eye(6), 1e-12 * np.eye(6)]
        if self.edges is not None:
            rows.append(self.edges(self.fitted, self.X))
        rows = np.concatenate(rows)
        return np.abs(rows) + 1e-3 if self.positive else rows

    def expected(self, X):
        model = self.fitted
        if self.reference is not None:
            return self.reference(model, X)
        if not is_classifier(model):
            return model.transform(X)
        if hasattr(model, "decision_function"):
            z = model.decision_function(X)
            return np.stack([np.zeros(len(z)), z], axis=1) if z.ndim == 1 else z
        if hasattr(model, "predict_joint_log_proba"):
            return model.predict_joint_log_proba(X)
        return np.log(model.predict_proba(X).clip(1e-300))

    def logits(self, X):
        with torch.no_grad():
            return self.module(torch.tensor(X)).numpy()


def gradient(module, X, seed=0):
    """The gradient of a weighted sum of the outputs of each row: one row's depends on it alone."""
    x = torch.tensor(X, requires_grad=True)
    out = module(x)
    weights = torch.randn(out.shape[1], generator=torch.manual_seed(seed), dtype=out.dtype)
    return torch.autograd.grad((out * weights).sum(), x)[0].numpy()


def _probabilities_only(model):
    return not hasattr(model, "decision_function") and not hasattr(model, "predict_joint_log_proba")


def check_values(case):
    """The module gives the estimator's own numbers, wherever the row lies."""
    X = case.everywhere
    expected, actual = case.expected(X), case.logits(X)
    assert actual.dtype == np.float64
    assert actual.shape == expected.shape
    if is_classifier(case.fitted) and case.reference is None and _probabilities_only(case.fitted):
        probabilities = np.exp(log_softmax(actual, axis=1))
        np.testing.assert_allclose(probabilities, np.exp(expected), rtol=1e-6, atol=1e-13)
        return
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    rows = np.abs(expected).max(axis=1, keepdims=True).clip(1.0, scale)
    np.testing.assert_array_less(np.abs(actual - expected) / rows, case.rtol)


def check_predict(case):
    """The largest logit is the predicted class, but for rows between two classes."""
    logits = case.logits(case.everywhere)
    first, second = -np.sort(-logits, axis=1)[:, :2].T
    clear = first - second > 1e-6 * np.maximum(1.0, np.abs(first))
    assert clear[:64].mean() > 0.9
    classes = case.fitted.classes_
    predicted = case.fitted.predict(case.everywhere[clear])
    np.testing.assert_array_equal(classes[logits[clear].argmax(axis=1)], predicted)
    assert len(set(predicted)) == case.n_classes


def check_gradient(case):
    """The gradient is that of finite differences."""
    between_ties = case.inside[:6] + np.array([0, 0, 0, 0.1, 0, 0])
    x = torch.tensor(between_ties, requires_grad=True)
    assert torch.autograd.gradcheck(case.module, x, eps=1e-6, atol=1e-5, rtol=1e-4)
    assert np.abs(gradient(case.module, case.inside)).max() > 1e-6


def check_finite(case):
    """No row makes a value or a gradient that is not a number."""
    assert np.isfinite(case.logits(case.everywhere)).all()
    assert np.isfinite(gradient(case.module, case.everywhere)).all()
    if is_classifier(case.fitted):
        margin = torch.nn.Sequential(case.module, torch.nn.LogSoftmax(dim=1))
        assert np.isfinite(gradient(margin, case.everywhere)).all()


def check_rows_apart(case):
    """To the last bit, a row's output and gradient are the same wherever it stands in a batch."""
    X = case.inside
    order = np.random.default_rng(0).permutation(len(X))
    for compute in (case.logits, lambda rows: gradient(case.module, rows)):
        whole = compute(X)
        np.testing.assert_array_equal(compute(X[order]), whole[order])
        eights = [compute(rows) for rows in np.split(X[order], 8)]
        np.testing.assert_array_equal(np.concatenate(eights), whole[order])


def check_frozen(case):
    """In eval mode; nothing in it learns; its numbers are float64 whatever comes in."""
    module = case.module
    assert not any(part.training for part in module.modules())
    assert not any(p.requires_grad for p in module.parameters())
    floats = [b.dtype for b in module.buffers() if b.is_floating_point()]
    assert set(floats) <= {torch.float64}
    single = torch.tensor(case.inside, dtype=torch.float32)
    if floats:
        with torch.no_grad():
            np.testing.assert_allclose(module(single), module(single.double()), 1e-4, 1e-4)
            assert module(single).dtype == torch.float64
            assert module(torch.ones((2, 6), dtype=torch.int64)).dtype == torch.float64


def check_unfitted(case):
    """A model that was not fitted is refused as scikit-learn refuses it."""
    with pytest.raises(NotFittedError):
        as_module(clone(case.estimator))


CHECKS = [check_values, check_gradient, check_finite, check_rows_apart, check_frozen]


def _checks_of(case):
    yield from (check for check in CHECKS if check not in case.without)
    if is_classifier(case.estimator):
        yield check_predict
    if not case.stateless:
        yield check_unfitted


def contract(*cases):
    """Decorate a test ``(case, check)`` to run every check on every estimator."""
    cases = [case if isinstance(case, Case) else Case(case) for case in cases]
    pairs = [
        pytest.param(case, check, id=f"{case!r}-{check.__name__[6:]}")
        for case in cases
        for check in _checks_of(case)
    ]
    return pytest.mark.parametrize(("case", "check"), pairs)
