"""Auto-PGD against its own pseudo-code, run row by row, and against what linear models allow."""

from fractions import Fraction
from itertools import pairwise
from math import ceil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from sklearn_privfair.attacks import APGDAttack
from sklearn_privfair.attacks._apgd_steps import Ascent, checkpoints
from sklearn_privfair.attacks._losses import dlr, log_odds, margin
from sklearn_privfair.attacks._rows import Found, Problem, Rows

from ._harness import blobs, linear_distance, mlp, predict, rows

NORMS = [np.inf, 2, 1]
EPS = {np.inf: 0.1, 2: 0.2, 1: 0.7}
ONE_BY_ONE = ["ce_targeted", "margin_targeted", "dlr_targeted"]


@pytest.mark.parametrize("n_steps", [1, 2, 7, 20, 50, 100, 333, 1000])
def test_checkpoints_are_those_of_the_paper(n_steps):
    shares = [Fraction(0), Fraction(22, 100)]
    while shares[-1] < 1:
        longer = max(shares[-1] - shares[-2] - Fraction(3, 100), Fraction(6, 100))
        shares.append(shares[-1] + longer)
    ends = sorted({ceil(p * n_steps) for p in shares if p <= 1})
    assert checkpoints(n_steps) == {b: b - a for a, b in pairwise(ends)}


@pytest.mark.parametrize(
    ("rises", "better", "halved_before", "halves"),
    [
        (12, True, False, True),  # 3 of 4 steps rose: more are asked for
        (13, True, False, False),
        (13, False, False, True),  # the best is what it was, and the step too
        (13, False, True, False),  # the shorter step deserves a look
        (12, False, True, True),
        (0, True, True, True),
    ],
)
def test_when_a_step_is_halved(rises, better, halved_before, halves):
    """The two conditions of section 3.1, for a checkpoint after 16 steps."""
    state = {
        "rises": torch.tensor([rises]),
        "best_loss": torch.tensor([2.0]),
        "checked_loss": torch.tensor([1.0 if better else 2.0]),
        "halved": torch.tensor([halved_before]),
        "step": torch.tensor([0.4]),
    }
    assert Ascent(100).judge(SimpleNamespace(state=state), 16).tolist() == [halves]
    torch.testing.assert_close(state["step"], torch.tensor([0.2 if halves else 0.4]))
    assert state["halved"].tolist() == [halves]
    assert state["checked_loss"].tolist() == [2.0]
    assert state["rises"].tolist() == [0]


class Recorder(torch.nn.Module):
    """A net that remembers where it was asked."""

    def __init__(self, net, n):
        super().__init__()
        self.net, self.n, self.seen = net, n, []

    def forward(self, x):
        self.seen.append(x.detach().clone()[: self.n])
        return self.net(x)


def climb(attack, net, x, label, bounds=(0, 1)):
    """Take all steps with all rows, as in training: give the points asked about, and the rows."""
    net = Recorder(net, len(x))
    low, high = (torch.full_like(x[:1], b) for b in bounds)
    eps = torch.full_like(x[:, 0], attack.eps)
    problem = Problem(x, label, None, low, high, eps, attack.norm)
    batch = Rows(net, problem, Found(problem, with_trace=False), 0, 0)
    batch.climbing = True
    attack._attack(batch)
    return torch.stack(net.seen), batch


def smooth_case(n=16, n_out=5):
    """A net without kinks, in double precision, and the classes that it gives to some rows."""
    net = mlp(torch.nn.Tanh, n_out=n_out).double()
    with torch.no_grad():
        net[0].weight *= 2  # bends enough for steps to fail now and then
    x = torch.as_tensor(rows(n, dtype=np.float64))
    return net, x, net(x).argmax(1)


def nearest(z, x, eps, norm):
    """Project a single row onto ball and box, the multiplier of the ball by bisection."""

    def step(t):
        d = z - x
        if norm == 2:
            d = d / (1 + t)
        elif norm == 1:
            d = np.sign(d) * np.maximum(np.abs(d) - t, 0)
        else:
            d = d.clip(-eps, eps)
        return (x + d).clip(0, 1) - x

    low, high = 0.0, 1e3
    if np.linalg.norm(step(0), ord=norm) <= eps * (1 + 1e-12):
        return x + step(0)
    for _ in range(70):
        middle = (low + high) / 2
        if np.linalg.norm(step(middle), ord=norm) > eps:
            low = middle
        else:
            high = middle
    return x + step(high)


def by_the_book(f, x, start, eps, norm, n_steps):
    """Algorithm 1 of Croce & Hein (2020), for a single row: its points and lengths of steps."""
    project = lambda z: nearest(z, x, eps, norm)  # noqa: E731
    marks = list(checkpoints(n_steps))
    points, eta, etas = [start], 2 * eps, []
    losses, gradients = [[value] for value in f(start)]
    best, best_gradient, best_loss = start, gradients[0], losses[0]
    last_eta = last_best = None
    at, gradient, before, mark = start, gradients[0], start, 0
    for k in range(n_steps):
        length = np.linalg.norm(gradient) or 1.0
        uphill = np.sign(gradient) if norm == np.inf else gradient / length
        z = project(at + eta * uphill)
        share = 1.0 if k == 0 else 0.75
        at, before = project(at + share * (z - at) + (1 - share) * (at - before)), at
        points.append(at)
        loss, gradient = f(at)
        losses.append(loss)
        if loss > best_loss:
            best, best_gradient, best_loss = at, gradient, loss
        if k + 1 in marks:
            rises = sum(b > a for a, b in pairwise(losses[mark : k + 2]))
            stuck = last_eta == eta and last_best == best_loss
            last_eta, last_best = eta, best_loss
            if rises <= 0.75 * (k + 1 - mark) or stuck:
                eta, at, gradient = eta / 2, best, best_gradient
            mark = k + 1
            etas.append(eta)
    return np.array(points), tuple(etas)


def slope_of(loss, net, label):
    """Give the function from a single row to its loss and gradient."""

    def f(at):
        at = torch.tensor(at[None], requires_grad=True)
        value = loss(net(at), label[None])
        return value.item(), torch.autograd.grad(value.sum(), at)[0][0].numpy()

    return f


def share_of_equal_rows(points, expected):
    """Rows of which every point is the expected one."""
    # not all: two losses that differ by rounding alone may tell a row to do otherwise
    return np.isclose(points, expected, rtol=0, atol=1e-6).all(axis=(0, 2)).mean()


@pytest.mark.parametrize(("loss", "of"), [("ce", log_odds), ("dlr", dlr), ("margin", margin)])
@pytest.mark.parametrize("norm", [np.inf, 2])
def test_step_by_step(norm, loss, of):
    """Every point of every row, with steps halved at different times in different rows."""
    net, x, label = smooth_case()
    attack = APGDAttack(norm=norm, eps=EPS[norm], loss=loss, n_steps=60)
    points, _ = climb(attack, net, x, label)
    assert len(points) == 61
    expected, etas = np.empty(points.shape), set()
    for i, y in enumerate(label):
        start, f = points[0, i].numpy(), slope_of(of, net, y)
        expected[:, i], steps = by_the_book(f, x[i].numpy(), start, EPS[norm], norm, 60)
        etas.add(steps)
    assert share_of_equal_rows(points.numpy(), expected) >= 0.9
    assert len(etas) > 1


def sparse_by_the_book(f, x, start, eps, n_steps):
    """The l1 version of Croce & Hein (2021), for a single row: the points that it asks about."""
    d, every = len(x), max(n_steps * 4 // 100, 1)
    width, moved, eta = d - int(0.8 * d), d, eps
    points, at = [start], start
    loss, gradient = f(start)
    best, best_gradient, best_loss = start, gradient, loss
    for k in range(n_steps):
        slope = np.where(np.where(gradient > 0, 1 - at, at) > 1e-6 * eps, gradient, 0)
        top = np.sort(np.abs(slope))[-width]
        step = np.where((np.abs(slope) >= top) & (slope != 0), np.sign(slope), 0)
        at = nearest(at + eta * step / max(np.abs(step).sum(), 1), x, eps, 1)
        points.append(at)
        loss, gradient = f(at)
        if loss > best_loss:
            best, best_gradient, best_loss = at, gradient, loss
        if (k + 1) % every == 0:
            now = np.count_nonzero(best - x)
            if now / moved < 0.95:
                eta, at, gradient = eps, best, best_gradient
            else:
                eta = max(eta / 1.5, eps / 10)
            width, moved = max(2 * now // 3, 1), now
    return np.array(points)


def test_step_by_step_in_l1():
    net, x, label = smooth_case()
    attack = APGDAttack(norm=1, eps=0.7, n_steps=50, multi_eps=False)
    points, _ = climb(attack, net, x, label)
    expected = np.empty(points.shape)
    for i, y in enumerate(label):
        start, f = points[0, i].numpy(), slope_of(log_odds, net, y)
        expected[:, i] = sparse_by_the_book(f, x[i].numpy(), start, 0.7, 50)
    assert share_of_equal_rows(points.numpy(), expected) >= 0.9
    moved = (points != x).sum(2)
    assert moved[0].double().mean() > 1.5 * moved[-1].double().mean()


def test_wide_start_in_l1():
    """Three radii, each from the best point of the one before, brought into the ball."""
    net, x, label = smooth_case()
    points, _ = climb(APGDAttack(norm=1, eps=0.4, n_steps=20), net, x, label)
    stages = points.split([7, 7, 9])
    for radius, stage in zip((3, 2, 1), stages, strict=True):
        length = (stage - x).abs().sum(2)
        torch.testing.assert_close(length.amax(0), torch.full_like(x[:, 0], 0.4 * radius))
    for radius, (stage, following) in zip((2, 1), pairwise(stages), strict=True):
        best = torch.stack([log_odds(net(at), label) for at in stage]).argmax(0)
        for i, k in enumerate(best):
            start = nearest(stage[k, i].numpy(), x[i].numpy(), 0.4 * radius, 1)
            np.testing.assert_allclose(following[0, i], start, atol=1e-9)


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


@pytest.mark.parametrize("norm", NORMS)
def test_in_training_the_end_is_the_highest_point(norm):
    """No row leaves, and the end is where the loss was largest within the budget."""
    net, x, label = smooth_case()
    attack = APGDAttack(norm=norm, eps=EPS[norm], n_steps=20)
    points, batch = climb(attack, net, x, label)
    end = batch.x[: len(x)]
    length = torch.linalg.vector_norm(points - x, norm, dim=2)
    losses = log_odds(net(points.flatten(0, 1)), label.repeat(len(points))).reshape(len(points), -1)
    losses[length > EPS[norm] * (1 + 1e-9)] = -torch.inf  # of the wide start
    torch.testing.assert_close(log_odds(net(end), label), losses.amax(0), rtol=0, atol=1e-12)
    assert (length[:10] > EPS[norm] * (1 + 1e-9)).any() == (norm == 1)
    assert (net(end).argmax(1) != label).any()


def test_in_training_the_end_is_the_worst_of_all_runs():
    net, x, label = smooth_case()
    attack = APGDAttack(eps=0.1, n_steps=10, loss="dlr_targeted", n_full_runs=None)
    points, batch = climb(attack, net, x, label)
    end = batch.x[: len(x)]
    ends = points[1:].unflatten(0, (4, 12))[:, -1]  # each run's best point is asked about at last
    losses = torch.stack([log_odds(net(e), label) for e in ends])
    torch.testing.assert_close(log_odds(net(end), label), losses.amax(0))
    assert losses.argmax(0).unique().numel() > 1


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


def test_the_most_promising_classes_get_the_full_runs():
    """Those whose logit came nearest to the label's, or beyond, in a tenth of the steps."""
    net, x, label = smooth_case()
    attack = APGDAttack(eps=0.03, n_steps=20, loss="margin_targeted", n_full_runs=2)
    points, batch = climb(attack, net, x, label)
    order = net(x).argsort(dim=1, descending=True)[:, 1:]
    reached = []
    for turn, run in enumerate(points[1:13].unflatten(0, (4, 3))):
        z = torch.stack([net(at) for at in run])
        every = torch.arange(len(x))
        reached.append((z[:, every, order[:, turn]] - z[:, every, label]).amax(0))
    best = torch.stack(reached, dim=1).argsort(dim=1, descending=True)
    assert torch.equal(batch.state["aims"][: len(x), :2], order.gather(1, best)[:, :2])
    assert (best[:, 0] > 0).any()
    assert len(points) == 1 + 4 * 3 + 2 * (21 + 1)  # and, in training, the best of each run again


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
