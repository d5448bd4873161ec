"""Nets that are trained as one batched module become what each becomes alone."""

import pickle

import numpy as np
import pytest
import torch
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch import callbacks as cb
from skorch.dataset import ValidSplit
from torch import nn

from sklearn_privfair.differentiable._fast_training import fit_net
from sklearn_privfair.differentiable._skorch_training import seeded
from sklearn_privfair.differentiable._stacked_training import fit_nets_stacked, stacking_refuses

RNG = np.random.default_rng(0)
DATA = [(RNG.normal(size=(43, 6)), RNG.integers(0, 3, 43)) for _ in range(3)]
IMAGES = [(RNG.normal(size=(43, 2, 5, 5)), y) for _, y in DATA]
SEEDS = [5, 3, 8]


def mlp(n_outputs=3, p=0.0, end=nn.Softmax):
    return nn.Sequential(
        nn.Linear(6, 8), nn.Tanh(), nn.Dropout(p), nn.Linear(8, n_outputs), end(-1)
    ).double()


def cnn():
    # a bias before the normalization would have a gradient of rounding errors, which Adam blows up
    convolution = nn.Conv2d(2, 3, 3, bias=False)
    return nn.Sequential(
        convolution, nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 3)
    ).double()


def make(module=mlp, kind=NeuralNetClassifier, **params):
    base = {"max_epochs": 3, "batch_size": 8, "lr": 0.1, "verbose": 0, "train_split": None}
    return kind(module, **base | {"iterator_train__shuffle": True} | params)


def alone(data, **params):
    nets = []
    for seed, (X, y) in zip(SEEDS, data, strict=True):
        with seeded(seed):
            nets.append(fit_net(make(**params), X, y))
    return nets


def check_same(data=DATA, atol=1e-12, **params):
    ours = fit_nets_stacked([make(**params) for _ in data], data, SEEDS)
    for net, expected in zip(ours, alone(data, **params), strict=True):
        state, wanted = net.module_.state_dict(), expected.module_.state_dict()
        for name, value in wanted.items():
            torch.testing.assert_close(state[name], value, rtol=0, atol=atol)
        close = pytest.approx(expected.history[:, "train_loss"], abs=10 * atol)
        assert net.history[:, "train_loss"] == close
        shared = {"epoch", "train_batch_count", "train_loss_best", "event_lr"}
        for key in shared.intersection(expected.history[0]):
            assert net.history[:, key] == expected.history[:, key]
        sizes = "train_batch_size"
        assert net.history[:, "batches", :, sizes] == expected.history[:, "batches", :, sizes]
    return ours


SGD = {"optimizer__momentum": 0.9, "optimizer__nesterov": True, "optimizer__weight_decay": 0.1}
ADAM = {"optimizer": torch.optim.Adam, "optimizer__amsgrad": True, "lr": 0.01}
CASES = {
    "plain": {},
    "sgd in full": SGD,
    "adam": ADAM,
    "adamw, drop_last": {
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": 0.3,
        "lr": 0.01,
        "iterator_train__drop_last": True,
    },
    "groups": {"optimizer__param_groups": [("3.*", {"lr": 0.01, "momentum": 0.5})]},
    "a split, a schedule": {
        "train_split": ValidSplit(0.3),
        "callbacks": [cb.LRScheduler("StepLR", step_size=1, gamma=0.5)],
    },
    "in order": {"iterator_train__shuffle": False},
    "logits": {
        "module__end": nn.Identity,
        "criterion": nn.CrossEntropyLoss,
        "criterion__weight": torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64),
    },
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_nets(case):
    check_same(**CASES[case])


def test_a_convolutional_net_with_running_statistics():
    check_same(IMAGES, module=cnn, criterion=nn.CrossEntropyLoss, **ADAM)


def test_one_output():
    binary = {"kind": NeuralNetBinaryClassifier, "module__n_outputs": 1, "module__end": nn.Identity}
    check_same([(X, (y > 0).astype(float)) for X, y in DATA], **binary)


def test_single_precision():
    data = [(X.astype(np.float32), y) for X, y in DATA]
    check_same(data, atol=1e-5, module=lambda: mlp().float(), **SGD)


@pytest.mark.parametrize("optimizer", [SGD, ADAM])
def test_training_goes_on_from_what_each_has(optimizer):
    callbacks = [cb.LRScheduler("ExponentialLR", gamma=0.9)]
    params = {"warm_start": True, "callbacks": callbacks, "module": mlp, **optimizer}
    ours = fit_nets_stacked([make(**params) for _ in DATA], DATA, SEEDS)
    ours = pickle.loads(pickle.dumps(ours))
    for net, expected, (X, y) in zip(ours, alone(DATA, **params), DATA, strict=True):
        for one in (net, expected):
            with seeded(0):
                one.partial_fit(X, y)
        np.testing.assert_allclose(net.predict_proba(X), expected.predict_proba(X), atol=1e-12)


def test_dropout_differs_between_the_nets():
    """One mask for all would show: the nets are equal in all but their draws."""
    same = [DATA[0]] * 3
    params = {"module": lambda: mlp(p=0.5), "max_epochs": 1, "batch_size": -1}
    with torch.random.fork_rng():
        nets = fit_nets_stacked([make(**params) for _ in same], same, [1, 1, 1])
        steps = [net.module_[3].weight.detach().clone() for net in nets]
    assert not torch.allclose(steps[0], steps[1])
    assert not torch.allclose(steps[1], steps[2])
    (plain, *_) = fit_nets_stacked([make(max_epochs=1, batch_size=-1)] * 1, same[:1], [1])
    assert not torch.allclose(steps[0], plain.module_[3].weight)


def test_the_global_generators_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    fit_nets_stacked([make() for _ in DATA], DATA, SEEDS)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002


class Stopping(cb.Callback):
    pass


@pytest.mark.parametrize(
    ("reason", "params"),
    [
        ("RMSprop is not known", {"optimizer": torch.optim.RMSprop}),
        ("'Stopping' may act", {"callbacks": [Stopping]}),
        ("'EarlyStopping' may act", {"callbacks": [cb.EarlyStopping()]}),
        (
            "'LRScheduler' would differ",
            {"callbacks": [cb.LRScheduler(torch.optim.lr_scheduler.ReduceLROnPlateau)]},
        ),
        ("'LRScheduler' would differ", {"callbacks": [cb.LRScheduler("ReduceLROnPlateau")]}),
        ("'LRScheduler' acts", {"callbacks": [cb.LRScheduler("CyclicLR", step_every="batch")]}),
        ("workers", {"iterator_train__num_workers": 1}),
    ],
)
def test_nets_that_are_not_stacked(reason, params):
    assert reason in stacking_refuses(make(**params))
    with pytest.raises(ValueError, match=reason):
        fit_nets_stacked([make(**params)], DATA[:1], [0])
    assert stacking_refuses(make(), *DATA[0]) is None


class Deciding(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def forward(self, x):
        return self.inner(x if x.sum() > 0 else -x)


def test_nets_and_data_that_do_not_go_together():
    fewer = [DATA[0], (DATA[1][0][:40], DATA[1][1][:40])]
    with pytest.raises(ValueError, match=r"nets\[1\] differs from nets\[0\] in its rows"):
        fit_nets_stacked([make(), make()], fewer, [0, 1])
    for name, params in {
        "module": {"module__p": 0.5},
        "optimizer": {"lr": 0.2},
        "batch_size": {"batch_size": 9},
        "max_epochs": {"max_epochs": 9},
        "criterion": {"criterion": nn.CrossEntropyLoss},
    }.items():
        with pytest.raises(ValueError, match=f"differs from nets.0. in its {name}"):
            fit_nets_stacked([make(), make(**params)], DATA[:2], [0, 1])
    with pytest.raises(ValueError, match=r"does not go with torch\.func\.vmap"):
        fit_nets_stacked([make(module=Deciding)], DATA[:1], [0])
    trained = fit_net(make(warm_start=True, **SGD), *DATA[0])
    with pytest.raises(ValueError, match="trained already"):
        fit_nets_stacked([trained], DATA[:1], [0])
