"""FAB against the code of the paper's authors: projections, distances, rows within a budget."""

import numpy as np
import pytest
import torch

from sklearn_privfair.attacks import FABAttack
from sklearn_privfair.attacks._hyperplane import project_on_plane

from ._harness import mlp, predict, rows

KINDS = {1: "L1", 2: "L2", np.inf: "Linf"}
NORMS = list(KINDS)
N_STEPS = 60


@pytest.mark.parametrize("norm", NORMS)
def test_projections(norm):
    """Onto hyperplanes within the unit box, from either side, reachable and not."""
    peer = pytest.importorskip("pyautoattack.fab_projections")
    generator = torch.Generator().manual_seed(0)
    double = {"dtype": torch.float64, "generator": generator}
    normal = torch.randn(200, 37, **double)
    x = (torch.rand(200, 37, **double) * 1.6 - 0.3).clamp(0, 1)  # some at their bounds
    gain = torch.linspace(-16, 16, 200, dtype=torch.float64)
    offset = (normal * x).sum(1) + gain
    step, reached = project_on_plane(normal, gain, -x, 1 - x, norm)
    project = getattr(peer, f"projection_{KINDS[norm].lower()}")
    expected = project(x.clone(), normal.clone(), offset.clone())
    length, theirs = (torch.linalg.vector_norm(d, norm, dim=1) for d in (step, expected))
    assert 50 < reached.sum() < 190
    np.testing.assert_allclose(length, theirs, rtol=1e-9)
    np.testing.assert_allclose((normal * step).sum(1)[reached], gain[reached])


class Counted(torch.nn.Module):
    """Counts the rows that go forward and those that come back."""

    def __init__(self, net):
        super().__init__()
        self.net, self.n_forward, self.n_backward = net, 0, 0

    def forward(self, x):
        self.n_forward += len(x)
        logits = self.net(x)
        if logits.requires_grad:
            logits.register_hook(self._note)
        return logits

    def _note(self, gradient):
        self.n_backward += len(gradient)


def peer_rows(net, X, norm, eps, **params):
    peer = pytest.importorskip("pyautoattack.fab_pt")
    settings = {"norm": KINDS[norm], "n_iter": N_STEPS, "eps": eps, "device": "cpu"}
    attack = peer.FABAttack_PT(net, **settings, **params)
    x, label = torch.tensor(X), torch.tensor(predict(net, X))
    return attack.perturb(x, label).detach().numpy()


def length(delta, norm):
    return np.linalg.norm(delta.reshape(len(delta), -1), ord=norm, axis=1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", [torch.nn.ReLU, torch.nn.Tanh])
def test_distances(norm, activation):
    net, X = mlp(activation, n_in=37), rows(d=37)
    counted = Counted(net)
    peer = peer_rows(counted, X, norm, 1e6)
    attack = FABAttack(norm=norm, n_steps=N_STEPS - 10, n_candidates=None)
    result = attack.fit(net).generate(X)
    turned = predict(net, peer) != predict(net, X)
    assert result.success[turned].all()
    ours = result.distance["l1" if norm == 1 else "l2" if norm == 2 else "linf"][turned]
    theirs = length(peer - X, norm)[turned]
    assert ours.mean() <= 1.005 * theirs.mean()
    assert (ours < 1.02 * theirs).mean() > 0.9  # row by row
    assert result.n_forward.sum() <= 0.6 * counted.n_forward
    assert result.n_backward.sum() <= counted.n_backward


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("aimed", [False, True])
def test_within_a_budget(norm, aimed):
    net, X = mlp(n_in=37), rows(d=37)
    exact = FABAttack(norm=norm).fit(net).generate(X)
    name = {1: "l1", 2: "l2", np.inf: "linf"}[norm]
    eps = float(np.median(exact.distance[name]))
    counted = Counted(net)
    peer = peer_rows(counted, X, norm, eps, targeted=aimed, n_target_classes=2)
    how = {"n_target_classes": 2} if aimed else {"n_candidates": None}
    result = FABAttack(norm=norm, eps=eps, n_steps=N_STEPS, **how).fit(net).generate(X)
    turned = (predict(net, peer) != predict(net, X)) & (length(peer - X, norm) <= eps)
    assert result.success.mean() >= turned.mean() - 0.03
    assert (result.success == turned).mean() > 0.9
    assert result.n_forward.sum() <= 0.7 * counted.n_forward
