"""What is drawn is the history, epoch by epoch."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.defences import (
    AdversarialAugmentationClassifier,
    AdversarialTrainingClassifier,
    FastAdversarialTrainingClassifier,
)
from sklearn_privfair.inspection import AdversarialTrainingDisplay

HISTORY = {
    "train_loss": [2.0, 1.0, 0.5, 0.2],
    "train_robust_accuracy": [0.2, 0.5, 0.8, 1.0],
    "valid_accuracy": [0.4, 0.7, 0.8, 0.8],
    "valid_robust_accuracy": [0.2, 0.5, 0.45, 0.3],
}
KEYS = set(HISTORY) - {"train_loss"}


@pytest.fixture(scope="module")
def rows():
    X, y = make_blobs(60, 3, centers=2, cluster_std=3.0, random_state=0)[:2]
    return X.astype(np.float32), y


def defence(cls=AdversarialTrainingClassifier, **params):
    net = NeuralNetClassifier(
        nn.Linear(3, 2),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=0.1,
        max_epochs=4,
        train_split=None,
        verbose=0,
    )
    return cls(net, PGDAttack(eps=1.0, n_steps=2, bounds=None), random_state=0, **params)


def assert_drawn(line, values):
    np.testing.assert_array_equal(line.get_xdata(), np.arange(len(values)))
    np.testing.assert_array_equal(line.get_ydata(), values)


@pytest.mark.parametrize("container", [list, np.array])
def test_curves_are_those_of_the_history(container):
    given = {key: container(values) for key, values in HISTORY.items()}
    display = AdversarialTrainingDisplay.from_history(given, best_epoch=1)
    assert set(display.lines_) == KEYS  # a loss is no accuracy
    for key, line in display.lines_.items():
        assert_drawn(line, HISTORY[key])
        assert line in display.ax_.lines
    assert set(display.best_line_.get_xdata()) == {1}
    assert len({line.get_color() for line in display.lines_.values()}) == 3
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "accuracy"
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert sorted(texts) == [
        "rows held out, as they are",
        "rows held out, attacked",
        "training rows, attacked",
        "weights kept (epoch 1)",
    ]
    frame = display.frame()
    assert set(frame.columns) == KEYS | {"epoch"}
    for key in KEYS:
        assert frame[key].tolist() == HISTORY[key]
    assert frame["epoch"].tolist() == [0, 1, 2, 3]


def test_of_a_defence_that_held_rows_out(rows):
    fitted = defence(early_stopping=True, validation_fraction=0.3).fit(*rows)
    display = AdversarialTrainingDisplay.from_estimator(fitted)
    assert set(display.lines_) == KEYS
    for key, line in display.lines_.items():
        assert_drawn(line, fitted.history_[key])
    assert set(display.best_line_.get_xdata()) == {fitted.best_epoch_}
    assert fitted.best_epoch_ == np.argmax(display.lines_["valid_robust_accuracy"].get_ydata())


def test_of_a_defence_that_held_none_out(rows):
    """Columns without a number are left out, and no epoch was chosen."""
    fitted = defence().fit(*rows)
    assert np.isnan(fitted.history_["valid_accuracy"]).all()
    display = AdversarialTrainingDisplay.from_estimator(fitted)
    assert set(display.lines_) == {"train_robust_accuracy"}
    assert display.best_line_ is None
    assert list(display.ax_.lines) == [display.lines_["train_robust_accuracy"]]


def test_of_single_steps_that_are_watched(rows):
    fitted = defence(FastAdversarialTrainingClassifier).fit(*rows)
    display = AdversarialTrainingDisplay.from_estimator(fitted)
    assert set(display.lines_) == {"train_robust_accuracy", "watched_robust_accuracy"}
    assert_drawn(
        display.lines_["watched_robust_accuracy"], fitted.history_["watched_robust_accuracy"]
    )


def test_curves_may_be_chosen_and_have_gaps():
    history = HISTORY | {"valid_accuracy": [0.4, np.nan, 0.8, 0.8]}
    display = AdversarialTrainingDisplay.from_history(history, curves=["valid_accuracy"])
    assert set(display.lines_) == {"valid_accuracy"}
    assert_drawn(display.lines_["valid_accuracy"], history["valid_accuracy"])


def test_a_single_epoch_can_be_seen():
    display = AdversarialTrainingDisplay.from_history({"valid_accuracy": [0.4]}, best_epoch=0)
    assert display.lines_["valid_accuracy"].get_marker() == "o"


def test_several_trainings_in_one_axes():
    """A kind of rows keeps its colour; a training has a line style, and its best epoch too."""
    ax = Figure().subplots()
    first = AdversarialTrainingDisplay.from_history(HISTORY, best_epoch=1, name="plain", ax=ax)
    second = AdversarialTrainingDisplay.from_history(HISTORY, best_epoch=2, name="ema", ax=ax)
    assert first.ax_ is second.ax_ is ax
    for key in KEYS:
        one, other = first.lines_[key], second.lines_[key]
        assert one.get_color() == other.get_color()
        assert one.get_linestyle() != other.get_linestyle()
    assert second.best_line_.get_linestyle() == second.lines_["valid_accuracy"].get_linestyle()
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(set(texts)) == len(texts) == 8
    assert {"plain: weights kept (epoch 1)", "ema: weights kept (epoch 2)"} <= set(texts)


def test_axes_and_styles():
    """Drawn in axes that are given, nothing of pyplot's is made or made current."""
    figure, (left, right) = plt.subplots(1, 2)
    plt.sca(left)
    display = AdversarialTrainingDisplay.from_history(HISTORY, ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.lines
    assert plt.gca() is left
    assert plt.get_fignums() == [figure.number]
    assert display.plot(ax=left, linewidth=5, color="k") is display
    assert {line.get_linewidth() for line in display.lines_.values()} == {5}
    assert {line.get_color() for line in display.lines_.values()} == {"k"}
    assert display.plot().figure_ is not figure
    before = plt.get_fignums()
    AdversarialTrainingDisplay.from_history(HISTORY, ax=Figure().subplots())
    assert plt.get_fignums() == before


def test_nothing_to_draw(rows):
    with pytest.raises(NotFittedError, match="AdversarialTrainingClassifier"):
        AdversarialTrainingDisplay.from_estimator(defence())
    augmented = defence(AdversarialAugmentationClassifier).fit(*rows)
    with pytest.raises(TypeError, match="has no history of an adversarial training"):
        AdversarialTrainingDisplay.from_estimator(augmented)
    with pytest.raises(TypeError, match="no mapping"):  # a net's own history is a list
        AdversarialTrainingDisplay.from_estimator(defence().fit(*rows).estimator_)
    with pytest.raises(TypeError, match="got list"):
        AdversarialTrainingDisplay.from_history([0.1, 0.2])
    with pytest.raises(ValueError, match="nothing to draw"):
        AdversarialTrainingDisplay.from_history({"train_loss": [1.0]})
    with pytest.raises(ValueError, match="early_stopping=True"):
        AdversarialTrainingDisplay.from_estimator(
            defence().fit(*rows), curves=["valid_robust_accuracy"]
        )
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"curves": ["accuracy"]}, r"curves must be among .*'accuracy'"),
        ({"best_epoch": 4}, r"best_epoch=4 must be one of the epochs, 0 to 3"),
        ({"best_epoch": -1}, "best_epoch=-1"),
        ({"history": HISTORY | {"valid_accuracy": [0.1]}}, "one value per epoch"),
        ({"history": {"valid_accuracy": [[0.1, 0.2]]}}, "one value per epoch"),
    ],
)
def test_bad_input(params, said):
    with pytest.raises(ValueError, match=said):
        AdversarialTrainingDisplay.from_history(**{"history": HISTORY} | params)
    assert plt.get_fignums() == []
