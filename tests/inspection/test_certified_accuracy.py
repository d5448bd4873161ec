"""The curves are the certified rows counted afresh."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from sklearn_privfair.defences import RandomizedSmoothingClassifier
from sklearn_privfair.inspection import CertifiedAccuracyDisplay, RobustnessCurveDisplay

LABELS = np.array(["no", "yes", "yes", "no", "yes"])
CERTIFIED = np.array(["no", "yes", "no", "no", "yes"])
RADIUS = np.array([0.3, 0.1, 0.9, 0.0, 0.3])  # the fourth is an abstention


def xy(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def height(line, radius):
    """What a step curve says at a radius."""
    x, y = xy(line)
    assert line.get_drawstyle() == "steps-post"
    return y[np.searchsorted(x, radius, side="right") - 1]


def test_steps():
    display = CertifiedAccuracyDisplay.from_predictions(LABELS, CERTIFIED, RADIUS)
    for radius in (0.0, 0.05, 0.1, 0.2, 0.299, 0.3, 0.5, 0.9):
        expected = np.mean((LABELS == CERTIFIED) & (radius < RADIUS))
        assert height(display.lines_[0], radius) == pytest.approx(expected)
    assert display.frame().values.tolist() == [
        [None, 0.0, 0.6],
        [None, 0.1, 0.4],
        [None, 0.3, 0.0],
    ]
    assert display.ax_.get_legend() is None


def test_abstentions_are_wrong_whatever_their_label():
    named = np.where(RADIUS > 0, CERTIFIED, "abstain")
    first, second = (
        CertifiedAccuracyDisplay.from_predictions(LABELS, labels, RADIUS)
        for labels in (CERTIFIED, named)
    )
    np.testing.assert_array_equal(first.accuracy[0], second.accuracy[0])
    assert first.accuracy[0][0] == pytest.approx(3 / 5)


def test_from_estimator(rows, model, margin):
    X, y = rows
    smoothed = {
        f"sigma {sigma}": RandomizedSmoothingClassifier(
            FrozenEstimator(model), sigma=sigma, n_samples=500, random_state=0
        ).fit(X)
        for sigma in (0.2, 0.8)
    }
    display = CertifiedAccuracyDisplay.from_estimator(smoothed, X, y)
    assert [line.get_label() for line in display.lines_] == list(smoothed)
    assert len({line.get_color() for line in display.lines_}) == 2
    for name, line in zip(smoothed, display.lines_, strict=True):
        result = smoothed[name].certify(X)
        right = result.label == y
        for radius in (0, 0.1, 0.4, 1.0):
            assert height(line, radius) == pytest.approx(np.mean(right & (result.radius > radius)))
            # of a linear model the truth is known
            assert height(line, radius) <= np.mean(margin > radius)
    assert height(display.lines_[0], 0.7) == 0 < height(display.lines_[1], 0.7)
    one = CertifiedAccuracyDisplay.from_estimator(smoothed["sigma 0.2"], X, y, name="alone")
    assert one.ax_.get_legend().get_texts()[0].get_text() == "alone"
    np.testing.assert_array_equal(one.accuracy[0], display.accuracy[0])


def test_axes():
    figure, (ax, other) = plt.subplots(1, 2)
    display = CertifiedAccuracyDisplay.from_predictions(LABELS, CERTIFIED, RADIUS, name="a", ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert not other.lines
    assert ax.get_ylabel() == "certified accuracy"
    again = CertifiedAccuracyDisplay.from_predictions(LABELS, LABELS, RADIUS, name="b", ax=ax)
    assert again.lines_[0].get_color() != display.lines_[0].get_color()
    assert ax.get_ylabel() == "certified accuracy"
    styled = display.plot(ax=other, linestyle="--")
    assert styled.lines_[0].get_linestyle() == "--"


def test_beside_the_accuracy_under_attack():
    attacked = RobustnessCurveDisplay.from_predictions(
        LABELS, CERTIFIED, distance=RADIUS + 0.5, norm=2, name="attacked"
    )
    both = CertifiedAccuracyDisplay.from_predictions(
        LABELS, CERTIFIED, RADIUS, name="certified", ax=attacked.ax_
    )
    assert both.lines_[0].get_color() != attacked.lines_[0].get_color()
    assert both.ax_.get_ylabel() == "accuracy"
    assert len(both.ax_.get_legend().get_texts()) == 2


def test_bad_input(rows, model):
    with pytest.raises(TypeError, match=r"RandomizedSmoothingClassifier\(model\)"):
        CertifiedAccuracyDisplay.from_estimator(model, *rows)
    with pytest.raises(ValueError, match="same names"):
        CertifiedAccuracyDisplay.from_predictions(LABELS, {"a": CERTIFIED}, {"b": RADIUS})
    with pytest.raises(ValueError, match="negative"):
        CertifiedAccuracyDisplay.from_predictions(LABELS, CERTIFIED, -RADIUS)
    with pytest.raises(ValueError, match="inconsistent"):
        CertifiedAccuracyDisplay.from_predictions(LABELS, CERTIFIED, RADIUS[:3])
