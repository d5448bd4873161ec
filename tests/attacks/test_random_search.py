"""Random search: its points by their distribution, and what it may ask."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from sklearn_privfair.attacks import Constraints, RandomSearchAttack

from ._harness import blobs

N = 2500


ASKED = []


class Listener(nn.Module):
    """A model that never changes its mind, and tells what it was asked."""

    def forward(self, x):
        ASKED.append(x.clone())
        return torch.stack([0 * x[:, 0] + 1, 0 * x[:, 0]], dim=1)


def points(norm, eps, x, bounds=None, constraints=None, n_points=N):
    """Points asked about for one row."""
    attack = RandomSearchAttack(
        norm=norm,
        eps=eps,
        n_queries=n_points + 2,
        bounds=bounds,
        constraints=constraints,
        random_state=0,
        n_jobs=1,
    ).fit(Listener())
    ASKED.clear()
    result = attack.generate(x[None])
    assert result.n_forward == n_points
    # an unknown net is asked about 32 rows at once, the row and copies
    return torch.cat([part[::32] for part in ASKED if len(part) >= 32]).numpy()


def is_uniform(sample):
    return kstest(sample, "uniform").pvalue > 1e-3


def test_points_of_the_cube_are_uniform_within_the_box():
    x = np.array([0.0, 0.5, -0.2, 0.9])
    asked = points(np.inf, 0.3, x, bounds=(-1, 1))
    assert is_uniform((asked[:, 0] + 0.3) / 0.6)
    assert is_uniform((asked[:, 3] - 0.6) / 0.4)  # cut by the box
    assert abs(np.corrcoef(asked, rowvar=False)[np.triu_indices(4, 1)]).max() < 0.1


@pytest.mark.parametrize("norm", [1, 2])
def test_points_of_the_ball_are_uniform(norm):
    """The radius to the power of the number of features is uniform, in the free subspace alone."""
    x, d = np.array([0.0, 0.5, -0.2, 0.9, 3.0]), 4
    asked = points(norm, 0.7, x, constraints=Constraints(immutable=[1]))
    np.testing.assert_array_equal(asked[:, 1], 0.5)
    delta = asked - x
    radius = np.linalg.norm(delta, ord=norm, axis=1)
    assert radius.max() <= 0.7
    assert is_uniform((radius / 0.7) ** d)
    half = (delta[:, [0, 2, 3, 4]] > 0).mean(axis=0)
    np.testing.assert_allclose(half, 0.5, atol=0.05)
    share = np.abs(delta[:, [0, 2, 3, 4]]).mean(axis=0)
    np.testing.assert_allclose(share / share.mean(), 1, atol=0.1)


def test_whole_numbers_and_groups_are_uniform():
    x = np.array([4.0, 0.1, 0, 1, 0, 10])
    rules = Constraints(
        integer=[0, 5], increasing=[5], one_hot=[[2, 3, 4]], scale=[1, 1, 1, 1, 1, 2]
    )
    asked = points(np.inf, 2.0, x, constraints=rules)
    values, counts = np.unique(asked[:, 0], return_counts=True)
    np.testing.assert_array_equal(values, [2, 3, 4, 5, 6])
    np.testing.assert_allclose(counts / N, 1 / 5, atol=0.04)
    values, counts = np.unique(asked[:, 5], return_counts=True)
    np.testing.assert_array_equal(values, [10, 11, 12, 13, 14])  # two units of two
    np.testing.assert_allclose(counts / N, 1 / 5, atol=0.04)
    np.testing.assert_array_equal(asked[:, 2:5].sum(axis=1), 1)
    np.testing.assert_allclose(asked[:, 2:5].mean(axis=0), 1 / 3, atol=0.04)


@pytest.mark.parametrize("norm", [1, 2])
def test_groups_and_numbers_share_the_budget(norm):
    x = np.array([4.0, 0.1, 0, 1, 0])
    rules = Constraints(integer=[0], one_hot=[[2, 3, 4]])
    asked = points(norm, 2.5, x, constraints=rules)
    length = np.linalg.norm(asked - x, ord=norm, axis=1)
    assert 2.3 < length.max() <= 2.5
    np.testing.assert_array_equal(asked[:, 0], np.round(asked[:, 0]))
    np.testing.assert_array_equal(asked[:, 2:].sum(axis=1), 1)
    assert (asked[:, 2:].mean(axis=0) > 0.02).all()
    assert len(np.unique(asked[:, 0])) >= 3


def test_how_often_it_finds_is_how_large_the_target_is():
    """Half of the interval is beyond the step of a stump: a row is missed once in 2**n."""
    X = np.linspace(0, 1, 200)[:, None]
    model = DecisionTreeClassifier(max_depth=1).fit(X, (X[:, 0] > 0.5).astype(int))
    rows = np.linspace(0.3, 0.499, 400)[:, None]
    step = model.tree_.threshold[0]
    attack = RandomSearchAttack(eps=0.25, n_queries=5, bounds=None, random_state=0).fit(model)
    result = attack.generate(rows)
    chance = np.clip(0.25 - (step - rows[:, 0]), 0, 0.5) / 0.5
    expected = 1 - (1 - chance) ** 3
    assert abs(result.success.mean() - expected.mean()) < 4 * np.sqrt(0.25 / 400)
    assert not result.success[chance == 0].any()


def test_rows_found_ask_little_more_than_they_need():
    X, y = blobs(d=4)
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    attack = RandomSearchAttack(eps=0.6, n_queries=300, bounds=None, random_state=0).fit(model)
    result = attack.generate(X, y)
    missed = result.attacked & ~result.success
    assert missed.any()
    np.testing.assert_array_equal(result.n_forward[missed], 298)
    assert np.median(result.n_forward[result.success]) < 60
    again = attack.set_params(batch_size=4).generate(X[:20], y[:20])
    np.testing.assert_array_equal(again.X_adv, result.X_adv[:20])
    np.testing.assert_array_equal(again.n_forward, result.n_forward[:20])


def test_images():
    x = np.random.default_rng(0).random((8, 1, 5, 5))
    net = nn.Sequential(nn.Flatten(), nn.Linear(25, 2)).double()
    nn.init.constant_(net[1].weight, 0.0)
    with torch.no_grad():
        net[1].weight[1] = 1.0
        net[1].bias[:] = torch.tensor([x.sum(axis=(1, 2, 3)).mean(), 0.0])
    result = RandomSearchAttack(eps=0.3, random_state=0).fit(net).generate(x)
    assert result.success.any()
    assert np.abs(result.X_adv - x).max() <= 0.3
