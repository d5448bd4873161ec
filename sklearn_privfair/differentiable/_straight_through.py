"""Steps whose derivative is zero or missing: exact forwards, a stand-in's gradient backwards.

Athalye, Carlini & Wagner (2018), "Obfuscated gradients give a false sense of security", section
4.1: backward pass differentiable approximation (BPDA).
"""

import copy
import math

import numpy as np
import pandas as pd
import torch
from torch import nn

from sklearn_privfair.differentiable._numbers import as_float, dense

_WAVE = 0.9  # of 0.5 to 0.97 what turned most rows of squeezed and compressed MNIST


def straight_through(forward, backward=None):
    """Make a module of a step that has no useful derivative, such as rounding.

    Rows go forwards through the step itself, to the last bit; the gradient comes back through a
    function that is near to it. With the identity in this place the estimate is called
    straight-through; with any other it is the backward pass differentiable approximation (BPDA) of
    the reference. An attack that follows such gradients is adaptive to the step: it is not stopped
    by a derivative that is zero.

    Parameters
    ----------
    forward : callable
        Takes an array of shape (n_samples, ...), a data frame if it is the method of an estimator
        fitted on one, and gives an array of as many rows: a step's `transform`. A method is copied
        with its owner as that is now.
    backward : callable, default=None
        Takes a tensor of shape (n_samples, ...) and gives one of the shape that `forward` gives:
        differentiable, and near to it. None is the identity, for steps that keep the shape.

    Returns
    -------
    module : torch.nn.Module
        From tensors to tensors, for ``as_module.register``.

    Raises
    ------
    TypeError
        When one of the two cannot be called.

    See Also
    --------
    soft_round : Where a step rounds, a better `backward` than the identity.

    Notes
    -----
    What `forward` answers may not be random: the gradient would be that of one draw alone. Of a
    random step the expectation has to be attacked (expectation over transformation, EOT, in the
    same reference), by a module that gives the mean of the logits over many draws.

    References
    ----------
    A. Athalye, N. Carlini, D. Wagner, "Obfuscated gradients give a false sense of security:
    circumventing defenses to adversarial examples", ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn.base import BaseEstimator, TransformerMixin
    >>> from sklearn_privfair.differentiable import as_module, straight_through
    >>> class Rounder(TransformerMixin, BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         return self
    ...
    ...     def transform(self, X):
    ...         return np.round(X)
    >>> @as_module.register(Rounder)
    ... def _(step):
    ...     return straight_through(step.transform)
    >>> x = torch.tensor([[0.2, 1.7]], requires_grad=True)
    >>> rounded = as_module(Rounder().fit(x.detach()))(x)
    >>> rounded.detach()
    tensor([[0., 2.]])
    >>> torch.autograd.grad((rounded**2).sum(), x)[0]  # 2 times what was rounded
    tensor([[0., 4.]])
    """
    if not callable(forward):
        raise TypeError(f"forward is {forward!r}, which cannot be called: give a function.")
    if not (backward is None or callable(backward)):
        raise TypeError(f"backward is {backward!r}: give a function of tensors, or None.")
    return _StraightThrough(copy.deepcopy(forward), copy.deepcopy(backward)).eval()


def soft_round(x):
    r"""Round a little: what stands in for rounding where a gradient is taken.

    :math:`x - 0.9 \sin(2 \pi x) / (2 \pi)`, whose derivative is 1.9 half way between two whole
    numbers, where rounding jumps, and 0.1 at the whole numbers themselves: an attack moves those
    values first for which little is enough.

    Parameters
    ----------
    x : tensor of any shape
        Numbers to be rounded to whole ones.

    Returns
    -------
    y : tensor of the shape of x
        Increasing in `x`; the same where `x` is whole or half way between.

    See Also
    --------
    straight_through : Takes it as `backward`.

    Notes
    -----
    Where each feature is rounded by itself and the norm is linf, only signs of the gradient count,
    and the identity will do. In l2, and where sums of features are rounded, it will not: a net for
    MNIST behind two bits seems to hold 86% of the rows at l2 distance 1, and with this 35%.

    Examples
    --------
    >>> import torch
    >>> from sklearn_privfair.differentiable import soft_round
    >>> x = torch.tensor([0.0, 0.25, 0.5, 1.0], requires_grad=True)
    >>> (gradient,) = torch.autograd.grad(soft_round(x).sum(), x)
    >>> gradient
    tensor([0.1000, 1.0000, 1.9000, 0.1000])
    """
    return x - _WAVE * torch.sin(2 * math.pi * x) / (2 * math.pi)


class _StraightThrough(nn.Module):
    """A function of arrays, with the gradient of a function of tensors."""

    def __init__(self, forward, backward):
        super().__init__()
        self.exact = forward
        self.near = nn.Identity() if backward is None else backward
        self.names = getattr(getattr(forward, "__self__", None), "feature_names_in_", None)

    def forward(self, x):
        x = as_float(x)
        rows = x.detach().cpu().numpy().copy()  # a copy: the step may write into what it gets
        if self.names is not None:
            rows = pd.DataFrame(rows, columns=self.names)
        exact = np.require(dense(self.exact(rows)), requirements=["C", "W"])  # torch wants both
        exact = as_float(torch.as_tensor(exact)).to(x.device)
        if not (x.requires_grad and torch.is_grad_enabled()):
            return exact
        near = self.near(x)
        if near.shape != exact.shape:
            what = "the identity" if isinstance(self.near, nn.Identity) else "backward"
            raise ValueError(
                f"The step gives rows of shape {tuple(exact.shape)}, and {what} gives "
                f"{tuple(near.shape)}: give as `backward` a function of tensors of that shape."
            )
        return _Replaced.apply(near, exact)


class _Replaced(torch.autograd.Function):
    """Other values for a tensor, under its own gradient."""

    @staticmethod
    def forward(_ctx, _near, exact):
        return exact.view_as(exact)

    @staticmethod
    def backward(_ctx, gradient):
        return gradient, None
