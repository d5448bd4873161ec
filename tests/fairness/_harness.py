"""Made-up data that are unfair in a known way, and nets small enough to train in a second."""

import numpy as np
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn


def unfair_rows(n=1500, seed=0):
    """Give rows of which the first two columns tell of y, the first of the group as well.

    Returns
    -------
    X : ndarray of shape (n, 3)
    y : ndarray of shape (n,), 0 or 1
    group : ndarray of shape (n,), "a" or "b"
    """
    rng = np.random.default_rng(seed)
    group = rng.random(n) < 0.4
    X = rng.normal(size=(n, 3))
    X[:, 0] += 1.2 * group
    y = (X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=n) > 0.5).astype(int)
    return X, y, np.where(group, "b", "a")


def net(n_in=3, n_out=2, **params):
    """Give a linear skorch classifier, in float64."""
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.Adam,
        "lr": 0.02,
        "max_epochs": 12,
        "batch_size": 128,
        "train_split": None,
        "iterator_train__shuffle": True,
        "verbose": 0,
        "module__in_features": n_in,
        "module__out_features": n_out,
        "module__dtype": torch.float64,
    }
    return NeuralNetClassifier(nn.Linear, **defaults | params)


def regression_net(n_in=3, **params):
    """Give a linear skorch regressor, in float64."""
    defaults = {
        "optimizer": torch.optim.Adam,
        "lr": 0.02,
        "max_epochs": 20,
        "batch_size": 128,
        "train_split": None,
        "iterator_train__shuffle": True,
        "verbose": 0,
        "module__in_features": n_in,
        "module__out_features": 1,
        "module__dtype": torch.float64,
    }
    return NeuralNetRegressor(nn.Linear, **defaults | params)


def weights(fair):
    """Give all weights of the fitted net as one array."""
    return np.concatenate(
        [p.detach().numpy().ravel() for p in fair.estimator_.module_.parameters()]
    )
