"""The code of the user guide runs, given what its text takes for granted: a model, rows, a net."""

import re
import shlex
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from _documents import DOCS, blocks, run
from gensim.models import KeyedVectors
from matplotlib import pyplot as plt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.__main__ import build_parser
from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.audit import ModelAudit
from sklearn_privfair.audit._conditions import read_condition
from sklearn_privfair.audit._names import known_metrics
from sklearn_privfair.defences import AdversarialTrainingClassifier
from sklearn_privfair.embeddings import load_word_list, word_list_names

PAGES = ["attacks", "audit", "defences", "embeddings", "fairness", "index", "privacy"]


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


def _words():
    """Give vectors of all listed words, whose first number is the gender, and documents of them.

    They lie in a file, too, by the name of the well-known ones.
    """
    pairs = load_word_list("gender_definitional")
    lists = [load_word_list(name) for name in word_list_names().index]
    words = [word for listed in lists for word in _flat(listed)]
    words = list(dict.fromkeys(words + [_letters(i) for i in range(1000)]))
    rng = np.random.default_rng(0)
    kv = KeyedVectors(8)
    kv.add_vectors(words, rng.normal(size=(len(words), 8)).astype(np.float32))
    for side, column in ((3, 0), (-3, 1)):
        for pair in pairs:
            kv.vectors[kv.key_to_index[pair[column]], 0] = side
    kv.save_word2vec_format("GoogleNews-vectors-negative300.bin.gz", binary=True)
    documents = [" ".join(rng.choice(words, 12)) for _ in range(120)]
    return {"vectors": kv, "documents": documents, "sex": np.tile(["f", "f", "m"], 40)}


def _letters(i):
    return "".join(chr(97 + int(digit)) for digit in f"{i:05d}")


def _flat(listed):
    """Give all words of a list of words, or of lists, or of those by name; scores are left out."""
    if isinstance(listed, str):
        return [listed]
    if isinstance(listed, float):
        return []
    parts = listed.values() if isinstance(listed, dict) else listed
    return [word for part in parts for word in _flat(part)]


def _people():
    """Give a model of rows with a sex and a race, these rows, and a report that was made before."""
    rng = np.random.default_rng(0)
    people = pd.DataFrame(rng.normal(size=(240, 3)), columns=["age", "income", "debt"])
    people = people.assign(sex=np.tile([0, 1], 120), race=np.tile([0, 0, 1], 80))
    y = np.where(people["income"] - people["debt"] + rng.normal(size=240) > 0, "paid", "not")
    model = LogisticRegression().fit(people[:120], y[:120])
    parts = {"X_train": people[:120], "y_train": y[:120], "X_test": people[120:], "y_test": y[120:]}
    report = ModelAudit(model, families=["privacy"], membership=["loss"]).run(*parts.values())
    report.to_json("before.json")
    return parts | {"model": model}


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
    if page == "audit":
        defence = AdversarialTrainingClassifier(_net(), PGDAttack(eps=0.1, n_steps=2))
        granted |= _people() | {"defended": defence.fit(X[rows.train], y[rows.train])}
    if page == "embeddings":
        granted |= _words() | {"make_pipeline": make_pipeline}
        granted |= {"LogisticRegression": LogisticRegression, "y": np.tile([0, 1], 60)}
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


def test_commands_are_understood():
    """Every command of the pages and of the README has arguments that there are."""
    text = "\n".join(page.read_text() for page in [*DOCS.glob("*.rst"), DOCS.parent / "README.md"])
    commands = re.findall(r"^ *privfair ((?:.*\\\n)*.*)", text, flags=re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        options = build_parser().parse_args(shlex.split(command.replace("\\\n", " ")))
        for condition in options.fail_if:
            read_condition(condition, known_metrics(["robustness", "privacy", "fairness"], [0.1]))
