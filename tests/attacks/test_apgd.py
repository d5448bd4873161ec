"""Auto-PGD against what linear models allow, and what its parameters promise."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from sklearn_privfair.attacks import APGDAttack

from ._harness import blobs, linear_distance, mlp, predict, rows

NORMS = [np.inf, 2, 1]
EPS = {np.inf: 0.1, 2: 0.2, 1: 0.7}
ONE_BY_ONE = ["ce_targeted", "margin_targeted", "dlr_targeted"]


def assert_exact(result, distance, eps):
    """Everything that can be found is found, and nothing else."""
    assert result.success[distance < eps * (1 - 1e-6)].all()
    assert not result.success[distance > eps].any()
    assert result.success.any()
    assert not result.success.all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("norm", NORMS)
def test_two_classes_exactly(norm, scale):
    """From a random start, in any units, to the closed form."""
    X, y = blobs(n_classes=2, d=12)
    X = X * scale + 7 * scale
    model = RidgeClassifier(alpha=1e-3).fit(X, y)
    distance = linear_distance(model, X, norm)
    eps = np.median(distance)
    attack = APGDAttack(norm=norm, eps=eps, bounds=None, random_state=0).fit(model)
    assert_exact(attack.generate(X), distance, eps)


@pytest.mark.parametrize("norm", NORMS)
def test_many_classes_exactly(norm):
    """A run for every class finds the nearest boundary, whichever it is."""
    X, y = blobs(n_classes=4)
    model = LogisticRegression(C=100).fit(X, y)
    distance = linear_distance(model, X, norm)
    eps = np.median(distance)
    attack = APGDAttack(norm=norm, eps=eps, loss="margin_targeted", bounds=None, random_state=0)
    assert_exact(attack.fit(model).generate(X), distance, eps)


def most(slope, low, high, eps, norm):
    """The largest rise of a linear function within ball and box around 0."""
    if norm == np.inf:
        return np.maximum(slope * low.clip(-eps), slope * high.clip(max=eps)).sum()
    if norm == 1:
        cost, bounds = np.r_[-slope, slope], [(0, b) for b in np.r_[high, -low]]
        budget = {"A_ub": np.ones((1, len(cost))), "b_ub": [eps]}
        return -linprog(cost, bounds=bounds, **budget).fun
    few, many = 0.0, 1e6
    for _ in range(200):
        middle = (few + many) / 2
        step = (middle * slope).clip(low, high)
        few, many = (few, middle) if np.linalg.norm(step) > eps else (middle, many)
    return slope @ (few * slope).clip(low, high)


@pytest.mark.parametrize("norm", NORMS)
def test_in_a_box_exactly(norm):
    """A feature that has met its bound leaves the rest of the budget to others."""
    X, y = blobs(n_classes=2, d=6)
    model = LogisticRegression().fit(X, y)
    low, high = np.quantile(X, 0.25, axis=0), np.quantile(X, 0.75, axis=0)
    X = X.clip(low, high)
    z, free = model.decision_function(X), linear_distance(model, X, norm)
    eps = 1.5 * np.median(free)
    gain = [
        most(-np.sign(s) * model.coef_[0], low - x, high - x, eps, norm)
        for x, s in zip(X, z, strict=True)
    ]
    left = np.abs(z) - np.array(gain)
    attack = APGDAttack(norm=norm, eps=eps, bounds=(low, high), random_state=0).fit(model)
    result = attack.generate(X)
    assert not result.success[left > 0].any()
    assert result.success[left < -1e-6 * np.abs(z)].all()
    assert 0 < result.success.sum() < len(X)
    assert (left[free < eps] > 0).any()  # the box keeps some safe


def test_each_class_has_its_turn():
    """The most likely first; with one class it is the attack on the runner-up alone."""
    net, X = mlp(torch.nn.Tanh, n_out=6), rows(200)
    attack = APGDAttack(eps=0.06, n_steps=30, loss="margin_targeted", n_full_runs=None)
    attack.set_params(random_state=0).fit(net)
    logits = net(torch.tensor(X)).detach().numpy()
    order = np.argsort(-logits, axis=1)
    found = [attack.set_params(n_target_classes=n).generate(X) for n in range(1, 6)]
    aimed, new = 0, 0
    for n, (fewer, more) in enumerate(pairwise(found), start=2):
        np.testing.assert_array_equal(more.X_adv[fewer.success], fewer.X_adv[fewer.success])
        late = more.success & ~fewer.success
        aimed += (predict(net, more.X_adv[late]) == order[late, n]).sum()
        new += late.sum()
    assert aimed > 0.6 * new
    assert new > 10
    assert (predict(net, found[0].X_adv) == order[:, 1])[found[0].success].mean() > 0.7


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("loss", ["ce", "dlr_targeted"])
def test_passes(norm, loss):
    """A row that holds costs a pass for each point; no gradient is taken where none is used."""
    net, X = mlp(n_out=6), rows()
    eps = 0.2 * EPS[norm]
    attack = APGDAttack(norm=norm, eps=eps, loss=loss, n_steps=20, random_state=0).fit(net)
    stages = 3 if norm == 1 else 1
    held = {}
    for n_full_runs in (None, 2):
        result = attack.set_params(n_full_runs=n_full_runs).generate(X)
        held[n_full_runs] = (~result.success).sum()
        assert 0 < held[n_full_runs] < len(X)
        if loss == "ce":
            forward, backward = 20 + stages, 20
        elif n_full_runs is None:
            forward, backward = 1 + 5 * (20 + stages), 5 * 20
        else:  # 2 steps are too few for three stages
            forward, backward = 1 + 5 * (2 + 1) + 2 * (20 + stages), 5 * 2 + 2 * 20
        np.testing.assert_array_equal(result.n_forward[~result.success], forward)
        np.testing.assert_array_equal(result.n_backward[~result.success], backward)
        assert result.n_forward[result.success].mean() < 0.7 * forward
    assert abs(held[None] - held[2]) <= 2


@pytest.mark.parametrize("loss", ["dlr", "dlr_targeted"])
def test_dlr_does_not_know_the_scale_of_the_logits(loss):
    X, net, loud = rows(), mlp(n_out=5), mlp(n_out=5)
    with torch.no_grad():  # a power of two: no rounding
        loud[-1].weight *= 1024
        loud[-1].bias *= 1024
    attack = APGDAttack(eps=0.04, loss=loss, n_steps=20, random_state=0)
    quiet = attack.fit(net).generate(X)
    np.testing.assert_array_equal(attack.fit(loud).generate(X).X_adv, quiet.X_adv)
    assert 0 < quiet.success.sum() < len(X)


def test_cross_entropy_does_not_vanish():
    """Of logits in the thousands the cross-entropy is 0 to the last bit; its log-odds are not."""
    X, net, loud = rows(), mlp(n_out=5), mlp(n_out=5)
    with torch.no_grad():
        loud[-1].weight *= 1e4
        loud[-1].bias *= 1e4
    attack = APGDAttack(eps=0.04, random_state=0)
    found = [attack.fit(each).generate(X).success.sum() for each in (net, loud)]
    assert found[0] > 5
    assert found[1] > 0.9 * found[0]


def test_restarts_only_add():
    X, net = rows(300), mlp(torch.nn.Tanh)
    base = APGDAttack(eps=0.04, n_steps=3, random_state=0).fit(net)
    found = [base.set_params(n_restarts=n).generate(X) for n in (1, 2, 8)]
    for fewer, more in pairwise(found):
        np.testing.assert_array_equal(more.X_adv[fewer.success], fewer.X_adv[fewer.success])
    assert found[2].success.sum() > found[0].success.sum()


@pytest.mark.parametrize("norm", NORMS)
def test_where_it_starts(norm):
    """At the row, or at the edge of the ball; in l1 it is the projection that says how far."""
    X, net = 0.45 + 0.1 * rows(), mlp(torch.nn.Tanh)
    attack = APGDAttack(norm=norm, eps=0.02, multi_eps=False, random_state=0).fit(net)
    first = attack.generate(X, return_trace=True).trace["distance"][:, 0]
    if norm == 1:
        assert ((first > 0) & (first <= 0.02 * (1 + 1e-5))).all()
    else:
        np.testing.assert_allclose(first, 0.02, rtol=1e-5)
    attack.set_params(random_start=False)
    first = attack.generate(X, return_trace=True).trace["distance"][:, 0]
    np.testing.assert_array_equal(first, 0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("loss", ["dlr", *ONE_BY_ONE])
def test_neighbours_do_not_matter(norm, loss):
    """To the last bit, whichever rows have left, in whichever stage."""
    X, net = rows(70), mlp(n_out=5)
    eps = 0.3 * EPS[norm]
    attack = APGDAttack(norm=norm, eps=eps, loss=loss, n_steps=20, n_full_runs=2, random_state=0)
    together = attack.fit(net).generate(X)
    order = np.random.default_rng(0).permutation(70)
    apart = attack.set_params(batch_size=9).generate(X[order])
    np.testing.assert_array_equal(apart.X_adv, together.X_adv[order])
    np.testing.assert_array_equal(apart.n_forward, together.n_forward[order])
    assert 0 < together.success.sum() < 70


def test_random_state():
    X, net = rows(), mlp()
    attack = APGDAttack(norm=2, eps=0.1, n_steps=5, random_state=0).fit(net)
    first = attack.transform(X)
    np.testing.assert_array_equal(attack.transform(X), first)
    assert (attack.set_params(random_state=1).transform(X) != first).any()


@pytest.mark.parametrize("loss", ONE_BY_ONE)
def test_few_classes(loss):
    X, y = blobs(n_classes=3)
    attack = APGDAttack(eps=1, loss=loss, bounds=None).fit(LogisticRegression().fit(X, y))
    if loss == "dlr_targeted":
        with pytest.raises(ValueError, match=r"at least 4 classes.*has 3; use loss='margin_target"):
            attack.transform(X)
    else:
        assert attack.score(X, y) > 0.5
    with pytest.raises(ValueError, match=f"use loss='{loss.removesuffix('_targeted')}' with tar"):
        attack.set_params(target=0).transform(X)
    with pytest.raises(ValueError, match="needs at least 4 classes when targeted"):
        attack.set_params(target=0, loss="dlr").transform(X)
