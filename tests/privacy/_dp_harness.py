"""A small net and data for DP-SGD, and callbacks that keep what it was given."""

import numpy as np
import torch
from sklearn.datasets import make_blobs
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from sklearn_privfair.privacy import DPSGDClassifier

X, Y = make_blobs(90, 4, centers=3, cluster_std=1.5, random_state=0)[:2]
X = ((X - X.min(axis=0)) / np.ptp(X, axis=0)).astype(np.float32)
SPARE = np.random.default_rng(1).random((20, 4)).astype(np.float32)


class Batches(Callback):
    """Keeps what the net was trained on."""

    def initialize(self):
        self.seen_ = []
        return self

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        if training:
            self.seen_.append([part.clone() for part in batch])


def module(n_hidden=8, n_in=4, n_out=3, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))


def make_net(inner=None, cls=NeuralNetClassifier, **params):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "lr": 0.5,
        "max_epochs": 3,
        "batch_size": 20,
        "train_split": None,
        "verbose": 0,
    }
    return cls(module() if inner is None else inner, **defaults | params)


def train(net=None, X=X, y=Y, **params):
    """Noise is given, and nothing is to be found."""
    defaults = {"epsilon": None, "noise_multiplier": 1.0, "accountant": "rdp", "random_state": 0}
    return DPSGDClassifier(make_net() if net is None else net, **defaults | params).fit(X, y)


def weights(net):
    tensors = getattr(net, "module_", net).state_dict().values()
    return np.concatenate([tensor.double().numpy().ravel() for tensor in tensors])


def seen(fitted):
    return dict(fitted.estimator_.callbacks_)["Batches"].seen_


class Steps(Callback):
    """Keeps the weights of the net, from the first to the last."""

    def on_train_begin(self, net, **kwargs):
        self.weights_ = [weights(net)]

    def on_batch_end(self, net, training=None, **kwargs):
        self.weights_ += [weights(net)] if training else []
