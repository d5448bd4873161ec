"""Training on rows with Gaussian noise: fresh in every batch of a net, in copies otherwise.

Cohen, Rosenfeld & Kolter (2019), section 3.3: a classifier is to be trained on the noise under
which it will be asked.
"""

from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from sklearn_privfair.differentiable import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._skorch_training import (
    fresh_net,
    hooked,
    is_net,
    rows_and_targets,
    seeded,
)
from sklearn_privfair.differentiable._victim import _as_found


def bare(estimator):
    """Give an estimator, out of its `FrozenEstimator`."""
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator


def net_in(estimator):
    """Give the skorch net in which an estimator, fitted or not, ends, or None."""
    while isinstance(estimator, FrozenEstimator | BaseSearchCV | Pipeline):
        pipe = isinstance(estimator, Pipeline)
        estimator = estimator.steps[-1][1] if pipe else estimator.estimator
    return estimator if is_net(estimator) else None


def n_outputs(victim, table):
    """Ask a fitted model that ends in a net how many classes it tells apart."""
    one = table.container(table.values[:1], np.zeros(1, dtype=int))
    with _as_found(victim.net):
        return victim.model.predict_proba(one).shape[1]


def train(estimator, table, y, std, n_copies, seed):
    """Fit a clone of a classifier on noisy rows.

    Parameters
    ----------
    estimator : classifier
    table : Table
    y : ndarray of shape (n_samples,)
    std : ndarray that broadcasts to a row, or None
        None: rows as they are.
    n_copies : int
        Of each row, for what is no net.
    seed : int

    Returns
    -------
    fitted : classifier
    """
    with seeded(seed):
        model = _fresh(estimator)
        if std is None:
            return model.fit(_all(table), y)
        if is_net(model):
            return _fit_net(model, None, table.values, y, std, seed)
        copies, labels = noisy_copies(table, y, std, n_copies, seed)
        if isinstance(model, Pipeline) and is_net(model.steps[-1][1]):
            before = _fit_steps(model, copies, labels)
            if before is not None:
                _fit_net(model.steps[-1][1], before, table.values, y, std, seed)
                return model
        return model.fit(_all(copies), labels)


def _fresh(estimator):
    if is_net(estimator):
        return fresh_net(estimator)
    model = clone(estimator)
    if isinstance(model, Pipeline) and is_net(model.steps[-1][1]):
        name, net = estimator.steps[-1]
        model.steps[-1] = (name, fresh_net(net))
    return model


def _all(table):
    return table.container(table.values, np.arange(len(table.values)))


def _fit_steps(model, table, y):
    """Fit the steps before the net of a pipeline; give their module, or None if there is none."""
    if table.numeric is not None:
        return None
    steps = model[:-1].fit(_all(table), y)
    try:
        before = as_module(steps)
    except NotDifferentiableError:
        return None
    model.steps[:-1] = steps.steps  # with a memory these are clones
    return before


def _fit_net(net, before, X, y, std, seed):
    """Fit a net by its own loop, with fresh noise in each batch, on rows before the steps."""
    kind: Any = type(net)
    noise = FreshNoise(std, seed)

    def train_step_single(batch, **fit_params):
        x, target = rows_and_targets(net, batch)
        return kind.train_step_single(net, (noise(x), target), **fit_params)

    def infer(x, **fit_params):  # in training and in validation
        with torch.no_grad():
            ready = before.to(net.device)(x.to(net.device)).to(x.dtype)
        return kind.infer(net, ready, **fit_params)

    methods: dict[str, Any] = {"train_step_single": train_step_single}
    if before is not None:
        methods["infer"] = infer
    with hooked(net, **methods):
        return net.fit(X, y)


def noisy_copies(table, y, std, n_copies, seed):
    """Give noisy copies of rows, and their labels."""
    owner = np.tile(np.arange(len(y)), n_copies)
    copies = table.take(owner)
    noise = np.random.default_rng(seed).standard_normal(copies.values.shape)
    copies.values = (copies.values + std * noise).astype(table.values.dtype)
    return copies, y[owner]


class FreshNoise:
    """Adds noise of its own to each batch.

    Parameters
    ----------
    std : ndarray that broadcasts to a row
    seed : int
    """

    def __init__(self, std, seed):
        self.std, self.seed = std, seed
        self.generator = None

    def __call__(self, x):
        if self.generator is None:  # only now is the device known
            self.generator = torch.Generator(x.device).manual_seed(self.seed)
            self.std = torch.as_tensor(self.std, dtype=x.dtype, device=x.device)
        noise = torch.randn(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        return x + self.std * noise
