"""AutoAttack: which members run, on which rows, and what is told when they disagree."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from sklearn_privfair.attacks import (
    APGDAttack,
    AutoAttack,
    FABAttack,
    GradientMaskingWarning,
    SquareAttack,
)
from sklearn_privfair.attacks._training import Surroundings, perturb
from sklearn_privfair.differentiable import NotDifferentiableError

from ._harness import blobs, linear_distance, mlp, rows

X, Y = load_digits(return_X_y=True)
X, Y = X[:150] / 16, Y[:150]
LINEAR = LogisticRegression(max_iter=500).fit(X, Y)
QUICK = {"n_steps": 20, "n_queries": 50, "random_state": 0}


def members(model, X=X, y=Y, **params):
    return AutoAttack(eps=0.02, **QUICK | params).fit(model).generate(X, y).members


def test_standard_is_that_of_the_paper():
    assert members(LINEAR, version="standard") == (
        *("APGDAttack", "APGDAttack", "FABAttack", "SquareAttack"),
    )


def test_plus_has_more():
    found = members(LINEAR, version="plus")
    assert sorted(found) == sorted(["APGDAttack"] * 3 + ["FABAttack"] * 2 + ["SquareAttack"])


def test_auto_is_standard_where_it_can_be():
    attack = AutoAttack(eps=0.06, **QUICK).fit(LINEAR)
    auto = attack.generate(X, Y)
    standard = attack.set_params(version="standard").generate(X, Y)
    np.testing.assert_array_equal(auto.X_adv, standard.X_adv)
    assert auto.success.any()


class NoScores(ClassifierMixin, BaseEstimator):
    """A tree that tells decisions alone."""

    def fit(self, X, y):
        self.tree_ = DecisionTreeClassifier(random_state=0).fit(X, y)
        self.classes_ = self.tree_.classes_
        return self

    def predict(self, X):
        return self.tree_.predict(X)


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(10, random_state=0), KNeighborsClassifier()]
)
def test_without_gradients_no_member_follows_them(model):
    assert members(model.fit(X, Y)) == ("SquareAttack", "HopSkipJumpAttack")
    with pytest.raises(NotDifferentiableError, match="version='auto' takes attacks"):
        members(model, version="standard")


def test_without_scores_decisions_are_left():
    assert members(NoScores().fit(X, Y)) == ("HopSkipJumpAttack",)
    assert members(NoScores().fit(X, Y), norm=1) == ("RandomSearchAttack",)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_few_classes(n_classes):
    """The margin takes the place of the ratio; and the linear model's closed form is met."""
    rows_of, y = blobs(n_classes=n_classes)
    model = LogisticRegression().fit(rows_of, y)
    exact = linear_distance(model, rows_of, np.inf)
    eps = np.median(exact)
    attack = AutoAttack(eps=eps, bounds=None, **QUICK).fit(model)
    result = attack.generate(rows_of)
    clear = np.abs(exact - eps) > 1e-3 * eps
    np.testing.assert_array_equal(result.success[clear], (exact < eps)[clear])
    with pytest.raises(ValueError, match="needs at least 4 classes"):
        attack.set_params(version="standard").transform(rows_of)


@pytest.mark.parametrize("norm", [2, np.inf])
def test_it_finds_what_any_member_finds(norm):
    net, some = mlp(n_out=5), rows()
    eps = {2: 0.15, np.inf: 0.04}[norm]
    settings = {"norm": norm, "eps": eps, "random_state": 0}
    ensemble = AutoAttack(n_steps=50, n_queries=100, **settings).fit(net).generate(some)
    alone = [APGDAttack(n_steps=50, **settings), FABAttack(n_steps=50, **settings)]
    for member in [*alone, SquareAttack(n_queries=100, **settings)]:
        assert ensemble.success.sum() >= member.fit(net).generate(some).success.sum()
    assert 0 < ensemble.success.sum() < len(some)
    assert (ensemble.found_by[ensemble.success] != "").all()
    assert (ensemble.found_by[~ensemble.success] == "").all()
    np.testing.assert_array_equal(ensemble.to_frame()["found_by"], ensemble.found_by)


def test_rows_found_by_the_first_cost_nothing_more():
    result = AutoAttack(eps=0.5, **QUICK).fit(LINEAR).generate(X, Y)
    assert result.success[result.attacked].all()
    assert result.n_forward.max() <= 20 + 2
    assert set(result.found_by[result.attacked]) == {"APGDAttack"}


class Stairs(nn.Module):
    """A linear model of rounded rows: a gradient that is there, and points the wrong way."""

    def __init__(self, model):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(model.coef_, dtype=torch.float32))
        self.bias = nn.Parameter(torch.tensor(model.intercept_, dtype=torch.float32))

    def forward(self, x):
        steps = torch.round(x * 8) / 8
        return (steps + 1e-3 * (x.detach() - x)) @ self.weight.T + self.bias


def test_gradients_that_mislead_are_told():
    net = Stairs(LINEAR)
    attack = AutoAttack(eps=0.2, n_steps=10, n_queries=300, random_state=0).fit(net)
    with pytest.warns(GradientMaskingWarning, match="Attacks that see no gradient turned"):
        result = attack.generate(X.astype(np.float32), Y)
    assert (result.found_by == "SquareAttack").sum() > 10


def test_honest_gradients_are_not_suspected():
    AutoAttack(eps=0.05, **QUICK).fit(LINEAR).generate(X, Y)  # warnings are errors


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(n_out=4)

    def forward(self, x):
        return self.net(x + 0.01 * torch.randn_like(x))


def test_random_models_are_told():
    with pytest.warns(GradientMaskingWarning, match="asked again"):
        AutoAttack(eps=0.01, n_steps=2, n_queries=5).fit(Noisy()).generate(rows())


def test_targets():
    result = AutoAttack(eps=0.2, target=3, **QUICK).fit(LINEAR).generate(X, Y)
    assert result.success.any()
    np.testing.assert_array_equal(LINEAR.predict(result.X_adv[result.success]), 3)


def test_it_cannot_change_the_batches_of_a_training():
    x, label = torch.tensor(rows()), torch.zeros(70, dtype=torch.int64)
    for version in ("auto", "standard"):
        attack = AutoAttack(version=version, bounds=(0, 1))
        around = Surroundings(attack, rows(), None)
        with pytest.raises(ValueError, match="training"):
            perturb(attack, mlp(), x, label, around, torch.Generator())


@pytest.mark.parametrize("target", [None, "least_likely"])
def test_budget_of_queries(target):
    """What a forest is asked of each row, in all."""
    asked = []

    class Counted(RandomForestClassifier):
        def predict_proba(self, X):
            asked.append(len(X))
            return super().predict_proba(X)

    model = Counted(5, random_state=0).fit(X, Y)
    asked.clear()
    attack = AutoAttack(eps=1e-6, n_queries=40, target=target, random_state=0)
    attack.fit(FrozenEstimator(model)).generate(X[:20], Y[:20])
    # two members with 40 queries each, the clean rows and the proof within them
    assert 20 * 40 < sum(asked) <= 20 * 80


def test_svm_has_scores_and_gradients():
    assert members(LinearSVC().fit(X, Y))[0] == "APGDAttack"
