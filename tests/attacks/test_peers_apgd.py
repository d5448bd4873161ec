"""APGDAttack against the authors' reference implementation."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from sklearn_privfair.attacks import APGDAttack

from ._climbing import climb
from ._harness import mlp, rows, seeded

peer = pytest.importorskip("pyautoattack.autopgd_base")
pytestmark = pytest.mark.filterwarnings("ignore:there are .* points with zero gradient")

NAMES = {np.inf: "Linf", 2: "L2", 1: "L1"}


@contextmanager
def doubles():
    """Let the reference keep its books in double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class Seen(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net, self.points = net, []

    def forward(self, x):
        self.points.append(x.detach().clone())
        return self.net(x)


@pytest.mark.parametrize("loss", ["ce", "dlr", "dlr_targeted"])
@pytest.mark.parametrize("norm", [np.inf, 2])
def test_step_by_step(norm, loss):
    """From the same start, every point of every row; where l2 meets no bound: we project better."""
    net = mlp(nn.Tanh, n_in=20, n_out=6).double()
    x = torch.as_tensor(rows(64, 20, dtype=np.float64))
    x = 0.3 + 0.4 * x if norm == 2 else x
    label, eps = net(x).argmax(1), {np.inf: 0.06, 2: 0.1}[norm]
    attack = APGDAttack(norm=norm, eps=eps, loss=loss, n_full_runs=None, n_target_classes=3)
    points, _ = climb(attack, net, x, label)
    if loss == "dlr_targeted":
        runs = points[1:].unflatten(0, (3, 102))[:, :-1]
        order = net(x).argsort(dim=1, descending=True)[:, 1:]
    else:
        runs = points[None]
    for turn, ours in enumerate(runs):
        seen = Seen(net)
        common = {"norm": NAMES[norm], "eps": eps, "n_iter": 100, "device": "cpu"}
        if loss == "dlr_targeted":
            reference = peer.APGDAttack_targeted(seen, **common)
            reference.y_target = order[:, turn]
        else:
            reference = peer.APGDAttack(seen, loss=loss, **common)
        reference.init_hyperparam(x)
        with doubles():
            reference.attack_single_run(x, label, x_init=ours[0])
        theirs = torch.stack(seen.points)
        assert ours.shape == theirs.shape == (101, 64, 20)
        # what follows success is no matter: there the gradient of dlr is rounding alone
        turned = torch.stack([net(at).argmax(1) != label for at in theirs]).int()
        before = turned.cumsum(0) - turned == 0
        same = torch.isclose(ours, theirs, rtol=0, atol=1e-6).all(2) | ~before
        assert same.all(0).double().mean() >= 0.95
        assert 0 < turned.any(0).sum() < 64


@pytest.fixture(scope="module")
def digits():
    """A small net trained on the digits, and 100 rows of them."""
    X, y = load_digits(return_X_y=True)
    X = torch.as_tensor(X / 16, dtype=torch.float32)
    y = torch.as_tensor(y)
    net = seeded(lambda: nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10)))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(X[300:]), y[300:]).backward()
        optimizer.step()
    return net, X[:100], y[:100]


@pytest.mark.parametrize(
    ("norm", "loss"),
    [(np.inf, "ce"), (2, "dlr"), (1, "ce"), (np.inf, "dlr_targeted"), (1, "dlr_targeted")],
)
def test_robust_accuracy(digits, norm, loss):
    """As few rows hold, within what a seed may do; with the classes screened, too."""
    net, X, y = digits
    eps = {np.inf: 0.08, 2: 0.5, 1: 0.8}[norm]
    common = {"norm": NAMES[norm], "eps": eps, "n_iter": 50, "device": "cpu", "seed": 0}
    common["use_largereps"] = norm == 1
    if loss == "dlr_targeted":
        reference = peer.APGDAttack_targeted(net, **common)
    else:
        reference = peer.APGDAttack(net, loss=loss, **common)
    correct = net(X).argmax(1) == y
    theirs = (net(reference.perturb(X[correct], y[correct])).argmax(1) == y[correct]).sum().item()
    assert 0.1 * len(X) < theirs < 0.9 * len(X)
    attack = APGDAttack(norm=norm, eps=eps, loss=loss, n_steps=50, bounds=(0, 1), random_state=0)
    attack.fit(net)
    for n_full_runs in (3, None):
        result = attack.set_params(n_full_runs=n_full_runs).generate(X.numpy(), y.numpy())
        assert (~result.success & result.attacked).sum() <= theirs + 3
