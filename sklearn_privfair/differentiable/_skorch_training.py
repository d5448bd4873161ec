"""Training of skorch nets with batches changed on the way, by composition.

A net's own loop, callbacks, schedulers, history and splits go on as they are: only what one
training step is given is changed, on the instance and for the time of a fit.
"""

from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.base import clone, is_classifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from skorch import NeuralNet, NeuralNetBinaryClassifier
from skorch.dataset import unpack_data
from torch import nn

from sklearn_privfair.differentiable._dispatch import as_module
from sklearn_privfair.differentiable._rowwise import RowwiseLinear, dtype_of
from sklearn_privfair.differentiable._seeds import generators_as_found
from sklearn_privfair.differentiable._victim import cast_floats, net_labels


def is_net(estimator):
    """Tell whether `estimator` is a skorch net."""
    return isinstance(estimator, NeuralNet)


def check_classifies(net):
    """Raise if what a net predicts is not classes."""
    if not is_classifier(net):
        raise TypeError(
            f"estimator is a {type(net).__name__}, which predicts no classes; use "
            "skorch.NeuralNetClassifier or NeuralNetBinaryClassifier."
        )


def net_inputs(net, X, codes=None):
    """Give rows and class codes in the precision and type that a net trains on.

    Parameters
    ----------
    net : skorch.NeuralNet
    X : ndarray of shape (n_samples, ...)
    codes : int ndarray of shape (n_samples,), default=None

    Returns
    -------
    X : ndarray in the precision of the net's weights, contiguous and writeable
    codes : ndarray, int64, or floating for a net with one output
    """
    dtype = _precision(net)
    X = np.require(X, dtype=dtype, requirements=["C", "W"])  # torch wants to be able to write
    if codes is None:
        return X
    return X, codes.astype(dtype if isinstance(net, NeuralNetBinaryClassifier) else np.int64)


def _precision(net):
    """Give the dtype of a net's weights; torch's default for those that NumPy does not compute."""
    if net.initialized_:
        module = net.module_
    elif isinstance(net.module, nn.Module):
        module = net.module
    else:
        with generators_as_found():
            module = clone(net).initialize().module_
    dtype = dtype_of(module, torch.get_default_dtype())
    exact = dtype in (torch.float32, torch.float64)
    return torch.zeros((), dtype=dtype if exact else torch.get_default_dtype()).numpy().dtype


@contextmanager
def seeded(seed):
    """Seed the global generators, from which nets and splits draw; leave them as they were."""
    with generators_as_found():
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        yield


def fit_on_data(estimator, X, y, seed):
    """Fit a clone of an estimator, seeded; a net in its own precision, on labels that it can have.

    Parameters
    ----------
    estimator : classifier
        Not fitted, or to be fitted anew.
    X : array-like or data frame of shape (n_samples, ...)
    y : array-like of shape (n_samples,)
    seed : int

    Returns
    -------
    fitted : classifier
    """
    net = step_to_fit(estimator)
    with seeded(seed):
        if not is_net(net):
            return clone(estimator).fit(X, y)
        check_classifies(net)
        if net is estimator:
            return fresh_net(net).fit(*net_inputs(net, X, net_labels(y)))
        return clone(estimator).fit(net_rows(net, X), net_labels(y))


def net_rows(net, X):
    """Give rows for a pipeline that ends in a net, in its precision; a data frame stays one."""
    return cast_floats(X, _precision(net), frames=True)


def step_to_fit(estimator):
    """Give what a classifier that is not fitted ends in: of a search, what it searches."""
    while isinstance(estimator, (BaseSearchCV, Pipeline)):
        search = isinstance(estimator, BaseSearchCV)
        estimator = estimator.estimator if search else estimator.steps[-1][1]
    return estimator


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
    """The frozen module of a net in training, always with its present weights.

    Parameters
    ----------
    net : skorch.NeuralNet
    before : torch.nn.Module, default=None
        What stands before the net, from raw rows to those that it takes.
    """

    def __init__(self, net, before=None):
        self.net = net
        self.before = before
        self.module = self.whole = None

    def __call__(self, source=None):
        """Give the module, brought up to date with the net's weights or those of `source`."""
        if self.module is None:
            self.module = as_module(self.net)
            for part in self.module.modules():
                if isinstance(part, RowwiseLinear):
                    part.padded = False
            parts = [self.module] if self.before is None else [self.before, self.module]
            self.whole = self.module if self.before is None else nn.Sequential(*parts).eval()
        source = self.net.module_ if source is None else source
        with torch.no_grad():
            for ours, live in zip(_tensors(self.module), _tensors(source), strict=True):
                ours.copy_(live)
        return self.whole


def _tensors(module):
    return (*module.parameters(), *module.buffers())


@contextmanager
def hooked(net, **methods):
    """Replace methods of a net, on the instance and for a while.

    Parameters
    ----------
    net : skorch.NeuralNet
    **methods : callable
        What is called in place of the class's methods of these names.
    """
    kind: Any = type(net)

    def state():  # of a net pickled or copied in training: by a checkpoint, for instance
        whole = kind.__getstate__(net)
        return {name: value for name, value in whole.items() if name not in methods}

    methods["__getstate__"] = state
    before = {name: vars(net)[name] for name in methods if name in vars(net)}
    vars(net).update(methods)
    try:
        yield
    finally:
        for name in methods:
            del vars(net)[name]
        vars(net).update(before)


def rows_and_targets(net, batch):
    """Give the rows and targets of a batch on the net's device."""
    x, y = unpack_data(batch)
    return x.to(net.device), y.to(net.device)


@contextmanager
def changed_batches(net, change):
    """Let every training step of `net` see ``change(x, y)`` in place of `x`.

    Parameters
    ----------
    net : skorch.NeuralNet
    change : callable
        From the rows and targets of a batch, tensors on the net's device, to rows.
    """
    kind: Any = type(net)

    def train_step_single(batch, **fit_params):
        x, y = rows_and_targets(net, batch)
        return kind.train_step_single(net, (change(x, y), y), **fit_params)

    with hooked(net, train_step_single=train_step_single):
        yield
