"""Distances, steepest directions, random points: against closed forms and known distributions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_privfair.attacks._norms import (
    columns,
    distances,
    random_in_ball,
    row_norm,
    steepest,
)
from sklearn_privfair.attacks._random import RowStreams

NORMS = [np.inf, 2, 1]
DUAL = {np.inf: 1, 2: 2, 1: np.inf}


def rows_at(x, norm, lower=None, upper=None):
    return SimpleNamespace(x=x, norm=norm, lower=lower, upper=upper)


def test_distances_by_hand():
    X = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [5.0, 5.0, 5.0]])
    X_adv = np.array([[1.0, -1.0, 7.0], [0.5, -0.5, 0.5], [5.0, 5.0, 5.0]])
    found = distances(X, X_adv)
    assert list(found) == ["l0", "l1", "l2", "linf"]
    np.testing.assert_array_equal(found["l0"], [2, 3, 0])
    np.testing.assert_array_equal(found["l1"], [7, 1.5, 0])
    np.testing.assert_allclose(found["l2"], [5, np.sqrt(0.75), 0])
    np.testing.assert_array_equal(found["linf"], [4, 0.5, 0])


def test_distances_of_images_in_double_precision():
    rng = np.random.default_rng(0)
    X = rng.random((4, 3, 20, 20)).astype(np.float32)
    X_adv = (X + rng.normal(size=X.shape) * 1e-3).astype(np.float32)
    found = distances(X, X_adv)
    flat = (X_adv.astype(float) - X.astype(float)).reshape(4, -1)
    for name, norm in (("l1", 1), ("l2", 2), ("linf", np.inf)):
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], np.linalg.norm(flat, norm, axis=1), rtol=1e-12)
        np.testing.assert_allclose(found[name], row_norm(torch.tensor(flat), norm), rtol=1e-12)
    np.testing.assert_array_equal(found["l0"], (X_adv != X).reshape(4, -1).sum(axis=1))


def test_norm_zero_counts():
    assert row_norm(torch.tensor([[0.0, 3.0, -1e-30], [0, 0, 0]]), 0).tolist() == [2, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25])
@pytest.mark.parametrize("norm", NORMS)
def test_steepest_maximises_the_inner_product(norm, scale, dtype):
    """The inner product with the gradient is its dual norm, which no direction exceeds."""
    rng = np.random.default_rng(0)
    gradient = torch.tensor(rng.normal(size=(30, 2, 4)) * scale, dtype=dtype)
    # a quantile that leaves one coordinate
    direction = steepest(rows_at(torch.zeros_like(gradient), norm), gradient, 0.9)
    assert direction.dtype == dtype
    flat, along = direction.flatten(1).double(), gradient.flatten(1).double()
    tolerance = 8 * torch.finfo(dtype).eps
    np.testing.assert_allclose(row_norm(flat, norm), 1, rtol=tolerance)
    reached = (flat * along).sum(1)
    np.testing.assert_allclose(reached, row_norm(along, DUAL[norm]), rtol=tolerance)
    other = torch.tensor(rng.normal(size=(500, 1, 8)))
    other /= torch.linalg.vector_norm(other, norm, dim=2, keepdim=True)
    assert ((other * along).sum(2) <= reached * (1 + tolerance)).all()


@pytest.mark.parametrize("norm", NORMS)
def test_steepest_without_a_slope(norm):
    gradient = torch.tensor([[0.0, 0.0, 0.0], [0.0, -2.0, 0.0]])
    direction = steepest(rows_at(torch.zeros(2, 3), norm), gradient, 0.5)
    assert direction.tolist() == [[0, 0, 0], [0, -1, 0]]


@pytest.mark.parametrize(("quantile", "count"), [(0.99, 1), (0.9, 1), (0.5, 5), (0.25, 8), (0, 10)])
def test_l1_spreads_over_the_largest(quantile, count):
    """Also at least one, however few the coordinates; half of even rounds as Python does."""
    gradient = torch.tensor([[3.0, -10, 1, 2, -4, 8, 7, -5, 6, 9]])
    direction = steepest(rows_at(torch.zeros_like(gradient), 1), gradient, quantile)[0]
    largest = gradient[0].abs().argsort(descending=True)[:count]
    expected = torch.zeros(10)
    expected[largest] = gradient[0, largest].sign() / count
    np.testing.assert_allclose(direction, expected)


def test_l1_leaves_out_what_a_bound_stops():
    gradient = torch.tensor([[9.0, -8.0, 7.0, -6.0], [9.0, -8.0, 7.0, -6.0], [1.0, -1.0, 0, 0]])
    x = torch.tensor([[1.0, 0.0, 0.5, 0.5], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.5, 0.5]])
    rows = rows_at(x, 1, torch.zeros(1, 4), torch.ones(1, 4))
    one = steepest(rows, gradient, 0.75)
    assert one.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    # three wanted, two free: the length is still 1, spread over the two
    assert steepest(rows, gradient, 0.25)[:2].tolist() == [[0, 0, 0.5, -0.5], [0.5, -0.5, 0, 0]]


def balls(norm, n=3000, d=5, seed=0, restart=0, dtype=torch.float64):
    x = torch.arange(n * d, dtype=dtype).reshape(n, d)
    eps = torch.linspace(0.1, 3, n, dtype=dtype)
    point = random_in_ball(RowStreams(x, seed, restart), x, eps, norm)
    return (point / eps[:, None]).double().numpy()


@pytest.mark.parametrize("norm", NORMS)
def test_random_points_fill_the_ball_evenly(norm):
    """The radius to the power of d, and each coordinate, have known distributions."""
    d = 5
    u = balls(norm, d=d)
    radius = np.linalg.norm(u, ord=norm, axis=1)
    assert radius.max() <= 1 + 1e-12
    assert stats.kstest(radius**d, "uniform").pvalue > 0.01
    size, law = {
        np.inf: (np.abs(u), stats.uniform()),
        2: (u**2, stats.beta(0.5, (d + 1) / 2)),
        1: (np.abs(u), stats.beta(1, d)),
    }[norm]
    for i in range(d):
        assert stats.kstest(size[:, i], law.cdf).pvalue > 0.001
    octants = np.bincount((u > 0) @ (1 << np.arange(d)), minlength=2**d)
    assert stats.chisquare(octants).pvalue > 0.01


@pytest.mark.parametrize("norm", NORMS)
def test_random_points_stay_inside_in_single_precision(norm):
    u = balls(norm, dtype=torch.float32)
    assert np.linalg.norm(u, ord=norm, axis=1).max() <= 1 + 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_random_points_belong_to_the_row(norm):
    n = 50
    base = balls(norm, n)
    np.testing.assert_array_equal(balls(norm, n), base)
    for other in (balls(norm, n, seed=1), balls(norm, n, restart=1)):
        assert (other != base).any(axis=1).all()
    x = torch.arange(n * 5, dtype=torch.float64).reshape(n, 5)
    eps = torch.linspace(0.1, 3, n, dtype=torch.float64)
    order = torch.tensor([7, 3, 3, 41])
    few = random_in_ball(RowStreams(x[order], 0, 0), x[order], eps[order], norm)
    np.testing.assert_array_equal(few / columns(eps[order], few), base[order])


def test_streams_go_on_after_rows_have_left():
    """A row's second draw is the same whether or not others have gone."""
    x = torch.rand(6, 3, generator=torch.manual_seed(0))
    all_rows, few = RowStreams(x, 0, 0), RowStreams(x, 0, 0)
    all_rows.normal(2), few.normal(2)
    few.keep([4, 1])
    assert torch.equal(all_rows.uniform(3)[[4, 1]], few.uniform(3))
