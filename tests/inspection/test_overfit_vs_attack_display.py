"""Points against accuracies counted afresh; names where they can be read."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair.inspection import OverfitVsAttackDisplay

TRAIN, TEST, ATTACK = [0.911, 0.891, 0.759], [0.410, 0.421, 0.433], [0.747, 0.70, 0.68]
NAMES = ["baseline", "L2", "dropout"]


class NaiveAttack:
    """Guesses member when the victim, its `estimator`, is right."""

    def __init__(self, estimator):
        self.estimator = estimator

    def predict(self, X, y):
        return (self.estimator.predict(X) == y).astype(int)


def victims(X, y, membership):
    known = membership == 1
    return {
        str(depth): DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X[known], y[known])
        for depth in (1, 3, None)
    }


def test_from_scores():
    display = OverfitVsAttackDisplay.from_scores(TRAIN, TEST, ATTACK, name=NAMES, label="shadow")
    gap = np.subtract(TRAIN, TEST)
    np.testing.assert_allclose(display.points_.get_offsets(), np.column_stack([gap, ATTACK]))
    assert {text.get_text(): text.xy for text in display.texts_} == {
        name: (g, score) for name, g, score in zip(NAMES, gap, ATTACK, strict=True)
    }
    frame = display.frame()
    assert frame.columns.tolist() == ["name", "gap", "attack_score", "naive"]
    np.testing.assert_allclose(frame["naive"], 0.5 + gap / 2)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["shadow", "naive: member if classified correctly"]


def test_naive_attack_lies_on_the_line(rows):
    """Its balanced accuracy and its AUC, for victims little and much overfitted."""
    X, y = rows
    membership = np.random.default_rng(0).integers(2, size=len(y))
    attacks = {name: NaiveAttack(tree) for name, tree in victims(X, y, membership).items()}
    display = OverfitVsAttackDisplay.from_estimator(attacks, X, y, membership)
    line = display.naive_line_
    on_line = np.interp(display.gap, line.get_xdata(), line.get_ydata())
    np.testing.assert_allclose(display.attack_score, on_line)
    for name, gap, score in zip(attacks, display.gap, display.attack_score, strict=True):
        tree = attacks[name].estimator
        known = membership == 1
        accuracies = tree.score(X[known], y[known]), tree.score(X[~known], y[~known])
        assert gap == pytest.approx(accuracies[0] - accuracies[1])
        assert score == pytest.approx(roc_auc_score(membership, attacks[name].predict(X, y)))
    assert max(display.gap) > 0.2
    assert display.name == ["1", "3", "None"]


def test_from_predictions_counts_balanced_accuracy():
    rng = np.random.default_rng(0)
    y_true, membership = rng.integers(3, size=90), np.arange(90) < 30
    y_pred = np.where(rng.random(90) < 0.5 + 0.4 * membership, y_true, 3)
    guess = rng.random(90) < 0.3 + 0.4 * membership
    other = rng.permutation(membership)
    display = OverfitVsAttackDisplay.from_predictions(
        y_true,
        {"a": y_pred, "b": y_pred},
        {"b": other, "a": membership},
        {"a": guess, "b": guess},
        label="mine",
    )
    assert display.attack_score == pytest.approx(
        [balanced_accuracy_score(membership, guess), balanced_accuracy_score(other, guess)]
    )
    right = y_pred == y_true
    assert display.gap == pytest.approx(
        [right[m].mean() - right[~m].mean() for m in (membership, other)]
    )


def test_two_attacks_on_the_same_victims():
    first = OverfitVsAttackDisplay.from_scores(TRAIN, TEST, ATTACK, name=NAMES, label="shadow")
    better = np.add(ATTACK, 0.04)
    second = OverfitVsAttackDisplay(first.gap, better, name=NAMES, label="learned").plot(first.ax_)
    assert second.texts_ == []  # named already
    assert first.points_.get_facecolor().tolist() != second.points_.get_facecolor().tolist()
    texts = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert texts == ["shadow", "learned", "naive: member if classified correctly"]
    assert len(first.ax_.lines) == 1
    low, high = np.transpose([first.ax_.get_xlim(), first.ax_.get_ylim()])
    for display in (first, second):
        places = np.asarray(display.points_.get_offsets())
        assert ((low < places) & (places < high)).all()


@pytest.mark.parametrize("subfigure", [False, True])
def test_names_cover_no_point_and_no_other_name(subfigure):
    rng = np.random.default_rng(4)
    gap = rng.uniform(0, 0.5, size=14)
    score = 0.5 + gap / 2 + rng.uniform(-0.01, 0.05, size=14)
    figure = plt.figure(figsize=(6, 4.5), layout="constrained")
    ax = (figure.subfigures(1, 1) if subfigure else figure).subplots()
    names = [f"victim {i}" for i in range(14)]
    display = OverfitVsAttackDisplay(gap, score, name=names).plot(ax=ax)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in display.texts_]
    for i, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:i]) == 0
        assert not any(box.contains(*p) for p in ax.transData.transform(np.c_[gap, score]))
        assert ax.get_window_extent().containsx(box.x0)
        assert ax.get_window_extent().containsx(box.x1)


@pytest.mark.parametrize(("gap", "score"), [([0.0], [0.5]), ([-0.1], [0.3]), ([1.0], [1.0])])
def test_one_victim(gap, score):
    display = OverfitVsAttackDisplay(gap, score).plot()
    display.figure_.canvas.draw()
    (left, right), (bottom, top) = display.ax_.get_xlim(), display.ax_.get_ylim()
    assert left < min(gap[0], 0) <= gap[0] < right
    assert bottom < min(score[0], 0.5) <= score[0] < top
    assert display.frame()["name"].isna().all()


def test_metric_and_style():
    figure, (ax, _) = plt.subplots(1, 2)
    display = OverfitVsAttackDisplay.from_scores(TRAIN, TEST, ATTACK, metric="AUC", ax=ax)
    assert display.figure_ is figure
    assert ax.get_ylabel() == "attack AUC"
    assert display.texts_ == []
    assert display.plot(ax=ax, s=99).points_.get_sizes().tolist() == [99]


def test_bad_input(rows):
    X, y = rows
    member = np.arange(len(y)) % 2
    tree = DecisionTreeClassifier().fit(X, y)
    with pytest.raises(TypeError, match=r"map the victims' names .*: \{name: attack\}"):
        OverfitVsAttackDisplay.from_estimator(NaiveAttack(tree), X, y, member)
    with pytest.raises(TypeError, match="no fitted attack on a victim"):
        OverfitVsAttackDisplay.from_estimator({"a": SimpleNamespace(predict=1)}, X, y, member)
    with pytest.raises(TypeError, match="must map the victims' names"):
        OverfitVsAttackDisplay.from_predictions(y, y, member, member)
    with pytest.raises(ValueError, match="same names"):
        OverfitVsAttackDisplay.from_predictions(y, {"a": y}, member, {"b": member})
    with pytest.raises(ValueError, match="of 'a' there are 80 members and 0 others"):
        OverfitVsAttackDisplay.from_predictions(y, {"a": y}, member * 0 + 1, {"a": member})
    with pytest.raises(ValueError, match="inconsistent"):
        OverfitVsAttackDisplay.from_predictions(y, {"a": y[:5]}, member, {"a": member})
    with pytest.raises(ValueError, match="test_score must hold"):
        OverfitVsAttackDisplay.from_scores([0.5], [1.5], [0.5])
    with pytest.raises(ValueError, match="inconsistent"):
        OverfitVsAttackDisplay.from_scores([0.5, 0.6], [0.5, 0.6], [0.5])
    with pytest.raises(ValueError, match="inconsistent"):
        OverfitVsAttackDisplay.from_scores([0.5], [0.5], [0.5], name=["a", "b"])
