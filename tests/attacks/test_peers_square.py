"""Square attack against the reference implementation of its authors (pyautoattack)."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_privfair.attacks import SquareAttack
from sklearn_privfair.attacks._square_images import twin_pyramids

from ._harness import cnn, image_rows

square = pytest.importorskip("pyautoattack.square")

NAMES = {1: "L1", 2: "L2", np.inf: "Linf"}
N_QUERIES = 100
SEEDS = range(5)


def reference(norm, eps, net, **params):
    attack = square.SquareAttack(net, norm=NAMES[norm], n_queries=N_QUERIES, eps=eps, **params)
    attack.init_hyperparam(torch.zeros(1, 1, 7, 7))
    return attack


@pytest.mark.parametrize("norm", [1, 2])
@pytest.mark.parametrize("side", [1, 3, 4, 7, 16])
def test_pyramids(norm, side):
    attack = reference(norm, 1.0, None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        patterns = {tuple(attack.eta(side).flatten().tolist()) for _ in range(20)}
    ours = twin_pyramids(side, norm)
    turned = [np.reshape(pattern, (side, side)) for pattern in patterns]
    for pattern in turned:
        assert any(np.allclose(pattern, p, atol=1e-6) for p in (ours, ours.T))
    assert len(turned) == 2 - (side == 1)


@pytest.mark.parametrize("rescaled", [True, False])
def test_schedule(rescaled):
    attack = reference(2, 1.0, None, resc_schedule=rescaled)
    ours = SquareAttack(n_queries=N_QUERIES)
    for step in (*range(N_QUERIES), 300, 700, 1500, 3000, 5000, 7000, 9000):
        assert ours._share(step, rescaled) == pytest.approx(attack.p_selection(step))


@pytest.mark.parametrize(("norm", "eps"), [(np.inf, 0.03), (2, 0.2), (1, 0.8)])
def test_the_same_rows_within_the_noise_of_seeds(norm, eps):
    """Success and questions asked, of several seeds of both.

    The reference asks about some points again; ours has found no fewer rows, by no more questions.
    """
    net, x = cnn(nn.Tanh).eval(), image_rows(120)
    rows, label = torch.tensor(x), net(torch.tensor(x)).argmax(1)
    theirs, ours = [], []
    for seed in SEEDS:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            queries, found = reference(norm, eps, net).attack_single_run(rows, label)
        turned = net(found).argmax(1) != label
        theirs.append((turned.float().mean().item(), queries.mean().item()))
        attack = SquareAttack(norm=norm, eps=eps, n_queries=N_QUERIES + 3, random_state=seed)
        result = attack.fit(net).generate(x)
        ours.append((result.success.mean(), result.n_forward.mean()))
    assert 0.3 < np.mean(theirs, axis=0)[0] < 0.9, theirs
    noise = np.sqrt(np.var(theirs, axis=0) + np.var(ours, axis=0)) / np.sqrt(len(SEEDS))
    lack, delay = (np.mean(theirs, axis=0) - np.mean(ours, axis=0)) * [1, -1]
    assert lack < 3 * noise[0] + 0.01
    assert delay < 3 * noise[1] + 1
