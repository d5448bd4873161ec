"""A line a row, with the numbers of that row."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from sklearn_privfair.inspection import AttackTraceDisplay
from sklearn_privfair.inspection._axes import PALETTE

LOSS = np.array([[0.0, 1.0, 2.0], [0.5, 3.0, np.nan], [-1.0, -0.5, -0.25]])
DISTANCE = np.array([[0.0, 0.1, 0.2], [0.0, 0.3, np.nan], [0.0, 0.2, 0.2]])
SUCCESS = [True, True, False]


def test_lines_are_the_rows():
    display = AttackTraceDisplay.from_predictions(LOSS, DISTANCE, success=SUCCESS, norm=2)
    for lines, values in ((display.loss_lines_, LOSS), (display.distance_lines_, DISTANCE)):
        assert len(lines) == 3
        for line, row, won in zip(lines, values, SUCCESS, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
            np.testing.assert_array_equal(line.get_ydata(), row)
            assert to_hex(line.get_color()).upper() == (PALETTE[1] if won else PALETTE[0])


def test_median_of_the_rows_left():
    display = AttackTraceDisplay.from_predictions(LOSS, DISTANCE)
    (median,) = [x for x in display.axes_[0, 0].lines if x.get_label().startswith("median")]
    np.testing.assert_array_equal(median.get_ydata(), [0.0, 1.0, (2.0 - 0.25) / 2])


def test_a_dot_where_the_row_was_finished():
    display = AttackTraceDisplay.from_predictions(LOSS, DISTANCE)
    dots = [x for x in display.axes_[0, 0].lines if x.get_marker() == "."]
    ends = [(float(x.get_xdata()[0]), float(x.get_ydata()[0])) for x in dots]
    assert ends == [(2, 2.0), (1, 3.0), (2, -0.25)]


def test_labels():
    display = AttackTraceDisplay.from_predictions(LOSS, DISTANCE, success=SUCCESS, norm=np.inf)
    legend = [text.get_text() for text in display.axes_[0, 0].get_legend().get_texts()]
    assert legend == ["turned (2)", "held (1)", "median of the rows left"]
    assert display.axes_[0, 0].get_ylabel() == "loss"
    assert display.axes_[1, 0].get_ylabel() == r"distance ($\ell_\infty$, feature units)"
    assert display.axes_[1, 0].get_xlabel() == "step"
    assert display.axes_[1, 0].get_ylim()[0] == 0


def test_columns_without_any_row():
    loss = np.column_stack([LOSS, np.full(3, np.nan)])
    distance = np.column_stack([DISTANCE, [0.1, np.nan, 0.1]])
    display = AttackTraceDisplay.from_predictions(loss, distance)
    assert display.axes_[0, 0].get_xlim() == display.axes_[1, 0].get_xlim()


def test_from_estimator_draws_the_rows_attacked(rows, model, hyperplane_attack):
    X, y = rows
    attack = hyperplane_attack(eps=0.4).fit(model)
    display = AttackTraceDisplay.from_estimator(attack, X, y)
    result = attack.generate(X, y, return_trace=True)
    np.testing.assert_array_equal(display.loss, result.trace["loss"][result.attacked])
    np.testing.assert_array_equal(display.success, result.success[result.attacked])
    assert display.norm == 2
    wrong = np.where(model.predict(X) == "no", "yes", "no")
    with pytest.raises(ValueError, match="No row was attacked"):
        AttackTraceDisplay.from_estimator(attack, X, wrong)


def test_frame_leaves_out_what_was_not_recorded():
    display = AttackTraceDisplay.from_predictions(LOSS, DISTANCE, success=SUCCESS)
    frame = display.frame()
    assert len(frame) == 8
    assert not frame.isna().any(axis=None)
    line = frame[(frame["row"] == 1) & (frame["step"] == 1)]
    assert line[["loss", "distance", "success"]].to_numpy().tolist() == [[3.0, 0.3, True]]


def test_axes_given():
    figure, axes = plt.subplots(2)
    display = AttackTraceDisplay.from_predictions(LOSS, DISTANCE, ax=axes)
    assert list(display.axes_[:, 0]) == list(axes)
    assert display.figure_ is figure
    figure, ax = plt.subplots()
    assert AttackTraceDisplay.from_predictions(LOSS, DISTANCE, ax=ax).figure_ is figure


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [
        ((LOSS, DISTANCE[:2]), {}, "one shape"),
        ((LOSS[0], DISTANCE[0]), {}, "one shape"),
        ((LOSS[:0], DISTANCE[:0]), {}, "at least one"),
        ((LOSS, DISTANCE), {"success": [True]}, "one per row"),
    ],
)
def test_bad_input(args, kwargs, match):
    with pytest.raises(ValueError, match=match):
        AttackTraceDisplay.from_predictions(*args, **kwargs)
