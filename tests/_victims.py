"""Fitted models to attack, as users have them, with rows in their raw units."""

from dataclasses import dataclass

import numpy as np
import torch
from _instances import tiny_net
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_privfair.attacks import FGSMAttack
from sklearn_privfair.defences import AdversarialAugmentationClassifier

# raw units: the third feature is in the thousands
_SCALE, _SHIFT = np.array([1.0, 0.2, 1000.0, 5.0]), np.array([0.0, 1.0, 5000.0, -3.0])


class Harsh(nn.Module):
    """A net that is another one in train mode, and that has every reason to depend on its batch."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3)
        )

    def forward(self, X):
        return self.layers(X)


@dataclass
class Case:
    """A fitted model, rows and true labels, and the box in which rows may be."""

    model: object
    X: np.ndarray
    y: np.ndarray
    bounds: tuple

    @property
    def net(self):
        """The torch module inside, if there is one."""
        last = self.model[-1] if hasattr(self.model, "steps") else self.model
        last = getattr(last, "estimator_", last)
        return getattr(last, "module_", last if isinstance(last, nn.Module) else None)


def _net():
    return tiny_net(module=Harsh, callbacks=[], max_epochs=30, lr=0.1, batch_size=20)


def make_case(kind):
    """Fit a model: the same one at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # skorch draws from the global generator
        return _make_case(kind)


def _make_case(kind):
    X, y = make_blobs(40, n_features=4, centers=3, center_box=(-2, 2), random_state=1)[:2]
    y = y.astype(np.int64)
    if kind == "linear":
        X, y = X * _SCALE + _SHIFT, np.array(["left", "middle", "right"])[y]
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    elif kind == "pipeline":
        X = (X * _SCALE + _SHIFT).astype(np.float32)
        model = make_pipeline(StandardScaler(), _net()).fit(X, y)
    elif kind == "defended":
        y = np.array(["left", "middle", "right"])[y]
        attack = FGSMAttack(eps=0.05, norm=np.inf)
        model = AdversarialAugmentationClassifier(_net(), attack, random_state=0).fit(X, y)
    else:
        X = X.astype(np.float32)
        net = _net().fit(X, y)
        model = net if kind == "skorch" else net.module_.train()
    # numbers that float32 does not have
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    return Case(model, X, y, (np.nextafter(low, -np.inf), np.nextafter(high, np.inf)))


KINDS = ["linear", "pipeline", "skorch", "module", "defended"]
