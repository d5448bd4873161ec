"""Small nets, linear models with closed forms, and exact arithmetic for the tests of attacks."""

from fractions import Fraction

import numpy as np
import torch
from sklearn.datasets import make_blobs
from torch import nn

from sklearn_privfair.differentiable import Victim


def seeded(make, *args, seed=0):
    """Build a module without touching the global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(*args).eval()


def sharpened(net, X):
    """Make the weights larger and the classes equally likely, so that rows can be attacked."""
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layer.weight *= 4
        logits = net(torch.tensor(X))
        net[-1].bias -= logits.mean(0)
    return net


def mlp(activation=nn.ReLU, n_in=13, n_out=3):
    """Odd widths: nothing is a multiple of a register."""
    net = seeded(
        lambda: nn.Sequential(
            *(nn.Linear(n_in, 50), activation(), nn.Linear(50, 10), activation()),
            nn.Linear(10, n_out),
        )
    )
    return sharpened(net, rows(d=n_in))


def cnn(activation=nn.ReLU):
    """Planes of 7 x 7 with odd numbers of channels, normalisation in the middle."""

    def make():
        norm = nn.BatchNorm2d(5)
        norm.running_mean.uniform_(-0.3, 0.3)
        norm.running_var.uniform_(0.5, 2)
        return nn.Sequential(
            *(nn.Conv2d(1, 5, 3, padding=1), norm, activation(), nn.MaxPool2d(2)),
            *(nn.Conv2d(5, 7, 2), activation(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(7, 4)),
        )

    return sharpened(seeded(make), image_rows())


def image_rows(n=70, seed=0):
    return np.random.default_rng(seed).random((n, 1, 7, 7)).astype(np.float32)


def rows(n=70, d=13, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).random((n, d)).astype(dtype)


def blobs(n=150, d=5, n_classes=3, seed=0):
    """Classes that overlap, in units of order 1."""
    return make_blobs(n, d, centers=n_classes, center_box=(-2, 2), random_state=seed)


def linear_decision(model):
    """Weights (n_classes, n_features) and intercepts such that the largest column is predicted."""
    weight, bias = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    if len(weight) == 1:
        weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    return weight, bias


def linear_distance(model, X, norm):
    """The least perturbation that changes the class of each row: its closed form, unbounded.

    Hoelder: to the boundary with each class it is the gap over the dual norm of the slope.
    """
    weight, bias = linear_decision(model)
    z = X @ weight.T + bias
    label = z.argmax(axis=1)
    slope = weight[label][:, None] - weight[None]
    gap = z[np.arange(len(X)), label][:, None] - z
    dual = {1: np.inf, 2: 2, np.inf: 1}[norm]
    length = np.linalg.norm(slope, ord=dual, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(length > 0, gap / length, np.inf)
    return distance.min(axis=1)


def exact_norm_is_within(x_adv, x, eps, norm):
    """Whether each row is within `eps`, in rational numbers."""

    def within(a, b):
        delta = [abs(Fraction(float(u)) - Fraction(float(v))) for u, v in zip(a, b, strict=True)]
        limit = Fraction(float(eps))
        if norm == np.inf:
            return max(delta) <= limit
        return sum(d**norm for d in delta) <= limit**norm

    flat_adv, flat = np.reshape(x_adv, (len(x), -1)), np.reshape(x, (len(x), -1))
    return np.array([within(a, b) for a, b in zip(flat_adv, flat, strict=True)])


def predict(model, X):
    """Labels by the model's own `predict`."""
    victim = Victim(model)
    return victim.decode(victim.predict(X))
