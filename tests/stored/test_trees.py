"""scikit-learn's trees through skops: the same answers, and forged ones are refused."""

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair._stored import from_stored, to_stored
from stored._holders import through_skops

DRAWN = np.random.default_rng(0)
X = DRAWN.normal(size=(90, 4))
X[:, 1] = DRAWN.integers(0, 5, 90)
Y = DRAWN.integers(0, 3, 90)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(ccp_alpha=0.01),
        RandomForestClassifier(3, max_leaf_nodes=9),
        IsolationForest(n_estimators=5, max_features=2),
        BaggingClassifier(n_estimators=3, max_features=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_answers_with_gaps(model):
    model.set_params(random_state=0)
    rows = X.copy()
    rows[::7, 2] = np.nan
    model.fit(rows, Y)
    again = through_skops(model)
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))


def _forged(model, spoil):
    stored = to_stored({"model": model}, {})
    spoil(stored["model"])
    return from_stored(stored, {})


def _nodes(stored):
    return stored.tree_.content["state"]["nodes"]


def _set(field, value, place=0):
    def spoil(stored):
        content = stored.tree_.content["state"]
        content["nodes"] = content["nodes"].copy()
        content["nodes"][field][place] = value

    return spoil


def _set_state(name, value):
    def spoil(stored):
        stored.tree_.content["state"][name] = value

    return spoil


FORGERIES = {
    "beyond": _set("left_child", 10**9),
    "before": _set("right_child", -7),
    "itself": _set("left_child", 0),
    "feature": _set("feature", 4),
    "no feature": _set("feature", -2),
    "depth": _set_state("max_depth", 1),
    "count": _set_state("node_count", 10**6),
    "no nodes": lambda stored: _set_state("nodes", _nodes(stored)[:0])(stored),
    "other width": lambda stored: setattr(stored, "n_features_in_", 3),
    "no width": lambda stored: delattr(stored, "n_features_in_"),
    "wide": lambda stored: stored.tree_.content.update(sizes=[10**6, 1]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_trees_are_refused(name):
    model = DecisionTreeClassifier(random_state=0).fit(X, Y)
    from_stored(to_stored({"model": model}, {}), {})
    with pytest.raises(ValueError, match="has not grown"):
        _forged(model, FORGERIES[name])
    assert model.predict(X).tolist() == Y.tolist()


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        IsolationForest(n_estimators=3, random_state=0),
        IsolationForest(n_estimators=3, max_features=2, random_state=0),
    ],
    ids=["forest", "boosting", "isolation", "isolation of two"],
)
def test_trees_that_are_wider_than_those_that_hold_them(model):
    model.fit(X, Y)
    wide = DecisionTreeClassifier(random_state=0).fit(np.column_stack([X, X]), Y)

    def spoil(stored):
        trees = stored.estimators_
        trees = trees.content["items"] if hasattr(trees, "content") else trees
        trees[0] = to_stored(wide, {})

    with pytest.raises(ValueError, match="has not grown"):
        _forged(model, spoil)


@pytest.mark.parametrize(
    ("field", "value"),
    [("left", 10**6), ("right", 0), ("feature_idx", 4), ("feature_idx", -1), ("bitset_idx", 10**6)],
)
def test_forged_trees_of_histograms_are_refused(field, value):
    model = HistGradientBoostingClassifier(max_iter=2, max_depth=1, categorical_features=[1])
    model.fit(X[:, [1, 1, 1, 1]][:, [0, 1]], Y)

    def spoil(stored):
        content = stored._predictors[0][0].content
        content["nodes"] = content["nodes"].copy()
        content["nodes"][field][0] = value
        content["nodes"]["is_categorical"][0] = 1
        content["nodes"]["is_leaf"][0] = 0

    with pytest.raises(ValueError, match="has not grown"):
        _forged(model, spoil)
