"""HopSkipJump against the implementations of Foolbox and ART, for as many questions."""

import numpy as np
import pytest
import torch

from sklearn_privfair.attacks import HopSkipJumpAttack

from ._harness import cnn, image_rows

NAMES = {2: "l2", np.inf: "linf"}


class Counting(torch.nn.Module):
    """A net that counts the rows that it is asked about."""

    def __init__(self, net):
        super().__init__()
        self.net, self.n_asked = net, 0

    def forward(self, x):
        self.n_asked += len(x)
        with torch.no_grad():
            return self.net(x.float())


@pytest.fixture
def net():
    return Counting(cnn()).eval()


@pytest.fixture
def X():
    return image_rows(n=20)


def distances(net, X, X_adv, norm):
    clean, moved = (net.net(torch.as_tensor(x)).argmax(1).numpy() for x in (X, X_adv))
    length = np.linalg.norm((X_adv - X).reshape(len(X), -1), ord=norm, axis=1)
    return np.where(clean != moved, length, np.inf)


def assert_not_worse(net, X, theirs, norm):
    n_queries = int(net.n_asked / len(X))
    attack = HopSkipJumpAttack(norm=norm, n_queries=n_queries, random_state=0).fit(net.net)
    result = attack.generate(X)
    assert (result.n_forward + 2 <= n_queries).all()
    ours = result.distance[NAMES[norm]]
    np.testing.assert_allclose(ours, distances(net, X, result.X_adv, norm), rtol=1e-5)
    assert np.median(ours) <= 1.02 * np.median(theirs)
    assert ours[np.isfinite(theirs)].mean() <= 1.02 * theirs[np.isfinite(theirs)].mean()


@pytest.mark.parametrize("steps", [4, 12])
@pytest.mark.parametrize("norm", list(NAMES))
def test_foolbox(net, X, norm, steps):
    foolbox = pytest.importorskip("foolbox")
    model = foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")
    labels = net.net(torch.as_tensor(X)).argmax(1)
    attack = foolbox.attacks.HopSkipJumpAttack(steps=steps, constraint=NAMES[norm])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        X_adv = attack.run(model, torch.as_tensor(X), labels).numpy()
    assert_not_worse(net, X, distances(net, X, X_adv, norm), norm)


@pytest.mark.parametrize("max_iter", [5, 13])
@pytest.mark.parametrize("norm", list(NAMES))
def test_art(net, X, norm, max_iter):
    evasion = pytest.importorskip("art.attacks.evasion")
    classification = pytest.importorskip("art.estimators.classification")
    loss = torch.nn.CrossEntropyLoss()
    model = classification.PyTorchClassifier(net, loss, X.shape[1:], 4, clip_values=(0, 1))
    attack = evasion.HopSkipJump(model, norm=norm, max_iter=max_iter, batch_size=512, verbose=False)
    np.random.seed(0)  # noqa: NPY002
    theirs = distances(net, X, attack.generate(X), norm)
    assert_not_worse(net, X, theirs, norm)
