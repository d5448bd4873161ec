"""PGD against what can be known exactly: linear models, and every point of the plane."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier

from sklearn_privfair.attacks import PGDAttack

from ._harness import blobs, linear_decision, linear_distance, mlp, predict, rows

NORMS = [np.inf, 2, 1]
EXACT = {"bounds": None, "random_start": False, "quantile": 0.999}


def assert_exact(result, distance, eps):
    """Everything that can be found is found, and nothing else."""
    assert result.success[distance < eps * (1 - 1e-6)].all()
    assert not result.success[distance > eps].any()
    assert result.success.any()
    assert not result.success.all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("norm", NORMS)
def test_two_classes_exactly(norm, scale):
    """One direction is best everywhere: the closed form is reached in few steps."""
    X, y = blobs(n_classes=2)
    X = X * scale + 7 * scale
    model = RidgeClassifier(alpha=1e-3).fit(X, y)
    distance = linear_distance(model, X, norm)
    eps = np.median(distance)
    attack = PGDAttack(norm=norm, eps=eps, n_steps=5, **EXACT).fit(model)
    assert_exact(attack.generate(X), distance, eps)


@pytest.mark.parametrize("loss", ["ce", "margin", "dlr"])
@pytest.mark.parametrize("norm", [np.inf, 2])
def test_many_classes_exactly(norm, loss):
    """Aimed at each class in turn the best is found; untargeted no row is found beyond reach."""
    X, y = blobs(n_classes=4)
    model = LogisticRegression(C=100).fit(X, y)
    distance = linear_distance(model, X, norm)
    eps = np.median(distance)
    attack = PGDAttack(norm=norm, eps=eps, n_steps=30, loss=loss, **EXACT)
    untargeted = attack.fit(model).generate(X)
    assert not untargeted.success[distance > eps].any()
    assert untargeted.success[distance < 0.9 * eps].mean() > 0.95
    if loss == "margin":
        reached = np.zeros(len(X), dtype=bool)
        weight, bias = linear_decision(model)
        for target in range(4):
            # one direction to each class: the gap to the label is closed as fast as can be
            pair = type(model)()
            label = model.predict(X)
            for k in np.setdiff1d(np.unique(label), target):
                pair.coef_ = weight[[target]] - weight[[k]]
                pair.intercept_ = bias[[target]] - bias[[k]]
                pair.classes_, pair.n_features_in_ = np.array([0, 1]), X.shape[1]
                of = label == k
                found = attack.fit(pair).generate(X[of])
                reached[of] |= model.predict(found.X_adv) != k
        assert reached[distance < eps * (1 - 1e-6)].all()


def test_box_against_linear_programming():
    """In a box that binds: the largest change of the decision, by linear programming."""
    X, y = blobs(n_classes=2, d=6)
    model = LogisticRegression().fit(X, y)
    low, high = np.quantile(X, 0.1, axis=0), np.quantile(X, 0.9, axis=0)
    X = np.clip(X, low, high)
    z, sign = model.decision_function(X), np.sign(model.decision_function(X))
    slope, eps = model.coef_[0], 1.2
    inf_gain, l1_gain = [], []
    for row, s in zip(X, sign, strict=True):
        box = list(zip(low - row, high - row, strict=True))
        ball = [(max(a, -eps), min(b, eps)) for a, b in box]
        inf_gain.append(-linprog(s * slope, bounds=ball).fun)
        halves = [(0, b) for _, b in box] + [(0, -a) for a, _ in box]
        cost = np.r_[s * slope, -s * slope]
        budget = {"A_ub": np.ones((1, len(halves))), "b_ub": [2 * eps]}
        l1_gain.append(-linprog(cost, bounds=halves, **budget).fun)
    for norm, radius, gain in ((np.inf, eps, inf_gain), (1, 2 * eps, l1_gain)):
        params = EXACT | {"bounds": (low, high)}
        # in l1 a coordinate that meets its bound leaves the rest to the next: many small steps
        attack = PGDAttack(norm=norm, eps=radius, n_steps=60, step_schedule="constant", **params)
        result = attack.fit(model).generate(X)
        left = np.abs(z) - np.array(gain)  # of the decision, at the best point of the set
        assert not result.success[left > 0].any()
        assert result.success[left < -1e-6 * np.abs(z)].all()
        assert 0 < result.success.sum() < len(X)


def grid(norm, eps, n=161):
    """Every point of a fine grid in the ball of the plane."""
    side = np.linspace(-eps, eps, n)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    return points[np.linalg.norm(points, ord=norm, axis=1) <= eps]


PLANE_X, PLANE_Y = blobs(n=100, d=2, n_classes=4, seed=3)
PLANE = MLPClassifier((16,), "tanh", solver="lbfgs", alpha=0.3, max_iter=5000, random_state=0)
PLANE.fit(PLANE_X, PLANE_Y)


@pytest.mark.parametrize("bounds", [None, (-3.5, 3.5)])
@pytest.mark.parametrize("norm", NORMS)
def test_in_the_plane_against_every_point(norm, bounds):
    """Success never above what a dense grid search finds, and hardly below it."""
    X = PLANE_X if bounds is None else PLANE_X[(np.abs(PLANE_X) < 3.5).all(axis=1)]
    eps = 0.5
    label = PLANE.predict(X)
    candidates = X[:, None] + grid(norm, eps)
    if bounds is not None:
        candidates = candidates.clip(*bounds)  # in an axis-parallel box clipping stays in the ball
    answers = PLANE.predict(candidates.reshape(-1, 2)).reshape(len(X), -1)
    findable = (answers != label[:, None]).any(axis=1)
    attack = PGDAttack(norm=norm, eps=eps, bounds=bounds, n_restarts=3, random_state=0).fit(PLANE)
    found = attack.generate(X).success
    assert not (found & ~findable).any() or _between_grid_points(X, label, found & ~findable, norm)
    assert (found & findable).sum() >= 0.95 * findable.sum()
    assert 0.1 < findable.mean() < 0.9


def _between_grid_points(X, label, rows, norm, eps=0.5):
    """A finer grid finds the rows that a coarse one missed."""
    fine = X[rows][:, None] + grid(norm, eps, n=1001)
    answers = PLANE.predict(fine.reshape(-1, 2)).reshape(rows.sum(), -1)
    return (answers != label[rows][:, None]).any(axis=1).all()


def test_restarts_only_add():
    X = rows(200)
    net = mlp(torch.nn.Tanh)
    base = PGDAttack(eps=0.06, n_steps=4, random_state=0).fit(net)
    found = [base.set_params(n_restarts=n).generate(X) for n in (1, 2, 6)]
    for fewer, more in pairwise(found):
        assert more.success[fewer.success].all()
        np.testing.assert_array_equal(more.X_adv[fewer.success], fewer.X_adv[fewer.success])
    assert found[2].success.sum() > found[0].success.sum()


def test_the_first_run_starts_at_the_row_and_restarts_elsewhere():
    """Without a random start a second run would repeat the first."""
    X = rows(200)
    net = mlp(torch.nn.Tanh)
    attack = PGDAttack(eps=0.06, n_steps=4, random_start=False, random_state=0).fit(net)
    trace = attack.generate(X, return_trace=True).trace["distance"]
    np.testing.assert_array_equal(trace[:, 0], 0)
    once, often = attack.generate(X), attack.set_params(n_restarts=6).generate(X)
    assert often.success.sum() > once.success.sum()


def test_random_state():
    X, net = rows(), mlp()
    attack = PGDAttack(norm=2, eps=0.3, n_steps=3, random_state=0).fit(net)
    first = attack.transform(X)
    np.testing.assert_array_equal(attack.transform(X), first)
    assert (attack.set_params(random_state=1).transform(X) != first).any()


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, (1 + np.sqrt(0.5)) / 2, 0.5, (1 - np.sqrt(0.5)) / 2]),
    ],
)
@pytest.mark.parametrize("norm", [np.inf, 2])
def test_steps_have_the_length_asked_for(norm, schedule, factors):
    """On a linear model the way goes straight on: distances are sums of steps."""
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    far = np.argsort(-np.abs(model.decision_function(X)))[:20]
    attack = PGDAttack(
        norm=norm, eps=1, n_steps=4, step_size=0.01, step_schedule=schedule, **EXACT
    ).fit(model)
    trace = attack.generate(X[far], return_trace=True).trace
    expected = np.r_[0, np.cumsum(0.01 * np.array(factors))]
    np.testing.assert_allclose(trace["distance"], np.tile(expected, (20, 1)), rtol=1e-9, atol=1e-12)


def test_momentum_keeps_its_share():
    """By hand, on a loss whose gradient turns: each gradient scaled to l1 norm 1, then summed."""
    X, y = blobs(n=40, d=2, n_classes=3)
    model = LogisticRegression().fit(X, y)
    weight, bias = linear_decision(model)
    share, step, n_steps = 0.6, 0.05, 3
    attack = PGDAttack(norm=2, eps=5, n_steps=n_steps, step_size=step, momentum=share, **EXACT)
    attack.set_params(step_schedule="constant").fit(model)
    label = model.predict(X)
    expected, velocity = X.copy(), np.zeros_like(X)
    for _ in range(n_steps):
        z = expected @ weight.T + bias
        z[np.arange(len(X)), label] = -np.inf
        odds = np.exp(z - z.max(axis=1, keepdims=True))
        slope = (odds / odds.sum(axis=1, keepdims=True)) @ weight - weight[label]
        velocity = share * velocity + slope / np.abs(slope).sum(axis=1, keepdims=True)
        expected += step * velocity / np.linalg.norm(velocity, axis=1, keepdims=True)
    result = attack.generate(X, return_trace=True)
    far = np.isfinite(result.trace["distance"]).sum(axis=1) == n_steps + 1
    ends = np.linalg.norm(expected - X, axis=1)
    np.testing.assert_allclose(result.trace["distance"][far, -1], ends[far], rtol=1e-9)
    assert far.sum() > 10
    straight = PGDAttack(norm=2, eps=5, n_steps=n_steps, step_size=step, **EXACT)
    straight = straight.set_params(step_schedule="constant").fit(model)
    other = straight.generate(X, return_trace=True).trace["distance"][far, -1]
    assert not np.allclose(other, ends[far], rtol=1e-9)


def test_trace():
    """Loss and distance at each look, NaN once the row has left."""
    X, y = blobs(n_classes=3)
    model = LogisticRegression().fit(X, y)
    attack = PGDAttack(eps=0.8, n_steps=6, bounds=None, random_state=0, batch_size=40).fit(model)
    result = attack.generate(X, y, return_trace=True)
    loss, distance = result.trace["loss"], result.trace["distance"]
    assert len(loss) == len(distance) == len(X)
    np.testing.assert_array_equal(np.isfinite(distance).sum(axis=1), result.n_forward)
    np.testing.assert_array_equal(np.isfinite(loss).sum(axis=1), result.n_backward)
    for i in np.flatnonzero(result.attacked):
        looks = int(result.n_forward[i])
        assert np.isfinite(distance[i, :looks]).all()
        assert np.isnan(distance[i, looks:]).all()
    at_end = result.n_forward - 1
    ends = distance[np.arange(len(X)), at_end][result.success]
    np.testing.assert_allclose(ends, result.distance["linf"][result.success], rtol=1e-6)
    assert attack.generate(X, y).trace is None


@pytest.mark.parametrize("norm", NORMS)
def test_precisions_agree(norm):
    X, net = rows(dtype=np.float64), mlp(torch.nn.Tanh).double()
    attack = PGDAttack(norm=norm, eps={np.inf: 0.05, 2: 0.2, 1: 0.7}[norm], random_state=0).fit(net)
    double, single = attack.generate(X), attack.generate(X.astype(np.float32))
    assert single.X_adv.dtype == np.float32
    assert (double.success == single.success).mean() > 0.9
    np.testing.assert_array_equal(predict(net, single.X_adv), single.y_pred_adv)
