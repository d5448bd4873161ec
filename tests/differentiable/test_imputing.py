"""SimpleImputer: numbers pass, missing ones are replaced and have no gradient."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.impute import SimpleImputer

from sklearn_privfair.differentiable import NotDifferentiableError, as_module

from ._harness import contract, make_rows


@contract(SimpleImputer(), SimpleImputer(strategy="constant", fill_value=3.5))
def test_imputing(case, check):
    check(case)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("missing", [np.nan, -1])
def test_missing_values(missing, keep):
    X = make_rows(40, 0)
    X[::5, 1] = X[1::7, 5] = X[:, 3] = missing
    model = SimpleImputer(missing_values=missing, keep_empty_features=keep).fit(X)
    x = torch.tensor(X, requires_grad=True)
    out = as_module(model)(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns without any number
        np.testing.assert_allclose(out.detach(), model.transform(X), rtol=1e-12)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    there = ~np.isnan(X) if np.isnan(missing) else missing != X
    np.testing.assert_array_equal(gradient, there.astype(float))


def test_refused():
    X = make_rows(40, 0)
    X[0, 0] = np.nan
    with pytest.raises(NotDifferentiableError, match="indicator"):
        as_module(SimpleImputer(add_indicator=True).fit(X))
    words = np.array([["a"], ["b"], ["a"]], dtype=object)
    with pytest.raises(NotDifferentiableError, match="impute numbers"):
        as_module(SimpleImputer(strategy="most_frequent").fit(words))
