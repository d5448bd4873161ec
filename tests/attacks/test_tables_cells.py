"""Cells of tables: what is missing, huge, coded, declared or too dear, and what comes back."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair.attacks import (
    AutoAttack,
    Constraints,
    HopSkipJumpAttack,
    MinimumNormAttack,
    PGDAttack,
    RandomSearchAttack,
    SquareAttack,
    TransferAttack,
)
from sklearn_privfair.attacks._space import Learned
from sklearn_privfair.attacks._table import Table

BLACK_BOX = [
    SquareAttack(eps=2.5, n_queries=60),
    RandomSearchAttack(eps=2.5, n_queries=60),
    HopSkipJumpAttack(n_queries=60),
]


def mixed(n=200, seed=0):
    """Give a table of numbers and names, and labels that depend on both."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.lognormal(3, 1, n).astype(np.float32),
            "own": rng.random(n) > 0.5,
            "job": rng.choice(["clerk", "cook", "smith"], n),
        }
    )
    score = (frame["age"] - 45) / 20 + frame["own"] + 2.0 * (frame["job"] == "cook")
    return frame, np.where(score + 0.2 * rng.normal(size=n) > 1, "yes", "no")


def encoded(model):
    names = make_column_selector(dtype_exclude=["number", "bool"])
    return make_pipeline(
        make_column_transformer((OneHotEncoder(), names), remainder="passthrough"), model
    )


def forest(frame, labels):
    return FrozenEstimator(encoded(RandomForestClassifier(20, random_state=0)).fit(frame, labels))


def fitted(attack, model, frame, labels, **rules):
    """Fit a copy of the attack in units of deviations."""
    rules = Constraints(**{"scale": "std", **rules})
    attack = clone(attack).set_params(estimator=model, constraints=rules, random_state=0)
    return attack.fit(frame, labels)


@pytest.fixture(scope="module")
def table():
    frame, labels = mixed()
    rng = np.random.default_rng(1)
    frame["job"] = frame["job"].astype("category")
    frame["income"] = frame["income"].mask(rng.random(len(frame)) < 0.3)
    frame["score"] = pd.array(rng.integers(0, 5, len(frame)), dtype="Int16")
    frame.loc[rng.random(len(frame)) < 0.3, "score"] = pd.NA
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20)
    return FrozenEstimator(model.fit(frame, labels)), frame, labels


class TestMissingNumbers:
    """Histogram boosting takes NaN, and so do the attacks on it."""

    @pytest.mark.parametrize("attack", BLACK_BOX)
    def test_stay_missing_and_nothing_else_does(self, attack, table):
        model, frame, labels = table
        result = fitted(attack, model, frame, labels).generate(frame, labels)
        pd.testing.assert_frame_equal(result.X_adv.isna(), frame.isna())
        pd.testing.assert_series_equal(result.X_adv.dtypes, frame.dtypes)
        numbers = ["age", "income"]
        assert ((result.X_adv[numbers] != frame[numbers]) & frame[numbers].notna()).any(axis=None)
        assert result.success[frame["income"].isna()].any()
        assert all(np.isfinite(values[result.success]).all() for values in result.distance.values())

    @pytest.mark.parametrize("attack", BLACK_BOX)
    def test_neighbours_do_not_matter(self, attack, table):
        """A row without a gap is attacked alike, whether others have gaps or not."""
        model, frame, labels = table
        attack = fitted(attack, model, frame, labels)
        whole = np.flatnonzero(frame.notna().all(axis=1))[:8]
        alone = attack.transform(frame.iloc[whole], labels[whole])
        pd.testing.assert_frame_equal(alone, attack.transform(frame, labels).iloc[whole])

    def test_of_arrays(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(200, 4))
        y = (X[:, 0] + X[:, 1] > 0).astype(int)
        X[rng.random(X.shape) < 0.2] = np.nan
        model = HistGradientBoostingClassifier(max_iter=20).fit(X, y)
        attack = SquareAttack(FrozenEstimator(model), eps=0.5, n_queries=50, random_state=0)
        result = attack.fit(X, y).generate(X, y)
        np.testing.assert_array_equal(np.isnan(result.X_adv), np.isnan(X))
        assert result.success.sum() > 20

    def test_gradients_need_every_number(self):
        frame, labels = mixed()
        numbers = frame[["age", "income"]].astype(float)
        model = FrozenEstimator(LogisticRegression(max_iter=500).fit(numbers, labels))
        attack = PGDAttack(model, constraints=Constraints()).fit(numbers, labels)
        numbers.loc[3, "income"] = np.nan
        with pytest.raises(ValueError, match=r"X contains NaN, in features 'income'.*impute"):
            attack.transform(numbers)


class TestWholeNumbers:
    """Integers come back exactly, and within what their dtype holds."""

    def test_huge_ones_that_stay_are_untouched(self):
        frame, labels = mixed()
        frame["id"] = np.int64(2**60) + np.arange(len(frame))
        model = forest(frame, labels)
        attack = fitted(BLACK_BOX[0], model, frame, labels, immutable=["id"])
        result = attack.generate(frame, labels)
        assert result.success.any()
        pd.testing.assert_series_equal(result.X_adv["id"], frame["id"])

    def test_huge_ones_cannot_move(self):
        frame, labels = mixed()
        frame["id"] = np.int64(2**60) + np.arange(len(frame))
        with pytest.raises(ValueError, match=r"'id' holds whole numbers up to .*immutable"):
            fitted(BLACK_BOX[0], forest(frame, labels), frame, labels)

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "Int8"])
    @pytest.mark.parametrize("attack", [PGDAttack(eps=300.0), SquareAttack(eps=300.0)])
    def test_within_their_dtype(self, dtype, attack):
        rng = np.random.default_rng(0)
        values = rng.integers(0, 2, 100) if dtype == "bool" else rng.integers(90, 120, 100)
        frame = pd.DataFrame({"a": pd.array(values.astype(bool) if dtype == "bool" else values)})
        frame = frame.astype(dtype)
        labels = values > values.mean() + rng.normal(size=100) * 0.1 * values.std()
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, labels)
        attack = type(attack)(
            FrozenEstimator(model), eps=300.0, bounds=None, constraints=Constraints()
        )
        result = attack.fit(frame, labels).generate(frame, labels)
        assert result.success.sum() > 30
        moved = result.X_adv.astype(float) - frame.astype(float)
        distance = result.distance["linf"][result.success]
        np.testing.assert_array_equal(moved["a"].abs()[result.success], distance)


class TestCategories:
    def test_unseen_ones_are_not_chosen_unless_named(self):
        frame, labels = mixed()
        frame["job"] = pd.Categorical(frame["job"], ["clerk", "cook", "smith", "judge"])
        model = forest(frame, labels)  # its encoder raises on a judge
        attack = fitted(BLACK_BOX[0], model, frame, labels)
        result = attack.generate(frame, labels)
        assert (result.X_adv["job"] != frame["job"]).any()
        assert list(result.X_adv["job"].cat.categories)[-1] == "judge"
        named = fitted(attack, model, frame, labels, categories={"job": ["cook", "judge", "clerk"]})
        with pytest.raises(ValueError, match=r"holds 'clerk' .*Constraints"):
            named.set_params(constraints=Constraints(categories={"job": ["cook"]})).transform(
                frame.assign(job=frame["job"].astype(object))
            )

    def test_a_row_of_an_unseen_one_can_leave_it(self):
        frame, labels = mixed()
        frame["job"] = pd.Categorical(frame["job"], ["clerk", "cook", "smith", "judge"])
        model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20)
        attack = fitted(BLACK_BOX[0], FrozenEstimator(model.fit(frame, labels)), frame, labels)
        judges = frame.assign(
            job=pd.Categorical.from_codes([3] * len(frame), dtype=frame["job"].dtype)
        )
        moved = attack.generate(judges).X_adv["job"]
        assert {"cook", "judge"} <= set(moved)

    def test_too_dear_ones_are_named(self):
        frame, labels = mixed()
        attack = fitted(SquareAttack(eps=0.3, n_queries=20), forest(frame, labels), frame, labels)
        with pytest.warns(UserWarning, match=r"eps=0.3 .*'job' \(1\), 'own' \(2"):
            moved = attack.transform(frame, labels)
        pd.testing.assert_frame_equal(moved[["job", "own"]], frame[["job", "own"]])
        cheap = {"job": 4.0, "own": 4.0, "age": 10.0, "income": 10.0}
        attack = fitted(attack, attack.estimator, frame, labels, scale=cheap)
        result = attack.generate(frame, labels)  # a change of job is a quarter
        changed = result.X_adv["job"] != frame["job"]
        assert changed.any()
        assert (result.distance["linf"][changed] >= 0.25).all()


class TestTransferToTables:
    """Of names, a surrogate sees the one-hot codes."""

    def test_by_a_default_surrogate(self):
        frame, labels = mixed()
        frame["job"] = pd.Categorical(frame["job"], ["judge", "clerk", "cook", "smith"])
        model = forest(frame, labels)
        inner = PGDAttack(eps=1.0)
        attack = fitted(
            TransferAttack(attack=inner, surrogate=LogisticRegression(max_iter=500)),
            model,
            frame,
            labels,
            immutable=["job", "own"],
        )
        assert attack.surrogate_.n_features_in_ == 6
        result = attack.generate(frame, labels)
        assert result.success[result.attacked].mean() > 0.3
        pd.testing.assert_series_equal(result.X_adv.dtypes, frame.dtypes)
        # the surrogate knows that cooks are taken for yes: a lesson of the one-hot columns
        codes = np.eye(3)[[["clerk", "cook", "smith"].index(job) for job in frame["job"]]]
        rows = np.column_stack([frame[["age", "income", "own"]].astype(float), codes])
        agree = attack.surrogate_.predict(rows) == model.predict(frame)
        assert agree.mean() > 0.85

    @pytest.mark.parametrize("named", [False, True])
    def test_inside_others(self, named):
        """A surrogate within a search for the least budget learns from the data of the search."""
        frame, labels = mixed()
        frame = frame if named else frame[["age", "income"]].astype(float)
        model = forest(frame, labels)
        inner = TransferAttack(surrogate=LogisticRegression(max_iter=500), n_queries=60)
        attack = fitted(MinimumNormAttack(attack=inner), model, frame, labels)
        result = attack.generate(frame, labels)
        assert result.success.mean() > 0.3
        assert result.n_forward.max() <= 60

    def test_an_ensemble_on_the_surrogate(self):
        frame, labels = mixed()
        inner = AutoAttack(eps=1.0, n_steps=10, n_queries=10)
        attack = TransferAttack(surrogate=LogisticRegression(max_iter=500), attack=inner)
        attack = fitted(attack, forest(frame, labels), frame, labels, immutable=["own"])
        assert attack.generate(frame, labels).success.mean() > 0.2

    def test_no_fitted_one(self):
        frame, labels = mixed()
        model = forest(frame, labels)
        attack = TransferAttack(model, surrogate=model, attack=PGDAttack(eps=1.0)).fit(frame)
        with pytest.raises(ValueError, match=r"surrogate is fitted, .*'job'"):
            attack.transform(frame, labels)


def test_rules_are_equal_by_what_they_say():
    mask = np.zeros(5000, dtype=bool)
    other = mask.copy()
    other[2500] = True
    assert Constraints(immutable=mask) == Constraints(immutable=mask.copy())
    assert Constraints(immutable=mask) != Constraints(immutable=other)
    assert Constraints(ranges={"a": (0, 1)}) == Constraints(ranges={"a": [0, 1]})
    assert Constraints(ranges={"a": (0, 1)}) != Constraints(ranges={"b": (0, 1)})
    assert Constraints(one_hot=[[0, 1], [2, 3, 4]]) != Constraints(one_hot=[[0, 1], [2, 3]])
    assert Constraints(scale=np.arange(5000.0)) != Constraints(scale=np.arange(5000.0) + 1)
    assert Constraints(scale="std") != Constraints(scale="range")
    assert Constraints() != {"immutable": ()}


def test_no_rows_are_an_error_and_no_rows_to_attack_are_not():
    frame, labels = mixed()
    model = forest(frame, labels)
    attack = fitted(AutoAttack(eps=1.5, n_queries=20), model, frame, labels, immutable=["own"])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        attack.transform(frame[:0])
    wrong = np.where(model.predict(frame) == "yes", "no", "yes")
    pd.testing.assert_frame_equal(attack.transform(frame, wrong), frame)


def test_a_range_takes_the_place_of_learned_bounds():
    frame, labels = mixed()
    numbers = frame[["age"]].astype(float)
    model = FrozenEstimator(LogisticRegression().fit(numbers, labels))
    settings = {"eps": 500.0, "n_steps": 20, "random_state": 0}
    rules = Constraints(ranges={"age": (0, 130)})
    learned = PGDAttack(model, **settings, constraints=rules).fit(numbers, labels)
    given = PGDAttack(model, **settings, constraints=rules, bounds=(10, 90)).fit(numbers, labels)
    for attack, ends in ((learned, (0, 130)), (given, (10, 90))):
        moved = attack.transform(numbers)["age"]
        assert (moved.min(), moved.max()) == ends


def test_two_columns_of_one_name():
    with pytest.raises(ValueError, match="several columns have that name"):
        Constraints(immutable=["a"]).resolve(2, ["a", "a"])


class TestImputers:
    """A model that can be differentiated, and takes missing numbers, is asked with them missing."""

    @pytest.fixture(params=BLACK_BOX, ids=lambda attack: type(attack).__name__)
    def attack(self, request):
        return request.param

    def test_as_a_model_without_gradients(self, attack):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(90, 4))
        y = (X[:, 0] + X[:, 1] + X[:, 2] > 0).astype(int)
        X[::3, 1] = np.nan
        model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(X, y)
        seen = [
            clone(attack)
            .set_params(estimator=FrozenEstimator(m), random_state=0)
            .fit(X, y)
            .generate(X, y)
            for m in (model, Opaque(model))
        ]
        np.testing.assert_array_equal(seen[0].X_adv, seen[1].X_adv)
        assert seen[0].success[::3].any()
        np.testing.assert_array_equal(np.isnan(seen[0].X_adv), np.isnan(X))

    def test_the_ensemble_takes_what_needs_no_gradient(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 3))
        y = (X.sum(axis=1) > 0).astype(int)
        model = make_pipeline(SimpleImputer(), LogisticRegression()).fit(X, y)
        attack = AutoAttack(FrozenEstimator(model), eps=0.5, n_queries=30, random_state=0).fit(X, y)
        assert "APGDAttack" in attack.generate(X, y).members
        X[5, 1] = np.nan
        assert set(attack.generate(X, y).members) == {"SquareAttack", "HopSkipJumpAttack"}


class Opaque(ClassifierMixin, BaseEstimator):
    """A fitted classifier of which nothing is known but its answers."""

    def __init__(self, model):
        self.model = model
        self.classes_ = model.classes_

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.model.predict(X)

    def decision_function(self, X):
        return self.model.decision_function(X)


class TestCarried:
    """Names that may not move need not be known, and cost nothing."""

    def test_new_ones_and_many(self):
        frame, labels = mixed(n=120)
        rng = np.random.default_rng(0)
        frame["name"] = [f"p{i}" for i in range(120)]
        frame["when"] = pd.date_range("2020", periods=120)
        frame["sex"] = rng.choice(["f", "m"], 120)
        frame.loc[7, "name"] = None
        seen = []
        keeps = ["job", "own", "age", "income"]
        inner = make_pipeline(
            FunctionTransformer(lambda X: seen.append(X) or X[keeps]),
            encoded(RandomForestClassifier(20, random_state=0)),
        )
        model = inner.fit(frame[:60], labels[:60])
        attack = fitted(
            BLACK_BOX[0],
            FrozenEstimator(model),
            frame[:60],
            labels[:60],
            immutable=["name", "when", "sex"],
        )
        seen.clear()
        result = attack.generate(frame[60:], labels[60:])
        assert result.success.sum() > 10
        fixed = ["name", "when", "sex"]
        pd.testing.assert_frame_equal(result.X_adv[fixed], frame.loc[60:, fixed])
        asked = pd.concat(seen).dropna(subset="name")
        origin = frame.set_index("name").loc[asked["name"]]
        np.testing.assert_array_equal(asked["when"], origin["when"])
        np.testing.assert_array_equal(asked["sex"], origin["sex"])
        alone = attack.transform(frame[70:71], labels[70:71])
        pd.testing.assert_frame_equal(alone, result.X_adv[10:11])

    def test_a_surrogate_sees_them(self):
        """What may not move tells the surrogate more than half of what there is to know."""
        frame, labels = mixed(n=300)
        model = forest(frame, labels)
        attack = TransferAttack(surrogate=LogisticRegression(max_iter=500), attack=PGDAttack(eps=1))
        attack = fitted(attack, model, frame, labels, immutable=["job", "own"])
        weight = attack.surrogate_.coef_[0]
        assert len(weight) == 6
        assert (weight[-2] - weight[[-3, -1]] > 0.5).all()  # cooks, of clerks, cooks and smiths
        result = attack.generate(frame, labels)
        assert result.success.any()


@pytest.mark.parametrize("values", [[1, "a"], [("x", 1), ("y", 2)], [1.5, None]])
def test_categories_of_mixed_types(values):
    frame = mixed()[0]
    kinds = np.empty(2, dtype=object)
    kinds[:] = values
    frame["kind"] = pd.Series(kinds[np.arange(len(frame)) % 2], dtype=object)
    table = Table(
        frame, Constraints().resolve(5, list(frame)), Learned(frame, None, None).categories
    )
    numbers = table.encode(frame)
    pd.testing.assert_frame_equal(table.decode(numbers, frame), frame)
    asked = table.decode(numbers, frame[:0])
    assert asked["kind"].tolist() == [
        v if v is not None else asked["kind"][1] for v in frame["kind"]
    ]


def test_half_precision_with_gaps():
    frame, labels = mixed()
    frame["b"] = np.random.default_rng(0).normal(size=len(frame)).astype(np.float16)
    frame.loc[::3, "b"] = np.nan
    frame["job"] = frame["job"].astype("category")
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20)
    attack = fitted(BLACK_BOX[0], FrozenEstimator(model.fit(frame, labels)), frame, labels)
    moved = attack.transform(frame, labels)
    pd.testing.assert_series_equal(moved["b"].isna(), frame["b"].isna())
    assert moved["b"].dtype == np.float16


def test_whole_columns_of_nothing():
    """A nullable column with no cell filled in the rows given; and one with none at the fit."""
    frame, labels = mixed()
    frame["job"] = frame["job"].astype("category")
    frame["n"] = pd.array([pd.NA, *range(1, len(frame))], dtype="Int64")
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20)
    attack = fitted(BLACK_BOX[0], FrozenEstimator(model.fit(frame, labels)), frame, labels)
    alone = attack.transform(frame[:1], labels[:1])
    pd.testing.assert_frame_equal(alone, attack.transform(frame, labels)[:1])
    empty = frame.assign(n=pd.array([pd.NA] * len(frame), dtype="Int64"))
    attack = fitted(RandomSearchAttack(eps=50.0, n_queries=20), attack.estimator, empty, labels)
    moved = attack.set_params(constraints=Constraints()).fit(empty, labels).transform(frame, labels)
    pd.testing.assert_series_equal(moved["n"], frame["n"])
    assert (moved["age"] != frame["age"]).any()


def test_arrays_of_names_are_told_to_be_frames():
    frame, labels = mixed()
    attack = fitted(BLACK_BOX[0], forest(frame, labels), frame, labels)
    with pytest.raises(ValueError, match=r"array of objects .*DataFrame"):
        attack.transform(frame.to_numpy(dtype=object))


def test_a_version_that_needs_gradients_says_so():
    frame, labels = mixed()
    model = FrozenEstimator(DecisionTreeClassifier().fit(frame[["age", "income"]], labels))
    attack = AutoAttack(model, version="standard").fit(frame[["age", "income"]], labels)
    with pytest.raises(TypeError, match=r"'standard' needs gradients.*version='auto'"):
        attack.transform(frame[["age", "income"]])
