"""Training by DP-SGD: its update, its noise, its batches."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from skorch.callbacks import LRScheduler
from skorch.dataset import Dataset
from torch import nn
from torch.nn import functional

from sklearn_privfair.privacy import DPSGDClassifier
from sklearn_privfair.privacy._dp_training import DPTraining

from ._dp_harness import Batches, Steps, X, make_net, module, seen, train, weights


def clipped_gradient(inner, x, y, largest, divisor):
    """Of each row by itself, plainly."""
    total = [torch.zeros_like(weight) for weight in inner.parameters()]
    for i in range(len(x)):
        loss = functional.cross_entropy(inner(x[i : i + 1]), y[i : i + 1])
        row = torch.autograd.grad(loss, list(inner.parameters()))
        norm = torch.sqrt(sum(part.square().sum() for part in row))
        for whole, part in zip(total, row, strict=True):
            whole += part * min(1.0, largest / norm.item()) / divisor
    return total


@pytest.mark.parametrize("clipping", ["ghost", "per_sample"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_training_without_noise_is_a_plain_loop_over_clipped_rows(clipping, reduction):
    """Momentum, decay and schedule are the net's own; a sum goes by the rows that are expected."""
    schedule = LRScheduler(policy=torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    lr = 0.5 if reduction == "mean" else 0.02
    net = make_net(
        module().double(),
        lr=lr,
        callbacks=[Batches, ("schedule", schedule)],
        criterion__reduction=reduction,
        optimizer__momentum=0.9,
        optimizer__weight_decay=0.01,
    )
    fitted = train(net, noise_multiplier=0.0, max_grad_norm=0.3, clipping=clipping)
    ours = module().double()
    optimizer = torch.optim.SGD(ours.parameters(), lr=lr, momentum=0.9, weight_decay=0.01)
    batches = seen(fitted)
    assert len(batches) == fitted.n_steps_ == 15
    for step, (x, y) in enumerate(batches):
        optimizer.param_groups[0]["lr"] = lr * 0.5 ** (step // 5)
        gradient = clipped_gradient(ours, x, y, 0.3, 20 if reduction == "mean" else 1)
        for weight, value in zip(ours.parameters(), gradient, strict=True):
            weight.grad = value
        optimizer.step()
    np.testing.assert_allclose(weights(fitted.estimator_), weights(ours), rtol=1e-8)
    assert fitted.clipping_ == clipping
    assert fitted.epsilon_ == np.inf


@pytest.mark.parametrize("other", [{"clipping": "per_sample"}, {"physical_batch_size": 3}])
def test_the_way_to_the_sum_does_not_matter(other):
    net = make_net(module().double(), max_epochs=5)
    one, two = train(net, clipping="ghost"), train(net, **other)
    np.testing.assert_allclose(weights(one.estimator_), weights(two.estimator_), rtol=1e-7)


def silent(n_in=300, n_out=100):
    """Its gradient is nought where X is."""
    return nn.Sequential(nn.Linear(n_in, n_out, bias=False))


@pytest.mark.parametrize(("batch_size", "reduction"), [(40, "mean"), (10, "mean"), (40, "sum")])
def test_noise(batch_size, reduction):
    net = make_net(
        silent(),
        lr=1.0,
        max_epochs=1,
        batch_size=batch_size,
        criterion__reduction=reduction,
        classes=range(100),
        callbacks=[("steps", Steps)],
    )
    nothing, labels = np.zeros((40, 300)), np.arange(40) % 10
    fitted = train(net, nothing, labels, noise_multiplier=1.7, max_grad_norm=0.6)
    steps = np.diff(dict(fitted.estimator_.callbacks_)["steps"].weights_, axis=0)
    assert len(steps) == 40 // batch_size
    expected = 1.7 * 0.6 / (batch_size if reduction == "mean" else 1)
    for step in steps:
        assert stats.kstest(step[::3], stats.norm(0, expected).cdf).pvalue > 1e-3
        assert np.std(step) == pytest.approx(expected, rel=0.02)  # 30,000 numbers: within 5 s.e.
    if len(steps) > 1:
        assert abs(np.corrcoef(steps[0], steps[1])[0, 1]) < 0.03


def test_coins_and_noise_are_two_streams():
    for seed in (None, 3):
        run = DPTraining(DPSGDClassifier(make_net()), make_net(), seed)
        states = [rng.bit_generator.state["state"] for rng in (run.coins, run.noise.rng)]
        assert states[0] != states[1]
    again = DPTraining(DPSGDClassifier(make_net()), make_net(), 3)
    assert again.coins.random() == run.coins.random()


def test_batches_are_poisson_samples():
    n, size = 500, 25
    rows = np.arange(n, dtype=np.float32)[:, None]
    net = make_net(nn.Linear(1, 2), lr=0.0, batch_size=size, max_epochs=25, callbacks=[Batches])
    fitted = train(net, rows, np.arange(n) % 2)
    assert fitted.sample_rate_ == size / n
    batches = [x.numpy().ravel().astype(int) for x, _ in seen(fitted)]
    assert len(batches) == fitted.n_steps_ == 500
    assert all(len(np.unique(batch)) == len(batch) for batch in batches)
    sizes = np.array([len(batch) for batch in batches])
    spread = n * 0.05 * 0.95
    assert sizes.mean() == pytest.approx(size, abs=4 * np.sqrt(spread / 500))
    assert sizes.var() == pytest.approx(spread, rel=0.3)  # of fixed sizes, or a shuffle: none
    counts = np.bincount(np.concatenate(batches), minlength=n)
    assert stats.chisquare(counts).pvalue > 1e-3
    together = [len(np.intersect1d(a, b)) for a, b in itertools.pairwise(batches)]
    assert np.mean(together) == pytest.approx(n * 0.05**2, rel=0.2)


class Rows(Dataset):
    """A data set that gives rows one by one, and is none of arrays."""


@pytest.mark.parametrize("dataset", [Dataset, Rows])
def test_empty_batches(dataset):
    net = make_net(batch_size=1, max_epochs=1, callbacks=[Batches, ("steps", Steps)],
                   dataset=dataset)  # fmt: skip
    fitted = train(net, noise_multiplier=2.0)
    sizes = np.array([len(x) for x, _ in seen(fitted)])
    assert 15 < (sizes == 0).sum() < 55  # of 90, at a rate of exp(-1)
    steps = np.diff(dict(fitted.estimator_.callbacks_)["steps"].weights_, axis=0)
    assert np.abs(steps[sizes == 0]).min(axis=1).max() > 0, "noise goes on every batch"
    assert np.isfinite(fitted.estimator_.history[-1, "train_loss"])
    assert len(fitted.estimator_.history[-1]["batches"]) == fitted.n_steps_ == 90


def test_an_epoch_without_rows():
    """Of two rows, at a rate of a half, none comes in two steps now and then."""
    net = make_net(nn.Linear(4, 2), batch_size=1, max_epochs=40)
    fitted = train(net, X[:2], [0, 1])
    losses = np.array(fitted.estimator_.history[:, "train_loss"])
    assert 0 < np.isnan(losses).sum() < 20


@pytest.mark.parametrize("size", [-1, 90, 1000])
def test_whole_batches(size):
    fitted = train(make_net(batch_size=size, callbacks=[Batches]))
    assert fitted.sample_rate_ == 1
    assert [len(x) for x, _ in seen(fitted)] == [90] * 3
