"""The code of the user guide runs, given what its text takes for granted: a model, rows, a net."""

from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from _documents import DOCS, blocks, run
from matplotlib import pyplot as plt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier
from torch import nn

PAGES = ["attacks", "defences", "fairness", "index", "privacy"]


class MyStep(TransformerMixin, BaseEstimator):
    """A step of the reader's own."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.round(X, 1)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng(devices=[]), joblib.parallel_config("threading"):
        torch.manual_seed(0)
        yield
    plt.close("all")


def _net(n_classes=10):
    return NeuralNetClassifier(
        nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, n_classes)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.01,
        max_epochs=3,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def _taken_for_granted(page):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    rows = SimpleNamespace(train=slice(300), test=slice(300, 340), own=slice(400, 560))
    names = ["age", *(f"pixel {i}" for i in range(1, 64))]
    granted = {
        "np": np,
        "X": X[rows.train],
        "y": y[rows.train],
        "X_test": X[rows.test],
        "y_test": y[rows.test],
        "table": pd.DataFrame(X[rows.train], columns=names),
        "frame": pd.DataFrame({"sex": np.tile(["female", "male"], 150)}),
        "membership": np.arange(300) < 150,
        "model": LogisticRegression(max_iter=200).fit(X[rows.train], y[rows.train]),
        "net": _net().fit(X[rows.train], y[rows.train]),
        "MyStep": MyStep,
    }
    if page == "attacks":  # some minutes less
        granted |= {"X": X[rows.test], "y": y[rows.test]}
    if page == "fairness":
        granted |= {"y": y[rows.train] > 4, "net": _net(2)}
    if page == "privacy":
        forest = RandomForestClassifier(4, random_state=0)
        granted |= {"y": y[rows.train] > 4, "X_own": X[rows.own], "y_own": y[rows.own] > 4}
        granted |= {"net": _net(2), "victim": forest.fit(X[:150], y[:150] > 4)}
    return granted


@pytest.mark.parametrize("page", PAGES)
def test_code(page):
    namespace, n_blocks = _taken_for_granted(page), 0
    for caption, code in blocks(DOCS / f"{page}.rst"):
        if caption is None:
            run(code, namespace, f"{page}.rst")
            n_blocks += 1
    assert n_blocks
