"""Sensitive features on their way through pipelines, searches and scorers, routed and not."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.inspection import DebiasingHistoryDisplay, FairnessTradeoffDisplay
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    make_constrained_refit,
    make_constrained_scorer,
    make_fairness_scorer,
)

from ._harness import net, unfair_rows, weights

X, y, GROUP = unfair_rows(600)
FRAME = pd.DataFrame(X, columns=list("abc")).assign(sex=(GROUP == "b").astype(int))
GAP = "demographic_parity_difference"


def quick(n_in=3, max_epochs=3, **params):
    model = AdversarialDebiasingClassifier(net(n_in, max_epochs=max_epochs), tolerance=None)
    return model.set_params(random_state=0, **params)


def test_search_with_routing():
    """No request need be set: fit and the scorer ask for sensitive features by themselves."""
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), quick(max_epochs=15)),
            {"adversarialdebiasingclassifier__alpha": [0.0, 10.0]},
            scoring={"accuracy": "accuracy", "gap": make_fairness_scorer(GAP)},
            refit=make_constrained_refit(tolerance=0.15),
            cv=2,
        ).fit(X, y, sensitive_features=GROUP)
    gaps = -search.cv_results_["mean_test_gap"]
    assert gaps[0] > 0.18
    assert gaps[1] < 0.15
    assert search.best_index_ == 1
    direct = make_pipeline(StandardScaler(), quick(max_epochs=15, alpha=10.0))
    direct.fit(X, y, adversarialdebiasingclassifier__sensitive_features=GROUP)
    np.testing.assert_array_equal(weights(search.best_estimator_[-1]), weights(direct[-1]))
    points = FairnessTradeoffDisplay.from_search(search).frame()
    np.testing.assert_allclose(points["gap"], gaps)


def test_search_without_routing():
    """To fit they go all the same; a scorer takes them from X."""
    scoring = {"accuracy": "accuracy", "gap": make_fairness_scorer(GAP, sensitive_features="sex")}
    given = GridSearchCV(quick(4), {"alpha": [0.0, 3.0]}, scoring=scoring, refit="accuracy", cv=2)
    given.fit(FRAME, y, sensitive_features=GROUP)
    named = GridSearchCV(
        quick(4, sensitive_features="sex"),
        {"alpha": [0.0, 3.0]},
        scoring=make_constrained_scorer(tolerance=0.1, sensitive_features="sex"),
        cv=2,
    ).fit(FRAME, y)
    with config_context(enable_metadata_routing=True):
        routed = GridSearchCV(
            quick(4),
            {"alpha": [0.0, 3.0]},
            scoring={"accuracy": "accuracy", "gap": make_fairness_scorer(GAP)},
            refit="accuracy",
            cv=2,
        ).fit(FRAME, y, sensitive_features=GROUP)
    for key in ("mean_test_accuracy", "mean_test_gap"):
        np.testing.assert_array_equal(given.cv_results_[key], routed.cv_results_[key])
    assert np.isfinite(named.cv_results_["mean_test_score"]).all()


def test_parameters_of_the_net_are_searched():
    search = GridSearchCV(
        quick(), {"estimator__lr": [1e-6, 0.02], "constraint": ["equalized_odds"]}, cv=2
    ).fit(X, y, sensitive_features=GROUP)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0]


@pytest.mark.parametrize("routing", [False, True])
def test_cross_validate(routing):
    with config_context(enable_metadata_routing=routing):
        column = None if routing else "sex"
        scores = cross_validate(
            quick(4),
            FRAME,
            y,
            params={"sensitive_features": GROUP},
            scoring={"gap": make_fairness_scorer(GAP, sensitive_features=column)},
            cv=2,
            return_estimator=True,
            return_indices=True,
        )
    for i, model in enumerate(scores["estimator"]):
        rows = scores["indices"]["test"][i]
        predicted = model.predict(FRAME.iloc[rows])
        gap = demographic_parity_difference(y[rows], predicted, sensitive_features=GROUP[rows])
        assert scores["test_gap"][i] == -gap


def test_weights_are_routed_on_request():
    weight = np.random.default_rng(0).random(600)
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), quick().set_fit_request(sample_weight=True))
        pipeline[0].set_fit_request(sample_weight=False)
        pipeline.fit(X, y, sensitive_features=GROUP, sample_weight=weight)
    rows = StandardScaler().fit_transform(X)
    direct = quick().fit(rows, y, sensitive_features=GROUP, sample_weight=weight)
    np.testing.assert_array_equal(weights(pipeline[-1]), weights(direct))


def test_named_columns_and_a_routed_scorer():
    """The scorer's features need not reach a classifier that has columns of its own."""
    with config_context(enable_metadata_routing=True):
        model = quick(4, sensitive_features="sex")
        scoring, groups = make_fairness_scorer(GAP), {"sensitive_features": GROUP}
        options = {"params": groups, "scoring": scoring, "cv": 2, "error_score": "raise"}
        with pytest.raises(ValueError, match=r"set_fit_request\(sensitive_features=False\)"):
            cross_validate(model, FRAME, y, **options)
        model.set_fit_request(sensitive_features=False)
        scores = cross_validate(model, FRAME, y, **options)
    assert np.isfinite(scores["test_score"]).all()


def test_a_group_seen_only_in_test_data():
    """It needs nothing to be predicted, and counts in the gap."""
    model = quick().fit(X, y, sensitive_features=GROUP)
    groups = np.where(np.arange(600) < 50, "new", GROUP)
    gap = make_fairness_scorer(GAP)(model, X, y, sensitive_features=groups)
    predicted = model.predict(X)
    rates = [predicted[groups == g].mean() for g in ("a", "b", "new")]
    assert gap == pytest.approx(-np.ptp(rates))


def test_history_is_drawn():
    model = AdversarialDebiasingClassifier(
        net(max_epochs=4), early_stopping=True, tolerance=0.05, pretrain_epochs=1, random_state=0
    ).fit(X, y, sensitive_features=GROUP)
    display = DebiasingHistoryDisplay.from_estimator(model)
    assert set(display.frame()) == {"epoch", *model.history_}
    assert {"gap", "adversary_loss", "predictor_loss", "alpha"} <= set(display.axes_)
    display.figure_.clear()
