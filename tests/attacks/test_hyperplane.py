"""The shortest step onto a plane within a box, against scipy's solvers and closed forms."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from sklearn_privfair.attacks._hyperplane import nearest_on_plane, project_on_plane

NORMS = [1, 2, np.inf]


def problems(n=60, d=7, seed=0):
    """Boxes that hold 0, some features that cannot move or do not matter, gains of all sizes."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((n, d)) * 10.0 ** rng.integers(-2, 2, (n, d))
    normal[rng.random((n, d)) < 0.1] = 0
    lower, upper = -rng.random((n, d)), rng.random((n, d))
    upper[rng.random((n, d)) < 0.15] = 0
    fixed = rng.random((n, d)) < 0.1
    lower[fixed] = upper[fixed] = 0
    most = np.where(normal > 0, normal * upper, normal * lower).sum(axis=1)
    gain = rng.uniform(0, 1.2, n) * most
    return [torch.tensor(a) for a in (normal, gain, lower, upper)]


def solve(normal, gain, lower, upper, norm):
    """The shortest length by scipy; None where there is no step."""
    d = len(normal)
    if norm == 2:
        inside = linprog(-normal, bounds=np.c_[lower, upper])
        if -inside.fun < gain:
            return None
        scale = np.abs(normal).max()
        plane = {
            "type": "ineq",
            "fun": lambda z: (normal @ z - gain) / scale,
            "jac": lambda z: normal / scale,
        }
        answer = minimize(
            lambda z: (z @ z, 2 * z),
            inside.x,
            jac=True,
            bounds=np.c_[lower, upper],
            constraints=plane,
            options={"ftol": 1e-14, "maxiter": 500},
        )
        return np.sqrt(answer.fun)
    # variables: the step's positive and negative parts, and for linf the largest of them
    cost = np.ones(2 * d) if norm == 1 else np.r_[np.zeros(2 * d), 1]
    rows, right = [np.r_[-normal, normal]], [-gain]
    bounds = [*zip(np.zeros(d), upper, strict=True), *zip(np.zeros(d), -lower, strict=True)]
    if norm == np.inf:
        rows = [np.r_[rows[0], 0], *np.c_[np.eye(2 * d), -np.ones(2 * d)]]
        right += [0] * (2 * d)
        bounds += [(0, None)]
    answer = linprog(cost, np.array(rows), np.array(right), bounds=bounds)
    return answer.fun if answer.success else None


def length(step, norm):
    return np.linalg.norm(step.numpy().reshape(len(step), -1), ord=norm, axis=1)


def product(a, b):
    return (a * b).flatten(1).sum(1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", [0, 1])
def test_against_scipy(norm, seed):
    normal, gain, lower, upper = problems(seed=seed)
    step, reached = nearest_on_plane(normal, gain, lower, upper, norm)
    arrays = (a.numpy() for a in (normal, gain, lower, upper))
    exact = [solve(*row, norm) for row in zip(*arrays, strict=True)]
    np.testing.assert_array_equal(reached, [one is not None for one in exact])
    assert 5 < reached.sum() < len(reached)
    expected = np.array([one for one in exact if one is not None])
    rtol = 1e-5 if norm == 2 else 1e-9  # SLSQP's own precision
    np.testing.assert_allclose(length(step, norm)[reached], expected, rtol=rtol)
    assert (step >= lower).all()
    assert (step <= upper).all()
    np.testing.assert_allclose(product(step, normal)[reached], gain[reached], rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_out_of_reach_it_is_the_corner_that_goes_furthest(norm):
    normal, _, lower, upper = problems()
    most = torch.where(normal > 0, normal * upper, normal * lower).sum(1)
    step, reached = nearest_on_plane(normal, 1.01 * most, lower, upper, norm)
    assert not reached.any()
    np.testing.assert_allclose(product(step, normal), most)
    assert (step[normal == 0] == 0).all()  # nothing moves in vain
    step, reached = nearest_on_plane(normal, most, lower, upper, norm)
    np.testing.assert_allclose(product(step, normal), most, rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_without_a_box_it_is_hoelder(norm):
    normal, gain, *_ = problems()
    step, reached = nearest_on_plane(normal, gain, None, None, norm)
    assert reached.all()
    dual = {1: np.inf, 2: 2, np.inf: 1}[norm]
    np.testing.assert_allclose(length(step, norm), gain.numpy() / length(normal, dual), rtol=1e-13)
    np.testing.assert_allclose(product(step, normal), gain, rtol=1e-13)
    infinite = torch.full_like(normal, torch.inf)
    boxed, _ = nearest_on_plane(normal, gain, -infinite, infinite, norm)
    assert torch.equal(boxed, step)


@pytest.mark.parametrize("norm", NORMS)
def test_half_a_box(norm):
    """A feature without an upper bound can always make up for the others."""
    normal = torch.tensor([[1.0, 0.5, -2.0]], dtype=torch.float64)
    lower = torch.tensor([[-1.0, -1.0, 0.0]], dtype=torch.float64)
    upper = torch.tensor([[0.25, torch.inf, 0.5]], dtype=torch.float64)
    gain = torch.tensor([10.0], dtype=torch.float64)
    step, reached = nearest_on_plane(normal, gain, lower, upper, norm)
    assert reached.all()
    np.testing.assert_allclose(step, [[0.25, (10 - 0.25) / 0.5, 0]])


@pytest.mark.parametrize("norm", NORMS)
def test_nothing_to_gain_or_to_gain_it_with(norm):
    normal, gain, lower, upper = problems()
    for box in ((lower, upper), (None, None)):
        step, reached = nearest_on_plane(normal, -gain, *box, norm)
        assert reached.all()
        assert (step == 0).all()
        step, reached = nearest_on_plane(0 * normal, gain, *box, norm)
        np.testing.assert_array_equal(reached, gain == 0)
        assert (step == 0).all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("gain", [torch.inf, torch.nan])
def test_gains_that_are_no_numbers_leave_numbers(norm, gain):
    normal, _, lower, upper = problems()
    gain = torch.full_like(normal[:, 0], gain)
    for box in ((lower, upper), (None, None)):
        step, reached = nearest_on_plane(normal, gain, *box, norm)
        assert not reached.any()
        assert step.isfinite().all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_units_of_the_normal_do_not_matter(norm, scale):
    normal, gain, lower, upper = problems()
    step, reached = nearest_on_plane(normal, gain, lower, upper, norm)
    scaled, same = nearest_on_plane(scale * normal, scale * gain, lower, upper, norm)
    assert torch.equal(same, reached)
    np.testing.assert_allclose(scaled, step, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_does_not_depend_on_its_neighbours(norm, dtype):
    """Newton's iterations go on as long as any row needs them."""
    rng = np.random.default_rng(0)
    normal = torch.tensor(rng.standard_normal((40, 3, 37)), dtype=dtype)
    lower, upper = torch.tensor(-(rng.random((2, 40, 3, 37)) ** 4), dtype=dtype)
    upper = -upper
    most = torch.where(normal > 0, normal * upper, normal * lower).flatten(1).sum(1)
    gain = most * torch.linspace(0, 1.1, 40, dtype=dtype)
    step, reached = nearest_on_plane(normal, gain, lower, upper, norm)
    assert step.dtype == dtype
    assert (step >= lower).all()
    assert (step <= upper).all()
    order = torch.tensor(rng.permutation(40))
    for index in (order, order[:7], order[-1:]):
        parts = nearest_on_plane(normal[index], gain[index], lower[index], upper[index], norm)
        assert torch.equal(parts[0], step[index])
        assert torch.equal(parts[1], reached[index])


@pytest.mark.parametrize("norm", NORMS)
def test_projection_from_either_side(norm):
    """A plane is as far from a point whichever way its normal points."""
    normal, gain, lower, upper = problems()
    expected, reached = nearest_on_plane(normal, gain, lower, upper, norm)
    half = torch.arange(len(gain)) % 2 == 0
    sign = torch.where(half, 1.0, -1.0).double()
    step, same = project_on_plane(sign[:, None] * normal, sign * gain, lower, upper, norm)
    assert torch.equal(same, reached)
    assert torch.equal(step, expected)
    below, _ = project_on_plane(normal, -gain, None, None, norm)
    np.testing.assert_allclose(product(below, normal), -gain, rtol=1e-12)
