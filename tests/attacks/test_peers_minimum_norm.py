"""DDN and FMN against Foolbox's and adv-lib's: as near or nearer, row by row, in no more passes."""

import importlib
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_privfair.attacks import DDNAttack, FMNAttack

from ._harness import cnn, image_rows, mlp, predict, rows

NAMES = {0: "l0", 1: "l1", 2: "l2", np.inf: "linf"}
N_STEPS = 100


class Foolbox:
    """Foolbox, whose attacks raise where it is not installed."""

    def __init__(self):
        self.attacks = pytest.importorskip("foolbox").attacks

    def __call__(self, attack, net, x, label):
        import foolbox

        model = foolbox.PyTorchModel(net, bounds=(0, 1))
        return attack(steps=N_STEPS)(model, x, label, epsilons=None)[1]

    def ddn(self, net, x, label):
        return self(self.attacks.DDNAttack, net, x, label)

    def fmn(self, net, x, label, norm):
        name = {0: "L0FMNAttack", 1: "L1FMNAttack", 2: "L2FMNAttack", np.inf: "LInfFMNAttack"}
        return self(getattr(self.attacks, name[norm]), net, x, label)


class AdvLib:
    """adv-lib's single files: the package asks for a server of plots and all of torchvision."""

    def __init__(self, monkeypatch):
        if (found := importlib.util.find_spec("adv_lib")) is None:
            pytest.skip("adv-lib is not installed")
        for name in ("adv_lib", "adv_lib.attacks", "adv_lib.utils"):
            package = types.ModuleType(name)
            package.__path__ = [str(Path(found.origin).parent.joinpath(*name.split(".")[1:]))]
            monkeypatch.setitem(sys.modules, name, package)
        logger = types.ModuleType("adv_lib.utils.visdom_logger")
        logger.VisdomLogger = object
        monkeypatch.setitem(sys.modules, logger.__name__, logger)

    def _load(self, module):
        return importlib.import_module(f"adv_lib.attacks.{module}")

    def ddn(self, net, x, label):
        attack = self._load("decoupled_direction_norm").ddn
        return attack(net, x, label, steps=N_STEPS, levels=None)

    def fmn(self, net, x, label, norm):
        return self._load("fast_minimum_norm").fmn(net, x, label, norm=norm, steps=N_STEPS)


pytestmark = pytest.mark.filterwarnings("ignore:distutils")  # by adv-lib


@pytest.fixture(params=["foolbox", "adv-lib"])
def peer(request, monkeypatch):
    return Foolbox() if request.param == "foolbox" else AdvLib(monkeypatch)


@pytest.fixture(params=["mlp", "cnn"])
def case(request):
    if request.param == "mlp":
        return mlp(nn.ReLU), rows(80)
    return cnn(), image_rows(80)


def compare(case, attack, theirs, norm):
    """Success and distance of both, judged alike: by the model, in float64."""
    net, X = case
    label = predict(net, X)
    torch.manual_seed(0)
    try:
        adversarial = theirs(net, torch.tensor(X), torch.tensor(label)).detach().numpy()
    except IndexError as reason:
        if norm != 0:  # Foolbox's l0 ball may hold more features than there are
            raise
        pytest.skip(f"the peer fails: {reason}")
    flat = (adversarial.astype(np.float64) - X).reshape(len(X), -1)
    success = predict(net, adversarial) != label
    distance = np.where(success, np.linalg.norm(flat, ord=norm, axis=1), np.inf)
    result = attack.set_params(bounds=(0, 1), random_state=0).fit(net).generate(X, label)
    assert result.success[success].all()  # what the peer finds is found
    assert result.n_forward.max() <= N_STEPS
    both = success & (distance > 0)
    ours, theirs = result.distance[NAMES[norm]][both], distance[both]
    assert np.median(ours / theirs) <= 1 + 1e-4
    assert ours.mean() <= 1.01 * theirs.mean()


def test_ddn(peer, case):
    compare(case, DDNAttack(), peer.ddn, 2)


@pytest.mark.parametrize("norm", [0, 1, 2, np.inf])
def test_fmn(peer, case, norm):
    compare(case, FMNAttack(norm=norm), lambda *a: peer.fmn(*a, norm), norm)
