"""The wrapper against closed forms, against a grid of budgets, and its counts."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV

from sklearn_privfair.attacks import (
    APGDAttack,
    Constraints,
    CWL2Attack,
    FGSMAttack,
    MinimumNormAttack,
    PGDAttack,
    RandomSearchAttack,
    SquareAttack,
    TransferAttack,
)
from sklearn_privfair.attacks._nested import part
from sklearn_privfair.attacks._rows import Found, Problem, Rows

from ._harness import blobs, linear_distance, mlp, predict, rows

NAMES = {1: "l1", 2: "l2", np.inf: "linf"}
NORMS = list(NAMES)


class Ensemble(PGDAttack):
    """Of which one member has a limit of its own, and which looks at the model that it is for."""

    n_queries = 30

    @property
    def asks(self):
        return "gradient" if self.estimator_ is not None else "scores"

    def _members(self, job):
        return [APGDAttack(n_steps=10), SquareAttack(n_queries=self.n_queries)]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("inner", [PGDAttack(n_steps=5), FGSMAttack(), APGDAttack(n_steps=10)])
def test_linear_closed_form(inner, norm, scale):
    """Whatever the units, and however coarse the bisection: the last step is exact."""
    X, y = blobs(n=60, n_classes=2)
    X = X * scale + 7 * scale
    model = RidgeClassifier(alpha=1e-3).fit(X, y)
    attack = MinimumNormAttack(
        attack=clone(inner).set_params(norm=norm), bounds=None, random_state=0
    )
    result = attack.fit(model).generate(X)
    exact = linear_distance(model, X, norm)
    assert result.success.all()
    ratio = result.distance[NAMES[norm]] / exact
    assert ratio.min() > 1 - 1e-9
    assert ratio.max() < 1.001


@pytest.mark.parametrize("norm", NORMS)
def test_bisection_alone_keeps_its_tolerance(norm, monkeypatch):
    monkeypatch.setattr(MinimumNormAttack, "_polish", lambda self, rows: None)
    monkeypatch.setattr(MinimumNormAttack, "_walk_back", lambda self, rows, won: None)
    X, y = blobs(n=60, n_classes=2)
    model = LogisticRegression().fit(X, y)
    exact = linear_distance(model, X, norm)
    errors = []
    for tol in (0.2, 0.01):
        inner = PGDAttack(norm=norm, n_steps=10, random_start=False, quantile=0.99)
        attack = MinimumNormAttack(attack=inner, tol=tol, n_bisections=12, bounds=None)
        ratio = attack.fit(model).generate(X).distance[NAMES[norm]] / exact
        assert (ratio >= 1).all()
        assert (ratio <= 1 + 1.3 * tol).all()
        errors.append(ratio.mean() - 1)
    assert errors[1] < errors[0] / 3


@pytest.mark.parametrize("norm", [2, np.inf])
def test_against_a_grid_of_budgets(norm):
    """No row's distance is above the least eps of a fine grid, but for the grid's own step."""
    net, X = mlp(), rows(n=24)
    inner = PGDAttack(norm=norm, n_steps=20, bounds=(0, 1), random_state=0)
    grid = np.geomspace(0.01, 1.5, 20)
    least = np.full(len(X), np.inf)
    for eps in grid[::-1]:
        success = inner.set_params(eps=eps).fit(net).generate(X).success
        least[success] = eps
    inner.set_params(bounds="auto", random_state=None)
    attack = MinimumNormAttack(attack=inner, bounds=(0, 1), random_state=0)
    result = attack.fit(net).generate(X)
    assert result.success[np.isfinite(least)].all()
    found = result.distance[NAMES[norm]]
    near = np.isfinite(least)
    # attacks from random points are lucky at times
    assert (found[near] <= least[near] * 1.02).mean() > 0.85
    assert np.median(found[near] / least[near]) <= 1
    assert (found[near] <= least[near] * 1.3).all()


@pytest.mark.parametrize("first", [1e-4, 1.0, 300.0])
def test_the_first_eps_does_not_matter(first):
    X, y = blobs(n=40, n_classes=2)
    model = LogisticRegression().fit(X, y)
    attack = MinimumNormAttack(eps_init=first, n_bisections=20, bounds=None, random_state=0)
    distance = attack.fit(model).generate(X).distance["linf"]
    np.testing.assert_allclose(distance, linear_distance(model, X, np.inf), rtol=1e-3)


def test_what_cannot_be_reached_ends():
    """The box is too small: the brackets stop at its corners."""
    X, y = blobs(n=40, n_classes=2)
    model = LogisticRegression().fit(X, y)
    far = np.abs(model.decision_function(X)) > 1
    X = X[far]
    low, high = X - 1e-3, X + 1e-3
    few = []
    for row, a, b in zip(X[:5], low, high, strict=False):
        attack = MinimumNormAttack(attack=PGDAttack(n_steps=5), bounds=(a, b))
        result = attack.fit(model).generate(row[None])
        assert not result.success.any()
        few.append(result.n_forward[0])
    assert max(few) <= 1 + 2 * 6


def test_every_pass_is_counted(monkeypatch):
    """By whichever part of the rows the net was asked."""
    asked = []
    ask, look = Rows.ask_each, Rows.logits

    def counted(of):
        def method(rows, *args):
            asked.append(int((~rows.done).sum()))
            return of(rows, *args)

        return method

    monkeypatch.setattr(Rows, "ask_each", counted(ask))
    monkeypatch.setattr(Rows, "logits", counted(look))
    inner = PGDAttack(n_steps=10, n_restarts=2)
    attack = MinimumNormAttack(attack=inner, bounds=(0, 1), random_state=0)
    result = attack.fit(mlp()).generate(rows(n=6))
    assert result.success.any()
    assert sum(asked) == result.n_forward.sum()


@pytest.mark.parametrize("kind", [SquareAttack, RandomSearchAttack])
def test_questions_are_a_hard_limit_of_all_runs(kind):
    X, y = blobs(n=30, n_classes=2)
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    medians = []
    for n_queries in (3, 30, 600):
        inner = kind(eps=2, norm=np.inf, n_queries=n_queries)
        attack = MinimumNormAttack(attack=inner, bounds=(-9, 9), random_state=0).fit(model)
        result = attack.generate(X)
        assert attack.asks == inner.asks
        assert result.n_forward[result.attacked].max() <= n_queries - 2
        medians.append(np.median(result.distance["linf"]))
    assert result.success.all()
    assert medians[2] < 0.7 * medians[1]


@pytest.mark.parametrize("inner", [SquareAttack, RandomSearchAttack])
def test_what_others_have_left_does_not_matter(inner):
    """The questions that are left differ between rows, and several are asked at once."""
    X, y = blobs(n=120, n_classes=2)
    X[:, 4] = np.round(X[:, 4])
    model = RandomForestClassifier(5, max_depth=5, random_state=0).fit(X, y)
    rules = Constraints(integer=[4])
    attack = MinimumNormAttack(
        attack=inner(n_queries=40), n_bisections=2, bounds=(-9, 9), constraints=rules
    )
    attack.set_params(random_state=0).fit(model)
    together = attack.generate(X[:30], y[:30])
    apart = attack.set_params(batch_size=2).generate(X[:30], y[:30])
    assert len(np.unique(together.n_forward)) > 5
    np.testing.assert_array_equal(apart.n_forward, together.n_forward)
    np.testing.assert_array_equal(apart.X_adv, together.X_adv)


def test_ensembles_and_surrogates():
    """Attacks made of others run inside as well as by themselves."""
    net, X = mlp(), rows(n=15)
    alone = MinimumNormAttack(attack=APGDAttack(n_steps=10), bounds=(0, 1), random_state=0)
    best = alone.fit(net).generate(X).distance["linf"]
    attack = MinimumNormAttack(attack=Ensemble(), bounds=(0, 1), random_state=0).fit(net)
    result = attack.generate(X)
    assert result.success.all()
    assert np.median(result.distance["linf"] / best) < 1.02
    inner = TransferAttack(surrogate=net, attack=PGDAttack(n_steps=10), n_queries=300)
    attack = MinimumNormAttack(attack=inner, bounds=(0, 1), random_state=0).fit(net)
    result = attack.generate(X)
    assert result.n_forward.max() <= 298
    assert np.median(result.distance["linf"] / best) < 1.1
    with pytest.raises(ValueError, match="is not fitted, and there are no data"):
        attack.set_params(attack__surrogate=LogisticRegression()).transform(X)


def test_targeted():
    X, y = blobs(n=60, n_classes=3)
    model = LogisticRegression().fit(X, y)
    attack = MinimumNormAttack(target=2, bounds=None, random_state=0).fit(model)
    result = attack.generate(X)
    assert not result.attacked[model.predict(X) == 2].any()
    assert result.success[result.attacked].all()
    np.testing.assert_array_equal(predict(model, result.X_adv[result.attacked]), 2)


def test_constraints_hold_and_the_free_subspace_is_searched():
    X, y = blobs(n=60, n_classes=2)
    model = LogisticRegression().fit(X, y)
    rules = Constraints(immutable=[0, 3], scale=[1, 2, 0.5, 1, 1])
    attack = MinimumNormAttack(
        attack=PGDAttack(norm=2), bounds=None, constraints=rules, random_state=0
    )
    result = attack.fit(model).generate(X)
    np.testing.assert_array_equal(result.X_adv[:, [0, 3]], X[:, [0, 3]])
    slope = (model.coef_[0] * [1, 2, 0.5, 1, 1])[[1, 2, 4]]
    exact = np.abs(model.decision_function(X)) / np.linalg.norm(slope)
    np.testing.assert_allclose(result.distance["l2"], exact, rtol=1e-3)


def test_the_inner_attack_is_searchable():
    X, y = blobs(n=40, n_classes=2)
    attack = MinimumNormAttack(LogisticRegression(), attack=PGDAttack(), random_state=0)
    search = GridSearchCV(attack, {"attack__n_steps": [1, 10], "attack__norm": [1, 2]}, cv=2)
    search.fit(X, y)
    assert search.best_estimator_.norm == search.best_params_["attack__norm"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (CWL2Attack(), "no eps: it looks for the nearest row by itself"),
        (PGDAttack(target=1), r"MinimumNormAttack\(..., target=...\)"),
        (PGDAttack(bounds=(0, 1)), "attack has bounds="),
        (PGDAttack(constraints=Constraints(immutable=[0])), "attack has constraints="),
        (PGDAttack(n_steps=0), "n_steps"),
    ],
)
def test_inner_attacks_that_would_mislead(inner, message):
    X, y = blobs(n=20, n_classes=2)
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=message):
        MinimumNormAttack(attack=inner, bounds=None).fit(model).transform(X)


@pytest.mark.parametrize("outer", [MinimumNormAttack, TransferAttack, PGDAttack])
def test_an_attack_is_no_model(outer):
    model = LogisticRegression().fit(*blobs())
    said = f"^{outer.__name__} was given the attack APGDAttack as its estimator.*attack=APGDAttack"
    with pytest.raises(TypeError, match=said):
        outer(APGDAttack()).fit(model)


def test_a_part_of_the_rows_reports_to_the_whole():
    X = torch.arange(12.0).reshape(12, 1)
    problem = Problem(X, torch.zeros(12, dtype=torch.int64), None, None, None, None, 2)
    found = Found(problem, with_trace=False)
    net = torch.nn.Linear(1, 2)
    whole = Rows(net, problem, found, 0, 0)
    whole.done[3] = True
    chosen = torch.zeros(len(whole), dtype=torch.bool)
    chosen[[1, 3, 7]] = True
    some = part(whole, chosen)
    np.testing.assert_array_equal(some.x0[~some.done].ravel(), [1, 7])
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.0], [1.0]]))
        net.bias.zero_()
    some.logits(some.x0 + 0.5)
    np.testing.assert_array_equal(found.n_forward.nonzero().ravel(), [1, 7])
    np.testing.assert_array_equal(found.distance.isfinite().nonzero().ravel(), [1, 7])
    np.testing.assert_array_equal(found.x[[1, 7]].ravel(), [1.5, 7.5])
