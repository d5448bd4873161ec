"""TRADES and MART against plain loops and their papers' formulas; whose criterion will do."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn
from torch.nn import functional

from sklearn_privfair.attacks import CWL2Attack, FGSMAttack
from sklearn_privfair.attacks._training import Surroundings, perturb
from sklearn_privfair.defences import AdversarialTrainingClassifier
from sklearn_privfair.defences._robust_losses import mart_loss, trades_loss
from sklearn_privfair.differentiable import as_module
from sklearn_privfair.differentiable._net_answers import log_proba

from ._harness import Witness, data, make_attack, make_net, seeded_module, weights

X, Y = data()


@pytest.fixture
def double():
    """In float64 no sign of a gradient hangs on rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def initialized(**params):
    net = make_net(seeded_module(), **params)
    with torch.random.fork_rng():
        return net.initialize()


def batch(n=12):
    x, y = torch.as_tensor(X[:n]), torch.as_tensor(Y[:n])
    return x, x + 0.05 * torch.sin(torch.arange(x.numel())).reshape(x.shape), y


def test_trades_is_the_papers_sum():
    net, (x, x_adv, y) = initialized(), batch()
    loss, answer = trades_loss(net, x, x_adv, y, 6.0)
    p, q = (net.module_(rows).softmax(1) for rows in (x, x_adv))
    natural = -p[torch.arange(12), y].log().mean()
    divergence = (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(loss, natural + 6.0 * divergence)
    torch.testing.assert_close(answer.softmax(1), q)


def test_trades_takes_rows_without_labels_in_its_second_term_alone():
    net, (x, x_adv, y) = initialized(), batch()
    loss, answer = trades_loss(net, x, x_adv, y[:5], 2.0)
    p, q = (net.module_(rows).softmax(1) for rows in (x, x_adv))
    natural = -p[torch.arange(5), y[:5]].log().mean()
    torch.testing.assert_close(loss, natural + 2.0 * (p * (p / q).log()).sum(1).mean())
    assert len(answer) == 5


def test_mart_is_the_papers_sum():
    net, (x, x_adv, y) = initialized(), batch()
    loss, _ = mart_loss(net, x, x_adv, y, 5.0)
    p, q = (net.module_(rows).softmax(1) for rows in (x, x_adv))
    expected = 0.0
    for i in range(12):
        others = [q[i, k] for k in range(3) if k != y[i]]
        boosted = -q[i, y[i]].log() - (1 - max(others)).log()
        divergence = (p[i] * (p[i] / q[i]).log()).sum()
        expected += (boosted + 5.0 * divergence * (1 - p[i, y[i]])) / 12
    torch.testing.assert_close(loss, expected)


def test_trades_is_the_plain_loop(double):
    """The attack drives the divergence, from points drawn as the attack draws them."""
    rows, labels = data(dtype=np.float64)
    module = seeded_module()
    net = make_net(copy.deepcopy(module), max_epochs=2)
    starts = []

    attack = make_attack(random_start=True)
    original = torch.Tensor.uniform_

    def noted(self, *args, **kwargs):
        out = original(self, *args, **kwargs)
        starts.append(out.clone())
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "uniform_", noted)
        defence = AdversarialTrainingClassifier(
            net, attack, loss="trades", beta=3.0, random_state=0
        ).fit(rows, labels)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    x_all, y_all = torch.as_tensor(rows), torch.as_tensor(labels)
    starts = [start for start in starts if start.shape[1:] == (4,)]
    before, losses = weights(module), []
    for epoch in range(2):
        total = 0.0
        for turn, begin in enumerate(range(0, 90, 20)):
            x, y = x_all[begin : begin + 20], y_all[begin : begin + 20]
            clean = functional.log_softmax(module(x), 1).detach()
            start = starts[epoch * 5 + turn][: len(x)]
            x_adv = (x + 0.1 * (2 * start - 1)).clamp(0, 1)
            for _ in range(4):
                x_adv = x_adv.detach().requires_grad_()
                after = functional.log_softmax(module(x_adv), 1)
                (clean.exp() * (clean - after)).sum().backward()
                x_adv = torch.clamp(x_adv + 0.04 * x_adv.grad.sign(), x - 0.1, x + 0.1).clamp(0, 1)
            optimizer.zero_grad()
            p, q = (functional.log_softmax(module(z), 1) for z in (x, x_adv.detach()))
            loss = functional.nll_loss(p, y) + 3.0 * (p.exp() * (p - q)).sum(1).mean()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        losses.append(total / 90)
    assert np.abs(weights(module) - before).max() > 0.1
    np.testing.assert_allclose(defence.history_["train_loss"], losses, rtol=1e-7)
    np.testing.assert_allclose(weights(defence.estimator_), weights(module), atol=1e-7)


def divergence(defence, rows=slice(None)):
    """Give how far the answers move at most within the ball, as the attack finds it."""
    module, attack = as_module(defence), make_attack(random_start=True, n_steps=20)
    x, y = torch.as_tensor(X[rows]), torch.as_tensor(Y[rows])
    around = Surroundings(attack, X, None)
    generator = torch.Generator().manual_seed(0)
    x_adv = perturb(attack, module, x, y, around, generator, diverging=True)
    p, q = (functional.log_softmax(module(z), 1) for z in (x, x_adv))
    return functional.kl_div(q, p, reduction="batchmean", log_target=True).item()


def test_robustness_is_bought_with_beta():
    """With a larger weight of the divergence, answers move less within the ball."""
    moved = []
    for beta in (0.0, 20.0):
        net = make_net(module__n_hidden=16, max_epochs=60, lr=0.2, iterator_train__shuffle=True)
        attack = make_attack(random_start=True)
        defence = AdversarialTrainingClassifier(
            net, attack, loss="trades", beta=beta, random_state=0
        )
        defence.fit(X, Y)
        moved.append(divergence(defence))
        assert defence.score(X, Y) > 0.5
    assert moved[1] < 0.8 * moved[0]


class Probabilities(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x).softmax(1)


class OneOutput(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 1)

    def forward(self, x):
        return self.linear(x).squeeze(1)


@pytest.mark.parametrize(
    "net",
    [
        NeuralNetClassifier(Probabilities),
        NeuralNetClassifier(Probabilities, criterion=nn.NLLLoss),
        make_net(),
        NeuralNetBinaryClassifier(OneOutput),
    ],
)
def test_distributions_are_those_that_the_net_predicts(net):
    with torch.random.fork_rng():
        net = net.initialize()
    expected = net.predict_proba(X)
    ours = log_proba(net, net.infer(torch.as_tensor(X))).exp()
    np.testing.assert_allclose(ours.detach(), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", ["trades", "mart"])
@pytest.mark.parametrize("kind", [NeuralNetClassifier, NeuralNetBinaryClassifier])
def test_other_criteria_train(loss, kind):
    y = Y if kind is NeuralNetClassifier else (Y > 0).astype(int)
    module = Probabilities if kind is NeuralNetClassifier else OneOutput
    net = kind(module, max_epochs=15, lr=0.5, train_split=None, verbose=0)
    attack = make_attack(eps=0.03, step_size=0.01, random_start=True)
    defence = AdversarialTrainingClassifier(net, attack, loss=loss, beta=1.0, random_state=0)
    assert defence.fit(X, y).score(X, y) > 0.6


@pytest.mark.parametrize(
    ("params", "attack", "net", "message"),
    [
        ({"loss": "trades"}, make_attack(), None, "needs an attack with a budget and a random"),
        ({"loss": "trades"}, FGSMAttack(), None, "needs an attack with a budget and a random"),
        ({"loss": "trades"}, CWL2Attack(), None, "needs an attack with a budget and a random"),
        (
            {"loss": "trades", "clean_share": 0.5},
            make_attack(random_start=True),
            None,
            "clean_share=0.5 must be 0",
        ),
        (
            {"loss": "trades"},
            make_attack(random_start=True, target=1),
            None,
            "attack.target=1 must be None",
        ),
        (
            {"loss": "mart"},
            make_attack(),
            make_net(criterion=nn.MultiMarginLoss),
            "criterion=MultiMarginLoss",
        ),
        ({"loss": "mart"}, make_attack(), make_net(cls=Witness), "Witness has one of its own"),
    ],
)
def test_what_cannot_be(params, attack, net, message):
    net = make_net() if net is None else net
    with pytest.raises(ValueError, match=message):
        AdversarialTrainingClassifier(net, attack, **params).fit(X, Y)


class TestWithoutLabels:
    """Rows of label -1, by scikit-learn's convention."""

    def semi(self, n_labelled=24, **params):
        y = Y.copy()
        y[n_labelled:] = -1
        net = make_net(module__n_hidden=16, max_epochs=150, lr=0.2)
        attack = make_attack(random_start=True)
        params = {"loss": "trades", "beta": 20.0, "random_state": 0} | params
        defence = AdversarialTrainingClassifier(net, attack, **params)
        return defence.fit(X, y)

    def test_they_smooth_the_answers(self):
        """What has no label moves less under the attack than when it is left out."""
        defence = self.semi()
        np.testing.assert_array_equal(defence.classes_, [0, 1, 2])
        alone = clone(defence).fit(X[:24], Y[:24])
        assert divergence(defence, slice(24, None)) < 0.85 * divergence(alone, slice(24, None))
        assert defence.score(X, Y) > alone.score(X, Y) + 0.05

    def test_nothing_of_the_data_is_kept(self):
        defence = self.semi()
        kept = [v for v in vars(defence).values() if isinstance(v, np.ndarray)]
        assert kept
        assert all(array.ndim < 2 for array in kept)

    def test_beside_strings(self):
        """In an array of objects, as in scikit-learn's SelfTrainingClassifier."""
        y = np.array(["ant", "bee", "cat"], dtype=object)[Y]
        y[24:] = -1
        net = make_net(module__n_hidden=16, max_epochs=5)
        defence = AdversarialTrainingClassifier(
            net, make_attack(random_start=True), loss="trades", random_state=0
        ).fit(X, y)
        np.testing.assert_array_equal(defence.classes_, ["ant", "bee", "cat"])
        numbers = clone(defence).fit(X, np.where(np.arange(len(Y)) < 24, Y, -1))
        np.testing.assert_array_equal(defence.predict_proba(X), numbers.predict_proba(X))
        with pytest.raises(ValueError, match=r"y holds -1.*beside strings.*'madry' does not"):
            clone(defence).set_params(loss="madry").fit(X, y)

    def test_two_labels_are_labels(self):
        y = np.where(Y > 0, 1, -1)
        defence = AdversarialTrainingClassifier(
            make_net(module__n_out=2), make_attack(random_start=True), loss="trades"
        ).fit(X, y)
        np.testing.assert_array_equal(defence.classes_, [-1, 1])

    def test_other_losses_take_it_for_a_label(self):
        y = np.where(Y == 2, -1, Y)
        defence = AdversarialTrainingClassifier(make_net(), make_attack()).fit(X, y)
        np.testing.assert_array_equal(defence.classes_, [-1, 0, 1])


@pytest.mark.parametrize("loss", ["trades", "mart"])
def test_a_sum_over_rows_is_refused(loss):
    net = make_net(criterion__reduction="sum")
    with pytest.raises(ValueError, match=r"has reduction='sum'; use criterion__reduction='mean'"):
        AdversarialTrainingClassifier(net, make_attack(), loss=loss).fit(X, Y)


def test_rows_without_labels_are_within_learned_bounds_and_budget():
    """With bounds="auto" they are those of all rows: a row outside would be moved into them."""
    keep = (X.max(axis=1) < 0.8) & (X.min(axis=1) > 0.15)
    labels = np.where(keep, Y, -1)
    assert len(np.unique(labels)) == 4
    net = make_net(cls=Listening, max_epochs=1)
    attack = make_attack(eps=0.05, bounds="auto", random_start=True)
    defence = AdversarialTrainingClassifier(net, attack, loss="trades", random_state=0)
    defence.fit(X, labels)
    seen = defence.estimator_.seen_
    moved = max(float((a - b).abs().max()) for a, b in zip(seen[::2], seen[1::2], strict=True))
    assert 0.04 < moved <= 0.05 + 1e-6


class Listening(NeuralNetClassifier):
    """A net that keeps the rows it is asked about in training: clean, attacked, clean, ..."""

    def infer(self, x, **fit_params):
        if self.module_.training:
            vars(self).setdefault("seen_", []).append(x.detach().clone())
        return super().infer(x, **fit_params)


def test_a_fit_that_fails_leaves_no_rows_behind():
    labels = np.where(Y == 0, -1, Y)
    defence = AdversarialTrainingClassifier(
        make_net(classes=[5, 6]), make_attack(random_start=True), loss="trades", random_state=0
    )
    with pytest.raises(ValueError, match="unseen labels"):
        defence.fit(X, labels)
    assert not any(
        isinstance(value, np.ndarray) and len(value) > 5 for value in vars(defence).values()
    )
