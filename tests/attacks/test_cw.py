"""CW-L2 against the closed form on linear models, with and without bounds, in any units."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sklearn_privfair.attacks import CWL2Attack, PGDAttack
from sklearn_privfair.differentiable import Victim

from ._harness import blobs, linear_decision, linear_distance, mlp, predict, rows


def box_distance(model, X, low, high):
    """The nearest point beyond the boundary with any class, in a box: quadratic programs.

    Projection onto ``{x : slope @ x <= -offset, low <= x <= high}``: clip(x - t slope), with t by
    bisection, class by class. Infinite where the box holds no such point.
    """
    weight, bias = linear_decision(model)
    label = (X @ weight.T + bias).argmax(axis=1)
    best = np.full(len(X), np.inf)
    for k in range(len(weight)):
        slope = weight[label] - weight[k]
        offset = bias[label] - bias[k]

        def gap(t, slope=slope, offset=offset):
            x = np.clip(X - t[:, None] * slope, low, high)
            return (x * slope).sum(axis=1) + offset, x

        a, b = np.zeros(len(X)), np.full(len(X), 1e6)
        reachable = (gap(b)[0] <= 0) & (label != k)
        for _ in range(200):
            middle = (a + b) / 2
            over = gap(middle)[0] > 0
            a, b = np.where(over, middle, a), np.where(over, b, middle)
        distance = np.linalg.norm(gap(b)[1] - X, axis=1)
        best = np.where(reachable, np.minimum(best, distance), best)
    return best


def test_box_distance_itself():
    """What is tested against is right: a general solver finds the same."""
    X, y = blobs(n=60, n_classes=2, d=3)
    model = LogisticRegression().fit(X, y)
    low, high = X.min(axis=0) * 0.6, X.max(axis=0) * 0.6
    X = np.clip(X, low, high)
    distance = box_distance(model, X, low, high)
    z = model.decision_function(X)
    for i in np.flatnonzero(np.isfinite(distance))[:10]:
        found = minimize(
            lambda x, i: ((x - X[i]) ** 2).sum(),
            X[i],
            args=(i,),
            bounds=list(zip(low, high, strict=True)),
            constraints={
                "type": "ineq",
                "fun": lambda x, i: -np.sign(z[i]) * model.decision_function(x[None])[0],
                "args": (i,),
            },
        )
        np.testing.assert_allclose(distance[i], np.sqrt(found.fun), rtol=1e-3)


def assert_near(result, distance, rtol=0.02):
    found = result.distance["l2"]
    np.testing.assert_array_equal(result.success, np.isfinite(distance) & result.attacked)
    exact = distance[result.success]
    ratio = found[result.success] / exact
    assert (ratio >= 1 - 1e-9).all()  # nothing is nearer than the nearest
    assert ratio.max() <= 1 + rtol


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_linear_models(n_classes, scale):
    X, y = blobs(n_classes=n_classes)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    model.coef_, model.intercept_ = model.coef_ / scale, model.intercept_
    X = X * scale
    distance = linear_distance(model, X, 2)
    assert_near(CWL2Attack(bounds=None).fit(model).generate(X), distance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", ["wide", "data", "tight"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_linear_models_in_a_box(n_classes, width, dtype):
    X, y = blobs(n_classes=n_classes)
    model = LogisticRegression().fit(X, y)
    low, high = X.min(axis=0), X.max(axis=0)
    if width == "wide":
        low, high = low - 1000, high + 1000
    if width == "tight":
        low, high = np.quantile(X, 0.1, axis=0), np.quantile(X, 0.9, axis=0)
    X = np.clip(X, low, high)
    distance = box_distance(model, X.astype(dtype).astype(float), low, high)
    if dtype == np.float32:
        low, high = low - 1e-5, high + 1e-5
    result = CWL2Attack(bounds=(low, high)).fit(model).generate(X.astype(dtype))
    if width == "tight" and n_classes == 2:
        assert (distance > 1.01 * linear_distance(model, X, 2)).mean() > 0.05  # the box binds
    if dtype == np.float64:
        assert_near(result, distance)
    else:
        within = np.isfinite(distance)
        assert result.success[within].all()
        ratio = (result.distance["l2"] / distance)[within & result.success]
        assert ratio.max() <= 1.02


def test_rows_on_the_box_itself():
    """On a bound tanh has no slope; such rows are found all the same."""
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    low, high = np.quantile(X, 0.3, axis=0), np.quantile(X, 0.7, axis=0)
    corners = np.where(np.median(X, axis=0) < X, high, low)
    distance = box_distance(model, corners, low, high)
    result = CWL2Attack(bounds=(low, high)).fit(model).generate(corners)
    assert_near(result, distance)


@pytest.mark.parametrize("bounds", [None, (-8, 8)])
@pytest.mark.parametrize("confidence", [0.5, 3.0])
@pytest.mark.parametrize("target", [None, 1])
def test_confidence(confidence, target, bounds):
    """The logits part by at least kappa, and hardly more; that costs distance."""
    X, y = blobs()
    model = LogisticRegression().fit(X, y)
    params = {"target": target, "bounds": bounds}
    sure = CWL2Attack(confidence=confidence, **params).fit(model).generate(X)
    plain = CWL2Attack(**params).fit(model).generate(X)
    logits = Victim(model).logits(sure.X_adv)[sure.success]
    label = model.predict(X)[sure.success]
    index = np.arange(len(logits))
    if target is None:
        chosen = logits[index, label].copy()
        logits[index, label] = -np.inf
        margin = logits.max(axis=1) - chosen
    else:
        chosen = logits[:, target].copy()
        logits[:, target] = -np.inf
        margin = chosen - logits.max(axis=1)
    assert sure.success.mean() > 0.6
    assert (margin >= confidence * (1 - 1e-9)).all()
    assert np.median(margin) <= 1.1 * confidence
    both = sure.success & plain.success
    assert (sure.distance["l2"] > plain.distance["l2"])[both].all()


@pytest.mark.parametrize("bounds", [None, (-20, 20)])
def test_targeted_by_the_closed_form(bounds):
    """Of two classes the other is the target; of three, where the target's region is nearest."""
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    other = 1 - model.predict(X)
    result = CWL2Attack(target=other, bounds=bounds).fit(model).generate(X)
    assert_near(result, linear_distance(model, X, 2))
    X, y = blobs(n_classes=3)
    model = LogisticRegression().fit(X, y)
    result = CWL2Attack(target=2, bounds=bounds).fit(model).generate(X)
    np.testing.assert_array_equal(result.success, model.predict(X) != 2)
    np.testing.assert_array_equal(model.predict(result.X_adv), 2)
    weight, bias = linear_decision(model)
    slopes, shifts = weight[2] - weight[:2], bias[2] - bias[:2]
    X, found = X[result.success], result.distance["l2"][result.success]
    apart = -(X @ slopes.T + shifts) / np.linalg.norm(slopes, axis=1)
    farthest = apart.argmax(axis=1)  # the boundary that matters, unless the foot is beyond another
    unit = slopes[farthest] / np.linalg.norm(slopes[farthest], axis=1, keepdims=True)
    foot = X + apart.max(axis=1)[:, None] * unit
    on_a_face = ((foot @ slopes.T + shifts) > -1e-9).all(axis=1)
    assert on_a_face.mean() > 0.3
    assert (found / apart.max(axis=1))[on_a_face].max() <= 1.02
    assert (found >= apart.max(axis=1) * (1 - 1e-9)).all()


@pytest.mark.parametrize("abort_early", [True, False])
def test_rows_do_not_wait_for_each_other(abort_early):
    """The early abort is each row's own, so that a hard neighbour changes neither path nor cost."""
    X, net = rows(24), mlp(torch.nn.Tanh)
    attack = CWL2Attack(abort_early=abort_early, n_steps=20, binary_search_steps=3).fit(net)
    together = attack.generate(X)
    for i in range(0, 24, 6):
        alone = attack.generate(X[i : i + 1])
        np.testing.assert_array_equal(alone.X_adv[0], together.X_adv[i])
        assert alone.n_forward[0] == together.n_forward[i]
    if abort_early:
        assert len(np.unique(together.n_forward)) > 1


def test_early_abort_saves_passes_and_hardly_costs():
    X, net = rows(60), mlp(torch.nn.Tanh)
    saving = CWL2Attack().fit(net).generate(X)
    full = CWL2Attack(abort_early=False).fit(net).generate(X)
    assert saving.n_forward.sum() < full.n_forward.sum()
    assert saving.n_forward.max() <= 400
    both = saving.success & full.success
    assert (saving.success == full.success).all()
    assert saving.distance["l2"][both].mean() < 1.02 * full.distance["l2"][both].mean()


@pytest.mark.parametrize("initial_const", [1e-3, 1.0, 1e3])
def test_any_first_constant_will_do(initial_const):
    """The search over c is what finds the right one, of whatever order it is."""
    X, y = blobs()
    model = LogisticRegression().fit(X, y)
    params = {"initial_const": initial_const, "bounds": None}
    result = CWL2Attack(binary_search_steps=12, **params).fit(model).generate(X)
    assert result.success.all()
    ratio = result.distance["l2"] / linear_distance(model, X, 2)
    assert np.median(ratio) < 1.02


def test_rows_that_cannot_be_turned():
    """A box without any other class: unchanged, infinitely far."""
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    row = X[np.argmax(np.abs(model.decision_function(X)))]
    low, high = row - 1e-3, row + 1e-3
    result = CWL2Attack(bounds=(low, high)).fit(model).generate(row[None])
    assert not result.success.any()
    np.testing.assert_array_equal(result.X_adv, row[None])
    assert np.isinf(result.distance["l2"]).all()


@pytest.mark.parametrize("loss", ["ce", "margin"])
def test_no_farther_than_pgd_needs(loss):
    """On a net there is no closed form; but where PGD succeeds within eps, CW finds as near."""
    X, net = rows(60), mlp(torch.nn.Tanh)
    found = CWL2Attack(loss=loss).fit(net).generate(X)
    assert found.success.all()
    for eps in np.quantile(found.distance["l2"], [0.3, 0.7]):
        pgd = PGDAttack(norm=2, eps=0.97 * eps, n_steps=60, n_restarts=2, random_state=0)
        hit = pgd.fit(net).generate(X).success
        assert (found.distance["l2"][hit] <= eps).mean() > 0.95
    assert (predict(net, found.X_adv) != found.y).all()


def test_units_do_not_matter():
    """Standardised or raw, of very different scales: success is the same, in the raw units."""
    X, y = blobs(n_classes=3)
    scales = np.array([1e-3, 1.0, 10.0, 1e2, 1e3])
    scaler = StandardScaler().fit(X * scales)
    model = LogisticRegression().fit(scaler.transform(X * scales), y)
    raw = LogisticRegression()
    raw.classes_, raw.n_features_in_ = model.classes_, 5
    raw.coef_ = model.coef_ / scaler.scale_
    raw.intercept_ = model.intercept_ - raw.coef_ @ scaler.mean_
    distance = linear_distance(raw, X * scales, 2)
    assert_near(CWL2Attack(bounds=None).fit(raw).generate(X * scales), distance)
