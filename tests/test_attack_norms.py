"""Every attack in every norm that it takes: distances, budget, box, batches and neighbours."""

import inspect

import numpy as np
import pytest
from _instances import make_instance, set_eps
from _victims import make_case
from sklearn.utils._param_validation import Options

from sklearn_privfair._discovery import public_estimators
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.differentiable import Victim

NAMES = {0: "l0", 1: "l1", 2: "l2", np.inf: "linf"}
EPS = {1: 2.0, 2: 1.0, np.inf: 0.7}  # the rows' features spread by 1 to 1000
STEPS = {"n_steps": 20, "binary_search_steps": 5, "n_queries": 400}


def norms(cls):
    """Give the norms that an attack takes, the default one left out: the contract has it."""
    parameter = inspect.signature(cls).parameters.get("norm")
    if parameter is None:
        return []
    options = [o for o in cls._parameter_constraints["norm"] if isinstance(o, Options)]
    return [norm for norm in NAMES if norm in options[0].options and norm != parameter.default]


PAIRS = [(cls, norm) for cls in public_estimators(BaseAttack) for norm in norms(cls)]


@pytest.fixture(scope="module")
def case():
    return make_case("pipeline")


@pytest.fixture(scope="module", params=PAIRS, ids=lambda p: f"{p[0].__name__}-{NAMES[p[1]]}")
def attack(request, case):
    cls, norm = request.param
    known = inspect.signature(cls).parameters
    settings = {name: n for name, n in STEPS.items() if name in known}
    attack = make_instance(cls, **settings, estimator=None, norm=norm, bounds=case.bounds)
    if getattr(attack, "eps", None) is not None:
        set_eps(attack, EPS[norm])
    return attack.fit(case.model)


@pytest.fixture(scope="module")
def result(attack, case):
    result = attack.generate(case.X, case.y)
    assert result.success.sum() >= 3
    return result


def test_all_are_walked():
    assert {(cls.__name__, norm) for cls, norm in PAIRS} >= {
        ("PGDAttack", 1),
        ("FMNAttack", 0),
        ("FMNAttack", 2),
        ("AutoAttack", 1),
        ("SquareAttack", 2),
        ("HopSkipJumpAttack", np.inf),
    }


def test_distances_and_budget(attack, result, case):
    delta = result.X_adv.astype(np.float64) - case.X
    for norm, name in NAMES.items():
        length = np.linalg.norm(delta, ord=norm, axis=1)
        np.testing.assert_allclose(result.distance[name][result.success], length[result.success])
    if getattr(attack, "eps", None) is not None:
        assert np.linalg.norm(delta, ord=attack.norm, axis=1).max() <= attack.eps


def test_success_is_what_the_model_says(result, case):
    victim = Victim(case.model)
    codes = victim.predict(result.X_adv)
    wrong = codes != victim.encode(case.y)
    np.testing.assert_array_equal(result.success, wrong & result.attacked)
    assert (result.X_adv >= case.bounds[0]).all()
    assert (result.X_adv <= case.bounds[1]).all()


def test_batches_and_neighbours_do_not_matter(attack, result, case):
    few = np.random.default_rng(0).permutation(len(case.X))[:20]
    twin = attack.set_params(batch_size=7)
    np.testing.assert_array_equal(twin.transform(case.X[few], case.y[few]), result.X_adv[few])
