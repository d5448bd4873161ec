"""FunctionTransformer: functions of arrays, each with the torch function that is its twin."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import scipy.special
import torch
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._numbers import as_float

_TWINS: dict[Any, Callable] = {}


def register_function(func, torch_func=None):
    """Tell which torch function does what a function of arrays does.

    A :class:`~sklearn.preprocessing.FunctionTransformer` with a registered `func` can then be
    differentiated. Registered from the start are ``abs, arcsinh, arctan, cos, cosh, exp, exp2,
    expm1, log, log10, log1p, log2, negative, positive, reciprocal, sign, sin, sinh, sqrt, square,
    tanh`` of numpy and ``expit, logit`` of :mod:`scipy.special`.

    Parameters
    ----------
    func : callable
        What the transformer is given as `func`: the very object, so not a new ``lambda``.
    torch_func : callable, default=None
        Takes a float tensor of shape (n_samples, n_features), and the transformer's `kw_args`;
        gives the tensor of what `func` gives. Each row by itself. Without it, a decorator that
        takes it.

    Returns
    -------
    torch_func : callable
        The torch function, so that the decorator leaves its name.

    Raises
    ------
    TypeError
        When one of the two cannot be called.

    Examples
    --------
    >>> import torch
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from sklearn_privfair.differentiable import as_module, register_function
    >>> def cube(X):
    ...     return X**3
    >>> @register_function(cube)
    ... def torch_cube(x):
    ...     return x**3
    >>> as_module(FunctionTransformer(cube))(torch.tensor([[1.0, 2.0]]))
    tensor([[1., 8.]])
    """
    if torch_func is None:
        return lambda twin: register_function(func, twin)
    for name, given in (("func", func), ("torch_func", torch_func)):
        if not callable(given):
            raise TypeError(f"{name} is {given!r}, which cannot be called: give a function.")
    _TWINS[func] = torch_func
    return torch_func


def _sqrt(x):
    # the slope at 0 is infinite, and so no gradient to follow: 0 is left as it is
    return torch.where(x == 0, x, torch.where(x == 0, 1.0, x).sqrt())


_SAME_NAME = """
abs arcsinh arctan cos cosh exp exp2 expm1 log log10 log1p log2 negative positive reciprocal
sign sin sinh square tanh
"""
for _name in _SAME_NAME.split():
    register_function(getattr(np, _name), getattr(torch, _name))
register_function(np.sqrt, _sqrt)
register_function(scipy.special.expit, torch.special.expit)
register_function(scipy.special.logit, torch.special.logit)


class Function(nn.Module):
    """A torch function, with what it is given besides the rows."""

    def __init__(self, func, kw_args):
        super().__init__()
        self.func = func
        self.kw_args = kw_args

    def forward(self, x):
        """Apply the function to rows `x`."""
        return self.func(as_float(x), **self.kw_args)


@as_module.register(FunctionTransformer)
def _(model):
    func = model.func
    if func is None:
        return nn.Identity().eval()
    if not isinstance(func, Hashable) or func not in _TWINS:
        name = getattr(func, "__qualname__", getattr(func, "__name__", repr(func)))
        raise NotDifferentiableError(
            model,
            f"the torch function that does what {name} does is not known; tell it with "
            f"`register_function({name}, torch_func)`",
        )
    return Function(_TWINS[func], model.kw_args or {}).eval()
