"""QuantileTransformer: on its knots, between them, on equal ones, and beyond its bounds."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import QuantileTransformer

from sklearn_privfair.differentiable import as_module
from sklearn_privfair.differentiable._quantile import interpolate

from ._harness import Case, contract, make_rows


def _on_the_knots(model, X):
    knots = model.quantiles_
    away = [1e-9, -1e-9, 2e-7, -2e-7, 0.1, -0.1]
    steps = np.concatenate([[step + knots[[0, -1]]] for step in away])
    return np.concatenate([knots, *steps])


@contract(
    *[
        Case(QuantileTransformer(n_quantiles=n, output_distribution=to), edges=_on_the_knots)
        for n in (2, 7, 120)
        for to in ("uniform", "normal")
    ],
)
def test_quantile(case, check):
    check(case)


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_a_constant_feature(output):
    X = make_rows(50, 0)
    X[:, 2] = 3.0
    model = QuantileTransformer(n_quantiles=10, output_distribution=output).fit(X)
    X[::3, 2] = 2.0
    X[::4, 2] = 4.0
    x = torch.tensor(X, requires_grad=True)
    out = as_module(model)(x)
    np.testing.assert_allclose(out.detach(), model.transform(X), rtol=1e-9, atol=1e-12)
    assert torch.autograd.grad(out.sum(), x)[0].isfinite().all()


def test_interpolation_is_numpys():
    rng = np.random.default_rng(0)
    knots = np.sort(rng.integers(0, 8, size=(3, 9)).astype(float), axis=1)
    values = np.sort(rng.normal(size=9))
    x = np.concatenate([rng.uniform(-1, 9, size=(200, 3)), knots.T])
    actual = interpolate(torch.tensor(x), torch.tensor(knots), torch.tensor(values))
    for i in range(3):
        np.testing.assert_allclose(actual[:, i], np.interp(x[:, i], knots[i], values), 1e-12, 1e-14)
