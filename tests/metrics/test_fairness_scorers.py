"""Scorers inside scikit-learn's searches: the sensitive features arrive, row by row."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import UndefinedMetricWarning, UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair import metrics
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
    make_constrained_refit,
    make_constrained_scorer,
    make_fairness_scorer,
)

N = 240
RNG = np.random.default_rng(0)
SEX = np.array(["f", "m"])[RNG.integers(2, size=N)]
X = pd.DataFrame(RNG.normal(size=(N, 3)), columns=["a", "b", "c"], index=RNG.permutation(N))
X["sex"] = (SEX == "m").astype(float)
Y = np.array(["no", "yes"])[(X["a"] + X["sex"] + RNG.normal(size=N) > 0.5).astype(int)]
WEIGHT = RNG.random(N)
CANDIDATES = [0.0, 0.3, 0.6, 1.2]


class Threshold(ClassifierMixin, BaseEstimator):
    """Says yes where a + sex > bound for f, bound + shift for m; fit needs the groups."""

    calls = []

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y, sensitive_features=None):
        if sensitive_features is None:
            raise ValueError("no sensitive features")
        assert len(sensitive_features) == len(X)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        self.calls.append(self.shift)
        X = np.asarray(X)
        return self.classes_[(X[:, 0] + X[:, -1] > 0.5 + self.shift * X[:, -1]).astype(int)]


def folds():
    return StratifiedKFold(5).split(X, Y)


def expected_gaps(shift, measure=demographic_parity_difference, **kwargs):
    model = Threshold(shift).fit(X, Y, sensitive_features=SEX)
    return [
        measure(
            Y[test],
            model.predict(X.iloc[test]),
            sensitive_features=SEX[test],
            pos_label="yes",
            **{key: value[test] for key, value in kwargs.items()},
        )
        for _, test in folds()
    ]


def routed(model):
    return model.set_fit_request(sensitive_features=True)


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def test_search_routes_the_groups_through_a_pipeline(routing):
    scoring = {
        "accuracy": "accuracy",
        "gap": make_fairness_scorer("demographic_parity_difference", pos_label="yes"),
        "odds": make_fairness_scorer("equalized_odds_difference", pos_label="yes"),
    }
    pipeline = make_pipeline("passthrough", routed(Threshold()))
    search = GridSearchCV(
        pipeline, {"threshold__shift": CANDIDATES}, scoring=scoring, refit="gap",
        error_score="raise",
    )  # fmt: skip
    search.fit(X, Y, sensitive_features=SEX)
    for i, shift in enumerate(CANDIDATES):
        for name, measure in [
            ("gap", demographic_parity_difference),
            ("odds", equalized_odds_difference),
        ]:
            scores = [search.cv_results_[f"split{k}_test_{name}"][i] for k in range(5)]
            np.testing.assert_allclose(scores, np.negative(expected_gaps(shift, measure)))
    means = [np.mean(expected_gaps(shift)) for shift in CANDIDATES]
    assert search.best_params_ == {"threshold__shift": CANDIDATES[int(np.argmin(means))]}
    assert len(set(means)) == 4


def test_scorers_share_one_prediction(routing):
    scoring = {
        "accuracy": "accuracy",
        "gap": make_fairness_scorer("demographic_parity_difference", pos_label="yes"),
        "both": make_constrained_scorer(tolerance=0.1, pos_label="yes"),
    }
    Threshold.calls.clear()
    cross_validate(
        routed(Threshold()), X, Y, scoring=scoring, params={"sensitive_features": SEX},
        error_score="raise",
    )  # fmt: skip
    assert len(Threshold.calls) == 5


@pytest.mark.parametrize("columns", ["sex", ["sex"], ("sex", "b_sign")])
@pytest.mark.parametrize("enabled", [False, True])
def test_columns_of_x_need_no_routing(columns, enabled):
    frame = X.assign(b_sign=X["b"] > 0)
    scorer = make_fairness_scorer(
        "equalized_odds_difference", pos_label="yes", sensitive_features=columns
    )
    model = make_pipeline(StandardScaler(), LogisticRegression())
    with config_context(enable_metadata_routing=enabled):
        scores = cross_validate(model, frame, Y, scoring={"gap": scorer}, error_score="raise")
    for score, (train, test) in zip(scores["test_gap"], folds(), strict=True):
        fitted = clone(model).fit(frame.iloc[train], Y[train])
        part = frame.iloc[test]
        groups = part[["sex", "b_sign"]] if len(columns) == 2 else part["sex"]
        expected = equalized_odds_difference(
            Y[test], fitted.predict(part), sensitive_features=groups, pos_label="yes"
        )
        assert score == pytest.approx(-expected)
    by_place = make_fairness_scorer(
        "equalized_odds_difference", pos_label="yes", sensitive_features=3
    )
    fitted = LogisticRegression().fit(X.to_numpy(), Y)
    assert by_place(fitted, X.to_numpy(), Y) == -equalized_odds_difference(
        Y, fitted.predict(X.to_numpy()), sensitive_features=SEX, pos_label="yes"
    )


def test_columns_of_x_while_the_model_gets_them_routed(routing):
    """The scorer must not stand in the way of what only the model asked for."""
    scorer = make_fairness_scorer(
        "demographic_parity_difference", pos_label="yes", sensitive_features="sex"
    )
    scores = cross_validate(
        routed(Threshold(0.3)), X, Y, scoring={"gap": scorer}, error_score="raise",
        params={"sensitive_features": SEX},
    )  # fmt: skip
    np.testing.assert_allclose(scores["test_gap"], np.negative(expected_gaps(0.3)))


@pytest.mark.parametrize("name", ["fairness", "constrained"])
def test_weights_when_asked_for(routing, name):
    def scorer():
        if name == "fairness":
            return make_fairness_scorer("demographic_parity_difference", pos_label="yes")
        return make_constrained_scorer(tolerance=0.0, pos_label="yes")  # minus the gap

    arguments = {"params": {"sensitive_features": SEX, "sample_weight": WEIGHT}}
    arguments["error_score"] = "raise"
    asking = scorer().set_score_request(sample_weight=True)
    scores = cross_validate(routed(Threshold()), X, Y, scoring={"gap": asking}, **arguments)
    expected = expected_gaps(0.0, sample_weight=WEIGHT)
    np.testing.assert_allclose(scores["test_gap"], np.negative(expected))
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        cross_validate(routed(Threshold()), X, Y, scoring={"gap": scorer()}, **arguments)
    other = scorer().set_score_request(sensitive_features="group", sample_weight=False)
    arguments["params"] = {"sensitive_features": SEX, "group": SEX}
    scores = cross_validate(routed(Threshold()), X, Y, scoring={"gap": other}, **arguments)
    np.testing.assert_allclose(scores["test_gap"], np.negative(expected_gaps(0.0)))


@pytest.mark.parametrize("enabled", [False, True])
def test_called_directly(enabled):
    model = Threshold().fit(X, Y, sensitive_features=SEX)
    with config_context(enable_metadata_routing=enabled):
        for notion in ("demographic_parity", "equal_opportunity", "equalized_odds"):
            for kind, sign in (("difference", -1), ("ratio", 1)):
                metric = f"{notion}_{kind}"
                scorer = make_fairness_scorer(metric, pos_label="yes")
                arguments = {"sensitive_features": SEX, "sample_weight": WEIGHT}
                expected = getattr(metrics, metric)(
                    Y, model.predict(X), pos_label="yes", **arguments
                )
                assert scorer(model, X, Y, **arguments) == sign * expected


def test_without_sensitive_features_it_raises():
    model = Threshold().fit(X, Y, sensitive_features=SEX)
    for scorer in (
        make_fairness_scorer("demographic_parity_difference", pos_label="yes"),
        make_constrained_scorer(tolerance=0.1, pos_label="yes"),
    ):
        with pytest.raises(ValueError, match=r"needs sensitive_features.*metadata_routing"):
            scorer(model, X, Y)
        with pytest.raises(ValueError, match="needs sensitive_features"):
            cross_validate(LogisticRegression(), X, Y, scoring=scorer, error_score="raise")
    for scorer in (
        make_fairness_scorer("demographic_parity_difference", sensitive_features="sex"),
        make_constrained_scorer(tolerance=0.1, sensitive_features="sex"),
    ):
        with pytest.raises(ValueError, match="which takes them from X"):
            scorer(model, X, Y, sensitive_features=SEX)


class Shifted(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.asarray(X)[:, 0] + np.asarray(X)[:, -1]


def test_regressors_and_scores():
    model = Shifted().fit(X, X["a"])
    y_pred = model.predict(X)
    for metric in ("mean_prediction_difference", "statistical_parity_difference"):
        scorer = make_fairness_scorer(metric)
        expected = getattr(metrics, metric)(None, y_pred, sensitive_features=SEX)
        assert scorer(model, X, X["a"], sensitive_features=SEX) == -expected
    logistic = LogisticRegression().fit(X, Y)
    for pos_label, column in [(None, 1), ("yes", 1), ("no", 0)]:
        scorer = make_fairness_scorer(
            "statistical_parity_difference", response_method="predict_proba", pos_label=pos_label
        )
        expected = metrics.statistical_parity_difference(
            None, logistic.predict_proba(X)[:, column], sensitive_features=SEX
        )
        assert scorer(logistic, X, Y, sensitive_features=SEX) == -expected


def test_a_continuous_sensitive_feature():
    age = X["a"].to_numpy() + RNG.normal(size=N)
    model = LogisticRegression().fit(X, Y)
    for pos_label, method, y_pred in [
        ("yes", "predict", model.predict(X) == "yes"),
        (None, "predict_proba", model.predict_proba(X)[:, 1]),
    ]:
        scorer = make_fairness_scorer(
            "sensitive_correlation", pos_label=pos_label, response_method=method
        )
        score = scorer(model, X, Y, sensitive_features=age)
        assert score == pytest.approx(-abs(np.corrcoef(y_pred, age)[0, 1]))


@pytest.mark.parametrize("constraint", ["demographic_parity_difference", "equalized_odds_ratio"])
def test_constrained_scores_rank_the_fair_above_the_unfair(constraint):
    rows = []
    for shift in np.linspace(-1, 2, 13):
        model = Threshold(shift).fit(X, Y, sensitive_features=SEX)
        measured = getattr(metrics, constraint)(
            Y, model.predict(X), sensitive_features=SEX, pos_label="yes"
        )
        gap = 1 - measured if constraint.endswith("ratio") else measured
        rows.append((model, gap, model.score(X, Y)))
    tolerance = float(np.median([gap for _, gap, _ in rows]))
    scorer = make_constrained_scorer("accuracy", constraint, tolerance=tolerance, pos_label="yes")
    scores = np.array([scorer(model, X, Y, sensitive_features=SEX) for model, _, _ in rows])
    gaps, accuracies = np.array([row[1:] for row in rows]).T
    fair = gaps <= tolerance
    assert 0 < fair.sum() < len(rows)
    np.testing.assert_array_equal(scores[fair], accuracies[fair])
    assert scores[~fair].max() < 0 <= scores[fair].min()
    np.testing.assert_allclose(scores[~fair], tolerance - gaps[~fair])


def test_objective_of_probabilities_and_a_floor():
    model = LogisticRegression().fit(X, Y)
    arguments = {"tolerance": 1.0, "sensitive_features": "sex", "pos_label": "yes"}
    for objective in ("roc_auc", make_scorer(accuracy_score), lambda model, X, y: 0.25):
        scorer = make_constrained_scorer(objective, **arguments)
        assert scorer(model, X, Y) == get_scorer(objective)(model, X, Y)
    with pytest.raises(ValueError, match=r"below floor=0.0.*pass a lower floor"):
        make_constrained_scorer("neg_log_loss", **arguments)(model, X, Y)
    scorer = make_constrained_scorer("neg_log_loss", floor=-5.0, **arguments)
    assert scorer(model, X, Y) == get_scorer("neg_log_loss")(model, X, Y)
    unfair = make_constrained_scorer(
        "neg_log_loss", floor=-5.0, **(arguments | {"tolerance": 0.01})
    )
    assert -6 < unfair(model, X, Y) < -5


def test_regression_subject_to_a_bound_on_means():
    model = LinearRegression().fit(X, X["a"] + X["sex"])
    scorer = make_constrained_scorer(
        "r2", "mean_prediction_difference", tolerance=0.5, sensitive_features="sex"
    )
    gap = metrics.mean_prediction_difference(None, model.predict(X), sensitive_features=SEX)
    assert gap > 0.6
    assert scorer(model, X, X["a"] + X["sex"]) == pytest.approx(0.5 - gap)


def test_undefined_gap_is_nan():
    model = Threshold().fit(X, Y, sensitive_features=SEX)
    scorer = make_constrained_scorer(tolerance=0.1, pos_label="yes")
    with pytest.warns(UndefinedMetricWarning, match="all rows are of one group"):
        assert np.isnan(scorer(model, X, Y, sensitive_features=["x"] * N))


def results(accuracy, gap):
    return {"mean_test_accuracy": np.array(accuracy), "mean_test_gap": -np.array(gap)}


def test_refit_takes_the_best_of_the_fair():
    refit = make_constrained_refit(tolerance=0.02)
    assert refit(results([0.9, 0.8, 0.85, 0.7], [0.1, 0.0, 0.02, 0.01])) == 2
    assert refit(results([0.8, 0.8, 0.8], [0.02, 0.01, 0.5])) == 1  # a tie: the smaller gap
    assert refit(results([np.nan, 0.7, 0.9], [0.0, 0.01, np.nan])) == 1
    with pytest.warns(UserWarning, match=r"No candidate keeps 'gap' <= 0.02.* 0.03"):
        assert refit(results([0.9, 0.8, 0.85], [0.1, 0.03, 0.03])) == 2
    with pytest.raises(ValueError, match="each mean score is NaN"):
        refit(results([0.9, 0.8], [np.nan, np.nan]))
    with pytest.raises(ValueError, match=r"no metric 'gap'; its scoring names \['accuracy'\]"):
        refit({"mean_test_accuracy": np.array([0.5])})
    with pytest.raises(ValueError, match="negated difference"):
        refit(results([0.9, 0.8], [-0.1, -0.2]))


def test_refit_inside_a_search(routing):
    scoring = {
        "accuracy": "accuracy",
        "gap": make_fairness_scorer("demographic_parity_difference", pos_label="yes"),
    }
    means = [np.mean(expected_gaps(shift)) for shift in CANDIDATES]
    tolerance = sorted(means)[1]
    search = GridSearchCV(
        routed(Threshold()),
        {"shift": CANDIDATES},
        scoring=scoring,
        refit=make_constrained_refit(tolerance=tolerance),
    ).fit(X, Y, sensitive_features=SEX)
    fair = [i for i, mean in enumerate(means) if mean <= tolerance]
    best = max(fair, key=lambda i: search.cv_results_["mean_test_accuracy"][i])
    assert search.best_index_ == best
    assert search.predict(X).shape == (N,)


@pytest.mark.parametrize(
    "scorer",
    [
        make_fairness_scorer("equalized_odds_ratio", pos_label="yes"),
        make_fairness_scorer(
            "mean_prediction_difference",
            response_method="predict_proba",
            sensitive_features=["sex"],
        ),
        make_constrained_scorer("roc_auc", tolerance=0.1, floor=-1.0, pos_label="yes"),
    ],
)
def test_pickle_clone_and_repr(scorer):
    model = LogisticRegression().fit(X, Y)
    groups = {} if scorer._columns else {"sensitive_features": SEX}
    for copy in (
        pickle.loads(pickle.dumps(scorer)),
        clone(scorer, safe=False),
        eval(repr(scorer)),
    ):
        assert copy(model, X, Y, **groups) == scorer(model, X, Y, **groups)
        assert repr(copy) == repr(scorer)
    refit = make_constrained_refit(tolerance=0.02)
    assert eval(repr(refit))(results([0.5, 0.6], [0.1, 0.0])) == 1
    assert repr(pickle.loads(pickle.dumps(refit))) == repr(refit)


def test_requests_survive_a_clone(routing):
    scorer = make_fairness_scorer("demographic_parity_difference", pos_label="yes")
    scorer.set_score_request(sample_weight=True)
    for copy in (clone(scorer, safe=False), pickle.loads(pickle.dumps(scorer))):
        requests = copy.get_metadata_routing().score.requests
        assert requests == {"sensitive_features": True, "sample_weight": True}


def test_bad_arguments():
    with pytest.raises(ValueError, match="metric"):
        make_fairness_scorer("parity")
    with pytest.raises(ValueError, match="compares labels"):
        make_fairness_scorer("equalized_odds_difference", response_method="predict_proba")
    with pytest.raises(ValueError, match="constraint"):
        make_constrained_scorer("accuracy", "accuracy", tolerance=0.1)
    with pytest.raises(ValueError, match="objective"):
        make_constrained_scorer("parity", tolerance=0.1)
    for make in (make_constrained_scorer, make_constrained_refit):
        with pytest.raises(ValueError, match="tolerance"):
            make(tolerance=-0.1)
        with pytest.raises(TypeError, match="tolerance"):
            make()
