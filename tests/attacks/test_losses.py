"""Losses against values by hand, torch's cross-entropy, and the formulas of their papers."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from sklearn_privfair.attacks import FGSMAttack, PGDAttack
from sklearn_privfair.attacks._losses import LOSSES, check_classes, dlr, log_odds, margin

LOGITS = torch.tensor([[1.0, 4.0, 2.0, -1.0], [3.0, 0.5, 2.5, 3.5]], dtype=torch.float64)
LABEL, TARGET = torch.tensor([1, 0]), torch.tensor([3, 2])


def gradient(loss, logits, *args):
    logits = logits.detach().clone().requires_grad_()
    values = loss(logits, *args)
    return values.detach(), torch.autograd.grad(values.sum(), logits)[0]


def random_logits(n=200, n_classes=6):
    rng = np.random.default_rng(0)
    logits = torch.tensor(rng.normal(size=(n, n_classes)) * 3)
    label = torch.tensor(rng.integers(n_classes, size=n))
    return logits, label, (label + 1 + torch.tensor(rng.integers(n_classes - 1, size=n))) % 6


def test_margin_by_hand():
    assert margin(LOGITS, LABEL).tolist() == [-2, 0.5]
    assert margin(LOGITS, LABEL, TARGET).tolist() == [-5, -1]
    assert margin(torch.tensor([[2.0, 2.0]]), torch.tensor([0])).tolist() == [0]


def test_margin_is_positive_exactly_for_adversarial_rows():
    logits, label, target = random_logits()
    predicted = logits.argmax(1)
    assert torch.equal(margin(logits, label) > 0, predicted != label)
    assert torch.equal(margin(logits, label, target) > 0, predicted == target)


@pytest.mark.parametrize("targeted", [False, True])
def test_log_odds_is_cross_entropy(targeted):
    """Its softplus is the cross-entropy of the label (less that of the target)."""
    logits, label, target = random_logits()
    if targeted:
        ce = functional.cross_entropy(logits, target, reduction="none")
        values, ours = gradient(log_odds, logits, label, target)
        np.testing.assert_allclose(functional.softplus(-values), ce)
        theirs = -gradient(functional.cross_entropy, logits, target)[1]
    else:
        ce = functional.cross_entropy(logits, label, reduction="none")
        values, ours = gradient(log_odds, logits, label)
        np.testing.assert_allclose(functional.softplus(values), ce)
        theirs = gradient(functional.cross_entropy, logits, label)[1]
    cosine = functional.cosine_similarity(ours, theirs)  # parallel, and the same way
    np.testing.assert_allclose(cosine, 1, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("targeted", [False, True])
def test_log_odds_does_not_vanish_where_the_net_is_sure(targeted, dtype):
    """The cross-entropy's gradient is exactly zero at these logits."""
    logits = torch.tensor([[2000.0, 0.0, -1.0]], dtype=dtype)
    sure = torch.tensor([0])
    args = (torch.tensor([1]), sure) if targeted else (sure,)
    assert not gradient(functional.cross_entropy, logits, sure)[1].any()
    values, slope = gradient(log_odds, logits, *args)
    assert values.isfinite().all()
    assert slope[0, 0] == (1 if targeted else -1)
    np.testing.assert_allclose(slope.abs().sum(), 2, rtol=1e-6)


def test_dlr_by_its_formula():
    """Croce & Hein (2020), equations 6 and 7, row by row."""
    logits, label, target = random_logits()
    for z, y, t, plain, aimed in zip(
        logits, label, target, dlr(logits, label), dlr(logits, label, target), strict=True
    ):
        top = sorted(z.tolist(), reverse=True)
        best_other = max(v for i, v in enumerate(z.tolist()) if i != y)
        np.testing.assert_allclose(plain, -(z[y] - best_other) / (top[0] - top[2]))
        expected = -(z[y] - z[t]) / (top[0] - (top[2] + top[3]) / 2)
        np.testing.assert_allclose(aimed, expected)


@pytest.mark.parametrize("targeted", [False, True])
def test_dlr_does_not_know_scale_and_shift(targeted):
    logits, label, target = random_logits()
    args = (label, target) if targeted else (label,)
    np.testing.assert_allclose(dlr(1000 * logits + 7, *args), dlr(logits, *args), rtol=1e-9)


def test_dlr_of_equal_logits_is_finite():
    values, slope = gradient(dlr, torch.zeros(1, 5), torch.tensor([2]))
    assert values.isfinite().all()
    assert slope.isfinite().all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("targeted", [False, True])
def test_larger_is_more_adversarial(loss, targeted):
    """Up the gradient the margin rises: from rows classified right, towards the second class."""
    logits = random_logits()[0]
    label, second = logits.topk(2, dim=1).indices.unbind(1)
    args = (label, second) if targeted else (label,)
    slope = gradient(LOSSES[loss], logits, *args)[1]
    step = 1e-6 * slope / slope.norm(dim=1, keepdim=True)
    assert (margin(logits + step, *args) > margin(logits, *args)).all()


@pytest.mark.parametrize(
    ("loss", "n_classes", "targeted"), [("dlr", 2, False), ("dlr", 3, True), ("margin", 1, False)]
)
def test_too_few_classes(loss, n_classes, targeted):
    with pytest.raises(ValueError, match=rf"loss='{loss}' .*has {n_classes}.*loss='margin' or"):
        check_classes(loss, n_classes, targeted)


@pytest.mark.parametrize("n_classes", [3, 4, 10])
def test_enough_classes(n_classes):
    check_classes("dlr", n_classes, False)
    check_classes("ce", 2, True)
    check_classes("dlr", n_classes + 1, True)


@pytest.mark.parametrize("cls", [PGDAttack, FGSMAttack])
@pytest.mark.parametrize(("n_classes", "target"), [(2, None), (3, 1)])
def test_attacks_refuse_dlr_of_too_few_classes(cls, n_classes, target):
    torch.manual_seed(0)
    net = torch.nn.Linear(4, n_classes)
    X = np.random.default_rng(0).random((6, 4)).astype(np.float32)
    attack = cls(loss="dlr", target=target).fit(net)
    y = net(torch.tensor(X)).argmax(1).numpy()
    if target is not None:
        X, y = X[y != target], y[y != target]
    with pytest.raises(ValueError, match=rf"loss='dlr' needs at least .*has {n_classes}"):
        attack.transform(X, y)
    assert attack.set_params(loss="margin").transform(X, y).shape == X.shape
