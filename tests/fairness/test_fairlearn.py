"""Fairlearn's classifiers behind ours: in one search and one picture, with any labels."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.adversarial import AdversarialFairnessClassifier
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_privfair.fairness import AdversarialDebiasingClassifier, FairlearnClassifier
from sklearn_privfair.inspection import FairnessTradeoffDisplay
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    make_constrained_refit,
    make_fairness_scorer,
)

from ._harness import net, unfair_rows

X, y, GROUP = unfair_rows(800)
FRAME = pd.DataFrame(X, columns=list("abc")).assign(sex=(GROUP == "b").astype(int))


def reduction():
    return ExponentiatedGradient(LogisticRegression(), DemographicParity(), eps=0.01)


def thresholds():
    return ThresholdOptimizer(
        estimator=LogisticRegression(), constraints="demographic_parity", predict_method="auto"
    )


def gap(predicted, labels=y, **options):
    return demographic_parity_difference(labels, predicted, sensitive_features=GROUP, **options)


@pytest.mark.parametrize("routed", [False, True])
def test_one_search_and_one_picture(routed):
    """The groups are a column for all; or are routed, but for what wants them to predict."""
    named = {} if routed else {"sensitive_features": "sex"}
    ours = AdversarialDebiasingClassifier(net(4, max_epochs=20), random_state=0, **named)
    reduced = FairlearnClassifier(reduction(), random_state=0, **named)
    others = [] if routed else [FairlearnClassifier(thresholds(), random_state=0, **named)]
    with config_context(enable_metadata_routing=routed):
        search = GridSearchCV(
            Pipeline([("model", ours)]),
            [
                {"model": [ours, *others]},
                {
                    "model": [reduced],
                    "model__estimator__constraints": [
                        DemographicParity(difference_bound=bound) for bound in (0.01, 0.2)
                    ],
                },
            ],
            scoring={
                "accuracy": "accuracy",
                "gap": make_fairness_scorer("demographic_parity_difference", **named),
            },
            refit=make_constrained_refit(tolerance=0.15),
            cv=2,
            error_score="raise",
        ).fit(FRAME, y, **({"sensitive_features": GROUP} if routed else {}))
    gaps = -search.cv_results_["mean_test_gap"]
    plain = LogisticRegression().fit(FRAME, y).predict(FRAME)
    assert gap(plain) > 0.25
    assert (gaps[:-1] < 0.15).all()
    assert gaps[-1] > gaps[-2] + 0.05  # the bound is searched, too
    display = FairnessTradeoffDisplay.from_search(search)
    np.testing.assert_allclose(display.frame()["gap"], gaps)
    display.figure_.clear()


@pytest.mark.parametrize("labels", [("no", "yes"), (1, 2)])
@pytest.mark.parametrize("make", [reduction, thresholds])
def test_any_labels(make, labels):
    named = np.array(labels)[y]
    model = FairlearnClassifier(make(), sensitive_features="sex", random_state=0)
    predicted = model.fit(FRAME, named).predict(FRAME)
    assert model.classes_.tolist() == list(labels)
    assert set(predicted) == set(labels)
    assert np.mean(predicted == named) > 0.75
    assert gap(predicted, named, pos_label=labels[1]) < 0.06


def test_draws_are_those_of_fairlearn_and_the_same_again():
    model = FairlearnClassifier(reduction(), random_state=3).fit(X, y, sensitive_features=GROUP)
    theirs = reduction().fit(X, y, sensitive_features=GROUP)
    assert np.ptp(theirs._pmf_predict(X)[:, 1] % 1) > 0  # some rows are drawn
    again = model.predict(X)
    np.testing.assert_array_equal(model.predict(X), again)
    np.testing.assert_array_equal(theirs.predict(X, random_state=model._seed), again)


def test_hidden_columns_and_a_pipeline_within():
    """The model within gets a frame, of words and gaps too, and not the column that is hidden."""
    frame = FRAME.assign(sex=GROUP, word=np.where(X[:, 2] > 0, "high", "low"))
    columns = make_column_transformer((OneHotEncoder(), ["word"]), (StandardScaler(), list("abc")))
    seen = []

    class Watch(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen.append(X.shape[1])
            return super().fit(X, y, sample_weight)

    inner = ThresholdOptimizer(
        estimator=make_pipeline(columns, Watch()), predict_method="predict_proba"
    )
    model = FairlearnClassifier(inner, sensitive_features="sex", drop_sensitive=True)
    predicted = model.fit(frame, y).predict(frame)
    assert seen == [5]
    assert gap(predicted) < 0.06
    assert list(model.feature_names_in_) == ["a", "b", "c", "sex", "word"]


def test_several_sensitive_columns():
    frame = FRAME.assign(old=(X[:, 2] > 0).astype(int))
    model = FairlearnClassifier(reduction(), sensitive_features=["sex", "old"], random_state=0)
    predicted = model.fit(frame, y).predict(frame)
    both = frame[["sex", "old"]]
    assert demographic_parity_difference(y, predicted, sensitive_features=both) < 0.1


def test_an_adversary_of_theirs():
    inner = AdversarialFairnessClassifier(
        backend="torch", predictor_model=[], adversary_model=[], epochs=5, random_state=0
    )
    model = FairlearnClassifier(inner).fit(X, np.where(y, "in", "out"), sensitive_features=GROUP)
    assert set(model.predict(X)) <= {"in", "out"}


def test_sensitive_features_to_predict():
    model = FairlearnClassifier(thresholds(), random_state=0)
    model.fit(X, y, sensitive_features=GROUP)
    assert gap(model.predict(X, sensitive_features=GROUP)) < 0.06
    with pytest.raises(ValueError, match=r"ThresholdOptimizer wants sensitive_features to predict"):
        model.predict(X)


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (lambda m: m.fit(FRAME, y), "neither of them is given"),
        (
            lambda m: m.set_params(sensitive_features="sex").fit(
                FRAME, y, sensitive_features=GROUP
            ),
            "both are given",
        ),
        (lambda m: m.fit(FRAME, np.ones(800), sensitive_features=GROUP), "one class alone"),
        (lambda m: m.fit(FRAME, y[:-1], sensitive_features=GROUP), "800 rows, and y has 799"),
        (lambda m: m.fit(FRAME, y, sensitive_features=GROUP[:-1]), "799 rows, and X has 800"),
    ],
)
def test_refuses(fit, words):
    with pytest.raises(ValueError, match=words):
        fit(FairlearnClassifier(reduction()))
