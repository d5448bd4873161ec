"""Normalizer and PowerTransformer, at their kinks and limits too."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import Normalizer, PowerTransformer

from sklearn_privfair.differentiable import as_module

from ._harness import Case, contract, gradient, make_rows


def _tiny_rows(model, X):
    eps = np.finfo(float).eps
    return np.eye(6)[:4] * np.array([9.9, 10.1, 1e-3, 1e290])[:, None] * eps


@contract(
    *[Case(Normalizer(norm), stateless=True, edges=_tiny_rows) for norm in ("l1", "max")],
    Case(Normalizer("l2"), stateless=True),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    Case(PowerTransformer(method="box-cox"), positive=True),
    Case(PowerTransformer(method="box-cox", standardize=False), positive=True),
)
def test_power(case, check):
    check(case)


@pytest.mark.parametrize("exponent", [0.0, 1e-17, 1e-9, 1.0, 2.0, 2 - 1e-12, -1.5, 3.5])
@pytest.mark.parametrize("method", ["box-cox", "yeo-johnson"])
def test_any_exponent(method, exponent):
    X = make_rows(50, 0, positive=method == "box-cox")
    model = PowerTransformer(method=method, standardize=False).fit(X)
    model.lambdas_ = np.full(6, exponent)
    module = as_module(model)
    np.testing.assert_allclose(module(torch.tensor(X)), model.transform(X), rtol=1e-9)
    x = torch.tensor(X[:4] + 0.1, requires_grad=True)
    assert torch.autograd.gradcheck(module, x)


def test_slope_of_yeo_johnson_is_one_at_zero():
    model = PowerTransformer(standardize=False).fit(make_rows(50, 0))
    x = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(as_module(model)(x).sum(), x)
    np.testing.assert_allclose(slope, np.ones((1, 6)), rtol=1e-15)


def test_box_cox_stays_finite_where_it_is_not_defined():
    model = PowerTransformer(method="box-cox").fit(make_rows(50, 0, positive=True))
    model.lambdas_ = np.array([-3.0, 0.0, 0.5, 1, 2, -1])
    X = np.array([[-1.0] * 6, [0.0] * 6, [1e300] * 6])
    assert as_module(model)(torch.tensor(X)).isfinite().all()
    assert np.isfinite(gradient(as_module(model), X)).all()


def test_normalizer_keeps_float32():
    X = make_rows(10, 0).astype(np.float32)
    X[3] = 1e-7  # next to nothing in float32 only
    out = as_module(Normalizer())(torch.tensor(X)).numpy()
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, Normalizer().transform(X), rtol=1e-6)
