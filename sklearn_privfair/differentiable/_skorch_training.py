"""Training of skorch nets with batches changed on the way, by composition.

A net's own loop, callbacks, schedulers, history and splits go on as they are: only what one
training step is given is changed, on the instance and for the time of a fit.
"""

from contextlib import contextmanager

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNet, NeuralNetBinaryClassifier
from skorch.dataset import unpack_data
from torch import nn

from sklearn_privfair.differentiable._dispatch import as_module


def is_net(estimator):
    """Tell whether `estimator` is a skorch net."""
    return isinstance(estimator, NeuralNet)


def net_inputs(net, X, codes=None):
    """Give rows and class codes in the precision and type that a net trains on.

    Parameters
    ----------
    net : skorch.NeuralNet
    X : ndarray of shape (n_samples, ...)
    codes : int ndarray of shape (n_samples,), default=None

    Returns
    -------
    X : ndarray in torch's default precision, contiguous
    codes : ndarray, int64, or floating for a net with one output
    """
    dtype = torch.zeros(()).numpy().dtype
    X = np.ascontiguousarray(X, dtype=dtype)
    if codes is None:
        return X
    return X, codes.astype(dtype if isinstance(net, NeuralNetBinaryClassifier) else np.int64)


def fresh_net(net):
    """Clone a net to be trained from scratch.

    skorch trains a module given as an instance in place, and copies it with its weights: the
    clone of a net that was fitted would go on from there. Its layers are drawn anew.

    Raises
    ------
    ValueError
        If a layer of such an instance cannot be drawn anew.
    """
    twin = clone(net)
    if not (net.initialized_ and isinstance(twin.module, nn.Module)):
        return twin
    for name, layer in twin.module.named_modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
        elif next(layer.parameters(recurse=False), None) is not None:
            raise ValueError(
                f"The net was fitted already, and layer {name!r} of its module has no "
                "reset_parameters, so that it cannot be trained from scratch; give the module as a "
                "class, or a net that is not fitted."
            )
    return twin


class LiveModule:
    """The frozen module of a net in training, always with its present weights."""

    def __init__(self, net):
        self.net = net
        self.module = None
        self.places = None

    def __call__(self):
        """Give the module; it is rebuilt if weights were replaced and not updated in place."""
        places = [p.data_ptr() for p in self.net.module_.parameters()]
        if places != self.places:
            self.module, self.places = as_module(self.net), places
        return self.module


@contextmanager
def changed_batches(net, change):
    """Let every training step of `net` see ``change(x, y)`` in place of `x`.

    Parameters
    ----------
    net : skorch.NeuralNet
    change : callable
        From the rows and targets of a batch, tensors on the net's device, to rows.
    """

    def train_step_single(batch, **fit_params):
        x, y = unpack_data(batch)
        x, y = x.to(net.device), y.to(net.device)
        return type(net).train_step_single(net, (change(x, y), y), **fit_params)

    net.train_step_single = train_step_single
    try:
        yield
    finally:
        del net.train_step_single
