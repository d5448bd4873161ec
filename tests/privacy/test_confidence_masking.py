"""What masked probabilities keep, and how little they hide."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.privacy import ConfidenceMaskingClassifier
from sklearn_privfair.privacy._confidence_masking import keep_largest, round_rows

X, Y = load_iris(return_X_y=True)
OPEN = LogisticRegression(max_iter=1000).fit(X, Y)


def random_rows(n_classes, n=4000, concentration=0.5):
    """Probabilities, many of them tied: some of the rows are whole hundredths."""
    rng = np.random.default_rng(n_classes)
    proba = rng.dirichlet(np.full(n_classes, concentration), size=n)
    proba[::2] = rng.multinomial(100, np.full(n_classes, 1 / n_classes), size=n // 2) / 100
    proba[::20] = 1 / n_classes
    return proba


MASKS = [(1, None), (2, None), (3, 2), (None, 0), (None, 1), (None, 2), (None, 6), (2, 1)]


@pytest.mark.parametrize("n_classes", [3, 4, 10])
@pytest.mark.parametrize(("top_k", "decimals"), MASKS)
def test_the_class_and_the_sum_stay(n_classes, top_k, decimals):
    proba = random_rows(n_classes)
    masked = proba if top_k is None or top_k == n_classes else keep_largest(proba, top_k)
    masked = masked if decimals is None else round_rows(masked, decimals)
    np.testing.assert_array_equal(masked.argmax(axis=1), proba.argmax(axis=1))
    np.testing.assert_allclose(masked.sum(axis=1), 1, rtol=1e-12)
    assert masked.min() >= 0


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k(k):
    proba = random_rows(5)
    proba = proba[[len(set(row)) == 5 for row in proba]]
    masked = keep_largest(proba, k)
    for row, hidden in zip(proba[:200], masked, strict=False):
        largest = np.sort(row)[-k:]
        np.testing.assert_allclose(np.sort(hidden)[-k:], largest)
        np.testing.assert_allclose(hidden[row < largest[0]], (1 - largest.sum()) / (5 - k))


@pytest.mark.parametrize("decimals", [0, 1, 2, 4])
def test_rounding(decimals):
    proba = random_rows(6)
    rounded = round_rows(proba, decimals)
    unit = 10.0**-decimals
    np.testing.assert_allclose(rounded, np.round(rounded, decimals), atol=1e-15)
    away = np.abs(rounded - proba)
    assert (np.sort(away, axis=1)[:, -3:-2] < unit + 1e-12).all()
    assert away.max() < 2 * unit  # of ties with the largest, one gives a unit
    whole = np.round(proba * 10**decimals) / 10**decimals
    exact = (np.abs(whole - proba) < 1e-12).all(axis=1)
    exact &= (proba == proba.max(axis=1, keepdims=True)).sum(axis=1) == 1
    np.testing.assert_allclose(rounded[exact], proba[exact])


def test_rows_of_which_the_plain_round_would_lie():
    """Rounded one by one they add up to .9 and 1.1, or another class is largest."""
    rows = [[0.33, 0.34, 0.33], [0.36, 0.35, 0.29], [0.25, 0.25, 0.26, 0.24], [0.5, 0.5]]
    # of the third row the first came to stand level with the third, and gave it a unit
    expected = [[0.3, 0.4, 0.3], [0.4, 0.3, 0.3], [0.2, 0.2, 0.4, 0.2], [0.5, 0.5]]
    for row, rounded in zip(rows, expected, strict=True):
        np.testing.assert_allclose(round_rows(np.array([row]), 1)[0], rounded)


def test_labels_alone():
    masked = ConfidenceMaskingClassifier(FrozenEstimator(OPEN), decimals=0).fit(X, Y)
    np.testing.assert_array_equal(masked.predict_proba(X), np.eye(3)[OPEN.predict(X)])


def test_nothing_masked_is_nothing_changed():
    masked = ConfidenceMaskingClassifier(LogisticRegression(max_iter=1000)).fit(X, Y)
    np.testing.assert_array_equal(masked.predict_proba(X), OPEN.predict_proba(X))
    np.testing.assert_array_equal(masked.predict(X), OPEN.predict(X))


def test_what_there_is_no_way_to_ask():
    masked = ConfidenceMaskingClassifier(FrozenEstimator(OPEN), top_k=1).fit(X, Y)
    assert not hasattr(masked, "decision_function")
    assert not hasattr(masked, "predict_log_proba")
    svm = ConfidenceMaskingClassifier(LinearSVC()).fit(X, Y)
    assert not hasattr(svm, "predict_proba")
    assert svm.score(X, Y) > 0.9


def test_more_than_there_are():
    with pytest.raises(ValueError, match="top_k=4 is more than the 3 classes"):
        ConfidenceMaskingClassifier(FrozenEstimator(OPEN), top_k=4).fit(X, Y)


@pytest.mark.parametrize("frozen", [False, True])
def test_nets(frozen):
    """Rows of any precision, as any classifier takes them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NeuralNetClassifier(
            nn.Linear(4, 3),
            criterion=nn.CrossEntropyLoss,
            lr=0.1,
            max_epochs=200,
            train_split=None,
            verbose=0,
        )
        if frozen:
            net = FrozenEstimator(net.fit(X.astype(np.float32), Y))
        masked = ConfidenceMaskingClassifier(net, decimals=1).fit(X, Y)
    proba = masked.predict_proba(X)
    np.testing.assert_allclose(proba * 10, np.round(proba * 10))
    np.testing.assert_array_equal(masked.classes_[proba.argmax(axis=1)], masked.predict(X))
    assert masked.score(X, Y) > 0.8


def test_names_of_features():
    frame, y = load_iris(return_X_y=True, as_frame=True)
    masked = ConfidenceMaskingClassifier(LogisticRegression(max_iter=1000), top_k=1).fit(frame, y)
    assert masked.feature_names_in_.tolist() == frame.columns.tolist()
    assert masked.n_features_in_ == 4


def test_its_gradient_is_that_of_what_it_hides():
    attack = PGDAttack(eps=1.0, n_steps=5, bounds=None, random_state=0)
    masked = ConfidenceMaskingClassifier(FrozenEstimator(OPEN), decimals=0).fit(X, Y)
    X_adv = attack.fit(masked).transform(X, Y)
    np.testing.assert_array_equal(X_adv, attack.fit(OPEN).transform(X, Y))
    assert masked.score(X_adv, Y) < 0.6


def attacks(model, X, y, inside):
    """AUC of three attacks: by the loss, by being right, by labels of rows moved a little."""
    loss = -np.log(np.maximum(model.predict_proba(X)[np.arange(len(y)), y], 1e-9))
    rng = np.random.default_rng(0)
    moved = [model.predict(X + rng.normal(0, 0.3, X.shape)) == y for _ in range(30)]
    return (
        roc_auc_score(inside, -loss),
        roc_auc_score(inside, model.predict(X) == y),
        roc_auc_score(inside, np.mean(moved, axis=0)),
    )


def test_it_is_weak():
    """A forest that remembers: what goes by labels loses nothing, the loss not all."""
    X, y = make_classification(
        1200, 20, n_informative=8, n_classes=4, flip_y=0.2, class_sep=0.7, random_state=0
    )
    index = train_test_split(np.arange(1200), test_size=0.5, random_state=0)[0]
    inside = np.isin(np.arange(1200), index)
    forest = RandomForestClassifier(50, random_state=0).fit(X[inside], y[inside])
    loss, right, moved = attacks(forest, X, y, inside)
    assert min(loss, right, moved) > 0.7
    masks = [{"decimals": 0}, {"decimals": 1}, {"top_k": 1}, {"top_k": 2, "decimals": 2}]
    for mask in masks:
        masked = ConfidenceMaskingClassifier(FrozenEstimator(forest), **mask).fit(X, y)
        loss_masked, right_masked, moved_masked = attacks(masked, X, y, inside)
        assert (right_masked, moved_masked) == (right, moved)
        assert loss_masked > right - 1e-9 > 0.7, "the label is in what is told"
        assert loss_masked <= loss + 0.02
