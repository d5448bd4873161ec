"""Clipped sums of gradients, against one plain backward pass for each row."""

import copy
import warnings

import numpy as np
import pytest
import torch
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn
from torch.nn import functional

from sklearn_privfair.privacy._dp_clipping import (
    NoGhostError,
    ghost_sums,
    per_sample_sums,
    trainable,
    why_no_ghost,
)

N_ROWS = 7


def build(make, seed=0):
    """A module in float64, where sums in another order are equal to ten digits."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().double()


def dense():
    return nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 3))


def in_place():
    """The activation overwrites what the layer before it gave."""
    return nn.Sequential(nn.Linear(12, 9), nn.ReLU(inplace=True), nn.Linear(9, 3, bias=False))


def convolutions():
    return nn.Sequential(
        nn.Unflatten(1, (1, 3, 4)),
        nn.Conv2d(1, 4, 2, padding=1, stride=2),
        nn.GroupNorm(2, 4),
        nn.ELU(),
        nn.Flatten(),
        nn.LayerNorm(24),
        nn.Linear(24, 3),
    )


class Sequences(nn.Module):
    """Layers that see three vectors of a row, with weights in common."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 5), nn.Linear(15, 3)

    def forward(self, X):
        return self.outer(torch.tanh(self.inner(X.reshape(len(X), 3, 4))).flatten(1))


class Words(nn.Module):
    """Embeddings of whole numbers, some of them twice in a row."""

    def __init__(self):
        super().__init__()
        self.words, self.outer = nn.Embedding(5, 4), nn.Linear(4, 3)

    def forward(self, X):
        return self.outer(self.words((X * 10).long() % 5).mean(1))


class Frozen(nn.Module):
    """Some weights are not trained, one layer is never called, and two come to nothing."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(12, 5), nn.Linear(5, 3)
        self.idle, self.unused, self.cut = nn.Linear(2, 2), nn.Linear(12, 3), nn.Linear(12, 3)
        self.first.weight.requires_grad_(False)

    def forward(self, X):
        self.unused(X)
        with torch.no_grad():
            offset = self.cut(X)
        return self.last(torch.relu(self.first(X))) + offset


def one_output():
    return nn.Sequential(nn.Linear(12, 1), nn.Flatten(0))


class Tied(nn.Module):
    """One layer, called twice."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(12, 12), nn.Linear(12, 3)

    def forward(self, X):
        return self.outer(torch.tanh(self.inner(torch.tanh(self.inner(X)))))


class Aside(nn.Module):
    """A layer's weights are used a second time, outside of the layer."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(12, 3), nn.Linear(3, 3)

    def forward(self, X):
        return self.outer(self.inner(X)) + functional.linear(X, self.inner.weight)


class Bare(nn.Module):
    """A weight of no layer that is known."""

    def __init__(self):
        super().__init__()
        self.scale, self.linear = nn.Parameter(torch.ones(12)), nn.Linear(12, 3)

    def forward(self, X):
        return self.linear(X * self.scale)


class Folded(nn.Module):
    """A layer whose batch is not the rows."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 5), nn.Linear(15, 3)

    def forward(self, X):
        return self.outer(torch.tanh(self.inner(X.reshape(-1, 4))).reshape(-1, 15))


class Shrinking(NeuralNetClassifier):
    """A net whose loss has a penalty on its weights."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        penalty = sum(weight.square().sum() for weight in self.module_.parameters())
        return super().get_loss(y_pred, y_true, X=X, training=training) + 0.1 * penalty


KNOWN = [dense, in_place, convolutions, Sequences, Words, Frozen]
UNKNOWN = [Tied, Aside, Bare, Folded]
LOSSES = {
    "cross-entropy": {"criterion": nn.CrossEntropyLoss},
    "sum": {"criterion": nn.CrossEntropyLoss, "criterion__reduction": "sum"},
    "smoothed": {"criterion": nn.CrossEntropyLoss, "criterion__label_smoothing": 0.2},
    "weighted": {
        "criterion": nn.CrossEntropyLoss,
        "criterion__weight": torch.tensor([0.2, 1.0, 4.0], dtype=torch.float64),
    },
}


def net_of(module, cls=NeuralNetClassifier, **params):
    params = {"criterion": nn.CrossEntropyLoss, "train_split": None, "verbose": 0} | params
    net = cls(module, **params).initialize()
    net._set_training(True)
    return net


def rows(n=N_ROWS):
    rng = np.random.default_rng(0)
    return torch.tensor(rng.random((n, 12))), torch.tensor(rng.integers(3, size=n))


def plain(module, loss, x, y, largest):
    """Gradient of each row by itself, clipped, and their sum; the norms beside it."""
    module = copy.deepcopy(module)
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    total, norms = [torch.zeros_like(weight) for weight in weights], []
    for i in range(len(x)):
        module.zero_grad()
        loss(module(x[i : i + 1].clone()), y[i : i + 1]).backward()
        row = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        norms.append(torch.sqrt(sum((part**2).sum() for part in row)).item())
        for whole, part in zip(total, row, strict=True):
            whole += part * min(1.0, largest / norms[-1])
    return total, np.array(norms)


def check_equal(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.detach(), theirs, rtol=1e-9, atol=1e-12)


def middle(module, loss, x, y):
    """A norm that clips some rows and leaves others."""
    return float(np.median(plain(module, loss, x, y, 1.0)[1]))


@pytest.mark.parametrize("make", KNOWN)
def test_ghost(make):
    module, (x, y) = build(make), rows()
    largest = middle(module, functional.cross_entropy, x, y)
    expected, norms = plain(module, functional.cross_entropy, x, y, largest)
    assert 0 < (norms > largest).sum() < N_ROWS
    net = net_of(module)
    found, losses, answers = ghost_sums(net, x, y, largest)
    check_equal(found, expected)
    np.testing.assert_allclose(answers, module(x).detach())
    np.testing.assert_allclose(losses, functional.cross_entropy(answers, y, reduction="none"))
    assert why_no_ghost(net, x, y, largest) is None


@pytest.mark.parametrize("make", KNOWN + UNKNOWN)
def test_per_sample(make):
    module, (x, y) = build(make), rows()
    largest = middle(module, functional.cross_entropy, x, y)
    found, losses, answers = per_sample_sums(net_of(module), x, y, largest)
    check_equal(found, plain(module, functional.cross_entropy, x, y, largest)[0])
    np.testing.assert_allclose(answers, module(x).detach())
    np.testing.assert_allclose(losses, functional.cross_entropy(answers, y, reduction="none"))


@pytest.mark.parametrize("sums", [ghost_sums, per_sample_sums])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(sums, name):
    """A row's loss is the criterion's without reduction: weights of classes count as they are."""
    module, (x, y) = build(dense), rows()
    net = net_of(module, **LOSSES[name])
    settings = {k.removeprefix("criterion__"): v for k, v in LOSSES[name].items() if "__" in k}

    def loss(answer, label):
        return functional.cross_entropy(answer, label, **settings | {"reduction": "sum"})

    largest = middle(module, loss, x, y)
    check_equal(sums(net, x, y, largest)[0], plain(module, loss, x, y, largest)[0])
    assert net.criterion_.reduction == settings.get("reduction", "mean")


@pytest.mark.parametrize("sums", [ghost_sums, per_sample_sums])
def test_probabilities(sums):
    module, (x, y) = build(lambda: nn.Sequential(dense(), nn.Softmax(dim=1))), rows()
    largest = middle(module[0], functional.cross_entropy, x, y)
    net = net_of(module, criterion=nn.NLLLoss)
    check_equal(
        sums(net, x, y, largest)[0], plain(module[0], functional.cross_entropy, x, y, largest)[0]
    )


@pytest.mark.parametrize("sums", [ghost_sums, per_sample_sums])
def test_one_output(sums):
    module, (x, y) = build(one_output), rows()
    y = (y > 0).double()
    loss = functional.binary_cross_entropy_with_logits
    largest = middle(module, loss, x, y)
    net = net_of(module, NeuralNetBinaryClassifier, criterion=nn.BCEWithLogitsLoss)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sums(net, x, y, largest)[0]
    check_equal(found, plain(module, loss, x, y, largest)[0])


@pytest.mark.parametrize("sums", [ghost_sums, per_sample_sums])
def test_extremes(sums):
    """A large norm clips nothing; of a small one each row takes all."""
    module, (x, y) = build(dense), rows()
    net = net_of(module)
    free = sums(net, x, y, 1e6)[0]
    functional.cross_entropy(module(x), y, reduction="sum").backward()
    check_equal(free, [weight.grad for weight in module.parameters()])
    for i in range(N_ROWS):
        one = sums(net, x[i : i + 1], y[i : i + 1], 1e-3)[0]
        assert torch.cat([part.flatten() for part in one]).norm() == pytest.approx(1e-3)


@pytest.mark.parametrize("make", UNKNOWN)
def test_what_escapes_the_rules_is_told(make):
    module, (x, y) = build(make), rows()
    assert why_no_ghost(net_of(module), x, y, 0.5) is not None


def test_a_penalty_in_the_loss_escapes_the_rules():
    module, (x, y) = build(dense), rows()

    def loss(answer, label):
        penalty = sum(weight.square().sum() for weight in net.module_.parameters())
        return functional.cross_entropy(answer, label) + 0.1 * penalty

    net = net_of(module, Shrinking)
    assert "plain differentiation" in why_no_ghost(net, x, y, 0.5)
    found = per_sample_sums(net, x, y, 1e6)[0]  # row by row it is seen
    total = sum(loss(module(x[i : i + 1]), y[i : i + 1]) for i in range(N_ROWS))
    check_equal(found, torch.autograd.grad(total, trainable(net)))


def test_dropout_is_the_same_for_norm_and_sum():
    """The judge draws the same units, or it would find fault with any net that drops some."""
    module = build(lambda: nn.Sequential(nn.Linear(12, 40), nn.Dropout(0.5), nn.Linear(40, 3)))
    x, y = rows()
    assert why_no_ghost(net_of(module), x, y, 0.1) is None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = per_sample_sums(net_of(module), x[:1].expand(50, 12), y[:1].expand(50), 1e6)
    assert len(torch.unique(found[1])) > 40  # each row has its own


def test_two_steps_of_a_recurrent_net():
    layers = pytest.importorskip("opacus.layers")

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.outer = layers.DPGRU(4, 5, batch_first=True), nn.Linear(5, 3)

        def forward(self, X):
            return self.outer(self.cell(X.reshape(-1, 3, 4))[0][:, -1])

    module, (x, y) = build(Recurrent), rows()
    net = net_of(module)
    with pytest.raises(NoGhostError):
        ghost_sums(net, x, y, 0.1)
    found = per_sample_sums(net, x, y, 0.1)[0]
    check_equal(found, plain(module, functional.cross_entropy, x, y, 0.1)[0])


def test_as_opacus_has_it():
    """Its own wrappers of module, loss and optimizer, up to the 1e-6 that it adds to norms."""
    from opacus.grad_sample import GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    module, (x, y) = build(convolutions), rows()
    found = ghost_sums(net_of(copy.deepcopy(module)), x, y, 0.5)[0]
    wrapped = GradSampleModuleFastGradientClipping(module, max_grad_norm=0.5)
    optimizer = DPOptimizerFastGradientClipping(
        torch.optim.SGD(wrapped.parameters(), lr=0.1),
        noise_multiplier=0.0,
        max_grad_norm=0.5,
        expected_batch_size=N_ROWS,
    )
    loss = DPLossFastGradientClipping(wrapped, optimizer, nn.CrossEntropyLoss())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch on hooks of inputs without gradients
        loss(wrapped(x), y).backward()
    for ours, weight in zip(found, module.parameters(), strict=True):
        np.testing.assert_allclose(ours, weight.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sums", [ghost_sums, per_sample_sums])
def test_gradients_without_end(sums):
    x, y = rows()
    x[2] = 1e300
    with pytest.raises(ValueError, match="not finite"):
        sums(net_of(build(dense)), x * 1e10, y, 1.0)
