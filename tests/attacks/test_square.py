"""Square attack: its squares and blocks by their definition, what it reaches, what it asks."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from torch import nn

from sklearn_privfair.attacks import Constraints, PGDAttack, SquareAttack
from sklearn_privfair.attacks._features import fill_up
from sklearn_privfair.attacks._losses import log_odds
from sklearn_privfair.attacks._rows import Found, Problem, Rows
from sklearn_privfair.attacks._square import _log_odds
from sklearn_privfair.attacks._square_images import SquareMoves, twin_pyramids
from sklearn_privfair.attacks._square_tables import BlockMoves

from ._harness import blobs, cnn, image_rows, linear_distance, mlp, predict

NORMS = [1, 2, np.inf]


def make_rows(x, eps, norm, box=None):
    """Rows of no model, for the moves alone; of their number a multiple of 8."""
    x = torch.as_tensor(x)
    low, high = (None, None) if box is None else (torch.full_like(x[:1], b) for b in box)
    n = len(x)
    budget = torch.full((n,), eps, dtype=x.dtype)
    label = torch.zeros(n, dtype=torch.int64)
    problem = Problem(x, label, None, low, high, budget, norm)
    return Rows(nn.Identity(), problem, Found(problem, False), 0, 0)


def images(n=40, channels=3, height=12, width=10, seed=0):
    return np.random.default_rng(seed).random((n, channels, height, width))


def proposals(moves, rows, share, n_steps):
    for _ in range(n_steps):
        numbers = rows.random.uniform(moves.n_numbers)
        yield moves.propose(rows, numbers, share)


def changed(x, rows):
    return (x != rows.x).numpy()


@pytest.mark.parametrize("share", [0.8, 0.1, 0.001])
def test_squares_of_linf(share):
    """One window in each row: as wide as its share, all at the ends, one end in each channel."""
    rows = make_rows(images(), 0.1, np.inf)
    moves = SquareMoves(rows)
    side = min(max(round(math.sqrt(share * 120)), 1), 10)
    corners = []
    for x in proposals(moves, rows, share, 30):
        moved = (x - rows.x0).numpy()
        for row in moved:
            y, z = np.nonzero((row != 0).any(axis=0))
            assert y.max() - y.min() + 1 == side == z.max() - z.min() + 1
            window = row[:, y.min() : y.min() + side, z.min() : z.min() + side]
            np.testing.assert_allclose(np.abs(window), 0.1)
            assert (np.ptp(np.sign(window), axis=(1, 2)) == 0).all()
            corners.append((y.min(), z.min()))
        assert len({tuple(c) for c in corners[-40:]}) > 1 or side == 10  # each row its own
    corners = np.array(corners)
    np.testing.assert_array_equal(corners.min(axis=0), 0)
    np.testing.assert_array_equal(corners.max(axis=0), [12 - side, 10 - side])  # to the last


def test_nothing_is_asked_that_would_not_change_a_row():
    """With one channel half of the squares have the colour that is there: these are turned."""
    rows = make_rows(images(channels=1), 0.1, np.inf, box=(0, 1))
    moves = SquareMoves(rows)
    rows.x = moves.start(rows)
    for share in (0.5, 0.01):
        for x in proposals(moves, rows, share, 20):
            assert changed(x, rows).reshape(40, -1).any(axis=1).all()


@pytest.mark.parametrize("norm", NORMS)
def test_only_pixels_that_may_move_do(norm):
    mask = np.zeros((40, 2, 9, 9), dtype=bool)
    mask[:, :, 3, 5] = mask[:20, 0, 8, 8] = True
    x = images(channels=2, height=9, width=9)
    rows = make_rows(x, 0.3, norm, box=(0, 1))
    rows.lower = torch.where(torch.as_tensor(mask), 0.0, rows.x0)
    rows.upper = torch.where(torch.as_tensor(mask), 1.0, rows.x0)
    moves = SquareMoves(rows)
    assert moves.movable(rows).all()
    rows.x = moves.start(rows)
    for share in (0.5, 0.01):
        for x in proposals(moves, rows, share, 10):
            moved = (x != rows.x0).numpy()
            assert not moved[~mask].any()
            new = changed(x, rows).reshape(40, -1).any(axis=1)
            assert new.all() if norm == np.inf else new.mean() > 0.75
    rows.lower = rows.upper = rows.x0
    assert not SquareMoves(rows).movable(rows).any()


def test_stripes():
    x = images()
    rows = make_rows(x, 0.1, np.inf)
    moved = SquareMoves(rows).start(rows).numpy() - x
    np.testing.assert_allclose(np.abs(moved), 0.1)
    assert (np.ptp(np.sign(moved), axis=2) == 0).all()
    assert 0.4 < (moved > 0).mean() < 0.6
    assert (np.ptp(moved, axis=(1, 3)) > 0).all()


def slow_pyramid(height, width, power):
    """The definition: rings of 1 / k ** power, one inside the other."""
    hill = np.zeros((height, width))
    for k in range(max(height, width) // 2 + 1):
        top, left = height // 2 - k, width // 2 - k
        hill[max(top, 0) : top + 2 * k + 1, max(left, 0) : left + 2 * k + 1] += 1 / (k + 1) ** power
    return hill


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8, 21])
@pytest.mark.parametrize(("norm", "power"), [(2, 2), (1, 4)])
def test_pyramids(side, norm, power):
    pattern = twin_pyramids(side, norm)
    assert np.linalg.norm(pattern.ravel(), norm) == pytest.approx(1)
    upper = side // 2
    halves = [slow_pyramid(upper, side, power), -slow_pyramid(side - upper, side, power)]
    parts = [pattern[:upper], pattern[upper:]]
    for half, part in zip(halves, parts, strict=True):
        expected = half / np.linalg.norm(half.ravel(), norm) if half.size else half
        length = np.linalg.norm(part.ravel(), norm) if half.size else 1
        np.testing.assert_allclose(part / length, expected)


@pytest.mark.parametrize("shape", [(2, 12, 10), (1, 4, 4), (3, 5, 5), (1, 2, 7), (1, 9, 2)])
@pytest.mark.parametrize("norm", NORMS)
def test_images_of_all_sizes_stay_within_budget_and_box(norm, shape):
    x = np.random.default_rng(0).random((24, *shape))
    eps = {1: 3.0, 2: 1.0, np.inf: 0.2}[norm]
    rows = make_rows(x, eps, norm, box=(0, 1))
    moves = SquareMoves(rows)
    points = [moves.start(rows)]
    for share in (0.8, 0.2, 0.01):
        rows.x = points[-1]
        points += list(proposals(moves, rows, share, 5))
    for point in points:
        point = point.numpy()
        assert point.min() >= 0
        assert point.max() <= 1
        length = np.linalg.norm((point - x).reshape(24, -1), ord=norm, axis=1)
        assert (length <= eps * (1 + 1e-12)).all()
        assert length.mean() > 0.5 * eps


@pytest.mark.parametrize("norm", [1, 2])
def test_squares_of_l2_spend_all(norm):
    """Without bounds every point is on the sphere, and outside both windows nothing turns."""
    rows = make_rows(images(), 1.5, norm)
    moves = SquareMoves(rows)
    rows.x = moves.start(rows)
    for x in proposals(moves, rows, 0.1, 20):
        delta, before = (x - rows.x0).numpy(), (rows.x - rows.x0).numpy()
        np.testing.assert_allclose(
            np.linalg.norm(delta.reshape(40, -1), ord=norm, axis=1), 1.5, rtol=1e-9
        )
        if norm == 2:
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(before != 0, delta / before, np.nan).reshape(40, -1)
            usual = np.nanmedian(ratio, axis=1, keepdims=True)
            same = np.isclose(ratio, usual) | np.isnan(ratio)
            assert (same.sum(axis=1) >= 360 - 2 * 3 * 9).all()
        rows.x = x


def test_squares_shrink_as_in_the_paper():
    attack = SquareAttack(n_queries=10_000, p_init=0.8)
    steps = [0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2001, 4001, 6001, 8000, 8001]
    halvings = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 8, 9]
    np.testing.assert_array_equal(
        [attack._share(s, True) for s in steps], 0.8 / 2.0 ** np.array(halvings)
    )
    attack.set_params(n_queries=1000)
    assert attack._share(1, True) == 0.8
    assert attack._share(2, True) == 0.4
    assert attack._share(10, False) == 0.8


def test_which_schedule():
    """In proportion to the questions, but for images in l1 and l2, if nothing is said."""
    net, x = cnn(), image_rows(40)

    def found(**settings):
        attack = SquareAttack(eps=0.4, n_queries=60, bounds=(0, 1), random_state=0, **settings)
        return attack.fit(net).transform(x)

    for norm in NORMS:
        silent, rescaled = (found(norm=norm, **s) for s in ({}, {"resc_schedule": True}))
        assert np.array_equal(silent, rescaled) == (norm == np.inf)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(1, 7, 7), (7, 7), (3, 5, 6)])
def test_images_do_not_depend_on_their_batch(norm, shape):
    x = np.random.default_rng(1).random((40, *shape)).astype(np.float32)
    size = int(np.prod(shape))
    net = cnn() if size == 49 else nn.Sequential(nn.Flatten(), *mlp(n_in=size))
    if shape == (7, 7):
        net = nn.Sequential(nn.Unflatten(1, (1, 7)), *net)
    eps = {1: 2.0, 2: 0.4, np.inf: 0.05}[norm]
    attack = SquareAttack(norm=norm, eps=eps, n_queries=50, random_state=0, n_jobs=1).fit(
        net.eval()
    )
    whole = attack.generate(x)
    assert 5 <= whole.success.sum() < 40
    for size in (1, 7):
        part = attack.set_params(batch_size=size).generate(x[:15])
        np.testing.assert_array_equal(part.X_adv, whole.X_adv[:15])
        np.testing.assert_array_equal(part.n_forward, whole.n_forward[:15])


def test_one_channel_needs_no_axis():
    """(n, height, width) is (n, 1, height, width); flattened it would be a table."""
    x, net = image_rows(30), cnn()
    flat_net = nn.Sequential(nn.Unflatten(1, (1, 7)), *net).eval()
    attack = SquareAttack(eps=0.05, n_queries=40, random_state=0, n_jobs=1)
    with_axis = attack.fit(net.eval()).transform(x)
    without = attack.fit(flat_net).transform(x[:, 0])
    assert (with_axis != x).any()
    np.testing.assert_array_equal(without, with_axis[:, 0])


@pytest.mark.parametrize("norm", NORMS)
def test_what_a_linear_model_allows_is_found(norm):
    """The nearest boundary is known: rows clearly nearer than eps fall, and none that are not."""
    X, y = blobs(d=6)
    model = LogisticRegression().fit(X, y)
    exact = linear_distance(model, X, norm)
    eps = np.median(exact)
    attack = SquareAttack(norm=norm, eps=eps, n_queries=600, bounds=None, random_state=0)
    result = attack.fit(model).generate(X)
    nearly = {np.inf: 1 - 1e-9, 2: 0.98, 1: 0.98}[norm]  # the corners of a cube are met exactly
    assert result.success[exact < nearly * eps].all()
    assert not result.success[exact > eps * (1 + 1e-9)].any()


def test_fewer_queries_than_random_points():
    """In many dimensions it has to learn from the scores: a corner is 1 of 2**30."""
    X, y = make_classification(100, 30, n_informative=30, n_redundant=0, random_state=0)
    model = LogisticRegression().fit(X, y)
    eps = np.quantile(linear_distance(model, X, np.inf), 0.7)
    attack = SquareAttack(eps=eps, n_queries=400, bounds=None, random_state=0).fit(model)
    assert attack.generate(X).success.mean() > 0.65


class Needle(nn.Module):
    """Another class only where the first six numbers are above 0.01; all else scores the same."""

    def forward(self, x):
        there = (x[:, :6] > 0.01).all(1).to(x.dtype)
        return torch.stack([torch.full_like(there, 0.5), there], dim=1)


def test_equal_scores_are_no_obstacle():
    """What is as good as the best is gone on from: near the first point there is nothing."""
    attack = SquareAttack(eps=0.1, n_queries=1000, bounds=None, random_state=0).fit(Needle())
    x = 1e-3 * np.random.default_rng(0).normal(size=(40, 8))
    assert attack.generate(x).success.mean() > 0.8


class Stairs(nn.Module):
    """A net whose output only moves in steps: its gradient is zero."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return torch.round(self.net(x) * 20) / 20


@pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")
def test_hidden_gradients_hide_nothing():
    x, net = image_rows(40), cnn().eval()
    budget = {"eps": 0.1, "random_state": 0}
    open_ = SquareAttack(n_queries=150, **budget).fit(net).generate(x).success.mean()
    hidden = SquareAttack(n_queries=150, **budget).fit(Stairs(net)).generate(x).success.mean()
    followed = PGDAttack(random_start=False, **budget).fit(Stairs(net)).generate(x).success.mean()
    assert followed < 0.2
    assert hidden > 0.6 * open_ > 0.4


@pytest.mark.parametrize("n_queries", [3, 4, 20])
def test_queries_are_a_hard_limit(n_queries):
    seen = []

    class Counting(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return torch.stack([x.flatten(1).sum(1) * 0 + 1, x.flatten(1).sum(1) * 0], dim=1)

    x = image_rows(16)
    result = SquareAttack(n_queries=n_queries, n_jobs=1, eps=0.1).fit(Counting()).generate(x)
    assert not result.success.any()
    np.testing.assert_array_equal(result.n_forward, n_queries - 2)


def test_a_row_found_asks_no_more():
    X, y = blobs(d=6)
    model = LogisticRegression().fit(X, y)
    attack = SquareAttack(eps=10, n_queries=100, bounds=None, random_state=0).fit(model)
    result = attack.generate(X, y)
    assert result.success[result.attacked].all()
    assert np.median(result.n_forward[result.attacked]) <= 10


@pytest.mark.parametrize("target", [None, torch.tensor([1, 2, 0, 3] * 8)])
def test_log_odds(target):
    """As the loss of the other attacks, and the same bits wherever a row stands."""
    rng = np.random.default_rng(0)
    logits = torch.tensor(rng.normal(size=(32, 4)) * np.logspace(-3, 2, 32)[:, None])
    label = torch.tensor([0, 0, 1, 2] * 8)
    odds = _log_odds(logits, label, target)
    np.testing.assert_allclose(odds, log_odds(logits, label, target), rtol=1e-9, atol=1e-12)
    for i in range(32):
        aim = None if target is None else target[i : i + 1]
        assert _log_odds(logits[i : i + 1], label[i : i + 1], aim) == odds[i]


def test_target_by_cross_entropy():
    X, y = blobs(d=6, n_classes=4)
    model = LogisticRegression().fit(X, y)
    attack = SquareAttack(eps=1.5, loss="ce", target=2, n_queries=150, bounds=None, random_state=0)
    result = attack.fit(model).generate(X, y)
    assert not result.attacked[y == 2].any()
    assert result.success[result.attacked].mean() > 0.5
    np.testing.assert_array_equal(predict(model, result.X_adv)[result.success], 2)


def test_whole_pixels():
    """Of images in whole numbers only whole numbers are asked about."""
    x = np.random.default_rng(0).integers(0, 256, (24, 1, 6, 6)).astype(np.float64)
    net = nn.Sequential(nn.Flatten(), *mlp(n_in=36)).double()
    rules = Constraints(integer=np.ones((1, 6, 6), dtype=bool))
    for norm, eps in ((np.inf, 20.5), (2, 60), (1, 300)):
        attack = SquareAttack(norm=norm, eps=eps, n_queries=60, bounds=(0, 255), constraints=rules)
        result = attack.set_params(random_state=0).fit(net).generate(x)
        assert result.success.any()
        np.testing.assert_array_equal(result.X_adv, np.round(result.X_adv))
        if norm == np.inf:
            assert np.abs(result.X_adv - x).max() == 20


@pytest.mark.parametrize("norm", [1, 2])
def test_fill_up(norm):
    """By bisection: sizes are min(s * weights, caps), and hold the mass or all that caps allow."""
    rng = np.random.default_rng(0)
    weights, caps = rng.random((50, 7)) * (rng.random((50, 7)) < 0.8), rng.random((50, 7))
    mass = rng.random(50) * 6
    low, high = np.zeros(50), np.full(50, 1e9)
    for _ in range(200):
        middle = (low + high) / 2
        held = (np.minimum(middle[:, None] * weights, caps) ** norm).sum(axis=1)
        low, high = np.where(held < mass, middle, low), np.where(held < mass, high, middle)
    expected = np.minimum(low[:, None] * weights, caps)
    sizes = fill_up(*map(torch.tensor, (weights, caps, mass)), norm)
    np.testing.assert_allclose(sizes, expected, atol=1e-9)
    assert ((expected == caps) & (weights > 0)).all(axis=1).any()  # some were full


@pytest.mark.parametrize("norm", NORMS)
def test_blocks(norm):
    """In linf as many features change as their share; in l1 and l2 no budget is lost."""
    x = np.random.default_rng(0).random((32, 40))
    rows = make_rows(x, 1.0, norm)
    moves = BlockMoves(rows)
    rows.x = moves.start(rows)
    for share, size in ((0.5, 20), (0.1, 4), (0.001, 2)):
        for point in proposals(moves, rows, share, 5):
            moved = changed(point, rows).sum(axis=1)
            if norm == np.inf:
                assert (moved <= size).all()
                assert (moved >= 1).all()
            else:
                length = np.linalg.norm(point.numpy() - x, ord=norm, axis=1)
                np.testing.assert_allclose(length, 1, rtol=1e-9)
