"""Small data and nets, a net that tells what it was trained on, and Madry's loop, plainly."""

import numpy as np
import torch
from sklearn.datasets import load_digits, make_blobs
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional

from sklearn_privfair.attacks import PGDAttack


def data(n=90, dtype=np.float32):
    """Three classes of four features in [0, 1] that overlap a little."""
    X, y = make_blobs(n, 4, centers=3, cluster_std=1.5, random_state=0)[:2]
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    return X.astype(dtype), y.astype(np.int64)


def digits():
    """Digits in [0, 1]: training and test rows, training and test labels."""
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, test_size=300, random_state=0)


def digits_net():
    """A net that learns digits in a second or two."""
    return make_net(
        module__n_hidden=100,
        module__n_in=64,
        module__n_out=10,
        max_epochs=25,
        batch_size=64,
        optimizer=torch.optim.Adam,
        lr=3e-3,
        iterator_train__shuffle=True,
    )


def robust_accuracy(model, attack, X, y):
    """Share of rows that are right before and after the attack."""
    X_adv = attack.fit(model).transform(X, y)
    return np.mean((model.predict(X) == y) & (model.predict(X_adv) == y))


class Layers(nn.Module):
    """One hidden layer, or none."""

    def __init__(self, n_hidden=8, n_in=4, n_out=3):
        super().__init__()
        self.layers = (
            nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))
            if n_hidden
            else nn.Linear(n_in, n_out)
        )

    def forward(self, X):
        return self.layers(X)


class Witness(NeuralNetClassifier):
    """A net of the user's that has its own training step: it keeps the batches it is given."""

    def train_step_single(self, batch, **fit_params):
        vars(self).setdefault("seen_", []).append([part.clone() for part in batch])
        return super().train_step_single(batch, **fit_params)


def make_net(module=Layers, cls=NeuralNetClassifier, **params):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "lr": 0.5,
        "max_epochs": 3,
        "batch_size": 20,
        "train_split": None,
        "verbose": 0,
    }
    return cls(module, **defaults | params)


def make_attack(**params):
    """PGD as in a textbook: equal steps from the row itself."""
    defaults = {
        "eps": 0.1,
        "n_steps": 4,
        "step_size": 0.04,
        "step_schedule": "constant",
        "random_start": False,
        "bounds": (0, 1),
        "random_state": 0,
    }
    return PGDAttack(**defaults | params)


def seeded_module(make=Layers, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def fitted(net, X, y, seed=0):
    """Fit a net without touching the global generators."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return net.fit(X, y)


def weights(net):
    """All numbers of a net's module, or of a module, in one vector."""
    state = getattr(net, "module_", net).state_dict()
    return np.concatenate([tensor.detach().double().numpy().ravel() for tensor in state.values()])


def plain_pgd(module, x, y, eps, step, n_steps, norm=np.inf, box=None):
    """Ascend the cross-entropy in sign or gradient direction, and project: nothing shared."""
    x_adv = x.clone()
    for _ in range(n_steps):
        x_adv = x_adv.detach().requires_grad_()
        loss = functional.cross_entropy(module(x_adv), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x_adv)
        if norm == np.inf:
            x_adv = x_adv + step * gradient.sign()
            x_adv = torch.minimum(torch.maximum(x_adv, x - eps), x + eps)
        else:
            x_adv = x_adv + step * gradient / gradient.norm(dim=1, keepdim=True)
            delta = x_adv - x
            length = delta.norm(dim=1, keepdim=True)
            x_adv = x + delta * torch.where(length > eps, eps / length, 1.0)
        if box is not None:
            x_adv = x_adv.clamp(*box)
    return x_adv.detach()


def madry(module, X, y, *, epochs, batch_size, lr, **attack):
    """Train `module` in place: stochastic gradient descent on the rows of `plain_pgd`."""
    optimizer = torch.optim.SGD(module.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(X), batch_size):
            x, label = X[start : start + batch_size], y[start : start + batch_size]
            x_adv = plain_pgd(module, x, label, **attack)
            optimizer.zero_grad()
            loss = functional.cross_entropy(module(x_adv), label)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        losses.append(total / len(X))
    return losses
