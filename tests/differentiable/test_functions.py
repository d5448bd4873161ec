"""FunctionTransformer: registered functions, and a refusal that names the others."""

import numpy as np
import pytest
import scipy.special
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_privfair.differentiable import NotDifferentiableError, as_module, register_function

from ._harness import Case, contract, make_labels, make_rows


def _blend(X, share=0.5):
    return share * X + (1 - share) * np.tanh(X)


register_function(_blend, lambda x, share=0.5: share * x + (1 - share) * torch.tanh(x))


def _case(func, **kwargs):
    return Case(FunctionTransformer(func), stateless=True, **kwargs)


@contract(
    *[_case(f) for f in (np.arcsinh, np.arctan, np.sin, np.cos, np.square, np.tanh, np.negative)],
    *[_case(f, positive=True) for f in (np.log, np.log1p, np.log2, np.log10, np.sqrt)],
    *[_case(f, positive=True) for f in (np.abs, np.reciprocal)],
    *[_case(f, huge=10.0) for f in (np.exp, np.exp2, np.expm1, np.sinh, np.cosh)],
    _case(scipy.special.expit),
    _case(None),
    _case(np.positive),
    Case(FunctionTransformer(_blend, kw_args={"share": 0.25}), stateless=True),
    make_pipeline(FunctionTransformer(np.arcsinh), LogisticRegression(max_iter=2000)),
)
def test_functions(case, check):
    check(case)


def test_sqrt_at_zero():
    """Black pixels are zeros: a pipeline that takes their root must still have a gradient."""
    x = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    out = as_module(FunctionTransformer(np.sqrt))(x)
    (gradient,) = torch.autograd.grad((out * out).sum(), x)
    assert (out == 0).all()
    assert (gradient == 0).all()


def test_logit_is_scipys():
    x = np.linspace(0.01, 0.99, 12).reshape(2, 6)
    out = as_module(FunctionTransformer(scipy.special.logit))(torch.tensor(x))
    np.testing.assert_allclose(out, scipy.special.logit(x), rtol=1e-12, atol=1e-14)


def test_an_unknown_function_is_named():
    def clip_tails(X):
        return X

    X = make_rows(60, 0)
    model = make_pipeline(FunctionTransformer(clip_tails), LogisticRegression(max_iter=2000))
    model.fit(X, make_labels(X, 2))
    with pytest.raises(NotDifferentiableError, match=r"register_function\(.*clip_tails, torch_"):
        as_module(model)


@pytest.mark.parametrize(("arguments", "name"), [((3, np.exp), "func"), ((_blend, 3), "torch_")])
def test_only_functions_are_registered(arguments, name):
    with pytest.raises(TypeError, match=f"^{name}.* is 3, which cannot be called"):
        register_function(*arguments)
