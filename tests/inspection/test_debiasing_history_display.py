"""Each curve in its panel; what a history may and may not be."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from sklearn_privfair.inspection import DebiasingHistoryDisplay

HISTORY = {
    "alpha": [0.0, 1.0, 4.0],
    "gap": [0.2, 0.1, 0.01],
    "predictor_loss": [0.6, 0.4, 0.3],
    "adversary_loss": [0.5, 0.6, 0.69],
    "valid_gap": [0.25, 0.2, 0.1],
}


def test_curves_in_their_panels():
    display = DebiasingHistoryDisplay.from_history(HISTORY, tolerance=0.05, best_epoch=1)
    assert list(display.axes_) == ["predictor_loss", "adversary_loss", "gap", "alpha"]
    for key, line in display.lines_.items():
        assert line.axes is display.axes_[key.removeprefix("valid_")]
        np.testing.assert_array_equal(line.get_data(), [[0, 1, 2], HISTORY[key]])
    assert len(display.lines_) == 5
    assert display.lines_["gap"].get_color() != display.lines_["valid_gap"].get_color()
    levels = [line.get_ydata() for line in display.axes_["gap"].lines]
    assert any(np.allclose(level, 0.05) for level in levels)
    for panel in display.axes_.values():
        assert any(np.allclose(line.get_xdata(), 1) for line in panel.lines)
    assert display.axes_["gap"].get_ylim()[0] == 0
    tops = [axes.get_position().y1 for axes in display.axes_.values()]
    assert tops == sorted(tops, reverse=True)
    texts = [
        text.get_text()
        for panel in display.axes_.values()
        if panel.get_legend()
        for text in panel.get_legend().get_texts()
    ]
    assert sorted(texts) == [
        "epoch kept (1)", "rows held out", "tolerance 0.05", "training rows",
    ]  # fmt: skip
    frame = display.frame()
    assert frame["valid_gap"].tolist() == HISTORY["valid_gap"]
    assert frame["epoch"].tolist() == [0, 1, 2]


def test_from_estimator():
    estimator = SimpleNamespace(history_=HISTORY, tolerance=0.03, best_epoch_=2)
    display = DebiasingHistoryDisplay.from_estimator(estimator, curves=["gap", "alpha"])
    assert list(display.axes_) == ["gap", "alpha"]
    assert display.tolerance == 0.03
    assert display.best_epoch == 2
    plain = DebiasingHistoryDisplay.from_estimator(SimpleNamespace(history_={"gap": [0.1]}))
    assert plain.tolerance is None
    assert plain.lines_["gap"].get_marker() == "o"  # one epoch is no line
    assert plain.ax_.get_legend() is None


def test_a_second_training_in_the_same_axes():
    first = DebiasingHistoryDisplay.from_history(HISTORY, name="one")
    larger = {key: np.multiply(values, 3) for key, values in HISTORY.items()}
    for ax in (first.axes_, list(first.axes_.values())):
        second = DebiasingHistoryDisplay.from_history(larger, name="two", ax=ax)
        assert list(second.axes_.values()) == list(first.axes_.values())
    assert first.lines_["gap"].get_linestyle() != second.lines_["gap"].get_linestyle()
    for key, line in second.lines_.items():  # and none is cut off
        low, high = line.axes.get_ylim()
        assert low <= min(larger[key]) <= max(larger[key]) <= high
    labels = second.axes_["predictor_loss"].get_legend().get_texts()
    assert {"one: training rows", "two: training rows"} <= {text.get_text() for text in labels}


def test_other_columns_and_one_axes():
    figure, (ax, _) = plt.subplots(1, 2)
    history = HISTORY | {"valid_score": [0.7, 0.8, 0.8], "empty": [np.nan] * 3}
    display = DebiasingHistoryDisplay.from_history(history, ax=ax)
    assert display.figure_ is figure
    assert display.ax_ is ax
    assert list(display.axes_)[-1] == "score"
    assert "empty" not in display.lines_
    assert display.axes_["score"].get_xlabel() == "epoch"
    again = DebiasingHistoryDisplay.from_history({"gap": [0.0, 0.0]}).plot(linewidth=5)
    assert again.lines_["gap"].get_linewidth() == 5
    assert again.axes_["gap"].get_ylim() == (0, 1)


def test_bad_input():
    with pytest.raises(TypeError, match="has no history of a debiasing"):
        DebiasingHistoryDisplay.from_estimator(LogisticRegression().fit([[0], [1]], [0, 1]))
    with pytest.raises(NotFittedError):
        DebiasingHistoryDisplay.from_estimator(LogisticRegression())
    with pytest.raises(TypeError, match=r"history must map names .* got list"):
        DebiasingHistoryDisplay.from_history([0.1, 0.2])
    with pytest.raises(ValueError, match=r"history has no \['odds'\]; it has"):
        DebiasingHistoryDisplay.from_history(HISTORY, curves=["odds"])
    for nothing in ({}, {"gap": []}, {"gap": [np.nan]}):
        with pytest.raises(ValueError, match="nothing to draw"):
            DebiasingHistoryDisplay.from_history(nothing)
    with pytest.raises(ValueError, match="one value per epoch"):
        DebiasingHistoryDisplay.from_history({"gap": [0.1], "alpha": [1.0, 2.0]})
    with pytest.raises(ValueError, match="best_epoch=3 must be one of the epochs, 0 to 2"):
        DebiasingHistoryDisplay.from_history(HISTORY, best_epoch=3)
    with pytest.raises(ValueError, match=r"DebiasingHistoryDisplay.plot needs one axes"):
        DebiasingHistoryDisplay.from_history(HISTORY, ax=plt.subplots(1, 2)[1])
