"""Weights perturbed while a step is computed, and averaged over many steps."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn
from torch.nn import functional

from sklearn_privfair.defences import AdversarialTrainingClassifier
from sklearn_privfair.defences._weight_averaging import WeightAverage
from sklearn_privfair.defences._weight_perturbation import perturbed_weights

from ._harness import data, make_attack, make_net, plain_pgd, seeded_module, weights

X, Y = data()


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        return self.layers(x)


def loss_of(module):
    x, y = torch.as_tensor(X[:20]), torch.as_tensor(Y[:20])
    return lambda: functional.cross_entropy(module(x), y)


class TestPerturbation:
    def test_is_a_relative_step_up_the_loss_of_each_matrix(self):
        module = seeded_module(Normed).train()
        before = copy.deepcopy(module)
        gradients = torch.autograd.grad(loss_of(before)(), list(before.parameters()))
        with perturbed_weights(module, loss_of(module), 0.05):
            start = seeded_module(Normed).parameters()
            for p, old, g in zip(module.parameters(), start, gradients, strict=True):
                expected = 0.05 * old.norm() * g / g.norm() if p.ndim > 1 else 0 * old
                torch.testing.assert_close(p - old, expected, atol=1e-6, rtol=1e-4)
            assert loss_of(module)() > loss_of(seeded_module(Normed).train())()

    def test_all_is_put_back_to_the_bit(self):
        module = seeded_module(Normed).train()
        start = weights(module)

        def fail():
            with perturbed_weights(module, loss_of(module), 0.1):
                assert (weights(module) != start).any()
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        np.testing.assert_array_equal(weights(module), start)  # running statistics too

    @pytest.mark.parametrize("margin", [5, 20, 40, 45])
    def test_tiny_gradients_give_whole_steps(self, margin):
        """A net that is sure of itself has gradients whose squares vanish in float32."""
        layer = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]) * margin)
        x, y = torch.tensor([[1.0, 0.3], [-1.0, 0.2]]), torch.tensor([1, 0])
        before = layer.weight.detach().clone()
        with perturbed_weights(layer, lambda: functional.cross_entropy(layer(x), y), 0.01):
            moved = (layer.weight.detach() - before).norm() / before.norm()
        assert float(moved) == pytest.approx(0.01, rel=1e-3)

    def test_no_gradient_no_step(self):
        layer = nn.Linear(4, 3)
        before = weights(layer)
        with perturbed_weights(layer, lambda: 0.0 * layer.weight.sum(), 0.1):
            np.testing.assert_array_equal(weights(layer), before)

    def test_a_training_with_it_is_the_plain_loop(self):
        torch.set_default_dtype(torch.float64)
        try:
            rows, labels = data(dtype=np.float64)
            module = seeded_module()
            net = make_net(copy.deepcopy(module), max_epochs=2)
            defence = AdversarialTrainingClassifier(
                net, make_attack(), awp_gamma=0.05, awp_warmup=1
            ).fit(rows, labels)
            optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
            x_all, y_all = torch.as_tensor(rows), torch.as_tensor(labels)
            for epoch in range(2):
                for begin in range(0, 90, 20):
                    x, y = x_all[begin : begin + 20], y_all[begin : begin + 20]
                    x_adv = plain_pgd(module, x, y, 0.1, 0.04, 4, box=(0, 1))
                    where = copy.deepcopy(module)
                    if epoch == 1:
                        functional.cross_entropy(where(x_adv), y).backward()
                        with torch.no_grad():
                            for p in where.parameters():
                                if p.ndim > 1:
                                    p += 0.05 * p.norm() * p.grad / p.grad.norm()
                    where.zero_grad()
                    functional.cross_entropy(where(x_adv), y).backward()
                    for p, q in zip(module.parameters(), where.parameters(), strict=True):
                        p.grad = q.grad
                    optimizer.step()
            np.testing.assert_allclose(weights(defence.estimator_), weights(module), atol=1e-9)
        finally:
            torch.set_default_dtype(torch.float32)


class TestAverages:
    def test_exponential(self):
        module = nn.Linear(1, 1, bias=False)
        average = WeightAverage(module, "ema", 0.6, start=0)
        expected = None
        for step, value in enumerate([1.0, 5.0, -2.0, 4.0, 0.5, 7.0]):
            with torch.no_grad():
                module.weight.fill_(value)
            average.after_step(module)
            average.after_epoch(module, step)
            share = min(0.6, (1 + step) / (10 + step))
            expected = value if step == 0 else expected * share + value * (1 - share)
        assert average.module.weight.item() == pytest.approx(expected)
        assert module.weight.item() == 7.0

    def test_of_the_ends_of_later_epochs(self):
        module = seeded_module(Normed)
        average = WeightAverage(module, "swa", 0.9, start=2)
        seen = []
        for epoch in range(5):
            with torch.no_grad():
                for tensor in module.state_dict().values():
                    tensor.add_(epoch + 1)
            average.after_step(module)
            average.after_epoch(module, epoch)
            assert (average.module is None) == (epoch < 2)
            seen.append([t.double().clone() for t in module.state_dict().values()])
        for k, tensor in enumerate(average.module.state_dict().values()):
            expected = torch.stack([epoch[k] for epoch in seen[2:]]).mean(0)
            torch.testing.assert_close(tensor.double(), expected, atol=0.5, rtol=1e-5)

    @pytest.mark.parametrize("averaging", ["ema", "swa"])
    def test_what_is_kept_is_the_average(self, averaging):
        """At a rate that makes weights jump, their average is nearer to where they jump around."""
        net = make_net(max_epochs=30, lr=0.5, iterator_train__shuffle=True)
        plain = AdversarialTrainingClassifier(net, make_attack(), random_state=0).fit(X, Y)
        kept = clone(plain).set_params(averaging=averaging, swa_start=0.5).fit(X, Y)
        assert not np.allclose(weights(kept.estimator_), weights(plain.estimator_))
        assert kept.score(X, Y) > 0.6
        again = clone(kept).fit(X, Y)
        np.testing.assert_array_equal(weights(again.estimator_), weights(kept.estimator_))

    def test_average_of_one_epoch_is_its_end(self):
        net = make_net(max_epochs=3)
        plain = AdversarialTrainingClassifier(net, make_attack(), random_state=0).fit(X, Y)
        last = clone(plain).set_params(averaging="swa", swa_start=1.0).fit(X, Y)
        np.testing.assert_array_equal(weights(last.estimator_), weights(plain.estimator_))
