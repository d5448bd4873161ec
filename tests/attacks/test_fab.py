"""FAB against the closed form on linear models, within a budget, towards classes, from restarts."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from sklearn_privfair.attacks import Constraints, FABAttack

from ._boxed import binding_box, boxed_distance
from ._harness import blobs, exact_norm_is_within, linear_distance, mlp, predict, rows

NORMS = [1, 2, np.inf]
NAMES = {1: "l1", 2: "l2", np.inf: "linf"}


def linear(n_classes, d=5):
    X, y = blobs(n_classes=n_classes, d=d)
    return X, LogisticRegression(max_iter=1000).fit(X, y)


def ratios(result, exact, norm):
    """How much further than the nearest row each row found is; all that can be found are."""
    np.testing.assert_array_equal(result.success, np.isfinite(exact))
    found = result.distance[NAMES[norm]][result.success] / exact[result.success]
    assert (found >= 1 - 1e-9).all()  # nothing is nearer than the nearest
    return found


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("how", [{"n_candidates": None}, {"n_target_classes": 5}])
def test_linear_models(n_classes, norm, how):
    X, model = linear(n_classes)
    result = FABAttack(norm=norm, n_steps=30, bounds=None, **how).fit(model).generate(X)
    assert ratios(result, linear_distance(model, X, norm), norm).max() < 1 + 1e-3


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("fixed", [(), (1, 3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_models_in_a_box(n_classes, fixed, norm):
    X, model = linear(n_classes)
    X, low, high = binding_box(X, fixed)
    exact = boxed_distance(model, X, norm, low, high)
    assert (exact > 1.01 * linear_distance(model, X, norm)).mean() > 0.05  # the box binds
    result = FABAttack(norm=norm, n_steps=40, bounds=(low, high)).fit(model).generate(X)
    assert ratios(result, exact, norm).max() < 1 + 1e-3
    np.testing.assert_array_equal(result.X_adv[:, fixed], X[:, fixed])


@pytest.mark.parametrize("norm", NORMS)
def test_immutable_features(norm):
    """In the free subspace of a linear model the least perturbation has a closed form."""
    X, model = linear(2)
    attack = FABAttack(norm=norm, bounds=None, constraints=Constraints(immutable=[0, 2]))
    result = attack.fit(model).generate(X)
    free = np.array([1, 3, 4])
    dual = {1: np.inf, 2: 2, np.inf: 1}[norm]
    exact = np.abs(model.decision_function(X)) / np.linalg.norm(model.coef_[0, free], ord=dual)
    assert ratios(result, exact, norm).max() < 1 + 1e-3
    np.testing.assert_array_equal(result.X_adv[:, [0, 2]], X[:, [0, 2]])


@pytest.mark.parametrize("norm", NORMS)
def test_within_a_budget_it_is_the_rows_that_can_be_reached(norm):
    """On a linear model, exactly those whose boundary is within eps; and they leave at once."""
    X, model = linear(3)
    exact = linear_distance(model, X, norm)
    eps = float(np.median(exact))
    result = FABAttack(norm=norm, eps=eps, n_steps=30, bounds=None).fit(model).generate(X)
    sure = np.abs(exact / eps - 1) > 0.01
    np.testing.assert_array_equal(result.success[sure], (exact < eps)[sure])
    assert exact_norm_is_within(result.X_adv, X, eps, norm).all()
    assert result.n_forward[exact < 0.9 * eps].max() < 10
    assert result.n_forward[~result.success].min() >= 30


@pytest.mark.parametrize("norm", NORMS)
def test_runs_towards_classes_cost_a_backward_pass_a_step(norm):
    X, model = linear(6)
    attack = FABAttack(norm=norm, n_target_classes=3, n_steps=7, n_polish_steps=0, bounds=None)
    result = attack.fit(model).generate(X)
    np.testing.assert_array_equal(result.n_backward, 3 * 7)
    np.testing.assert_array_equal(result.n_forward, 1 + 3 * (7 + 1))  # the look at where each ended
    all_classes = attack.set_params(n_target_classes=None, n_candidates=None)
    np.testing.assert_array_equal(all_classes.fit(model).generate(X).n_backward, 5 * 7)


@pytest.mark.parametrize("norm", NORMS)
def test_target(norm):
    net, X = mlp(), rows()
    goal = predict(net, X)[0]
    result = FABAttack(norm=norm, target=goal, n_steps=40).fit(net).generate(X)
    assert result.success[result.attacked].mean() > 0.9
    np.testing.assert_array_equal(predict(net, result.X_adv[result.success]), goal)
    with pytest.raises(ValueError, match="n_target_classes=2"):
        FABAttack(norm=norm, target=goal, n_target_classes=2).fit(net).generate(X)


@pytest.mark.parametrize("norm", NORMS)
def test_restarts_find_as_near_or_nearer(norm):
    net, X = mlp(), rows()

    def distance(**params):
        attack = FABAttack(norm=norm, n_steps=10, n_polish_steps=0, **params)
        return attack.fit(net).generate(X).distance[NAMES[norm]]

    once, again = distance(random_state=0), distance(random_state=0, n_restarts=3)
    assert (again <= once).all()
    assert (again < 0.999 * once).any()
    assert (distance(random_state=1, n_restarts=3) != again).any()
    np.testing.assert_array_equal(distance(random_state=1), once)  # the first run draws nothing


def test_restarts_within_a_budget_begin_within_half_of_it():
    net, X = mlp(), rows()
    attack = FABAttack(norm=2, eps=1e-3, n_steps=1, n_restarts=2, random_state=0).fit(net)
    result = attack.generate(X, return_trace=True)
    held = result.attacked & ~result.success
    restart = result.trace["distance"][held][
        :, 4
    ]  # after the ranking, a step, its end, the ranking
    np.testing.assert_allclose(restart, 5e-4, rtol=0.3)  # the bounds may shorten it
    assert restart.max() <= 5e-4 * (1 + 1e-4)


def test_the_polish_ends_on_the_boundary():
    """From far beyond it, a few steps come to it."""
    net, X = mlp(), rows()
    far, near = (
        FABAttack(norm=2, n_steps=3, eta=3.0, n_polish_steps=n).fit(net).generate(X)
        for n in (0, 30)
    )
    both = far.success & near.success
    assert near.distance["l2"][both].mean() < 0.95 * far.distance["l2"][both].mean()
    short = X + (near.X_adv - X) * np.float32(0.998)
    assert (predict(net, short)[both] == near.y[both]).mean() > 0.95


class Corner(torch.nn.Module):
    """Another class only where every feature is above 1."""

    def forward(self, x):
        margin = (x - 1).amin(1)
        return torch.stack([torch.zeros_like(margin), margin], dim=1)


@pytest.mark.parametrize("norm", NORMS)
def test_steps_in_vain_lose_their_bias(norm):
    """In a corner each step for one feature would draw the other back, for ever."""
    X = np.random.default_rng(0).random((9, 3)).astype(np.float32) / 2
    attack = FABAttack(norm=norm, bounds=(0, 2), n_steps=100, n_polish_steps=0).fit(Corner())
    result = attack.generate(X)
    assert result.success.all()
    exact = np.linalg.norm(1 - X, ord=norm, axis=1)
    np.testing.assert_allclose(result.distance[NAMES[norm]], exact, rtol=0.01)
