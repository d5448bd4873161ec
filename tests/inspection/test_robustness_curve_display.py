"""The curves are the accuracies counted afresh."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_privfair.attacks import FGSMAttack
from sklearn_privfair.inspection import RobustnessCurveDisplay

BUDGETS = np.array([0.0, 0.2, 0.5, 1.0])


def xy(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_exact_curve_from_minimal_distances(rows, model, margin):
    X, y = rows
    display = RobustnessCurveDisplay.from_predictions(y, model.predict(X), distance=margin, norm=2)
    eps, accuracy = xy(display.lines_[0])
    assert display.lines_[0].get_drawstyle() == "steps-post"
    for budget, height in zip(eps, accuracy, strict=True):
        assert height == pytest.approx((margin > budget).mean())
    assert eps[0] == 0
    assert set(np.unique(margin)) <= set(eps)
    assert eps[-1] > margin.max()  # holds on beyond the last step


def test_one_run_of_a_minimum_norm_attack(rows, model, margin, hyperplane_attack):
    attack = hyperplane_attack().fit(model)
    display = RobustnessCurveDisplay.from_estimator(attack, *rows, eps=BUDGETS[1:])
    assert len(attack.seen_) == 1
    eps, accuracy = xy(display.lines_[0])
    np.testing.assert_array_equal(eps, BUDGETS)
    np.testing.assert_allclose(accuracy, [(margin > budget).mean() for budget in BUDGETS])
    display = RobustnessCurveDisplay.from_estimator(attack, *rows, norm=np.inf)
    np.testing.assert_allclose(display.eps[0], np.unique(np.append(margin / 2, 0)))


def test_attack_with_a_budget_runs_on_the_rows_that_hold(rows, model, margin, hyperplane_attack):
    attack = hyperplane_attack(eps=7.0).fit(model)
    display = RobustnessCurveDisplay.from_estimator(attack, *rows, eps=[0.5, 0.2, 1.0])
    eps, accuracy = xy(display.lines_[0])
    np.testing.assert_array_equal(eps, BUDGETS)
    np.testing.assert_allclose(accuracy, [(margin > budget).mean() for budget in BUDGETS])
    expected = [(0.2, len(margin)), (0.5, (margin > 0.2).sum()), (1.0, (margin > 0.5).sum())]
    assert attack.seen_ == expected
    assert attack.eps == 7.0
    with pytest.raises(ValueError, match=r"budget of its own, eps=7\.0"):
        RobustnessCurveDisplay.from_estimator(attack, *rows)


def test_a_real_attack_on_a_grid(rows, model):
    """One FGSM step turns a linear model's row if and only if its l1 margin is below eps."""
    X, y = rows
    attack = FGSMAttack(eps=0.1, bounds=None).fit(model)
    display = RobustnessCurveDisplay.from_estimator(attack, X, y, eps=BUDGETS)
    margin = np.abs(model.decision_function(X)) / np.abs(model.coef_).sum()
    expected = [((model.predict(X) == y) & (margin >= budget)).mean() for budget in BUDGETS]
    np.testing.assert_allclose(display.accuracy[0], expected)
    assert r"\ell_\infty" in display.ax_.get_xlabel()


def test_measured_accuracies(rows, model):
    X, y = rows
    y_pred = model.predict(X)
    after = [np.where(np.arange(len(y)) < k, "other", y_pred) for k in (10, 30)]
    display = RobustnessCurveDisplay.from_predictions(
        y, y_pred, y_pred_adv=after, eps=[0.1, 0.3], name="net"
    )
    eps, accuracy = xy(display.lines_[0])
    np.testing.assert_array_equal(eps, [0.0, 0.1, 0.3])
    right = y_pred == y
    expected = [right.mean(), right[10:].sum() / len(y), right[30:].sum() / len(y)]
    np.testing.assert_allclose(accuracy, expected)
    assert display.lines_[0].get_marker() == "o"
    assert display.ax_.get_legend().get_texts()[0].get_text() == "net"


def test_several_models_on_one_axes(rows, model, margin, hyperplane_attack):
    attacks = {name: hyperplane_attack().fit(model) for name in ("plain", "defended")}
    display = RobustnessCurveDisplay.from_estimator(attacks, *rows)
    assert [line.get_label() for line in display.lines_] == ["plain", "defended"]
    X, y = rows
    again = RobustnessCurveDisplay.from_predictions(
        y, model.predict(X), distance=2 * margin, name="third", ax=display.ax_
    )
    assert again.ax_ is display.ax_
    colours = {line.get_color() for line in display.lines_ + again.lines_}
    assert len(colours) == 3
    frame = display.frame()
    assert list(frame.columns) == ["name", "eps", "accuracy"]
    np.testing.assert_array_equal(frame.loc[frame["name"] == "plain", "eps"], display.eps[0])


def test_mappings_of_predictions(rows, model, margin):
    X, y = rows
    y_pred = model.predict(X)
    display = RobustnessCurveDisplay.from_predictions(
        y, {"a": y_pred, "b": y_pred}, distance={"b": 2 * margin, "a": margin}
    )
    np.testing.assert_allclose(display.eps[1], 2 * display.eps[0])
    with pytest.raises(ValueError, match="same names"):
        RobustnessCurveDisplay.from_predictions(y, {"a": y_pred}, distance=margin)


def test_labels_and_axes(rows, model, margin):
    X, y = rows
    figure, (ax, other) = plt.subplots(1, 2)
    display = RobustnessCurveDisplay.from_predictions(
        y, model.predict(X), distance=margin, norm=np.inf, ax=ax
    )
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert not other.lines
    assert r"($\ell_\infty$, feature units)" in ax.get_xlabel()
    assert ax.get_ylabel() == "robust accuracy"
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({}, "either distance or y_pred_adv"),
        ({"distance": [1.0, 1.0], "y_pred_adv": [[0, 1]]}, "not both"),
        ({"y_pred_adv": [[0, 1]]}, "needs eps"),
        ({"y_pred_adv": [[0, 1]], "eps": [0.1, 0.2]}, "2 budgets"),
        ({"distance": [1.0, 1.0], "eps": [-0.1, 0.2]}, "not negative"),
        ({"distance": [1.0, 1.0], "eps": [0.0]}, "above 0"),
    ],
)
def test_bad_input(kwargs, match):
    with pytest.raises(ValueError, match=match):
        RobustnessCurveDisplay.from_predictions([0, 1], [0, 1], **kwargs)


def test_norms_must_agree(rows, model, hyperplane_attack):
    one, two = hyperplane_attack().fit(model), hyperplane_attack().fit(model)
    two.norm = np.inf
    with pytest.raises(ValueError, match="different norms"):
        RobustnessCurveDisplay.from_estimator({"one": one, "two": two}, *rows)
    with pytest.raises(ValueError, match="norm must be"):
        RobustnessCurveDisplay.from_estimator(one, *rows, norm=3)
