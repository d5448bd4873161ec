"""Fronts against a search pair by pair; points against the search's own figures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair import metrics
from sklearn_privfair.inspection import FairnessTradeoffDisplay
from sklearn_privfair.metrics import make_constrained_refit, make_fairness_scorer


def beaten(score, gap):
    """Pair by pair: which points another equals or beats in both, and beats in one."""
    return [
        any(
            other >= mine and g <= h and (other > mine or g < h)
            for other, g in zip(score, gap, strict=True)
        )
        for mine, h in zip(score, gap, strict=True)
    ]


@pytest.fixture
def search(rows):
    X, y = rows
    X = pd.DataFrame(X, columns=list("abcdef")).assign(sex=np.arange(len(y)) % 2)
    scoring = {
        "accuracy": "accuracy",
        "gap": make_fairness_scorer(
            "demographic_parity_difference", pos_label="yes", sensitive_features="sex"
        ),
    }
    grid = {"logisticregression__C": [1e-4, 0.01, 0.1, 1.0]}
    return GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        grid,
        scoring=scoring,
        cv=3,
        refit=make_constrained_refit(tolerance=0.3),
    ).fit(X, y)


def test_from_search(search):
    display = FairnessTradeoffDisplay.from_search(search)
    results = search.cv_results_
    frame = display.frame()
    np.testing.assert_array_equal(frame["score"], results["mean_test_accuracy"])
    np.testing.assert_array_equal(frame["gap"], -results["mean_test_gap"])
    np.testing.assert_array_equal(frame["gap_std"], results["std_test_gap"])
    assert (~frame["on_front"]).tolist() == beaten(frame["score"], frame["gap"])
    assert frame["name"].tolist() == ["C=0.0001", "C=0.01", "C=0.1", "C=1"]
    assert display.chosen == search.best_index_
    assert display.tolerance == 0.3
    drawn = np.vstack([display.points_.get_offsets(), display.dominated_.get_offsets()])
    expected = frame[["gap", "score"]].to_numpy()
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, expected))
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert set(labels) == {"chosen", "tolerance 0.3"}


@pytest.mark.parametrize("seed", range(3))
def test_front_and_staircase(seed):
    rng = np.random.default_rng(seed)
    score, gap = rng.integers(0, 8, 40) / 10, rng.integers(0, 8, 40) / 20  # with ties
    score[3] = np.nan
    display = FairnessTradeoffDisplay.from_scores(score, gap)
    on_front = display.frame()["on_front"].to_numpy()
    known = ~np.isnan(score)
    assert (~on_front[known]).tolist() == beaten(score[known], gap[known])
    assert not on_front[3]
    x, y = display.front_line_.get_data()
    for at in np.linspace(gap.min(), gap.max(), 9):
        best = score[known & (gap <= at)].max()
        stair = y[x <= at][-1]
        assert stair == best
    assert display.front_line_.get_drawstyle() == "steps-post"


@pytest.mark.parametrize("metric", ["demographic_parity_difference", "equalized_odds_difference"])
def test_from_estimator_and_from_predictions(rows, metric):
    X, y = rows
    group, weight = np.arange(len(y)) % 2, np.linspace(0.1, 1, len(y))
    models = {c: LogisticRegression(C=c).fit(X, y) for c in (1e-3, 1.0)}
    display = FairnessTradeoffDisplay.from_estimator(
        models, X, y, sensitive_features=group, metric=metric, pos_label="yes", sample_weight=weight
    )
    for i, model in enumerate(models.values()):
        assert display.score[i] == accuracy_score(y, model.predict(X), sample_weight=weight)
        assert display.gap[i] == getattr(metrics, metric)(
            y, model.predict(X), sensitive_features=group, pos_label="yes", sample_weight=weight
        )
    assert display.name == ["0.001", "1.0"]
    assert display.ax_.get_xlabel() == metric.replace("_", " ")


def test_two_sets_in_one_axes():
    figure, (ax, _) = plt.subplots(1, 2)
    first = FairnessTradeoffDisplay.from_scores([0.9, 0.8], [0.2, 0.1], label="one", ax=ax)
    second = FairnessTradeoffDisplay.from_scores([0.95, 0.7], [0.4, 0.15], label="two", ax=ax)
    assert second.figure_ is figure
    assert first.points_.get_facecolor().tolist() != second.points_.get_facecolor().tolist()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["one", "two"]
    assert ax.get_xlim()[0] < 0 < 0.4 < ax.get_xlim()[1]  # nobody's points are cut off
    assert second.plot(ax=ax, s=99).points_.get_sizes().tolist() == [99]


def test_few_names_are_all_there_and_many_only_where_there_is_room():
    rng = np.random.default_rng(0)
    few = FairnessTradeoffDisplay.from_scores(
        0.8 + rng.random(8) / 200, rng.random(8) / 200, name=[f"method {i}" for i in range(8)]
    )
    assert {text.get_text() for text in few.texts_} == {f"method {i}" for i in range(8)}
    gap = np.sort(rng.random(60)) / 5
    many = FairnessTradeoffDisplay.from_scores(
        0.8 + gap / 4, gap, name=[f"alpha={i}" for i in range(60)]
    )
    many.figure_.canvas.draw()
    assert 2 < len(many.texts_) < 60
    assert "alpha=59" in {text.get_text() for text in many.texts_}
    boxes = [Text.get_window_extent(text) for text in many.texts_]  # without their arrows
    points = many.ax_.transData.transform(np.column_stack([gap, 0.8 + gap / 4]))
    for i, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:i]) == 0
        assert not any(box.contains(*point) for point in points)
    assert set(many.ax_.texts) == set(many.texts_)


def test_one_point_and_none_known():
    display = FairnessTradeoffDisplay.from_scores([0.8], [0.0], name=["only"])
    display.figure_.canvas.draw()
    assert [text.get_text() for text in display.texts_] == ["only"]
    display = FairnessTradeoffDisplay.from_scores([np.nan], [0.1], name=["only"])
    assert display.texts_ == []
    assert display.frame()["on_front"].tolist() == [False]


def test_bad_input(rows, search):
    X, y = rows
    with pytest.raises(ValueError, match=r"has the metrics \['accuracy', 'gap'\], and not both"):
        FairnessTradeoffDisplay.from_search(search, gap="odds")
    search.cv_results_["mean_test_gap"] = -search.cv_results_["mean_test_gap"]
    with pytest.raises(ValueError, match="negated difference"):
        FairnessTradeoffDisplay.from_search(search)
    with pytest.raises(NotFittedError):
        FairnessTradeoffDisplay.from_search(GridSearchCV(LogisticRegression(), {"C": [1]}))
    with pytest.raises(TypeError, match=r"must map names to fitted classifiers.*from_search"):
        FairnessTradeoffDisplay.from_estimator(search, X, y, sensitive_features=y)
    with pytest.raises(TypeError, match="y_pred must map names"):
        FairnessTradeoffDisplay.from_predictions(y, y, sensitive_features=y)
    with pytest.raises(ValueError, match="metric must be one of"):
        FairnessTradeoffDisplay.from_predictions(
            y, {"a": y}, sensitive_features=y, metric="demographic_parity_ratio"
        )
    with pytest.raises(ValueError, match="inconsistent"):
        FairnessTradeoffDisplay.from_scores([0.5, 0.6], [0.1])
    with pytest.raises(ValueError, match="gap must not be negative"):
        FairnessTradeoffDisplay.from_scores([0.5], [-0.1])
