"""HopSkipJump against closed forms, by decisions alone, within its questions, and on tables."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_privfair.attacks import (
    Constraints,
    HopSkipJumpAttack,
    MinimumNormAttack,
    PGDAttack,
    RandomSearchAttack,
)
from sklearn_privfair.attacks._hopskipjump_moves import Units, approach, give_back, slope
from sklearn_privfair.attacks._rows import Found, Problem, Rows

from ._harness import blobs, cnn, image_rows, linear_distance, predict

NAMES = {2: "l2", np.inf: "linf"}
NORMS = list(NAMES)


class Decisions(ClassifierMixin, BaseEstimator):
    """Another model, of which nothing can be had but decisions; it counts them."""

    def __init__(self, model=None):
        self.model = model

    def fit(self, X, y):
        self.classes_ = self.model.classes_
        self.n_features_in_ = self.model.n_features_in_
        self.n_asked_ = []
        return self

    def predict(self, X):
        self.n_asked_.append(len(X))
        return self.model.predict(X)


def linear(n=40, d=5, n_classes=2):
    X, y = blobs(n=n, d=d, n_classes=n_classes)
    return LogisticRegression().fit(X, y), X


def forest(n=150, d=5):
    X, y = blobs(n=n, d=d, n_classes=2)
    return RandomForestClassifier(10, random_state=0).fit(X, y), X


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("norm", NORMS)
def test_linear_closed_form(norm, scale):
    X, y = blobs(n=40, n_classes=2)
    X = X * scale + 7 * scale
    model = LogisticRegression(C=1 / scale**2).fit(X, y)
    bounds = (7 * scale - 9 * scale, 7 * scale + 9 * scale)
    attack = HopSkipJumpAttack(norm=norm, bounds=bounds, n_queries=2000, random_state=0)
    result = attack.fit(model).generate(X)
    ratio = result.distance[NAMES[norm]] / linear_distance(model, X, norm)
    assert result.success.all()
    assert ratio.min() > 1 - 1e-6
    assert np.median(ratio) < 1.01
    assert ratio.max() < 1.05


@pytest.mark.parametrize("norm", NORMS)
def test_more_questions_find_nearer_rows(norm):
    model, X = linear(d=30)
    exact = linear_distance(model, X, norm)
    ratios = []
    for n_queries in (150, 600, 3000):
        attack = HopSkipJumpAttack(
            norm=norm, bounds=(-9, 9), n_queries=n_queries, random_state=0
        ).fit(model)
        ratios.append(np.median(attack.generate(X).distance[NAMES[norm]] / exact))
    excess = np.array(ratios) - 1
    assert (excess[1:] < excess[:-1] / 2).all()
    assert excess[2] < 0.02


def test_nothing_but_decisions_is_used():
    """A model that gives its scores away is attacked like one that says nothing but classes."""
    model, X = linear(n_classes=3)
    attack = HopSkipJumpAttack(bounds=(-9, 9), n_queries=300, random_state=0)
    open_, closed = (attack.fit(m).generate(X) for m in (model, Decisions(model).fit(X, None)))
    np.testing.assert_array_equal(open_.n_forward, closed.n_forward)
    np.testing.assert_allclose(open_.X_adv, closed.X_adv, rtol=1e-9)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_queries", [3, 4, 11, 50, 400])
def test_questions_are_a_hard_limit(norm, n_queries):
    """What one row costs, as the model itself counts it."""
    model, X = forest()
    victim = Decisions(model).fit(X, None)
    for row in X[:5]:
        victim.n_asked_.clear()
        attack = HopSkipJumpAttack(
            norm=norm, bounds=(-9, 9), n_queries=n_queries, random_state=0
        ).fit(victim)
        result = attack.generate(row[None])
        assert sum(victim.n_asked_) <= n_queries
        assert result.n_forward[0] == sum(victim.n_asked_) - 2
        if n_queries == 400:
            assert sum(victim.n_asked_) > 370
            assert result.success.all()


@pytest.mark.parametrize("norm", NORMS)
def test_trees_against_random_search(norm):
    """Which, bisected, is not bad in few dimensions."""
    model, X = forest(d=25)
    X = X[:25]
    attack = HopSkipJumpAttack(norm=norm, bounds=(-9, 9), n_queries=600, random_state=0)
    ours = attack.fit(model).generate(X).distance[NAMES[norm]]
    search = RandomSearchAttack(norm=norm, eps=2, n_queries=600)
    chance = MinimumNormAttack(attack=search, bounds=(-9, 9), random_state=0).fit(model)
    assert np.median(ours) < 0.8 * np.median(chance.generate(X).distance[NAMES[norm]])


def test_targeted_from_given_rows():
    model, X = linear(n=60, n_classes=3)
    label = model.predict(X)
    attack = HopSkipJumpAttack(target=1, bounds=None, starts=X, n_queries=600, random_state=0)
    result = attack.fit(model).generate(X)
    np.testing.assert_array_equal(result.attacked, label != 1)
    assert result.success[label != 1].all()
    np.testing.assert_array_equal(predict(model, result.X_adv[label != 1]), 1)
    weight, bias = model.coef_, model.intercept_
    # to be taken for class 1 it has to be above both others: no nearer than to either
    for k in (0, 2):
        gap = X @ (weight[k] - weight[1]) + bias[k] - bias[1]
        least = gap / np.linalg.norm(weight[k] - weight[1])
        assert (result.distance["l2"] >= least * (1 - 1e-9))[label != 1].all()
    # rows of the target's class are needed: from those of another one there is no start
    attack.set_params(starts=X[label == 0])
    assert not attack.fit(model).generate(X).success.any()


@pytest.mark.parametrize("starts", ["data", "rows", None])
def test_rows_do_not_depend_on_their_neighbours(starts):
    model, X = forest()
    rows = X[:6]
    given = X[20:60] if starts == "rows" else starts
    attack = HopSkipJumpAttack(
        model, bounds=(-9, 9), starts=given, n_queries=200, random_state=0
    ).fit(X, model.predict(X))
    whole = attack.generate(rows)
    alone = [attack.generate(row[None]) for row in rows]
    np.testing.assert_array_equal(np.concatenate([r.X_adv for r in alone]), whole.X_adv)
    np.testing.assert_array_equal(np.concatenate([r.n_forward for r in alone]), whole.n_forward)


def test_starts_from_data_are_nearer():
    model, X = forest(d=25)
    attack = HopSkipJumpAttack(model, n_queries=40, random_state=0).fit(X, model.predict(X))
    drawn = np.median(attack.generate(X[:30]).distance["l2"])
    near = np.median(attack.set_params(starts="data").generate(X[:30]).distance["l2"])
    assert near < 0.8 * drawn


@pytest.mark.parametrize("missing", [False, True])
def test_starts_hold_what_the_rows_do_not(missing):
    """Names that may not move, unknown among the rows; and numbers that are missing there."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    X["town"] = rng.choice(["north", "south", "west"], 200)
    y = (X["a"] + X["b"] + (X["town"] == "west") > 0).to_numpy()
    if missing:
        X.loc[X.index[:60:2], "b"] = np.nan
    encoder = make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough")
    model = make_pipeline(encoder, HistGradientBoostingClassifier(max_iter=20)).fit(X, y)
    rows = X[(X["town"] == "north") & X["b"].notna()][:8]
    attack = HopSkipJumpAttack(
        constraints=Constraints(immutable=["town"]),
        bounds=(-9, 9),
        starts=X[X["town"] != "north"],
        n_queries=100,
        random_state=0,
    )
    result = attack.fit(model).generate(rows)
    assert result.success.all()
    assert (result.X_adv["town"] == "north").all()
    assert result.X_adv[["a", "b"]].notna().all(axis=None)
    np.testing.assert_array_equal(model.predict(result.X_adv) != model.predict(rows), True)


def test_what_is_needed_to_start_is_said():
    model, X = linear()
    attack = HopSkipJumpAttack(bounds=None, n_queries=50, random_state=0).fit(model)
    with pytest.raises(ValueError, match=r"Give bounds, or rows of other classes.*starts=X"):
        attack.transform(X)
    half = (np.array([-np.inf, -9, -9, -9, -9]), np.full(5, 9.0))
    with pytest.raises(ValueError, match="not every feature has two"):
        attack.set_params(bounds=half).fit(model).transform(X)
    with pytest.raises(ValueError, match="fitted on a model: fit it on data"):
        attack.set_params(bounds=None, starts="data").fit(model).transform(X)
    with pytest.raises(ValueError, match="X has 3 features"):
        attack.set_params(starts=X[:, :3]).fit(model).transform(X)
    with pytest.raises(ValueError, match=r"starts are rows of shape \(7, 7\)"):
        HopSkipJumpAttack(starts=image_rows(2)[:, 0]).fit(cnn()).transform(image_rows(2))
    assert attack.set_params(starts=X, bounds=half).fit(model).generate(X).success.all()


def test_frames_with_categories():
    """Strings, whole numbers and a one-hot group: every rule on every row."""
    rng = np.random.default_rng(0)
    n = 300
    hot = rng.integers(3, size=n)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "job": pd.Categorical(rng.choice(["clerk", "smith", "cook"], n)),
            "a": (hot == 0).astype(float),
            "b": (hot == 1).astype(float),
            "c": (hot == 2).astype(float),
            "sex": rng.choice(["f", "m"], n),
            "wage": rng.random(n),
        }
    )
    score = X["age"] / 20 + 2 * (X["job"] == "smith") + 2 * X["b"] + 3 * X["wage"]
    y = np.where(score > np.median(score), "rich", "poor")
    encode = make_column_transformer((OneHotEncoder(), ["job", "sex"]), remainder="passthrough")
    model = make_pipeline(encode, RandomForestClassifier(20, random_state=0)).fit(X, y)
    rules = Constraints(
        immutable=["sex"], increasing=["age"], one_hot=[["a", "b", "c"]], scale="range"
    )
    attack = HopSkipJumpAttack(model, n_queries=300, constraints=rules, random_state=0)
    attack.fit(X, y)
    rows = X.iloc[:60]
    result = attack.generate(rows)
    assert result.success[result.attacked].mean() > 0.9
    X_adv = result.X_adv
    pd.testing.assert_series_equal(X_adv.dtypes, X.dtypes)
    pd.testing.assert_series_equal(X_adv["sex"], rows["sex"])
    assert (X_adv["age"] >= rows["age"]).all()
    assert X_adv["age"].between(18, 80).all()
    assert X_adv[["a", "b", "c"]].isin([0, 1]).all(axis=None)
    assert (X_adv[["a", "b", "c"]].sum(axis=1) == 1).all()
    changed = X_adv != rows
    assert changed[["job", "b", "age", "wage"]].any().all()
    # what does not help was given back
    assert changed.sum(axis=1).mean() < 3


def problem_of(x, module, norm=2, **kwargs):
    """Rows of a batch, all of label 0, around a module."""
    x = torch.as_tensor(x)
    problem = Problem(x, torch.zeros(len(x), dtype=torch.int64), None, None, None, None, norm)
    for name, value in kwargs.items():
        setattr(problem, name, value)
    rows = Rows(module, problem, Found(problem, False), 0, 0)
    rows.use_streams(None)
    return rows


class Plane(torch.nn.Module):
    """Class 1 above a plane."""

    row_quantum = 1

    def __init__(self, normal, bias):
        super().__init__()
        self.normal, self.bias = normal, bias

    def forward(self, x):
        z = x @ self.normal + self.bias
        return torch.stack([-z, z], 1)


@pytest.mark.parametrize("norm", NORMS)
def test_estimate_points_along_the_normal(norm):
    """And the baseline makes it better where the point is off the boundary."""
    d = 20
    normal = torch.as_tensor(np.random.default_rng(1).standard_normal(d))
    normal /= normal.norm()
    for off, least in ((0.0, 0.9), (0.25, 0.85)):
        module = Plane(normal, 0.0)
        x = (off * normal).repeat(8, 1) + 0.0
        rows = problem_of(x - 1, module, norm)
        delta, n = torch.ones(8, dtype=torch.float64), torch.full((8,), 400)
        direction, balance = slope(rows, Units(rows), x, delta, n, 1)
        cosine = direction @ normal / direction.norm(dim=1)
        assert (cosine > least).all()
        assert ((balance.abs() > 0.5) == (off > 0)).all()
        np.testing.assert_array_equal(rows.found.n_forward, 400)


def test_bisection_ends_at_the_boundary():
    normal = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    start = torch.zeros((4, 3), dtype=torch.float64)
    far = torch.tensor([[2.0, 1, -1]], dtype=torch.float64).repeat(4, 1)
    steps = torch.tensor([3, 10, 10, 20])
    chosen = torch.tensor([True, True, False, True])
    for norm in NORMS:
        rows = problem_of(start, Plane(normal, -0.7), norm)
        x = approach(rows, far, chosen, steps, 0)
        np.testing.assert_array_equal(x[2], far[2])
        over = x[:, 0].numpy() - 0.7
        assert (over > 0).all()
        np.testing.assert_array_less(over[[0, 1, 3]], 2.0 / 2.0 ** np.array([3, 10, 20]))
        np.testing.assert_array_equal(rows.found.n_forward, [3, 10, 0, 20])
        if norm == 2:  # on the line
            np.testing.assert_allclose(x[:, 1:] / x[:, :1], far[:, 1:] / far[:, :1])
        else:  # by clipping
            np.testing.assert_allclose(x[:2, 1:].abs(), x[:2, :1].clamp_max(1).expand(2, 2))


def test_what_does_not_help_is_given_back():
    """Of four features that moved one is needed, and that only in part."""
    normal = torch.tensor([1.0, 0.1, 0.0, 0.0], dtype=torch.float64)
    rows = problem_of(torch.zeros((3, 4), dtype=torch.float64), Plane(normal, -0.6))
    x = torch.tensor([[1.0, 5, -9, 0]], dtype=torch.float64).repeat(3, 1)
    back = give_back(rows, Units(rows), x, (1.0,), 0)
    np.testing.assert_array_equal(back, [[1, 0, 0, 0]] * 3)
    np.testing.assert_array_equal(rows.found.n_forward, 2)  # the third would be the row itself
    part = give_back(rows, Units(rows), back, (0.5, 0.25), 0)
    np.testing.assert_array_equal(part, [[0.75, 0, 0, 0]] * 3)


def test_images():
    net, X = cnn(), image_rows(n=10)
    attack = HopSkipJumpAttack(n_queries=300, random_state=0).fit(net)
    result = attack.generate(X)
    assert result.X_adv.shape == X.shape
    assert result.success.all()
    assert (result.distance["l2"] < np.linalg.norm(X.reshape(10, -1) - 0.5, axis=1)).all()


class Within(PGDAttack):
    """An ensemble with a budget, of which HopSkipJump is the only member."""

    asks = "decisions"

    def _members(self, job):
        return [HopSkipJumpAttack(n_queries=1000)]


@pytest.mark.parametrize(("norm", "eps"), [(2, 0.4), (1, 0.6)])
def test_within_a_budget(norm, eps):
    """Rows are finished as soon as they are within eps, and what is beyond does not count."""
    model, X = linear()
    attack = HopSkipJumpAttack(bounds=(-9, 9), n_queries=1000, random_state=0)
    nearest = attack.fit(model).generate(X)
    result = Within(norm=norm, eps=eps, bounds=(-9, 9), random_state=0).fit(model).generate(X)
    length = np.linalg.norm(result.X_adv - X, ord=norm, axis=1)
    assert (length[result.success] <= eps).all()
    least = np.linalg.norm(nearest.X_adv - X, ord=norm, axis=1)
    assert result.success[least < 0.95 * eps].all()
    assert result.n_forward[least < eps / 2].max() < 500
    assert result.n_forward.max() > 900
    np.testing.assert_array_equal(result.X_adv[~result.success], X[~result.success])
