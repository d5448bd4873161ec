"""SplineTransformer: every extrapolation, on the knots and far beyond; refusals say why."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import SplineTransformer

from sklearn_privfair.differentiable import NotDifferentiableError, as_module

from ._harness import Case, contract, make_rows


def _on_the_knots(model, X):
    return np.stack([spline.t for spline in model.bsplines_], axis=1)


@contract(
    *[
        Case(SplineTransformer(n_knots=6, extrapolation=way), edges=_on_the_knots, huge=1e3)
        for way in ("constant", "linear", "continue", "periodic")
    ],
    SplineTransformer(degree=1, n_knots=4),
    Case(SplineTransformer(degree=1, n_knots=4, extrapolation="continue")),
    Case(SplineTransformer(degree=2, n_knots=2, include_bias=False)),
    Case(SplineTransformer(degree=5, n_knots=9, extrapolation="linear")),
)
def test_splines(case, check):
    check(case)


def test_knots_given_and_knots_at_quantiles():
    X = make_rows(80, 0)[:, [0, 1, 5]]
    for knots in ("quantile", np.quantile(X, [0, 0.1, 0.5, 1], axis=0)):
        model = SplineTransformer(knots=knots).fit(X)
        out = as_module(model)(torch.tensor(X))
        np.testing.assert_allclose(out, model.transform(X), rtol=1e-9, atol=1e-12)


def test_error_beyond_the_knots():
    X = make_rows(50, 0)
    model = SplineTransformer(extrapolation="error").fit(X)
    module = as_module(model)
    expected = model.transform(X)
    np.testing.assert_allclose(module(torch.tensor(X)), expected, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="beyond the limits of the knots"):
        module(torch.tensor(2 * X))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (SplineTransformer(degree=0), "steps"),
        (SplineTransformer(degree=1, extrapolation="linear"), "second and later"),
        (SplineTransformer(knots="quantile", n_knots=12), "coincide"),
    ],
    ids=str,
)
def test_refused(model, why):
    with pytest.raises(NotDifferentiableError, match=why):
        as_module(model.fit(make_rows(50, 0)))
