"""ColumnTransformer, FeatureUnion and selectors: the columns of `transform`, in its order."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from sklearn_privfair.differentiable import NotDifferentiableError, as_module

from ._harness import contract, make_labels, make_rows

MASK = np.array([False, True, False, False, True, False])


def _from_the_second(X):
    return [1, 2]


@contract(
    ColumnTransformer([("a", StandardScaler(), [2, 0]), ("b", MinMaxScaler(), slice(3, 5))]),
    ColumnTransformer(
        [("a", StandardScaler(), [4]), ("b", "passthrough", [0])], remainder="passthrough"
    ),
    ColumnTransformer(
        [("a", StandardScaler(), MASK), ("gone", "drop", [0])], remainder=RobustScaler()
    ),
    ColumnTransformer(
        [("a", StandardScaler(), _from_the_second), ("none", MaxAbsScaler(), [])],
        remainder="passthrough",
    ),
    ColumnTransformer(
        [("a", make_pipeline(StandardScaler(), MinMaxScaler()), [-1]), ("b", MaxAbsScaler(), [0])],
        transformer_weights={"a": 3.0, "b": 0.5},
        n_jobs=1,
    ),
    ColumnTransformer(
        [("a", StandardScaler(), [0, 1]), ("again", MinMaxScaler(), [1, 0])], sparse_threshold=0
    ),
    FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler()), ("gone", "drop")]),
    FeatureUnion(
        [("a", StandardScaler()), ("as it is", "passthrough")], transformer_weights={"a": -2.0}
    ),
    VarianceThreshold(0.5),
    SelectKBest(k=3),
    SelectFromModel(LogisticRegression(max_iter=2000), max_features=2),
)
def test_columns(case, check):
    check(case)


@pytest.mark.parametrize(
    "columns",
    [["f4", "f1"], slice("f2", "f4"), make_column_selector("f[15]")],
    ids=["list", "slice", "selector"],
)
def test_columns_by_name(columns):
    X = pd.DataFrame(make_rows(80, 0), columns=[f"f{i}" for i in range(6)])
    step = ColumnTransformer([("a", StandardScaler(), columns)], remainder="passthrough")
    model = make_pipeline(step, LogisticRegression(max_iter=5000))
    model.fit(X, make_labels(X.to_numpy(), 3))
    logits = as_module(model)(torch.tensor(X.to_numpy())).numpy()
    np.testing.assert_allclose(logits, model.decision_function(X), rtol=1e-12)


def test_nothing_left():
    X = make_rows(20, 0)
    model = ColumnTransformer([("gone", "drop", [0, 1])]).fit(X)
    assert as_module(model)(torch.tensor(X)).shape == model.transform(X).shape == (20, 0)


def test_the_step_that_cannot_is_named():
    X = make_rows(80, 0)
    step = ColumnTransformer(
        [("a", StandardScaler(), [0]), ("b", KBinsDiscretizer(quantile_method="linear"), [1])]
    )
    model = make_pipeline(step, LogisticRegression(max_iter=2000)).fit(X, make_labels(X, 2))
    with pytest.raises(NotDifferentiableError, match=r"^KBinsDiscretizer") as caught:
        as_module(model)
    assert isinstance(caught.value.step, KBinsDiscretizer)
