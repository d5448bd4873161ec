"""What DP-SGD refuses, since its guarantee would not hold."""

import sys

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import Checkpoint, EarlyStopping, LRScheduler
from skorch.dataset import ValidSplit
from torch import nn
from torch.nn import functional

from ._dp_harness import make_net, module, train


class Mean(nn.Module):
    """Sets each row against the mean of its batch: Opacus knows nothing of it."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, X):
        return self.linear(X - X.mean(0))


class Remembers(nn.Module):
    """Keeps a mean of the rows, and does not use it in training."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, X):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * X.detach().mean(0)
        return self.linear(X)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, X):
        return self.linear(X), X


class OwnStep(NeuralNetClassifier):
    def train_step_single(self, batch, **fit_params):
        return super().train_step_single(batch, **fit_params)


class Learned(nn.CrossEntropyLoss):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x, y):
        return super().forward(x * self.scale, y)


class Summed(nn.Module):
    def forward(self, x, y):
        return functional.cross_entropy(x, y)


class Deaf(Summed):
    reduction = "mean"


def norm(layer):
    return nn.Sequential(nn.Linear(4, 6), layer, nn.ReLU(), nn.Linear(6, 3))


PLATEAU = LRScheduler(policy=torch.optim.lr_scheduler.ReduceLROnPlateau)
SPLIT = ValidSplit(3)
REFUSED = {
    "batch norm": (norm(nn.BatchNorm1d(6)), {}, r"Layer '1'.*BatchNorm1d.*GroupNorm"),
    "affine": (norm(nn.BatchNorm1d(6, affine=False)), {}, "depends on the other rows"),
    "mean": (Mean(), {}, "depends on the other rows.*GroupNorm"),
    "buffers": (Remembers(), {}, "writes to its buffers"),
    "pair": (Pair(), {}, "gives a tuple"),
    "step": (None, {"cls": OwnStep}, "OwnStep has its own train_step_single"),
    "sampler": (None, {"iterator_train__sampler": range(90)}, "iterator_train__sampler"),
    "iterator": (None, {"iterator_train": list}, "iterator_train=<class 'list'>"),
    "criterion": (None, {"criterion": Learned}, "learns more weights"),
    "no reduction": (None, {"criterion": Summed}, "has no reduction"),
    "no rows": (None, {"criterion": Deaf}, r"losses of shape \(\) for 4 rows"),
    "closure": (None, {"optimizer": torch.optim.LBFGS}, "LBFGS asks for the loss .* many times"),
    "stopping": (None, {"callbacks": [EarlyStopping()], "train_split": SPLIT}, "EarlyStopping"),
    "plateau": (None, {"callbacks": [PLATEAU], "train_split": SPLIT}, "LRScheduler"),
    "best": (None, {"callbacks": [Checkpoint(load_best=True)]}, "Checkpoint"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    inner, params, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        train(make_net(inner, **params))


@pytest.mark.parametrize("layer", [nn.GroupNorm(2, 6), nn.LayerNorm(6), nn.Dropout(0.5)])
def test_layers_that_keep_rows_apart(layer):
    assert train(make_net(norm(layer))).clipping_ == "ghost"


def test_ghost_where_it_cannot_be():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, X):
            return self.outer(self.inner(torch.relu(self.inner(X))))

    with pytest.raises(ValueError, match=r"clipping='ghost' cannot .* used more than once"):
        train(make_net(Tied()), clipping="ghost")
    assert train(make_net(Tied())).clipping_ == "per_sample"


@pytest.mark.parametrize("both", [{"epsilon": 1.0}, {"noise_multiplier": None}])
def test_budget_or_noise(both):
    with pytest.raises(ValueError, match="give one of them and None for the other"):
        train(**both)


def test_no_net():
    with pytest.raises(TypeError, match=r"LogisticRegression\(\).* is no skorch net"):
        train(make_pipeline(StandardScaler(), LogisticRegression()))


def test_too_few_outputs():
    with pytest.raises(ValueError, match="The net has 5 outputs for 3 classes"):
        train(make_net(module(n_out=5)))


def test_without_opacus(monkeypatch):
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(ImportError, match=r"pip install sklearn_privfair\[privacy\]"):
        train()
