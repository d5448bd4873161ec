"""Fitted on data frames, with words for labels and for groups, and through every route back."""

import functools
import inspect

import numpy as np
import pandas as pd
import pytest
from _instances import TinyNet, make_instance, set_eps, tiny_net
from _routes import ROUTES, answers, assert_same, takes_texts
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import (
    BoundedGroupLoss,
    DemographicParity,
    EqualizedOdds,
    ExponentiatedGradient,
    GridSearch,
    TruePositiveRateParity,
    ZeroOneLoss,
)
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_privfair._discovery import public_estimators
from sklearn_privfair.embeddings._base import BaseWordDebias
from sklearn_privfair.fairness import (
    AdversarialDebiasingClassifier,
    AdversarialDebiasingRegressor,
    FairlearnClassifier,
)
from sklearn_privfair.privacy import MembershipInferenceClassifier

CLASSES = public_estimators()
# Those that take columns without numbers, where the model does.
WORDS = {"AutoAttack", "HopSkipJumpAttack", "RandomSearchAttack", "SquareAttack", "TransferAttack"}
WORDS |= {"RandomizedSmoothingClassifier", "ConfidenceMaskingClassifier", "FairlearnClassifier"}
WORDS |= {"MembershipInferenceClassifier"}
N = 60
DRAWN = np.random.default_rng(0)
INDEX = DRAWN.permutation(N) + 100
FRAME = pd.DataFrame(
    {
        "age": DRAWN.normal(size=N),
        "pay": DRAWN.normal(size=N).astype(np.float32),
        "sex": DRAWN.permutation(N) % 2,
        "years": pd.array(DRAWN.integers(0, 9, N), dtype="Int64"),
    },
    index=INDEX,
)
JOB = pd.Series(pd.Categorical(DRAWN.choice(["cook", "smith"], N)), index=INDEX)
LABELS = pd.Series(np.where((FRAME["age"] > 0) ^ (JOB == "cook"), "yes", "no"), index=INDEX)
GROUP = pd.Series(np.where(FRAME["sex"] == 1, "f", "m"), index=INDEX, name="group")
DOCUMENTS = pd.Series(["word another", "another", "word word another"] * (N // 3), index=INDEX)


def _encoded(model):
    columns = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    return make_pipeline(columns, model)


def _instance(cls, rows):
    """Make one whose model takes words, if the rows have any."""
    estimator = make_instance(cls)
    if "job" not in rows:
        return estimator
    model = _encoded(LogisticRegression())
    if cls is FairlearnClassifier:
        reduction = ExponentiatedGradient(LogisticRegression(), DemographicParity())
        return FairlearnClassifier(
            reduction, sensitive_features="job", drop_sensitive=True, random_state=0
        )
    if cls is MembershipInferenceClassifier:
        model = FrozenEstimator(model.fit(rows[::2], LABELS[::2]))
    estimator.set_params(estimator=model)
    names = {"eps", "attack__eps"} & set(estimator.get_params())
    return set_eps(estimator, 1.5) if names else estimator  # that a category may change


def _rows(cls):
    if takes_texts(make_instance(cls)):
        return DOCUMENTS
    if ".embeddings." in cls.__module__:  # a frame's index holds words
        return FRAME.astype(np.float32).reset_index(drop=True)
    return FRAME.assign(job=JOB) if cls.__name__ in WORDS else FRAME


@functools.cache
def _fitted(cls):
    rows = _rows(cls)
    estimator = _instance(cls, rows)
    numbers = cls is AdversarialDebiasingRegressor
    return estimator.fit(rows, FRAME["age"] if numbers else LABELS)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_fitted_on_a_data_frame(cls, route):
    estimator, rows = _fitted(cls), _rows(cls)
    again = ROUTES[route](estimator)
    expected = answers(estimator, rows[:20], LABELS[:20])
    assert_same(answers(again, rows[:20], LABELS[:20]), expected)
    if hasattr(estimator, "classes_"):
        np.testing.assert_array_equal(again.classes_, estimator.classes_)
        assert again.classes_.dtype == estimator.classes_.dtype
    if hasattr(estimator, "feature_names_in_"):
        assert list(again.feature_names_in_) == list(rows.columns)


BY_NUMBER = ["ConceptErasure", "PGDAttack", "AdversarialTrainingClassifier"]
BY_NUMBER += ["MembershipInferenceClassifier", "AdversarialDebiasingClassifier"]


@pytest.mark.parametrize("name", BY_NUMBER)
def test_columns_whose_names_are_numbers(name):
    cls = next(cls for cls in CLASSES if cls.__name__ == name)
    rows = FRAME.astype(np.float32).set_axis([3, 2, 0, 1], axis=1)
    estimator = make_instance(cls)
    if "sensitive_features" in inspect.signature(cls).parameters:
        estimator.set_params(sensitive_features=0)  # the column of that name, "sex"
    estimator.fit(rows, LABELS)
    again = ROUTES["skops"](estimator)
    assert_same(answers(again, rows, LABELS), answers(estimator, rows, LABELS))


FORMS = {
    "Series": GROUP,
    "DataFrame": pd.DataFrame({"sex": GROUP, "job": JOB}),
    "several": pd.DataFrame({("a", 1): JOB, 2: FRAME["age"]}),
    "array": GROUP.to_numpy(),
    "gaps": pd.Series(np.where(FRAME["sex"] == 1, "f", None), index=INDEX, dtype=object),
}
DEBIASING = [AdversarialDebiasingClassifier, AdversarialDebiasingRegressor]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cls", DEBIASING, ids=lambda cls: cls.__name__)
def test_sensitive_features_in_every_form_and_further_training(cls, form, route):
    y = FRAME["age"] if cls is AdversarialDebiasingRegressor else LABELS
    estimator = make_instance(cls, sensitive_features=None, groups="separate")
    estimator.estimator.set_params(max_epochs=2)
    estimator.fit(FRAME, y, sensitive_features=FORMS[form])
    again = ROUTES[route](estimator)
    assert_same(answers(again, FRAME, y), answers(estimator, FRAME, y))
    for one in (again, estimator):
        one.partial_fit(FRAME, y, sensitive_features=FORMS[form])
    assert_same(answers(again, FRAME, y), answers(estimator, FRAME, y))


@pytest.mark.parametrize("tolerance", [None, 0.3])
@pytest.mark.parametrize("method", ["adversary", "penalty"])
def test_sensitive_columns_that_are_hidden(method, tolerance):
    rows = FRAME.assign(job=JOB)
    net = tiny_net(TinyNet, max_epochs=3)
    estimator = AdversarialDebiasingClassifier(
        net,
        method=method,
        tolerance=tolerance,
        sensitive_features=["job", "sex"],
        drop_sensitive=True,
        random_state=0,
    ).fit(rows, LABELS)
    again = ROUTES["skops"](estimator)
    assert_same(answers(again, rows, LABELS), answers(estimator, rows, LABELS))
    for one in (again, estimator):
        one.partial_fit(rows, LABELS)
    assert_same(answers(again, rows, LABELS), answers(estimator, rows, LABELS))


FAIRLEARN = {
    "reduction": ExponentiatedGradient(LogisticRegression(), EqualizedOdds(), max_iter=5),
    "true positives": ExponentiatedGradient(
        LogisticRegression(), TruePositiveRateParity(ratio_bound=0.9), max_iter=5
    ),
    "loss": ExponentiatedGradient(
        LogisticRegression(), BoundedGroupLoss(ZeroOneLoss(), upper_bound=0.3), max_iter=5
    ),
    "grid": GridSearch(LogisticRegression(), DemographicParity(), grid_size=4),
    "thresholds": ThresholdOptimizer(
        estimator=LogisticRegression(), predict_method="predict_proba", grid_size=50
    ),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", FAIRLEARN)
def test_fairlearns_own(name, route):
    estimator = FairlearnClassifier(FAIRLEARN[name], sensitive_features="sex", random_state=0).fit(
        FRAME, LABELS
    )
    again = ROUTES[route](estimator)
    assert_same(answers(again, FRAME, LABELS), answers(estimator, FRAME, LABELS))
    ours, theirs = (vars(one.estimator_) for one in (again, estimator))
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert type(ours[key]) is type(value)
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(ours[key], value)


# Halves of the rows of a vocabulary lack its words.
SEARCHED = [cls for cls in CLASSES if not issubclass(cls, BaseWordDebias)]


@pytest.mark.parametrize("cls", SEARCHED, ids=lambda cls: cls.__name__)
def test_inside_of_a_pipeline_and_a_search(cls):
    texts = takes_texts(make_instance(cls))
    rows = DOCUMENTS if texts else FRAME.astype(np.float32)
    y = FRAME["age"] if cls is AdversarialDebiasingRegressor else LABELS
    steps = [] if texts else [("scale", StandardScaler().set_output(transform="pandas"))]
    steps.append(("own", make_instance(cls)))
    if not hasattr(cls, "score"):
        steps.append(("model", LogisticRegression()))
    grid = {"model__C": [0.1, 1.0]} if texts else {"scale__with_std": [True, False]}
    search = GridSearchCV(Pipeline(steps), grid, cv=2).fit(rows, y)
    best = search.best_estimator_
    expected = _through_pipeline(best, rows, y)
    assert_same(_through_pipeline(ROUTES["skops"](best), rows, y), expected)


def _through_pipeline(pipeline, rows, y):
    """Ask the last step, which may want labels too."""
    return answers(pipeline[-1], pipeline[:-1].transform(rows) if len(pipeline) > 1 else rows, y)
