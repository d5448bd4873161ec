"""Bars are as high as the metrics, in the order of models and attacks."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_privfair.inspection import AttackComparisonDisplay


class Shifted:
    """A model's twin whose hyperplane lies elsewhere."""

    def __init__(self, model, shift):
        self.model, self.coef_, self.shift = model, model.coef_, shift

    def decision_function(self, X):
        return self.model.decision_function(X) + self.shift

    def predict(self, X):
        return self.model.classes_[(self.decision_function(X) > 0).astype(int)]


@pytest.fixture
def compared(rows, model, hyperplane_attack):
    models = {"plain": model, "defended": Shifted(model, 0.5)}
    attacks = {"free": hyperplane_attack(), "bounded": hyperplane_attack(eps=0.4)}
    return models, attacks, AttackComparisonDisplay.from_estimator(models, *rows, attacks=attacks)


def expected(model, X, y, eps):
    margin = np.abs(model.decision_function(X)) / np.linalg.norm(model.coef_)
    right = model.predict(X) == y
    found = np.where(margin <= eps, margin, np.inf)[right]
    return {
        "robust_accuracy": (right & (margin > eps)).mean(),
        "success_rate": np.isfinite(found).mean(),
        "median_distance": np.median(found),
    }


def test_bars_against_the_margins(compared, rows):
    models, _, display = compared
    X, y = rows
    for name, model in models.items():
        free, bounded = expected(model, X, y, np.inf), expected(model, X, y, 0.4)
        accuracy = (model.predict(X) == y).mean()
        heights = {m: [bar.get_height() for bar in display.bars_[m, name]] for m in free}
        assert heights["robust_accuracy"] == pytest.approx(
            [accuracy, free["robust_accuracy"], bounded["robust_accuracy"]]
        )
        for metric in ("success_rate", "median_distance"):
            values = [free[metric], bounded[metric]]
            finite = np.isfinite(values)
            np.testing.assert_allclose(np.array(heights[metric])[finite], np.array(values)[finite])


def test_an_infinite_median_is_hatched_and_says_so(rows, model, hyperplane_attack):
    attacks = {"free": hyperplane_attack(), "weak": hyperplane_attack(eps=1e-6)}
    display = AttackComparisonDisplay.from_estimator(model, *rows, attacks=attacks)
    free, weak = display.bars_["median_distance", ""]
    assert np.isinf(display.scores["median_distance"].to_numpy()[-1])
    assert (free.get_hatch(), weak.get_hatch()) == (None, "///")
    assert weak.get_height() == free.get_height()  # as high as the panel's highest
    assert "∞" in [text.get_text() for text in display.axes_[0, 2].texts]
    assert display.axes_[0, 0].get_legend() is None  # one model needs none


def test_labels_order_and_values(compared):
    _, _, display = compared
    ticks = [[t.get_text() for t in panel.get_xticklabels()] for panel in display.axes_[0]]
    assert ticks == [["no attack", "free", "bounded"], ["free", "bounded"], ["free", "bounded"]]
    legend = [text.get_text() for text in display.axes_[0, 0].get_legend().get_texts()]
    assert legend == ["plain", "defended"]
    assert display.axes_[0, 2].get_ylabel() == "median distance\n($\\ell_2$, feature units)"
    written = [text.get_text() for text in display.axes_[0, 1].texts]
    bars = [*display.bars_["success_rate", "plain"], *display.bars_["success_rate", "defended"]]
    assert written == [f"{bar.get_height():.2f}" for bar in bars]
    assert all(text.get_visible() for text in display.axes_[0, 1].texts)


def test_bars_of_one_attack_stand_side_by_side(compared):
    _, _, display = compared
    plain, defended = (display.bars_["success_rate", m] for m in ("plain", "defended"))
    for i, (one, two) in enumerate(zip(plain, defended, strict=True)):
        assert i - 0.5 < one.get_x() < one.get_x() + one.get_width() <= two.get_x() < i + 0.5
    assert plain[0].get_facecolor() != defended[0].get_facecolor()


def test_values_are_hidden_where_they_do_not_fit(compared):
    _, _, display = compared
    display.plot(ax=plt.figure(figsize=(2.5, 1.5)).add_subplot())
    assert not any(text.get_visible() for text in display.axes_[0, 1].texts)


def test_from_predictions_agrees_with_from_results(rows, compared):
    models, attacks, display = compared
    X, y = rows
    results = {
        name: {a: attack.fit(model).generate(X, y) for a, attack in attacks.items()}
        for name, model in models.items()
    }
    same = AttackComparisonDisplay.from_results(results, y)
    after = {m: {a: r.y_pred_adv for a, r in by.items()} for m, by in results.items()}
    distance = {m: {a: r.distance["l2"] for a, r in by.items()} for m, by in results.items()}
    before = {m: models[m].predict(X) for m in models}
    again = AttackComparisonDisplay.from_predictions(y, before, after, distance=distance)
    for other in (same, again):
        assert other.frame().equals(display.frame())
    short = AttackComparisonDisplay.from_predictions(y, before, after)
    assert "median_distance" not in short.frame()
    assert short.axes_.shape == (1, 2)


def test_metrics_and_axes_chosen(rows, model, hyperplane_attack):
    figure, axes = plt.subplots(1, 2)
    display = AttackComparisonDisplay.from_estimator(
        model,
        *rows,
        attacks=hyperplane_attack(eps=5.0),
        metrics=["median_distance", "robust_accuracy"],
        norm=np.inf,
        ax=axes,
    )
    assert list(display.axes_[0]) == list(axes)
    assert display.figure_ is figure
    assert r"\ell_\infty" in axes[0].get_ylabel()
    assert [t.get_text() for t in axes[0].get_xticklabels()] == ["HyperplaneAttack"]
    X, y = rows
    assert axes[0].patches[0].get_height() == pytest.approx(
        expected(model, X, y, 5.0)["median_distance"] / 2
    )


def test_bad_input(rows, model, hyperplane_attack):
    with pytest.raises(ValueError, match="metrics must be"):
        AttackComparisonDisplay.from_estimator(
            model, *rows, attacks=hyperplane_attack(), metrics=["speed"]
        )
    with pytest.raises(ValueError, match="norm must be"):
        AttackComparisonDisplay.from_estimator(model, *rows, attacks=hyperplane_attack(), norm=3)
    with pytest.raises(ValueError, match="needs distance"):
        AttackComparisonDisplay.from_predictions(
            [0], {"m": [0]}, {"m": {"a": [1]}}, metrics=["median_distance"]
        )
    with pytest.raises(ValueError, match="must be the same"):
        AttackComparisonDisplay.from_predictions([0], {"m": [0]}, {"other": {"a": [1]}})
