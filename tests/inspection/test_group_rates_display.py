"""What is drawn against the tables of the metrics."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression

from sklearn_privfair.inspection import GroupRatesDisplay
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    group_rates,
    group_rates_interval,
)

RATES = ["selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"]


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    y_true, first, second = rng.choice(["no", "yes"], size=(3, 400))
    return y_true, {"first": first, "second": second}, rng.choice(["a", "b", "c"], size=400)


def test_points_and_bars_are_those_of_the_table(labels):
    y_true, y_pred, group = labels
    display = GroupRatesDisplay.from_predictions(
        y_true, y_pred, sensitive_features=group, pos_label="yes", confidence=0.9, random_state=0
    )
    for name, predicted in y_pred.items():
        table = group_rates_interval(
            y_true, predicted, sensitive_features=group, pos_label="yes", confidence=0.9,
            random_state=0,
        )  # fmt: skip
        for rate in RATES:
            points, _, (bars,) = display.points_[name, rate]
            np.testing.assert_allclose(points.get_xdata(), table[rate])
            ends = np.array([bar[:, 0] for bar in bars.get_segments()])
            np.testing.assert_allclose(ends, table[[f"{rate}_low", f"{rate}_high"]])
            np.testing.assert_array_equal(np.round(points.get_ydata()), [0, 1, 2])
    gaps = [
        demographic_parity_difference(y_true, p, sensitive_features=group, pos_label="yes")
        for p in y_pred.values()
    ]
    title = display.axes_["selection_rate"].get_title()
    assert title == f"selection rate\ngap {gaps[0]:.3f} / {gaps[1]:.3f}"
    frame = display.frame()
    assert frame["name"].tolist() == ["first"] * 3 + ["second"] * 3
    assert frame["group"].tolist() == ["a", "b", "c"] * 2
    legend = display.axes_["accuracy"].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["first", "second"]
    colours = {display.points_[name, "accuracy"][0].get_color() for name in y_pred}
    assert len(colours) == 2


def test_from_estimator(rows):
    X, y = rows
    group = np.arange(len(y)) % 2
    models = {
        "weak": LogisticRegression(C=1e-3).fit(X, y),
        "strong": LogisticRegression().fit(X, y),
    }
    arguments = {"sensitive_features": group, "pos_label": "yes", "random_state": 0}
    display = GroupRatesDisplay.from_estimator(models, X, y, **arguments)
    for name, model in models.items():
        expected = group_rates_interval(y, model.predict(X), **arguments)
        pd.testing.assert_frame_equal(display.rates[name], expected)
    single = GroupRatesDisplay.from_estimator(models["weak"], X, y, **arguments)
    assert list(single.rates) == ["LogisticRegression"]
    assert single.axes_["accuracy"].get_legend() is None


def test_groups_are_named_and_missing_ones_too(labels):
    y_true, y_pred, group = labels
    other = np.where(np.arange(400) < 200, 1.0, np.nan)
    display = GroupRatesDisplay.from_predictions(
        y_true,
        y_pred["first"],
        sensitive_features={"group": group, "other": other},
        pos_label="yes",
        shown=["accuracy"],
        random_state=0,
    )
    display.figure_.canvas.draw()
    texts = [text.get_text() for text in display.axes_["accuracy"].get_yticklabels()]
    n = np.sum((group == "a") & (other == 1))
    assert texts[0] == f"a, 1.0\n(n={n})"
    assert texts[1].startswith("a, missing\n")
    assert len(texts) == 6
    top, bottom = display.axes_["accuracy"].get_ylim()[::-1]
    assert top < 0 < 5 < bottom  # the first group is on top


def test_undefined_rates_are_said_to_be():
    y_true, y_pred, group = [1, 0, 0, 0] * 5, [1, 0, 1, 0] * 5, [0, 0, 1, 1] * 5
    with pytest.warns(UndefinedMetricWarning, match="true positive rate is NaN for group 1"):
        display = GroupRatesDisplay.from_predictions(
            y_true, y_pred, sensitive_features=group, random_state=0
        )
    panel = display.axes_["true_positive_rate"]
    assert [(text.get_text(), text.get_position()[1]) for text in panel.texts] == [("undefined", 1)]
    assert panel.get_title().endswith("gap undefined")
    assert len(display.axes_["accuracy"].texts) == 0
    assert len(panel.get_yticks()) == 2


def test_tables_without_intervals_and_given_axes(labels):
    y_true, y_pred, group = labels
    table = group_rates(y_true, y_pred["first"], sensitive_features=group, pos_label="yes")
    figure, axes = plt.subplots(1, 2)
    display = GroupRatesDisplay({"plain": table}, shown=RATES[:2]).plot(ax=axes, markersize=9)
    assert display.figure_ is figure
    assert list(display.axes_.values()) == list(axes)
    points, _, bars = display.points_["plain", "selection_rate"]
    assert bars == ()
    assert points.get_markersize() == 9
    figure, (ax, _) = plt.subplots(1, 2)
    inside = GroupRatesDisplay({"plain": table}, shown=RATES[:2]).plot(ax=ax)
    assert len(inside.axes_) == 2
    assert inside.figure_ is figure
    with pytest.raises(ValueError, match=r"GroupRatesDisplay.plot needs one axes, or .* 4 axes"):
        GroupRatesDisplay({"plain": table}).plot(ax=axes)


def test_titles_fit(labels):
    y_true, y_pred, group = labels
    many = {f"model {i}": np.roll(y_pred["first"], i) for i in range(6)}
    display = GroupRatesDisplay.from_predictions(
        y_true, many, sensitive_features=group, pos_label="yes", n_resamples=10, random_state=0
    )
    display.figure_.canvas.draw()
    titles = [axes.title.get_window_extent() for axes in display.axes_.values()]
    for left, right in pairwise(titles):
        assert left.x1 < right.x0


def test_bad_input(labels):
    y_true, y_pred, group = labels
    arguments = {"sensitive_features": group, "pos_label": "yes"}
    with pytest.raises(ValueError, match=r"shown must name rates.* got \['precision'\]"):
        GroupRatesDisplay.from_predictions(y_true, y_pred, shown=["precision"], **arguments)
    with pytest.raises(ValueError, match="shown must name rates"):
        GroupRatesDisplay.from_predictions(y_true, y_pred, shown=[], **arguments)
    with pytest.raises(ValueError, match="pos_label is None"):
        GroupRatesDisplay.from_predictions(y_true, y_pred, sensitive_features=group)
    with pytest.raises(ValueError, match=r"Of \['a', 'b', 'c'\] none.*one picture for each"):
        GroupRatesDisplay.from_predictions(group, group, sensitive_features=y_true)
