"""DeepFool against the closed form on linear models; what refinement and candidates are for."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from sklearn_privfair.attacks import Constraints, DeepFoolAttack

from ._boxed import binding_box, boxed_distance
from ._harness import blobs, linear_distance, mlp, predict, rows

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
@pytest.mark.parametrize("refinement", ["super", None])
def test_linear_models(n_classes, norm, refinement):
    X, model = linear(n_classes)
    attack = DeepFoolAttack(norm=norm, n_candidates=None, refinement=refinement, bounds=None)
    result = attack.fit(model).generate(X)
    assert ratios(result, linear_distance(model, X, norm), norm).max() < 1 + 1e-3


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("fixed", [(), (1, 3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_models_in_a_box(n_classes, fixed, norm):
    X, model = linear(n_classes)
    X, low, high = binding_box(X, fixed)
    exact = boxed_distance(model, X, norm, low, high)
    assert (exact > 1.01 * linear_distance(model, X, norm)).mean() > 0.05  # the box binds
    result = DeepFoolAttack(norm=norm, bounds=(low, high)).fit(model).generate(X)
    found = ratios(result, exact, norm)
    assert (found < 1 + 1e-3).mean() > (0.99 if n_classes == 2 else 0.95)
    assert found.max() < (1 + 1e-3 if n_classes == 2 else 1.2)
    np.testing.assert_array_equal(result.X_adv[:, fixed], X[:, fixed])


@pytest.mark.parametrize("norm", NORMS)
def test_immutable_features(norm):
    """In the free subspace of a linear model the least perturbation has a closed form."""
    X, model = linear(2)
    attack = DeepFoolAttack(norm=norm, bounds=None, constraints=Constraints(immutable=[0, 2]))
    result = attack.fit(model).generate(X)
    free = np.array([1, 3, 4])
    dual = {1: np.inf, 2: 2, np.inf: 1}[norm]
    exact = np.abs(model.decision_function(X)) / np.linalg.norm(model.coef_[0, free], ord=dual)
    assert ratios(result, exact, norm).max() < 1 + 1e-3
    np.testing.assert_array_equal(result.X_adv[:, [0, 2]], X[:, [0, 2]])


@pytest.mark.parametrize("norm", NORMS)
def test_one_step_and_the_overshoot(norm):
    """To a plane it is one step, `overshoot` too long where nothing brings it back."""
    X, model = linear(2)
    plain = {"refinement": None, "n_polish_steps": 0, "n_candidates": None}
    for overshoot in (0.02, 0.5):
        attack = DeepFoolAttack(norm=norm, overshoot=overshoot, bounds=None, **plain)
        result = attack.fit(model).generate(X)
        found = ratios(result, linear_distance(model, X, norm), norm)
        np.testing.assert_allclose(found, 1 + overshoot, rtol=1e-6)
        np.testing.assert_array_equal(result.n_backward, 2)  # one to step, one to see
        np.testing.assert_array_equal(result.n_forward, 3)  # and one to count the classes


@pytest.mark.parametrize("n_candidates", [1, 2, None])
def test_candidates_cost_what_they_cost(n_candidates):
    X, model = linear(6)
    attack = DeepFoolAttack(n_candidates=n_candidates, bounds=None, n_polish_steps=0)
    result = attack.fit(model).generate(X)
    assert result.success.all()
    np.testing.assert_array_equal(result.n_backward % (n_candidates or 5), 0)
    steps = result.n_backward // (n_candidates or 5)
    np.testing.assert_array_equal(np.isin(result.n_forward - steps, [1, 2]), True)


def test_nearest_boundary_is_not_that_of_the_likeliest_class():
    """One candidate heads for the likeliest class, all find the nearest one."""
    X, model = linear(6)
    exact = linear_distance(model, X, 2)
    one, everyone = (
        DeepFoolAttack(n_candidates=n, bounds=None).fit(model).generate(X).distance["l2"] / exact
        for n in (1, None)
    )
    assert everyone.max() < 1.001
    assert (one > 1.01).mean() > 0.05


@pytest.mark.parametrize("norm", NORMS)
def test_refinement_finds_nearer_rows(norm):
    net, X = mlp(torch.nn.Tanh, n_in=37), rows(d=37)
    plain, better = (
        DeepFoolAttack(norm=norm, refinement=refinement, n_polish_steps=0).fit(net).generate(X)
        for refinement in (None, "super")
    )
    both = plain.success & better.success
    assert both.mean() > 0.9
    name = NAMES[norm]
    assert better.distance[name][both].mean() < 0.97 * plain.distance[name][both].mean()


@pytest.mark.parametrize("norm", NORMS)
def test_target(norm):
    net, X = mlp(), rows()
    goal = predict(net, X)[0]
    result = DeepFoolAttack(norm=norm, target=goal).fit(net).generate(X)
    assert result.success[result.attacked].mean() > 0.9
    np.testing.assert_array_equal(predict(net, result.X_adv[result.success]), goal)
    anyone = DeepFoolAttack(norm=norm).fit(net).generate(X)
    name, both = NAMES[norm], result.success & anyone.success
    assert result.distance[name][both].mean() > anyone.distance[name][both].mean()


@pytest.mark.parametrize("refinement", ["super", None])
def test_a_flat_model_is_given_up(refinement):
    class Flat(torch.nn.Module):
        def forward(self, x):
            return torch.stack([1 + 0 * x[:, 0], 0 * x[:, 0]], dim=1)

    attack = DeepFoolAttack(refinement=refinement).fit(Flat())
    with pytest.warns(UserWarning, match="gradient"):
        result = attack.generate(rows(d=4))
    assert not result.success.any()
    assert (result.n_forward <= 3).all()


def test_rows_leave_when_they_are_found():
    net, X = mlp(), rows()
    result = DeepFoolAttack(n_steps=1000).fit(net).generate(X)
    assert result.success[result.attacked].all()
    assert result.n_forward.max() < 200
    assert len(np.unique(result.n_forward)) > 3
