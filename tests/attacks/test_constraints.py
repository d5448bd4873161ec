"""Constraints on a table: closed forms of linear models, and what bad rules are told."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from sklearn_privfair.attacks import (
    Constraints,
    CWL2Attack,
    FGSMAttack,
    GradientMaskingWarning,
    PGDAttack,
)

from ._harness import blobs, linear_decision

X, Y = blobs(n_classes=2)
MODEL = LogisticRegression().fit(X, Y)
FREE = np.array([0, 2, 4])


def exact_distance(norm, unit=1.0, free=FREE):
    """The least perturbation of the free features alone: gap over the dual norm of their slope."""
    weight, bias = linear_decision(MODEL)
    slope = (weight[1] - weight[0]) * unit
    gap = np.abs(X @ (weight[1] - weight[0]) + bias[1] - bias[0])
    dual = {1: np.inf, 2: 2, np.inf: 1}[norm]
    return gap / np.linalg.norm(slope[free], ord=dual)


def test_closed_form_of_the_free_subspace():
    attack = CWL2Attack(bounds=None, constraints=Constraints(immutable=[1, 3])).fit(MODEL)
    result = attack.generate(X)
    assert result.success.all()
    np.testing.assert_array_equal(result.X_adv[:, [1, 3]], X[:, [1, 3]])
    np.testing.assert_allclose(result.distance["l2"], exact_distance(2), rtol=1e-3)
    assert (result.distance["l2"] > exact_distance(2)).all()


def test_closed_form_in_units_of_a_scale():
    unit = np.array([0.1, 1, 10, 1, 3])
    rules = Constraints(immutable=[1, 3], scale=unit)
    result = CWL2Attack(bounds=None, constraints=rules).fit(MODEL).generate(X)
    assert result.success.all()
    exact = exact_distance(2, unit)
    np.testing.assert_allclose(result.distance["l2"], exact, rtol=1e-3)
    np.testing.assert_allclose(np.linalg.norm((result.X_adv - X) / unit, axis=1), exact, rtol=1e-3)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_budget_in_the_free_subspace(norm):
    """A budget turns exactly the rows whose distance within the free subspace is smaller."""
    unit = np.array([0.5, 1, 2, 1, 1])
    exact = exact_distance(norm, unit)
    eps = np.median(exact)
    rules = Constraints(immutable=[1, 3], scale=unit)
    attack = PGDAttack(
        norm=norm, eps=eps, n_steps=100, random_start=False, bounds=None, constraints=rules
    )
    result = attack.fit(MODEL).generate(X)
    clear = np.abs(exact - eps) > 1e-3 * eps
    np.testing.assert_array_equal(result.success[clear], (exact < eps)[clear])
    assert clear.sum() > 100


def test_monotone_features_leave_a_half_space():
    """In linf every feature goes as far as it may, those of the wrong sign not at all."""
    weight = MODEL.coef_[0]
    towards = np.where(MODEL.predict(X) == 1, -1, 1)[:, None] * np.sign(weight)
    may = np.ones_like(towards, dtype=bool)
    may[:, 0] = towards[:, 0] > 0
    may[:, 2] = towards[:, 2] < 0
    exact = np.abs(MODEL.decision_function(X)) / (np.abs(weight) * may).sum(axis=1)
    eps = np.median(exact)
    rules = Constraints(increasing=[0], decreasing=[2])
    result = FGSMAttack(eps=eps, bounds=None, constraints=rules).fit(MODEL).generate(X)
    clear = np.abs(exact - eps) > 1e-3 * eps
    np.testing.assert_array_equal(result.success[clear], (exact < eps)[clear])


def test_integers_reach_the_nearest_whole_step():
    """Of one integer feature alone, the least number of steps across the boundary is known."""
    rows = np.column_stack([np.round(X[:, 0] * 10), X[:, 1:]])
    model = LogisticRegression(max_iter=1000).fit(rows, Y)
    rules = Constraints(immutable=[1, 2, 3, 4], integer=[0])
    result = CWL2Attack(bounds=None, constraints=rules).fit(model).generate(rows)
    steps = np.floor(np.abs(model.decision_function(rows)) / np.abs(model.coef_[0, 0])) + 1
    assert result.success.mean() > 0.95
    np.testing.assert_array_equal(result.distance["l2"][result.success], steps[result.success])


def test_groups_change_only_as_a_whole():
    rng = np.random.default_rng(0)
    member = rng.integers(0, 4, 300)
    rows = np.column_stack([rng.normal(size=300), np.eye(4)[member]])
    y = (rows[:, 0] + np.array([0, 2, -1, 1])[member] > 0.3).astype(int)
    model = LogisticRegression().fit(rows, y)
    rules = Constraints(immutable=[0], one_hot=[[1, 2, 3, 4]])
    result = PGDAttack(norm=2, eps=1.5, bounds=None, constraints=rules).fit(model).generate(rows)
    z = rows[:, :1] * model.coef_[0, 0] + model.intercept_ + model.coef_[0, 1:]
    possible = ((z > 0) != (model.predict(rows) == 1)[:, None]).any(axis=1)
    np.testing.assert_array_equal(result.success, possible)
    assert 0.2 < possible.mean() < 0.95
    one = np.linalg.norm(result.X_adv[:, 1:] - rows[:, 1:], axis=1)[result.success]
    np.testing.assert_allclose(one, np.sqrt(2))
    too_small = PGDAttack(norm=2, eps=1.4, bounds=None, constraints=rules).fit(model)
    with pytest.warns(UserWarning, match=r"cannot move: 1 \(1.41\), 2 \(1.41\)"):
        assert not too_small.generate(rows).success.any()


def test_codes_are_searched_and_not_followed():
    """The middle code decides, so the slope along the code says nothing."""
    codes = np.random.default_rng(0).integers(0, 3, len(X)) * 10.0
    rows = np.column_stack([0.01 * X, codes])
    net = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].weight[:2, 5] = torch.tensor([1.0, -1.0])
        net[0].bias[:] = torch.tensor([-10.0, 10.0, 0.0, 0.0])
        net[2].weight[:] = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0]])
        net[2].bias[:] = torch.tensor([0.0, 5.0])
    rules = Constraints(categorical=[5], categories={5: [0, 10, 20]})
    result = PGDAttack(eps=1, bounds=None, constraints=rules).fit(net).generate(rows)
    assert result.success.all()
    np.testing.assert_array_equal(result.X_adv[:, 5] == 10, codes != 10)
    assert set(result.X_adv[:, 5]) <= {0, 10, 20}
    np.testing.assert_array_equal(result.distance["l0"], 1)
    np.testing.assert_array_equal(result.distance["l2"], 1)
    attack = PGDAttack(eps=0.9, bounds=None, constraints=rules).fit(net)
    # of the numbers there is indeed no slope
    with pytest.warns(GradientMaskingWarning), pytest.warns(UserWarning, match=r"5 \(1\)"):
        assert not attack.generate(rows).success.any()


def test_masks_of_images():
    images = np.random.default_rng(0).random((20, 1, 4, 4))
    mask = np.zeros((1, 4, 4), dtype=bool)
    mask[:, :2] = True
    rules = Constraints(immutable=mask).resolve(16)
    np.testing.assert_array_equal(rules.immutable, np.arange(8))
    assert images[:, mask].shape == (20, 8)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"immutable": ["sex"]}, "names the feature 'sex', which is not there"),
        ({"immutable": [7]}, "names the feature 7, which is not there"),
        ({"increasing": [0], "decreasing": [0]}, "both increasing and decreasing"),
        ({"categorical": [1], "integer": [1]}, "is categorical, and has no order"),
        ({"one_hot": [[0, 1], [1, 2]]}, "more than one group"),
        ({"ranges": {0: (2, 1)}}, "is no \\(low, high\\)"),
        ({"scale": "iqr"}, "say 'std', 'range' or numbers"),
        ({"scale": [1, 2]}, "scale holds 2 features, the rows 5"),
        ({"scale": [1, 1, 1, 1, 0]}, "must be positive"),
        ({"scale": "std"}, "learned from data, but the attack was fitted on a model"),
        ({"integer": [0]}, "feature 0 is to stay a whole number, but row 0 of X holds 0.0660"),
        (
            {"one_hot": [[0, 1]]},
            r"row 0 of X does not .* one_hot group \[0, 1\]",
        ),
        ({"categorical": [0]}, "what it may hold is not known"),
        ({"categories": {0: [1, 2]}, "categorical": [0]}, "none of its categories"),
        ({"ranges": {0: (50, 60)}}, r"outside ranges\[0\] = \(50, 60\)"),
        ({"immutable": np.array([True, False])}, "mask of 2 features"),
    ],
)
def test_rules_that_cannot_be(rules, message):
    attack = PGDAttack(bounds=None, constraints=Constraints(**rules)).fit(MODEL)
    with pytest.raises(ValueError, match=message):
        attack.transform(X)


def test_constraints_are_no_dict():
    with pytest.raises(ValueError, match="constraints"):
        PGDAttack(constraints={"immutable": [0]}).fit(MODEL)


def test_columns_that_do_not_vary_have_no_unit():
    frame = pd.DataFrame(X, columns=list("abcde")).assign(c=1.0)
    attack = PGDAttack(LogisticRegression(), eps=0.5, constraints=Constraints(scale="std"))
    moved = (attack.fit(frame, Y).transform(frame) - frame).abs()
    assert (moved["c"] == 0).all()
    assert (moved["a"] > 0).any()
