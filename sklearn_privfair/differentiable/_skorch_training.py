"""Training of skorch nets with batches changed on the way, by composition.

A net's own loop, callbacks, schedulers, history and splits go on as they are: only what one
training step is given is changed, on the instance and for the time of a fit.
"""

from contextlib import contextmanager

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetBinaryClassifier
from skorch.dataset import unpack_data

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
