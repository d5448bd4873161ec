"""What every attack owes a table with rules: run over all attacks that are found by walking."""

import numpy as np
import pandas as pd
import pytest
from _instances import make_instance, set_eps
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair._discovery import public_estimators
from sklearn_privfair.attacks import Constraints
from sklearn_privfair.attacks._base import BaseAttack

GROUP = ["north", "south", "west"]
MORE = {"n_steps": 20, "binary_search_steps": 4, "n_queries": 300}


def make_table(n=80, seed=0):
    """Whole numbers, a group of which one is 1, and numbers that may not all move."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.normal(30_000, 8_000, n),
            "debt": rng.exponential(5_000, n),
            "years": rng.integers(0, 20, n),
            "score": rng.normal(size=n),
        }
    )
    region = rng.integers(0, 3, n)
    for k, name in enumerate(GROUP):
        frame[name] = (region == k).astype(np.float64)
    z = (frame.age - 50) / 15 + (frame.income - 30_000) / 8_000 - (frame.debt - 5_000) / 5_000
    z += (frame.years - 10) / 10 + frame.score + 1.5 * (region == 1) - (region == 2)
    return frame, np.where(z + rng.normal(0, 0.3, n) > 0, "yes", "no")


RULES = Constraints(
    immutable=["score"],
    increasing=["age"],
    decreasing=["debt"],
    integer=["age", "years"],
    one_hot=[GROUP],
    ranges={"income": (5_000, 60_000), "years": (0, 25)},
    scale="std",
)
FRAME, LABEL = make_table()


@pytest.fixture(params=public_estimators(BaseAttack), ids=lambda cls: cls.__name__, scope="module")
def attack(request):
    cls = request.param
    more = {name: n for name, n in MORE.items() if name in make_instance(cls).get_params()}
    model = make_pipeline(StandardScaler(), LogisticRegression())
    attack = make_instance(cls, estimator=model, constraints=RULES, **more)
    if getattr(attack, "eps", None) is not None:
        set_eps(attack, 1.5)
    return attack.fit(FRAME, LABEL)


@pytest.fixture(scope="module")
def found(attack):
    result = attack.generate(FRAME, LABEL)
    assert result.success.sum() >= 10
    return result


def test_every_rule_on_every_row(found):
    moved = found.X_adv - FRAME
    assert (moved["score"] == 0).all()
    assert (moved["age"] >= 0).all()
    assert (moved["debt"] <= 0).all()
    assert found.X_adv["income"].between(5_000, 60_000).all()
    assert found.X_adv["years"].between(0, 25).all()
    assert found.X_adv[GROUP].isin([0, 1]).all(axis=None)
    assert (found.X_adv[GROUP].sum(axis=1) == 1).all()


def test_dtypes_stay(found):
    pd.testing.assert_series_equal(found.X_adv.dtypes, FRAME.dtypes)
    assert found.X_adv["age"].dtype.kind == "i"


def test_something_of_each_kind_moves(found):
    moved = (found.X_adv != FRAME).any()
    assert moved[["age", "years"]].any()
    assert moved[["income", "debt"]].any()


def test_distances_are_in_units_of_the_scale(attack, found):
    unit = np.ones(FRAME.shape[1])
    unit[:5] = FRAME.std(ddof=0)[:5]
    delta = ((found.X_adv - FRAME) / unit).to_numpy()[found.success]
    for name, norm in {"l1": 1, "l2": 2, "linf": np.inf}.items():
        length = np.linalg.norm(delta, ord=norm, axis=1)
        np.testing.assert_allclose(found.distance[name][found.success], length)
    eps = getattr(attack, "eps", None)
    if eps is not None:
        norm = {1: "l1", 2: "l2", np.inf: "linf"}[attack.norm]
        assert found.distance[name][found.success].max() <= eps or norm != name
        assert (found.distance[norm][found.success] <= eps).all()


def test_success_is_what_the_model_says(attack, found):
    predicted = attack.estimator_.predict(found.X_adv)
    right = attack.estimator_.predict(FRAME) == LABEL
    np.testing.assert_array_equal(found.success, right & (predicted != LABEL))


def test_neighbours_and_batches_do_not_matter(attack, found):
    few = [30, 5, 61, 7, 12]
    some = attack.generate(FRAME.iloc[few], LABEL[few])
    pd.testing.assert_frame_equal(some.X_adv, found.X_adv.iloc[few], check_exact=True)


def test_nothing_may_move(attack):
    frozen = Constraints(immutable=list(FRAME.columns), scale="std")
    result = attack.set_params(constraints=frozen).generate(FRAME, LABEL)
    attack.set_params(constraints=RULES)
    assert result.attacked.any()
    assert not result.success.any()
    pd.testing.assert_frame_equal(result.X_adv, FRAME)
