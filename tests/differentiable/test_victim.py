"""Victim: labels, predictions and logits of any classifier, read only."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.differentiable import Victim

from ._harness import make_labels, make_rows

X = make_rows(60, 0)
WORDS = make_labels(X, 3)
LINEAR = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def _net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
        net = NeuralNetClassifier(
            module, criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, train_split=None
        )
        codes = np.unique(WORDS, return_inverse=True)[1]
        return net.fit(X.astype(np.float32), codes)


@pytest.mark.parametrize("y", [WORDS, np.array([7, 3, 5])[np.arange(60) % 3], WORDS == "a"])
def test_labels(y):
    model = LINEAR.fit(X, y)
    victim = Victim(model)
    np.testing.assert_array_equal(victim.classes_, np.unique(y))
    codes = victim.encode(y)
    assert codes.dtype == np.int64
    np.testing.assert_array_equal(victim.classes_[codes], y)
    np.testing.assert_array_equal(victim.decode(codes), y)
    np.testing.assert_array_equal(victim.decode(victim.predict(X)), model.predict(X))
    np.testing.assert_array_equal(victim.logits(X).argmax(axis=1), victim.predict(X))


@pytest.mark.parametrize("unknown", ["aa", "z", "A", ""])
def test_unknown_label(unknown):
    victim = Victim(LINEAR.fit(X, WORDS))
    with pytest.raises(ValueError, match=rf"\['{unknown}'\], which the model does not know"):
        victim.encode(np.array(["a", unknown, "b"]))


def test_numbers_for_a_model_of_words():
    victim = Victim(LINEAR.fit(X, WORDS))
    with pytest.raises(ValueError, match="does not know"):
        victim.encode([0, 1, 2])


@pytest.mark.parametrize("bad", [["a", "b"], [0, -1], [0.5, 1], [np.nan, 1], [np.inf, 1]])
def test_labels_that_no_net_has(bad):
    with pytest.raises(ValueError, match="the labels of a net are the numbers of its outputs"):
        Victim(_net()).encode(bad)


def test_net():
    net = _net()
    victim = Victim(net)
    assert victim.classes_ is None
    assert victim.net is net.module_
    assert victim.dtype == torch.float32
    expected = net.predict(X.astype(np.float32))
    np.testing.assert_array_equal(victim.predict(X), expected)  # float64 rows
    np.testing.assert_array_equal(victim.predict(pd.DataFrame(X).to_numpy().tolist()), expected)
    np.testing.assert_array_equal(victim.logits(X).argmax(axis=1), expected)
    np.testing.assert_array_equal(victim.encode([0, 1.0, 2]), [0, 1, 2])


def test_bare_module_is_asked_in_eval_mode():
    module = _net().module_.train()
    module.zero_grad()
    victim = Victim(module)
    np.testing.assert_array_equal(victim.predict(X), victim.predict(X))  # no dropout
    np.testing.assert_array_equal(victim.predict(X), victim.logits(X).argmax(axis=1))
    assert module.training
    assert all(p.grad is None for p in module.parameters())


def test_net_inside_a_pipeline():
    scaler = StandardScaler().fit(X)
    model = Pipeline([("scale", scaler), ("net", _net())])
    victim = Victim(FrozenEstimator(model))
    assert victim.net is model[-1].module_
    expected = model.predict(X.astype(np.float32))
    np.testing.assert_array_equal(victim.predict(X), expected)
    np.testing.assert_array_equal(victim.logits(X).argmax(axis=1), expected)


def test_data_frames_keep_their_names():
    frame = pd.DataFrame(X, columns=list("uvwxyz")).assign(x=X[:, 3].astype(int))
    model = GridSearchCV(LINEAR, {"logisticregression__C": [0.1, 1]}).fit(frame, WORDS)
    victim = Victim(model)
    np.testing.assert_array_equal(victim.decode(victim.predict(frame)), model.predict(frame))
    assert victim.dtype == torch.float64


def test_no_rows():
    codes = Victim(LINEAR.fit(X, WORDS)).predict(X[:0])
    assert codes.shape == (0,)
    assert codes.dtype == np.int64


def test_unfitted():
    with pytest.raises(NotFittedError):
        Victim(LogisticRegression())


@pytest.mark.parametrize("batch_size", [1, 7, 60, 1024])
def test_logits_in_batches(batch_size):
    victim = Victim(LINEAR.fit(X, WORDS))
    expected = victim.model.decision_function(X)
    np.testing.assert_allclose(victim.logits(X, batch_size), expected, rtol=1e-12, atol=1e-12)
