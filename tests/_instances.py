"""An instance of any public estimator, cheap to fit, made from its signature alone."""

import inspect

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn

from sklearn_privfair.attacks import PGDAttack

# Subpackages whose meta-estimators train torch nets, and so take a skorch classifier.
NET_FAMILIES = {"defences", "fairness"}
NET_CLASSES = {"DPSGDClassifier"}

# What makes an estimator quick, where it has such a parameter; n_jobs is left to the tests.
QUICK = {"n_steps": 5, "binary_search_steps": 2, "n_shadow_models": 2, "random_state": 0}
QUICK |= {"n_queries": 200, "accountant": "rdp"}


class TinyNet(nn.Module):
    """A linear classifier that gives logits."""

    def __init__(self, n_in=1, n_out=2, dtype=None):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, dtype=dtype)

    def forward(self, X):
        return self.linear(X)


class TinyDoubleNet(TinyNet):
    """The same in float64, by a name: of two parameters of a module skorch shows a set, and tests
    whose names hold one are not the same in two processes.
    """

    def __init__(self, n_in=1, n_out=2):
        super().__init__(n_in, n_out, dtype=torch.float64)


class KnowsGroups(LogisticRegression):
    """Takes sensitive features as Fairlearn's classifiers do, and makes nothing of them."""

    def fit(self, X, y, *, sensitive_features):
        assert len(sensitive_features) == len(y)
        return super().fit(X, y)


class SizesFromData(Callback):
    """Give the module as many inputs and outputs as the data ask for."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        n_out = int(np.max(y)) + 1 if np.ndim(y) == 1 else 1  # classes, or a number
        sizes = {"n_in": np.shape(X)[1], "n_out": n_out}
        if any(getattr(net, f"module__{name}", None) != size for name, size in sizes.items()):
            net.set_params(**{f"module__{name}": size for name, size in sizes.items()})


def tiny_net(module=TinyNet, **params):
    """A skorch classifier that fits whatever comes, in float32 rows and int64 labels."""
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "lr": 0.5,
        "max_epochs": 20,
        "batch_size": 64,
        "train_split": None,
        "iterator_train__shuffle": True,
        "callbacks": [SizesFromData],
        "verbose": 0,
    }
    return NeuralNetClassifier(module, **defaults | params)


def tiny_regressor():
    """A skorch regressor that fits whatever comes."""
    params = tiny_net().get_params(deep=False)
    chosen = ("max_epochs", "batch_size", "train_split", "callbacks", "verbose")
    return NeuralNetRegressor(
        TinyNet,
        optimizer=torch.optim.Adam,
        lr=0.1,
        iterator_train__shuffle=True,
        **{name: params[name] for name in chosen},
    )


def make_instance(cls, **params):
    """Instantiate `cls`: quick, and with an `estimator` where it takes one."""
    accepted = inspect.signature(cls).parameters
    chosen = {name: value for name, value in QUICK.items() if name in accepted}
    if "estimator" in accepted:
        family = cls.__module__.split(".")[1]
        nets = family in NET_FAMILIES or cls.__name__ in NET_CLASSES
        net = tiny_regressor if issubclass(cls, RegressorMixin) else tiny_net
        chosen["estimator"] = net() if nets else LogisticRegression()
    if cls.__name__ == "FairlearnClassifier":
        chosen["estimator"] = KnowsGroups()
    elif "sensitive_features" in accepted:
        # scikit-learn's checks give none beside X, and want accuracy where y depends on this one;
        # that of weights wants seven digits
        chosen["estimator"].set_params(module=TinyDoubleNet)
    if "sensitive_features" in accepted:
        chosen["sensitive_features"] = 0
    if cls.__name__ == "MembershipInferenceClassifier":
        chosen["method"] = "loss"  # others warn of records that all of two shadow models know
    if {"sensitive_features", "tolerance"} <= set(accepted):
        chosen |= {"tolerance": 0.9, "alpha": 0.01}
    if "attack" in accepted:
        chosen["attack"] = PGDAttack(eps=0.05, n_steps=2, random_state=0)
    if "definitional_sets" in accepted:  # of a bare array a word is the number of its row
        chosen |= {"definitional_sets": [(0, 1), (2, 3), (4, 5)], "specific_words": None}
    if "equalize_sets" in accepted:
        chosen["equalize_sets"] = None
    if "word_vectors" in accepted:
        chosen["word_vectors"] = (["word", "another"], np.eye(2))
    if "surrogate" in accepted:
        chosen["surrogate"] = make_pipeline(StandardScaler(), LogisticRegression())
    return cls(**chosen | params)


def set_eps(attack, eps):
    """Set the budget of an attack, or of the attack inside it."""
    name = "eps" if "eps" in attack.get_params(deep=False) else "attack__eps"
    return attack.set_params(**{name: eps})
