"""Projections onto a ball cut by a box, against quadratic programming, a certificate, bisection."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from sklearn_privfair.attacks._projections import project_ball

NORMS = [np.inf, 2, 1]
BOXES = ["none", "wide", "tight", "flat", "corner"]


def problem(box, seed=0, n=40, d=6):
    """Steps, a box around zero for each row, and radii of every size."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, d)) * 10 ** rng.uniform(-2, 1, size=(n, 1))
    z[rng.random(size=z.shape) < 0.1] = 0
    z[:4] = np.sign(z[:4])  # ties
    eps = 10 ** rng.uniform(-1.5, 0.7, size=n)
    lower, upper = -rng.uniform(0.02, 1, (n, d)), rng.uniform(0.02, 1, (n, d))
    if box == "none":
        return z, None, None, eps
    if box == "wide":
        lower, upper = 100 * lower, 100 * upper
    if box == "flat":  # no width: on one side, on both, everywhere
        lower[rng.random(size=lower.shape) < 0.4] = 0
        upper[rng.random(size=upper.shape) < 0.4] = 0
        lower[0], upper[0] = 0, 0
    if box == "corner":  # the row lies on its lower bounds
        lower[:] = 0
    return z, lower, upper, eps


def project(z, lower, upper, eps, norm, dtype=torch.float64):
    z, lower, upper, eps = (
        None if a is None else torch.as_tensor(a, dtype=dtype) for a in (z, lower, upper, eps)
    )
    return project_ball(z, lower, upper, eps, norm).double().numpy()


def sides(lower, upper, shape):
    """The box as arrays, infinite where there is none."""
    if lower is None:
        return np.full(shape, -np.inf), np.full(shape, np.inf)
    return np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)


def assert_feasible(p, lower, upper, eps, norm, rtol=1e-12):
    low, high = sides(lower, upper, p.shape)
    assert (p >= low).all()
    assert (p <= high).all()
    assert (np.linalg.norm(p, ord=norm, axis=1) <= eps * (1 + rtol)).all()


def support(g, low, high, eps, norm):
    """The largest ``<g, q>`` over the set, by linear programming or in closed form."""
    if norm == np.inf:
        low, high = np.maximum(low, -eps), np.minimum(high, eps)
        return np.maximum(g * low, g * high).sum()
    if norm == 1:  # q = a - b
        d = len(g)
        limits = [(0, h) for h in high] + [(0, -v) for v in low]
        found = linprog(
            -np.r_[g, -g], A_ub=np.ones((1, 2 * d)), b_ub=[eps], bounds=limits, method="highs"
        )
        return -found.fun

    # the dual: the smallest over t of sum_i max_q (g q - t q^2) + t eps^2, by ternary search
    def dual(t):
        q = np.clip(g / (2 * t), low, high)
        return (g * q - t * q**2).sum() + t * eps**2

    a, b = np.log(1e-13), np.log(1e9)
    for _ in range(200):
        m, n = a + (b - a) / 3, b - (b - a) / 3
        a, b = (a, n) if dual(np.exp(m)) < dual(np.exp(n)) else (m, b)
    return dual(np.exp((a + b) / 2))


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("norm", NORMS)
def test_certificate_of_optimality(norm, box):
    """`p` projects `z` onto a convex set if and only if ``<z - p, q - p> <= 0`` for all its `q`."""
    z, lower, upper, eps = problem(box)
    p = project(z, lower, upper, eps, norm)
    assert_feasible(p, lower, upper, eps, norm)
    lows, highs = sides(lower, upper, z.shape)
    for g, q, low, high, radius in zip(z - p, p, lows, highs, eps, strict=True):
        gap = support(g, low, high, radius, norm) - g @ q
        assert gap <= 1e-8 * max(1, np.abs(g).sum() * radius)
        assert gap >= -1e-8 * max(1, np.abs(g).sum() * radius)  # and the test is sound


def _square(v, z):
    return ((v[:4] - v[4:] - z) ** 2).sum()


_LEFT = {  # of the budget
    1: lambda v, eps: eps - v.sum(),
    2: lambda v, eps: eps**2 - ((v[:4] - v[4:]) ** 2).sum(),
    np.inf: lambda v, eps: 1.0,
}


@pytest.mark.parametrize("box", ["none", "tight", "flat"])
@pytest.mark.parametrize("norm", NORMS)
def test_quadratic_program(norm, box):
    """The same point as a general solver, which knows nothing of multipliers."""
    z, lower, upper, eps = problem(box, seed=1, n=12, d=4)
    p = project(z, lower, upper, eps, norm)
    lows, highs = sides(lower, upper, z.shape)
    for i in range(len(z)):
        # q = a - b with a, b >= 0, so that the l1 norm is smooth
        limits = [(0, min(h, 1e3)) for h in highs[i]] + [(0, min(-v, 1e3)) for v in lows[i]]
        if norm == np.inf:
            limits = [(0, min(high, eps[i])) for _, high in limits]
        found = minimize(
            _square,
            np.zeros(8),
            args=(z[i],),
            bounds=limits,
            constraints=[{"type": "ineq", "fun": _LEFT[norm], "args": (eps[i],)}],
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 500},
        )
        np.testing.assert_allclose(p[i], found.x[:4] - found.x[4:], atol=2e-4 * max(1, eps[i]))


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("norm", [2, 1])
def test_bisection_on_the_multiplier(norm, box):
    """To the last digits, in extended precision."""
    z, lower, upper, eps = problem(box, seed=2, n=200, d=30)
    p = project(z, lower, upper, eps, norm)
    low, high = sides(lower, upper, z.shape)
    wide = z.astype(np.longdouble)

    def at(t):
        t = t[:, None]
        moved = wide / (1 + t) if norm == 2 else np.sign(wide) * np.maximum(np.abs(wide) - t, 0)
        return np.clip(moved, low, high)

    a, b = np.zeros(len(z), np.longdouble), np.full(len(z), 1e6, np.longdouble)
    inside = np.linalg.norm(at(a).astype(float), ord=norm, axis=1) <= eps
    for _ in range(120):
        middle = (a + b) / 2
        value = np.abs(at(middle)) ** norm
        over = value.sum(axis=1) > eps.astype(np.longdouble) ** norm
        a, b = np.where(over, middle, a), np.where(over, b, middle)
    expected = at(np.where(inside, 0, b)).astype(float)
    np.testing.assert_allclose(p, expected, rtol=1e-10, atol=1e-13)
    assert (~inside).sum() > 20


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("norm", NORMS)
def test_random_feasible_points_are_no_nearer(norm, box):
    z, lower, upper, eps = problem(box, seed=3)
    p = project(z, lower, upper, eps, norm)
    low, high = sides(lower, upper, z.shape)
    rng = np.random.default_rng(0)
    best = np.linalg.norm(z - p, axis=1)
    for scale in np.repeat([1e-3, 1e-2, 0.1, 1.0], 50):
        q = np.clip(p + scale * eps[:, None] * rng.normal(size=z.shape), low, high)
        q *= np.minimum(1, eps / np.linalg.norm(q, ord=norm, axis=1).clip(1e-300))[:, None]
        assert (np.linalg.norm(z - q, axis=1) >= best * (1 - 1e-12)).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("norm", NORMS)
def test_idempotent_and_rows_inside_untouched(norm, box, dtype):
    z, lower, upper, eps = problem(box, seed=4)
    p = project(z, lower, upper, eps, norm, dtype)
    slack = 8 * torch.finfo(dtype).eps * (eps + np.abs(z).sum(axis=1))
    np.testing.assert_array_equal(project(p, lower, upper, eps + slack, norm, dtype), p)
    low, high = sides(lower, upper, z.shape)
    within = (np.linalg.norm(z, ord=norm, axis=1) < eps) & ((z > low) & (z < high)).all(axis=1)
    kept = torch.as_tensor(z, dtype=dtype).double().numpy()
    np.testing.assert_array_equal(p[within], kept[within])
    assert within.any() or box in ("flat", "corner")


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("norm", NORMS)
def test_single_precision(norm, box):
    z, lower, upper, eps = problem(box, seed=5, n=100, d=50)
    args = [a if a is None else a.astype(np.float32) for a in (z, lower, upper, eps)]
    p = project(*args, norm, torch.float32)
    assert_feasible(p, *args[1:], norm, rtol=1e-6)
    exact = project(*(a if a is None else a.astype(float) for a in args), norm)
    np.testing.assert_allclose(p, exact, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("norm", NORMS)
def test_whole_budget_is_used(norm):
    """From outside without a box: on the sphere."""
    z, _, _, eps = problem("none", seed=6)
    outside = np.linalg.norm(z, ord=norm, axis=1) > eps
    assert outside.any()
    p = project(z, None, None, eps, norm)
    length = np.linalg.norm(p[outside], ord=norm, axis=1)
    np.testing.assert_allclose(length, eps[outside], rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_images_and_one_box_for_all(norm):
    """Rows of any shape; bounds of shape (1, ...) are those of every row, radii are each row's."""
    z, _, _, eps = problem("none", seed=7, d=12)
    image = torch.as_tensor(z.reshape(-1, 3, 2, 2))
    low, high = torch.full((1, 1, 1, 1), -0.3).double(), torch.full((1, 3, 2, 2), 0.2).double()
    found = project_ball(image, low, high, torch.as_tensor(eps), norm)
    assert found.shape == image.shape
    expected = project(z, np.full_like(z, low.item()), np.full_like(z, 0.2), eps, norm)
    np.testing.assert_allclose(found.flatten(1), expected, atol=1e-7)
    alone = [
        project_ball(image[i : i + 1], low, high, torch.as_tensor(eps[i : i + 1]), norm)
        for i in range(len(z))
    ]
    assert torch.equal(torch.cat(alone), found)


def test_known_points():
    """By hand: l1 is soft thresholding, and what a bound takes goes to the other coordinates."""
    z = np.array([[3.0, 1.0, 0.0]])
    np.testing.assert_allclose(project(z, None, None, [2.0], 1), [[2, 0, 0]])
    np.testing.assert_allclose(project(z, None, None, [3.0], 1), [[2.5, 0.5, 0]])
    box = -np.ones((1, 3)), np.array([[1.5, 1.0, 1.0]])
    np.testing.assert_allclose(project(z, *box, [2.0], 1), [[1.5, 0.5, 0]])
    np.testing.assert_allclose(project([[3.0, 4.0]], None, None, [1.0], 2), [[0.6, 0.8]])
    box = -np.ones((1, 2)), np.array([[1.0, 0.5]])
    half = np.sqrt(1 - 0.25)
    np.testing.assert_allclose(project([[3.0, 4.0]], *box, [1.0], 2), [[half, 0.5]])
