"""The attack on one batch in training: the worst end of all restarts, numbers drawn per batch."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn
from torch.nn import functional

from sklearn_privfair.attacks import CWL2Attack, PGDAttack
from sklearn_privfair.attacks._training import Surroundings, perturb
from sklearn_privfair.differentiable import as_module

from ._harness import data, fitted, make_net

X, Y = data()


@pytest.fixture(scope="module")
def module():
    return as_module(fitted(make_net(module__n_hidden=16, max_epochs=40), X, Y))


def around(attack, bounds=(0, 1)):
    return Surroundings(clone(attack).set_params(bounds=bounds), X, None)


def ends(module, attack, generator=None, target=None, rows=X, bounds=(0, 1)):
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    x, y = torch.as_tensor(rows), torch.as_tensor(Y[: len(rows)])
    return perturb(attack, module, x, y, around(attack, bounds), generator, target)


def loss(module, x, y):
    with torch.no_grad():
        return functional.cross_entropy(module(x), y, reduction="none")


@pytest.mark.parametrize("target", [None, 1])
def test_restarts_take_the_worst_end(module, target):
    goal = None if target is None else torch.full((len(X),), target)
    attack = PGDAttack(eps=0.2, n_steps=2, n_restarts=4)
    generator = torch.Generator().manual_seed(0)
    single = PGDAttack(eps=0.2, n_steps=2)
    each = torch.stack([ends(module, single, generator, goal) for _ in range(4)])
    y, sign = (torch.as_tensor(Y), 1) if target is None else (goal, -1)
    losses = torch.stack([sign * loss(module, x, y) for x in each])
    best = losses.argmax(0)
    assert len(best.unique()) == 4
    np.testing.assert_array_equal(
        ends(module, attack, target=goal), each[best, torch.arange(len(X))]
    )


def test_restarts_take_the_end_of_highest_divergence(module):
    """Driven away from the clean answer, whatever labels are: rows may have none."""

    def divergence(z):
        with torch.no_grad():
            p, q = (module(rows).double().softmax(1) for rows in (x, z))
        return (p * (p / q).log()).sum(1)

    def moved(attack, label, generator):
        return perturb(attack, module, x, label, around(attack), generator, diverging=True)

    x, labels = torch.as_tensor(X), torch.as_tensor(Y)
    single, generator = PGDAttack(eps=0.2, n_steps=2), torch.Generator().manual_seed(0)
    each = [moved(single, labels, generator) for _ in range(4)]
    best = torch.stack([divergence(z) for z in each]).amax(0)
    attack = PGDAttack(eps=0.2, n_steps=2, n_restarts=4)
    for label in (labels, torch.zeros_like(labels)):
        worst = moved(attack, label, torch.Generator().manual_seed(0))
        torch.testing.assert_close(divergence(worst), best, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("n", [1, 7, 90])
def test_within_budget_and_bounds(module, norm, n):
    eps = {1: 0.5, 2: 0.3, np.inf: 0.1}[norm]
    x_adv = ends(module, PGDAttack(norm=norm, eps=eps, n_steps=5), rows=X[:n]).numpy()
    assert x_adv.shape == (n, 4)
    length = np.linalg.norm(x_adv.astype(float) - X[:n], ord=norm, axis=1)
    assert (length <= eps * (1 + 1e-6)).all()
    assert length.max() > 0.9 * eps
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


def test_the_loss_rises(module):
    y = torch.as_tensor(Y)
    clean = loss(module, torch.as_tensor(X), y)
    adversarial = loss(module, ends(module, PGDAttack(eps=0.1, n_steps=10)), y)
    assert (adversarial > clean).all()


def test_random_numbers_come_from_the_generator(module):
    attack = PGDAttack(eps=0.2, n_steps=1)
    generator = torch.Generator().manual_seed(0)
    first, second = ends(module, attack, generator), ends(module, attack, generator)
    before = torch.get_rng_state()
    np.testing.assert_array_equal(ends(module, attack), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_random_starts_fill_the_ball(module, norm):
    """One step of no length shows the start: its distance is that of a uniform point."""
    attack = PGDAttack(norm=norm, eps=1.0, n_steps=1, step_size=1e-12)
    rows = np.zeros((2000, 4), dtype=np.float32)
    start = perturb(
        attack,
        module,
        torch.as_tensor(rows),
        torch.zeros(len(rows), dtype=torch.int64),
        around(attack, None),
        torch.Generator().manual_seed(0),
    ).numpy()
    radius = np.linalg.norm(start, ord=norm, axis=1)
    # P(radius < r) = r ** 4 in four dimensions, whatever the norm
    for r in (0.6, 0.8, 0.9):
        assert np.mean(radius < r) == pytest.approx(r**4, abs=0.035)
    np.testing.assert_allclose(start.mean(axis=0), 0, atol=0.06)


def test_rows_where_no_adversarial_one_is_found_stay():
    deaf = nn.Linear(4, 3)
    with torch.no_grad():
        deaf.weight.zero_()
        deaf.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    attack = CWL2Attack(n_steps=5, binary_search_steps=2)
    x, label = torch.as_tensor(X), torch.zeros(len(X), dtype=torch.int64)
    kept = perturb(attack, as_module(deaf), x, label, around(attack), torch.Generator())
    np.testing.assert_array_equal(kept, X)
