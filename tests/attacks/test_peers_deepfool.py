"""DeepFool against Foolbox's: the plain algorithm row by row, the default nearer."""

import numpy as np
import pytest
import torch

from sklearn_privfair.attacks import DeepFoolAttack

from ._harness import cnn, image_rows, mlp, predict, rows

NAMES = {2: "l2", np.inf: "linf"}
NORMS = list(NAMES)


def foolbox_rows(net, X, norm, bounds):
    foolbox = pytest.importorskip("foolbox")
    kind = {2: "L2DeepFoolAttack", np.inf: "LinfDeepFoolAttack"}[norm]
    attack = getattr(foolbox.attacks, kind)(steps=50, candidates=10, overshoot=0.02, loss="logits")
    model = foolbox.PyTorchModel(net, bounds=bounds)
    x, label = torch.tensor(X), torch.tensor(predict(net, X))
    return attack(model, x, label, epsilons=None)[1].detach().numpy()


def length(delta, norm):
    return np.linalg.norm(delta.reshape(len(delta), -1), ord=norm, axis=1)


@pytest.mark.parametrize("norm", NORMS)
def test_the_plain_algorithm_row_by_row(norm):
    net, X = mlp(n_in=37), rows(d=37)
    peer = foolbox_rows(net, X, norm, (-100, 100))
    plain = {"refinement": None, "n_candidates": None, "n_polish_steps": 0}
    result = DeepFoolAttack(norm=norm, bounds=None, **plain).fit(net).generate(X)
    turned = predict(net, peer) != predict(net, X)
    np.testing.assert_array_equal(result.success, turned)
    ours, theirs = length(result.X_adv - X, norm), length(peer - X, norm)
    # the same steps, but that Foolbox lengthens each by 0.0001 so as not to stop on the boundary
    assert np.isclose(ours, theirs, rtol=0.005, atol=5e-4).mean() > 0.97
    assert (length(result.X_adv - peer, norm) < 0.01 * theirs + 5e-4).mean() > 0.97


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("case", ["mlp", "cnn"])
def test_the_default_finds_nearer_rows(case, norm):
    if case == "mlp":
        net, X = mlp(n_in=37), rows(d=37)
    else:
        net, X = cnn(), image_rows()
        # only rows at which the net has a slope: both need one
        x = torch.tensor(X, requires_grad=True)
        (slope,) = torch.autograd.grad(net(x).sum(), x)
        X = X[(slope.flatten(1).abs().amax(1) > 0).numpy()]
    peer = foolbox_rows(net, X, norm, (0, 1))
    result = DeepFoolAttack(norm=norm).fit(net).generate(X)
    turned = predict(net, peer) != predict(net, X)
    assert result.success[turned].mean() >= 0.98
    both = turned & result.success
    ours, theirs = result.distance[NAMES[norm]][both], length(peer - X, norm)[both]
    assert ours.mean() < 0.99 * theirs.mean()
    assert (ours <= 1.02 * theirs).mean() > 0.85
