"""Training on rows with Gaussian noise: fresh in every batch of a net, in copies otherwise.

Cohen, Rosenfeld & Kolter (2019), section 3.3: a classifier is to be trained on the noise under
which it will be asked.
"""

import numpy as np
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from sklearn_privfair.differentiable._skorch_training import (
    changed_batches,
    fresh_net,
    is_net,
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
        if not is_net(estimator):
            if std is not None:
                table, y = noisy_copies(table, y, std, n_copies, seed)
            return clone(estimator).fit(table.container(table.values, np.arange(len(y))), y)
        net = fresh_net(estimator)
        if std is None:
            return net.fit(table.values, y)
        with changed_batches(net, FreshNoise(std, seed)):
            return net.fit(table.values, y)


def noisy_copies(table, y, std, n_copies, seed):
    """Give noisy copies of rows, and their labels."""
    owner = np.tile(np.arange(len(y)), n_copies)
    copies = table.take(owner)
    noise = np.random.default_rng(seed).standard_normal(copies.values.shape)
    copies.values = (copies.values + std * noise).astype(table.values.dtype)
    return copies, y[owner]


class FreshNoise:
    """Changes the batches of a training: each gets noise of its own.

    Parameters
    ----------
    std : ndarray that broadcasts to a row
    seed : int
    """

    def __init__(self, std, seed):
        self.std, self.seed = std, seed
        self.generator = None

    def __call__(self, x, y):
        if self.generator is None:  # only now is the device known
            self.generator = torch.Generator(x.device).manual_seed(self.seed)
            self.std = torch.as_tensor(self.std, dtype=x.dtype, device=x.device)
        noise = torch.randn(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        return x + self.std * noise
