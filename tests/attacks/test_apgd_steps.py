"""Auto-PGD step by step: against its pseudo-code, run by hand on single rows."""

from fractions import Fraction
from itertools import pairwise
from math import ceil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sklearn_privfair.attacks import APGDAttack
from sklearn_privfair.attacks._apgd_steps import Ascent, checkpoints
from sklearn_privfair.attacks._losses import dlr, log_odds, margin

from ._climbing import climb, nearest, smooth_case

NORMS = [np.inf, 2, 1]
EPS = {np.inf: 0.1, 2: 0.2, 1: 0.7}


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
