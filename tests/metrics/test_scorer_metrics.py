"""Scorers inside scikit-learn's searches, on a linear model whose attack has a closed form."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_validate

from sklearn_privfair.attacks import FGSMAttack
from sklearn_privfair.metrics import make_attack_scorer, make_robust_accuracy_scorer

X, y = make_classification(n_samples=120, n_features=6, flip_y=0.1, random_state=0)
y = np.array(["no", "yes"])[y]
MODEL = LogisticRegression().fit(X, y)
CALLS = []


class HyperplaneAttack(BaseEstimator):
    """Steps over a linear model's hyperplane where it lies within eps."""

    def __init__(self, estimator=None, eps=1.0):
        self.estimator = estimator
        self.eps = eps

    def fit(self, X, y=None):
        model = X if hasattr(X, "predict") else self.estimator
        self.model_ = getattr(model, "estimator", model)
        return self

    def generate(self, X, y=None):
        CALLS.append(self.eps)
        y_pred = self.model_.predict(X)
        attacked = np.ones(len(X), bool) if y is None else y_pred == y
        w = self.model_.coef_[0]
        f = self.model_.decision_function(X)
        needed = np.abs(f) / np.linalg.norm(w)
        success = attacked & (needed <= self.eps)
        X_adv = X - np.where(success, 1.01 * f / (w @ w), 0.0)[:, None] * w
        return SimpleNamespace(
            y=y_pred if y is None else y,
            y_pred=y_pred,
            y_pred_adv=self.model_.predict(X_adv),
            attacked=attacked,
            success=success,
            distance={"l2": np.where(attacked, np.where(success, needed, np.inf), 0.0)},
            n_forward=np.full(len(X), 2),
            n_backward=np.where(attacked, 1, 0),
        )


def expected(model, X, y, eps):
    """Success rate, robust accuracy and median distance from the margins themselves."""
    margin = np.abs(model.decision_function(X)) / np.linalg.norm(model.coef_)
    right = model.predict(X) == y
    found = np.where(margin <= eps, margin, np.inf)[right]
    return np.isfinite(found).mean(), (right & (margin > eps)).mean(), np.median(found)


@pytest.mark.parametrize("eps", [0.3, 1.0, 50.0])
def test_attack_scorers_against_the_margins(eps):
    attack = HyperplaneAttack(eps=eps).fit(MODEL)
    success, robust, median = expected(MODEL, X, y, eps)
    assert make_attack_scorer("success_rate")(attack, X, y) == pytest.approx(success)
    assert make_attack_scorer("robust_accuracy")(attack, X, y) == pytest.approx(robust)
    assert make_attack_scorer("neg_median_distance")(attack, X, y) == -median
    assert make_attack_scorer("neg_mean_passes")(attack, X, y) == -3.0


def test_without_labels_every_row_is_attacked():
    attack = HyperplaneAttack(eps=1.0).fit(MODEL)
    success, _, _ = expected(MODEL, X, MODEL.predict(X), 1.0)
    assert make_attack_scorer("success_rate")(attack, X) == pytest.approx(success)
    with pytest.raises(ValueError, match="y is None"):
        make_attack_scorer(["robust_accuracy"])(attack, X)


def test_weights_repeat_rows():
    attack = HyperplaneAttack(eps=1.0).fit(MODEL)
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    X2, y2 = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    names = ["success_rate", "robust_accuracy", "neg_median_distance", "neg_mean_passes"]
    scorer = make_attack_scorer(names)
    assert scorer(attack, X, y, sample_weight=weight) == pytest.approx(scorer(attack, X2, y2))
    scorer = make_robust_accuracy_scorer(HyperplaneAttack())
    assert scorer(MODEL, X, y, sample_weight=weight) == pytest.approx(scorer(MODEL, X2, y2))


@pytest.mark.parametrize("metric", ["success_rate", "neg_median_distance", "neg_mean_passes"])
def test_no_row_attacked_is_nan_and_says_so(metric):
    attack = HyperplaneAttack().fit(MODEL)
    wrong = np.where(MODEL.predict(X) == "no", "yes", "no")
    with pytest.warns(UndefinedMetricWarning, match="no row was attacked"):
        assert np.isnan(make_attack_scorer(metric)(attack, X, wrong))


def search(estimator, grid, scoring, **kwargs):
    return GridSearchCV(estimator, grid, scoring=scoring, cv=3, error_score="raise", **kwargs).fit(
        X, y
    )


@pytest.mark.parametrize("routing", [False, True])
def test_grid_search_over_an_attack(routing):
    with config_context(enable_metadata_routing=routing):
        grid = search(
            HyperplaneAttack(FrozenEstimator(MODEL)),
            {"eps": [0.3, 50.0]},
            make_attack_scorer("success_rate"),
        )
    assert grid.best_params_ == {"eps": 50.0}
    assert grid.best_score_ == 1.0


def test_grid_search_finds_the_attack_that_fails_less_often():
    with pytest.warns(UserWarning, match="non-finite"), np.errstate(invalid="ignore"):
        grid = search(
            HyperplaneAttack(FrozenEstimator(MODEL)),
            {"eps": [0.01, 50.0]},
            make_attack_scorer("neg_median_distance"),
        )
    assert grid.best_params_ == {"eps": 50.0}
    assert grid.cv_results_["mean_test_score"][0] == -np.inf


@pytest.mark.parametrize("routing", [False, True])
def test_several_metrics_as_a_dictionary(routing):
    scoring = {
        "turned": make_attack_scorer("success_rate"),
        "robust": make_attack_scorer("robust_accuracy"),
    }
    with config_context(enable_metadata_routing=routing):
        grid = search(
            HyperplaneAttack(FrozenEstimator(MODEL)), {"eps": [0.3, 1.0]}, scoring, refit="turned"
        )
    folds = [grid.cv_results_[f"split{i}_test_robust"][0] for i in range(3)]
    _, robust, _ = expected(MODEL, X, y, 0.3)
    assert np.mean(folds) == pytest.approx(robust)  # three folds of equal size


def test_several_metrics_in_one_run():
    CALLS.clear()
    scoring = make_attack_scorer(["success_rate", "robust_accuracy", "neg_mean_passes"])
    grid = search(
        HyperplaneAttack(FrozenEstimator(MODEL)), {"eps": [0.3, 1.0]}, scoring, refit="success_rate"
    )
    assert len(CALLS) == 6  # three folds, two candidates: once each
    assert {"mean_test_robust_accuracy", "mean_test_neg_mean_passes"} <= set(grid.cv_results_)


def test_scoring_a_classifier_fits_a_clone_of_the_attack_on_it():
    attack = HyperplaneAttack(eps=1.0)
    scorer = make_robust_accuracy_scorer(attack)
    _, robust, _ = expected(MODEL, X, y, 1.0)
    assert scorer(MODEL, X, y) == pytest.approx(robust)
    assert not hasattr(attack, "model_")


@pytest.mark.parametrize("budget", [0.0, 0.4, 2.0])
def test_budget_for_a_minimum_norm_attack(budget):
    scorer = make_robust_accuracy_scorer(HyperplaneAttack(eps=np.inf), eps=budget, norm=2)
    _, robust, _ = expected(MODEL, X, y, budget)
    assert scorer(MODEL, X, y) == pytest.approx(robust)


def test_grid_search_over_a_classifier():
    scorer = make_robust_accuracy_scorer(HyperplaneAttack(eps=0.5))
    scoring = {"robust": scorer, "accuracy": "accuracy"}
    candidates = [1e-4, 1.0]
    grid = search(LogisticRegression(), {"C": candidates}, scoring, refit="robust")
    for i, C in enumerate(candidates):
        folds = []
        for train, test in grid_folds():
            model = LogisticRegression(C=C).fit(X[train], y[train])
            folds.append(expected(model, X[test], y[test], 0.5)[1])
        assert grid.cv_results_["mean_test_robust"][i] == pytest.approx(np.mean(folds))


def grid_folds():
    return StratifiedKFold(3).split(X, y)


@pytest.mark.parametrize("frozen", [False, True])
def test_grid_search_over_a_real_attack(frozen):
    """One FGSM step turns a linear model's row if and only if its l1 margin is below eps."""
    model = FrozenEstimator(MODEL) if frozen else LogisticRegression()
    scoring = make_attack_scorer(["success_rate", "robust_accuracy", "neg_mean_passes"])
    candidates = [0.05, 0.3, 1.0]
    attack = FGSMAttack(model, bounds=None)
    grid = search(attack, {"eps": candidates}, scoring, refit="success_rate")
    assert grid.best_params_ == {"eps": 1.0}
    for i, eps in enumerate(candidates):
        rates, robust = [], []
        for train, test in KFold(3).split(X):
            fitted = MODEL if frozen else LogisticRegression().fit(X[train], y[train])
            margin = np.abs(fitted.decision_function(X[test])) / np.abs(fitted.coef_).sum()
            right = fitted.predict(X[test]) == y[test]
            rates.append((margin < eps)[right].mean())
            robust.append((right & (margin >= eps)).mean())
        assert grid.cv_results_["mean_test_success_rate"][i] == pytest.approx(np.mean(rates))
        assert grid.cv_results_["mean_test_robust_accuracy"][i] == pytest.approx(np.mean(robust))


def test_weights_reach_the_scorer_through_scikit_learn():
    scorer = make_robust_accuracy_scorer(HyperplaneAttack(eps=0.5))
    with config_context(enable_metadata_routing=False):
        scores = cross_validate(MODEL, X, y, scoring={"robust": scorer}, cv=3)
    assert np.isfinite(scores["test_robust"]).all()


@pytest.mark.parametrize(
    "scorer",
    [
        make_attack_scorer("neg_median_distance", norm=2),
        make_attack_scorer(["success_rate", "neg_mean_passes"]),
    ],
)
def test_pickle_clone_and_repr(scorer):
    attack = HyperplaneAttack().fit(MODEL)
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert copy(attack, X, y) == scorer(attack, X, y)
        assert repr(copy) == repr(scorer)
    assert eval(repr(scorer))(attack, X, y) == scorer(attack, X, y)


def test_pickle_and_repr_of_the_robust_accuracy_scorer():
    scorer = make_robust_accuracy_scorer(HyperplaneAttack(eps=0.5), eps=0.25, norm=2)
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy(MODEL, X, y) == scorer(MODEL, X, y)
    assert repr(copy) == "make_robust_accuracy_scorer(HyperplaneAttack(eps=0.5), eps=0.25, norm=2)"


def test_bad_arguments():
    with pytest.raises(ValueError, match="metric"):
        make_attack_scorer("accuracy")
    with pytest.raises(ValueError, match="accuracy"):
        make_attack_scorer(["success_rate", "accuracy"])
    with pytest.raises(ValueError, match="at least one"):
        make_attack_scorer([])
    with pytest.raises(ValueError, match="norm"):
        make_attack_scorer("neg_median_distance", norm=3)
    with pytest.raises(ValueError, match="attack"):
        make_robust_accuracy_scorer(LogisticRegression())
    with pytest.raises(ValueError, match="eps"):
        make_robust_accuracy_scorer(HyperplaneAttack(), eps=-1.0)
    with pytest.raises(TypeError, match="has no `generate`"):
        make_attack_scorer("success_rate")(MODEL, X, y)
