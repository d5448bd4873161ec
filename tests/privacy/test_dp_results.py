"""Pipelines around DP-SGD, and what a training leaves."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.callbacks import EpochScoring
from torch import nn

from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.differentiable import as_module
from sklearn_privfair.privacy import DPSGDClassifier

from ._dp_harness import SPARE, X, Y, make_net, module, train, weights


def test_steps_that_need_no_fitting():
    root = FunctionTransformer(np.sqrt)
    piped = train(make_pipeline(root, make_pipeline("passthrough", make_net())))
    bare = train(make_net(), np.sqrt(X))
    np.testing.assert_array_equal(weights(piped.estimator_[-1]), weights(bare.estimator_))
    np.testing.assert_array_equal(piped.predict_proba(SPARE), bare.predict_proba(np.sqrt(SPARE)))
    logits = as_module(piped)(torch.as_tensor(SPARE)).detach()
    np.testing.assert_allclose(logits.softmax(dim=1), piped.predict_proba(SPARE), atol=1e-6)


def test_steps_that_would_be_fitted():
    with pytest.raises(TypeError, match=r"'standardscaler'.*would be fitted on private rows"):
        train(make_pipeline(StandardScaler(), make_net()))
    scaler = StandardScaler().fit(SPARE)
    piped = train(make_pipeline(FrozenEstimator(scaler), make_net()))
    bare = train(make_net(), scaler.transform(X))
    np.testing.assert_allclose(
        piped.predict_proba(SPARE), bare.predict_proba(scaler.transform(SPARE)), atol=1e-6
    )


def test_the_trained_net_is_plain():
    net = make_net()
    fitted = train(net)
    inner = fitted.estimator_
    assert type(inner) is NeuralNetClassifier
    assert type(inner.module_) is nn.Sequential
    assert not net.initialized_
    for layer in inner.module_.modules():
        assert not layer._forward_hooks
        assert not layer._backward_hooks
        assert set(vars(layer)) <= set(vars(nn.Linear(1, 1))) | {"inplace"}
    for weight in inner.module_.parameters():
        assert weight.grad is None
        assert vars(weight) == {}
    assert {"train_step", "train_step_single", "get_iterator", "on_epoch_end"}.isdisjoint(
        vars(inner)
    )
    twin = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(twin.predict_proba(SPARE), fitted.predict_proba(SPARE))
    twin.estimator_.partial_fit(X, Y)  # plainly
    assert [b["train_batch_size"] for b in twin.estimator_.history[-1]["batches"]] == [20] * 4 + [
        10
    ]


def test_the_trained_net_can_be_attacked():
    names = np.array(["a", "b", "c"])[Y]
    fitted = train(make_net(nn.Linear(4, 3), max_epochs=20), y=names, noise_multiplier=0.1)
    accuracy = fitted.score(X, names)
    assert accuracy > 0.85
    attack = PGDAttack(eps=0.3, n_steps=5, bounds=(0, 1), random_state=0).fit(fitted)
    assert fitted.score(attack.transform(X, names), names) < accuracy - 0.3


def test_labels_and_probabilities():
    names = np.array(["x", "m", "a"])[Y]
    fitted = train(make_net(max_epochs=20, lr=2.0), y=names, noise_multiplier=0.1)
    assert fitted.classes_.tolist() == ["a", "m", "x"]
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(fitted.classes_[proba.argmax(axis=1)], fitted.predict(X))
    assert fitted.score(X, names) > 0.85


def test_one_output():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inner = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    net = make_net(inner, NeuralNetBinaryClassifier, criterion=nn.BCEWithLogitsLoss, max_epochs=30)
    fitted = train(net, y=Y > 0, noise_multiplier=0.1)
    assert fitted.score(X, Y > 0) > 0.8
    assert fitted.clipping_ == "ghost"


def test_callbacks_go_on():
    score = EpochScoring("accuracy", name="acc", on_train=True, lower_is_better=False)
    fitted = train(make_net(callbacks=[score], max_epochs=8, lr=2.0), noise_multiplier=0.1)
    accuracies = fitted.estimator_.history[:, "acc"]
    assert len(accuracies) == 8
    assert accuracies[-1] > accuracies[0]
    assert fitted.estimator_.history[-1, "train_loss"] < fitted.estimator_.history[0, "train_loss"]


def test_what_is_random():
    """A seed decides all, the global generators are left alone, and without one nothing does."""
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    numbers = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    net = make_net(cls=NeuralNetClassifier, max_epochs=1)
    first, again = train(net), train(net)
    np.testing.assert_array_equal(weights(first.estimator_), weights(again.estimator_))
    free = train(net, random_state=None)
    np.testing.assert_array_equal(np.random.get_state()[1], numbers[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), numbers[1])
    other = train(net, random_state=None)
    assert not np.array_equal(weights(free.estimator_), weights(other.estimator_))


def test_search():
    search = GridSearchCV(
        DPSGDClassifier(make_net(lr=2.0), epsilon=None, noise_multiplier=0.5, random_state=0),
        {"max_grad_norm": [1e-6, 1.0], "estimator__max_epochs": [10]},
        cv=2,
    )
    assert search.fit(X, Y).best_params_["max_grad_norm"] == 1.0


def test_a_clone_is_fitted_anew():
    fitted = train()
    np.testing.assert_array_equal(
        weights(clone(fitted).fit(X, Y).estimator_), weights(fitted.estimator_)
    )


@pytest.mark.slow
def test_it_takes_the_attack_away():
    """Digits, a fifth of them with false labels: only who remembers them has these right."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    rng = np.random.default_rng(0)
    false = rng.random(len(y)) < 0.2
    noisy = np.where(false, rng.integers(10, size=len(y)), y)
    rows = train_test_split(np.arange(len(y)), test_size=0.5, random_state=0)

    def judged(model):
        proba = model.predict_proba(X)[np.arange(len(y)), noisy]
        inside = np.zeros(len(y), bool)
        inside[rows[0]] = True
        return model.score(X[rows[1]], y[rows[1]]), roc_auc_score(inside, proba)

    def digits_net(**params):
        inner = module(128, 64, 10)
        return make_net(inner, batch_size=256, iterator_train__shuffle=True, **params)

    plain = digits_net(max_epochs=200, optimizer=torch.optim.Adam, lr=0.01)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        plain.fit(X[rows[0]], noisy[rows[0]])
    private = DPSGDClassifier(digits_net(max_epochs=20, lr=2.0), epsilon=8.0, random_state=0)
    private.fit(X[rows[0]], noisy[rows[0]])
    accuracy, auc = judged(plain)
    accuracy_private, auc_private = judged(private)
    assert auc > 0.65
    assert 0.48 < auc_private < 0.55
    assert accuracy_private > 0.85 > accuracy
