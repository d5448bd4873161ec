"""Curves against scikit-learn's, bands against the exact test, axes against what data resolve."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score, roc_curve

from sklearn_privfair.inspection import MembershipRocDisplay
from sklearn_privfair.metrics import tpr_at_fpr


def attack(n_members=300, n_others=400, tied=False, shift=1.0, seed=0):
    rng = np.random.default_rng(seed)
    membership = rng.permutation(np.repeat([1, 0], [n_members, n_others]))
    score = rng.normal(shift * membership)
    return membership, np.round(score, 0 if tied else 9)


class Attack:
    """Scores a record by the agreement of its first feature with its label."""

    def decision_function(self, X, y):
        return np.where(y == "yes", X[:, 0], -X[:, 0])


def height(line, x):
    """What a step curve says at x."""
    xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert line.get_drawstyle() == "steps-post"
    return ys[np.searchsorted(xs, x, side="right") - 1]


@pytest.mark.parametrize("tied", [False, True])
def test_curve_is_what_a_threshold_can_reach(tied):
    membership, score = attack(tied=tied)
    display = MembershipRocDisplay.from_predictions(membership, score)
    (line,) = display.lines_
    for fpr in (0.003, 0.01, 0.0333, 0.1, 0.25, 0.9):
        rate = tpr_at_fpr(membership, score, fpr=fpr)
        drawn = height(line, fpr)
        assert drawn == pytest.approx(rate) if rate else drawn < 1 / 300
    assert display.roc_auc[0] == pytest.approx(roc_auc_score(membership, score))
    fpr, tpr, _ = roc_curve(membership, score, drop_intermediate=False)
    frame = display.frame()
    np.testing.assert_array_equal(frame["fpr"], np.unique(fpr))
    np.testing.assert_array_equal(frame["tpr"], [tpr[fpr == x].max() for x in np.unique(fpr)])


def test_axes_end_where_the_data_do():
    membership, score = attack()
    display = MembershipRocDisplay.from_predictions(membership, score)
    ax = display.ax_
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlim() == pytest.approx((1 / 400, 1))
    assert ax.get_ylim()[0] == pytest.approx(1 / 300)
    assert np.min(display.lines_[0].get_xdata()) == pytest.approx(1 / 400)
    # curves of fewer records, in the same axes, begin later; of more, widen it
    MembershipRocDisplay.from_predictions(*attack(30, 20), ax=ax)
    assert ax.get_xlim()[0] == pytest.approx(1 / 400)
    more = MembershipRocDisplay.from_predictions(*attack(3000, 5000), ax=ax)
    assert ax.get_xlim()[0] == pytest.approx(1 / 5000)
    assert ax.get_ylim()[0] == pytest.approx(1 / 3000)
    assert len({line.get_color() for line in ax.lines}) == 4
    assert [line is more.chance_line_ for line in ax.lines].count(True) == 1
    assert sum(line.get_linestyle() == "--" for line in ax.lines) == 1


def test_chance_line_is_the_diagonal():
    display = MembershipRocDisplay.from_predictions(*attack())
    np.testing.assert_array_equal(
        display.chance_line_.get_xdata(), display.chance_line_.get_ydata()
    )
    assert np.min(display.chance_line_.get_xdata()) < 1 / 400


def test_curve_that_finds_nobody_is_below_the_axes():
    membership = np.repeat([1, 0], 200)
    display = MembershipRocDisplay.from_predictions(membership, 1 - membership)
    x, y = display.lines_[0].get_data()
    assert (y[x < 1] < display.ax_.get_ylim()[0]).all()
    assert display.frame()["tpr"].tolist() == [0.0, 1.0]
    assert display.roc_auc == [0.0]


def test_legend():
    membership, score = attack()
    scores = {"loss": score, "guess": score[::-1]}
    legend = MembershipRocDisplay.from_predictions(membership, scores).ax_.get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    for (name, values), text in zip(scores.items(), texts[:2], strict=True):
        rate = tpr_at_fpr(membership, values, fpr=0.01)
        assert text == f"{name}: {roc_auc_score(membership, values):.3f}, {rate:.1%}"
    assert texts[2] == "guessing"
    few = MembershipRocDisplay.from_predictions(*attack(50, 99))
    assert few.ax_.get_legend().get_texts()[0].get_text().endswith(", n/a")


def test_band_is_the_exact_interval():
    membership, score = attack(60, 80)
    display = MembershipRocDisplay.from_predictions(membership, score, confidence=0.9)
    (band,) = display.bands_
    corners = np.vstack([path.vertices for path in band.get_paths()])
    curve = display.frame()
    for fpr, tpr in curve[curve["tpr"] > 0].iloc[::7, 1:].to_numpy():
        interval = binomtest(round(tpr * 60), 60).proportion_ci(0.9, method="exact")
        here = corners[np.isclose(corners[:, 0], max(fpr, 1 / 80)), 1]
        for bound in interval:
            assert np.isclose(here, bound).any()
    assert MembershipRocDisplay.from_predictions(membership, score).bands_ == []


def test_from_estimator(rows):
    X, y = rows
    membership = np.arange(len(y)) % 2
    display = MembershipRocDisplay.from_estimator(Attack(), X, y, membership, name="alone")
    expected = roc_auc_score(membership, Attack().decision_function(X, y))
    assert display.roc_auc == [pytest.approx(expected)]
    assert display.name == ["alone"]
    two = MembershipRocDisplay.from_estimator({"a": Attack(), "b": Attack()}, X, y, membership)
    assert two.name == ["a", "b"]
    assert [len(two.lines_), two.n_members, two.n_non_members] == [2, [40, 40], [40, 40]]


def test_curves_of_different_records():
    first, second = attack(), attack(50, 60)
    display = MembershipRocDisplay.from_predictions(
        {"b": second[0], "a": first[0]}, {"a": first[1], "b": second[1]}
    )
    assert display.n_members == [300, 50]
    assert display.n_non_members == [400, 60]


def test_axes_given():
    figure, (ax, other) = plt.subplots(1, 2)
    display = MembershipRocDisplay.from_predictions(*attack(), ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    again = display.plot(ax=other, linestyle=":")
    assert again.lines_[0].get_linestyle() == ":"
    figure.canvas.draw()  # and nothing warns


def test_bad_input():
    membership, score = attack()
    with pytest.raises(TypeError, match="has no decision_function"):
        MembershipRocDisplay.from_estimator(object(), score, score, membership)
    with pytest.raises(ValueError, match="same names"):
        MembershipRocDisplay.from_predictions({"a": membership}, {"b": score})
    with pytest.raises(ValueError, match="same names"):
        MembershipRocDisplay.from_predictions(membership, {})
    with pytest.raises(ValueError, match="0 members and 700 others"):
        MembershipRocDisplay.from_predictions(membership * 0, score)
    with pytest.raises(ValueError, match="confidence must be above 0"):
        MembershipRocDisplay.from_predictions(membership, score, confidence=95)
    with pytest.raises(ValueError, match="inconsistent"):
        MembershipRocDisplay.from_predictions(membership, score[:-1])
    with pytest.raises(ValueError, match="membership must hold 1"):
        MembershipRocDisplay.from_predictions(membership * 2, score)
