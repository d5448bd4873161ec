"""Made-up evidence, models that remember and models that answer by chance, for membership tests."""

from types import SimpleNamespace

import numpy as np
import torch
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.privacy import MembershipInferenceClassifier
from sklearn_privfair.privacy._evidence import Evidence
from sklearn_privfair.privacy._game import Game
from sklearn_privfair.privacy._moments import Spread
from sklearn_privfair.privacy._records import Records

TINY = 1e-12

# digits of which the first ones are the victim's, and the others the attacker's
X, Y = load_digits(n_class=4, return_X_y=True)
X = X.astype(np.float32) / 16
NEW, OF_NEW = X[:150], Y[:150]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 32), nn.Dropout(0.2), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, X):
        return self.layers(X)


def net(module=Net, **params):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.Adam,
        "lr": 0.01,
        "max_epochs": 8,
        "train_split": None,
        "iterator_train__shuffle": True,
        "verbose": 0,
    }
    return NeuralNetClassifier(module, **defaults | params)


def attack_of(victim, **params):
    """An attack with four shadow models, by LiRA."""
    defaults = {"method": "lira", "n_shadow_models": 4, "random_state": 0}
    return MembershipInferenceClassifier(victim, **defaults | params)


def scores(attack):
    """What an attack fitted on the attacker's digits says of the victim's."""
    return attack.fit(X[150:], Y[150:]).decision_function(NEW, OF_NEW)


def of_odds(log_odds):
    """Probabilities of two classes, of which the first has these log-odds."""
    return np.stack([expit(log_odds), expit(-log_odds)], axis=-1)


def evidence_of(log_odds, shadow_log_odds, members, online, population=None):
    """Evidence on records of class 0, of log-odds (n_queries, n) and (n_shadows, n_queries, n)."""
    spread = [Spread(lambda: shadow_log_odds, chosen) for chosen in (~members, members)]
    return Evidence(
        np.zeros(members.shape[1], dtype=int),
        of_odds(log_odds),
        of_odds(shadow_log_odds),
        members,
        spread,
        online,
        TINY,
        population=population,
    )


def game_of(proba, codes, members, audited=None, clip=TINY):
    """A game of answers made up, of shape (n_models, n_queries, n_records, n_classes)."""
    records = Records(np.arange(len(codes), dtype=float)[:, None], codes)
    audited = np.zeros(len(codes), dtype=bool) if audited is None else audited
    models = [SimpleNamespace(number=k) for k in range(len(proba))]
    return Game(records, models, proba, members, audited, clip)


def random_proba(shape, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return softmax(3 * rng.standard_normal(shape), axis=-1).astype(dtype)


class Chance(ClassifierMixin, BaseEstimator):
    """Answers that depend on the row and on the seed, and not at all on the training."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        rng = np.random.default_rng(self.random_state)
        self.weights_ = 1e4 * rng.standard_normal((X.shape[1], len(self.classes_)))
        return self

    def predict_proba(self, X):
        return softmax(3 * np.sin(X @ self.weights_), axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Memory(ClassifierMixin, BaseEstimator):
    """It is surer of rows that it was trained on: log-odds higher by `gain`, with noise."""

    def __init__(self, gain=2.0, random_state=None):
        self.gain = gain
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        rng = np.random.default_rng(self.random_state)
        self.weights_ = 1e4 * rng.standard_normal(X.shape[1])
        self.seen_ = {row.tobytes(): label for row, label in zip(X, y, strict=True)}
        return self

    def predict_proba(self, X):
        labels = [self.seen_.get(row.tobytes()) for row in X]
        logits = np.stack([self.gain * (np.array(labels) == c) for c in self.classes_], axis=1)
        logits[:, 0] += np.sin(X @ self.weights_)
        return softmax(logits, axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
