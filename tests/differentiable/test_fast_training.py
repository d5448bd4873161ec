"""The tight loop leaves the net that skorch's own `fit` leaves, bit by bit."""

import pickle
import re

import numpy as np
import pytest
import torch
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch import callbacks as cb
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn
from torch.utils import data as td

from sklearn_privfair.differentiable import _fast_training
from sklearn_privfair.differentiable._fast_training import fast_path_refuses, fit_net, tight_loop
from sklearn_privfair.differentiable._indexed_batches import indexed
from sklearn_privfair.differentiable._skorch_training import changed_batches, seeded

RNG = np.random.default_rng(0)
X = RNG.normal(size=(61, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)
IMAGES = RNG.normal(size=(61, 2, 5, 5)).astype(np.float32)


class Net(nn.Module):
    """Dropout draws from the global generator between the batches."""

    def __init__(self, n_outputs=3, p=0.3, softmax=True):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(p))
        self.last = nn.Linear(8, n_outputs)
        self.softmax = softmax

    def forward(self, x):
        z = self.last(self.inner(x.to(self.last.weight.dtype)))
        return z.softmax(-1) if self.softmax else z


class Conv(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 3)
        )


class Twice(torch.optim.SGD):
    """Asks for gradients at two points, as sharpness-aware minimization does."""

    def step(self, closure):
        before = [p.detach().clone() for p in self.param_groups[0]["params"]]
        loss = super().step(closure)
        with torch.enable_grad():
            closure()
        with torch.no_grad():
            for p, start in zip(self.param_groups[0]["params"], before, strict=True):
                p.copy_(start - 0.1 * p.grad)
        return loss


class Penalized(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        self.module_.eval()  # the next step has to undo this
        return loss + len(self.history[-1, "batches"]) * X.abs().mean() * y_pred.pow(2).mean()


class Halved(NeuralNetClassifier):
    def infer(self, x, **fit_params):
        return super().infer(x / 2, **fit_params)


class Accumulating(NeuralNetClassifier):
    """An optimizer's step after every second batch."""

    def train_step(self, batch, **fit_params):
        if len(self.history[-1, "batches"]) % 2:
            self._zero_grad_optimizer()
        step = self.train_step_single(batch, **fit_params)
        if len(self.history[-1, "batches"]) % 2 == 0:
            self.optimizer_.step()
        return step


class Noisy(NeuralNetClassifier):
    def train_step_single(self, batch, **fit_params):
        x, y = batch
        return super().train_step_single([x + 0.1 * torch.randn_like(x), y], **fit_params)


class Loud(cb.Callback):
    """Acts at every batch, on what it is given."""

    def on_batch_end(self, net, batch, training, loss, y_pred, **kwargs):
        with torch.no_grad():
            net.module_.last.bias.add_(1e-3 * (loss + y_pred.mean() + batch[0].mean()))


class Rescaling(cb.Callback):
    """Acts at every epoch."""

    def on_epoch_end(self, net, **kwargs):
        with torch.no_grad():
            net.module_.last.weight.mul_(0.9 + 0.01 * net.history[-1, "train_loss"])


class Stopping(cb.Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


def make(kind=NeuralNetClassifier, module=Net, **params):
    base = {"max_epochs": 3, "batch_size": 8, "lr": 0.1, "verbose": 0, "train_split": None}
    return kind(module, **base | {"iterator_train__shuffle": True} | params)


def both(build, x=X, y=Y, fits=1):
    """Train two nets, by skorch and by us; give them and what would be drawn after them."""
    found = []
    for fit in (lambda net: net.fit(x, y), lambda net: fit_net(net, x, y)):
        with seeded(3):
            net = build()
            for _ in range(fits):
                fit(net)
            found.append((net, torch.rand(1).item(), np.random.rand()))  # noqa: NPY002
    return found


def record(net):
    """The history without the times, which no two fits share."""
    return [{k: v for k, v in epoch.items() if k != "dur"} for epoch in net.history]


def check_same(build, x=X, y=Y, fits=1):
    (theirs, *after), (ours, *ours_after) = both(build, x, y, fits)
    assert ours_after == after  # as many numbers were drawn
    state, expected = ours.module_.state_dict(), theirs.module_.state_dict()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert str(ours.optimizer_.state_dict()) == str(theirs.optimizer_.state_dict())
    assert record(ours) == record(theirs)
    assert ours.module_.training == theirs.module_.training
    np.testing.assert_array_equal(ours.predict_proba(x), theirs.predict_proba(x))
    return ours


@pytest.fixture
def tight_epochs(monkeypatch):
    """The number of epochs that the tight loop has trained."""
    count = []
    original = _fast_training._tight_epoch

    def spy(*args):
        count.append(1)
        return original(*args)

    monkeypatch.setattr(_fast_training, "_tight_epoch", spy)
    return count


OTHERS = (torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adadelta, torch.optim.Adamax)
LOGITS = {"module__softmax": False, "criterion": nn.CrossEntropyLoss}
TAKEN = {
    "sgd": {},
    "in order": {"iterator_train__shuffle": False},
    "logits, adam": {**LOGITS, "optimizer": torch.optim.Adam},
    "weights of classes": {**LOGITS, "criterion__weight": torch.tensor([1.0, 2.0, 0.5])},
    "smoothing": {**LOGITS, "criterion__label_smoothing": 0.1},
    "drop_last": {"iterator_train__drop_last": True},
    "own batch size": {"iterator_train__batch_size": 7},
    "one batch": {"batch_size": -1},
    "sgd in full": {
        "optimizer__momentum": 0.9,
        "optimizer__nesterov": True,
        "optimizer__weight_decay": 0.01,
    },
    "fused": {"optimizer": torch.optim.AdamW, "optimizer__fused": True, "lr": 0.01},
    "foreach": {"optimizer": torch.optim.AdamW, "optimizer__foreach": True, "lr": 0.01},
    "groups": {"optimizer__param_groups": [("last.*", {"lr": 0.01, "momentum": 0.5})]},
    "asks more than once": {"optimizer": torch.optim.LBFGS, "optimizer__max_iter": 3},
    "asks twice": {"optimizer": Twice},
    "generator": {"iterator_train__generator": True},
    "valid, stratified": {"train_split": ValidSplit(4, stratified=True)},
    "valid, drawn": {"train_split": ValidSplit(0.3)},
    "valid, given": {"train_split": predefined_split(Dataset(X[:9], Y[:9]))},
    "a schedule": {"callbacks": [cb.LRScheduler("StepLR", step_size=1, gamma=0.5)]},
    "a plateau": {
        "callbacks": [cb.LRScheduler(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=0)]
    },
    "stops early": {
        "max_epochs": 20,
        "lr": 2.0,
        "train_split": ValidSplit(3),
        "callbacks": [cb.EarlyStopping(patience=1)],
    },
    "its own callback": {"callbacks": [Rescaling]},
    "interrupted": {"callbacks": [Stopping()]},
    "no callbacks": {"callbacks": "disable"},
    "callbacks off": {"callbacks__valid_acc": None, "callbacks__train_loss": None},
    "a loss of its own": {"kind": Penalized},
    "an inference of its own": {"kind": Halved},
    **{
        kind.__name__: {"optimizer": kind}
        for kind in (*OTHERS, torch.optim.NAdam, torch.optim.RAdam)
    },
    "labels": {"classes": [0, 1, 2]},
    "module given": {"module": True},
}


@pytest.mark.parametrize("case", TAKEN)
def test_the_same_net(case, tight_epochs):
    def build():
        params = dict(TAKEN[case])
        if "iterator_train__generator" in params:
            params["iterator_train__generator"] = torch.Generator().manual_seed(5)
        if "module" in params:
            params["module"] = Net()
        return make(**params)

    assert fast_path_refuses(build(), X, Y) is None
    ours = check_same(build)
    assert len(tight_epochs) == len(ours.history) > 1
    assert fast_path_refuses(ours, X, Y) is None  # a fitted net too
    assert "run_single_epoch" not in vars(ours)


def test_other_types_and_shapes(tight_epochs):
    check_same(lambda: make(module=Conv, criterion=nn.CrossEntropyLoss), IMAGES)
    check_same(lambda: make(module__p=0).set_params(module=lambda **k: Net(**k).double()), X * 1.0)
    binary = {"module__n_outputs": 1, "module__softmax": False, "kind": NeuralNetBinaryClassifier}
    check_same(lambda: make(**binary), y=(Y > 0).astype(np.float32))
    check_same(make, (X > 0).astype(np.uint8))
    assert len(tight_epochs) == 12


class AtEveryBatch(cb.Callback):
    def on_grad_computed(self, net, named_parameters, **kwargs):
        for _, p in named_parameters:
            p.grad.mul_(0.5)


WATCHED = {
    "callback 'Loud'": {"callbacks": [Loud()]},
    "callback 'half'": {"callbacks": [("half", AtEveryBatch)]},
    "callback 'GradientNormClipping'": {"callbacks": [cb.GradientNormClipping(0.1)]},
    "callback 'LRScheduler'": {
        "callbacks": [cb.LRScheduler("CyclicLR", base_lr=0.01, max_lr=0.1, step_every="batch")]
    },
    "callback 'acc'": {"callbacks": [("acc", cb.EpochScoring("accuracy", on_train=True))]},
    "callback 'valid_acc'": {"callbacks__valid_acc__on_train": True},
    "Accumulating has a train_step": {"kind": Accumulating},
    "Noisy has a train_step_single": {"kind": Noisy},
}


@pytest.mark.parametrize("reason", WATCHED)
def test_batches_that_somebody_watches(reason, tight_epochs):
    """skorch's own loop walks over our batches; the weights are the same."""
    params = WATCHED[reason]
    assert reason in fast_path_refuses(make(**params))
    ours = check_same(lambda: make(**params))
    assert reason in fast_path_refuses(ours)
    assert not tight_epochs
    with pytest.raises(ValueError, match=re.escape(reason)):
        fit_net(make(**params), X, Y, precision="bfloat16")


def own(name):
    def method(self, *args, **kwargs):
        return getattr(super(kind, self), name)(*args, **kwargs)

    kind = type("Own", (NeuralNetClassifier,), {name: method})
    return kind


class Loader(td.DataLoader):
    pass


def collate(rows):
    return td.default_collate(rows)


class Shifted(Dataset):
    def transform(self, X, y):
        return super().transform(X + 1, y)


REFUSED = {
    "run_single_epoch of its own": {"kind": own("run_single_epoch")},
    "notify of its own": {"kind": own("notify")},
    "on_batch_begin of its own": {"kind": own("on_batch_begin")},
    "on_grad_computed of its own": {"kind": own("on_grad_computed")},
    "get_train_step_accumulator": {"kind": own("get_train_step_accumulator")},
    "not torch's DataLoader": {"iterator_train": Loader},
    "workers (iterator_train__num_workers=1)": {"iterator_train__num_workers": 1},
    "collate_fn": {"iterator_train__collate_fn": collate},
    "plain Dataset": {"dataset": Shifted},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_nets_that_the_tight_loop_refuses(reason, tight_epochs):
    params = {"max_epochs": 1, "batch_size": 32} | REFUSED[reason]
    assert reason in fast_path_refuses(make(**params), X, Y)
    if "iterator_train__num_workers" not in params:  # a fork of a process with threads is a risk
        check_same(lambda: make(**params))
    assert not tight_epochs


def test_reasons_of_compilation_and_history():
    assert "compile" in fast_path_refuses(make(compile=True))
    net = make()
    net.history = type("Shared", (), {})()
    assert "its history is a Shared" in fast_path_refuses(net)


def test_data_that_are_no_arrays():
    fixed = X.copy()
    fixed.flags.writeable = False
    cases = {
        "X is not an array": (torch.as_tensor(X), Y),
        "y is not an array": (X, torch.as_tensor(Y)),
        "X is read-only": (fixed, Y),
    }
    for reason, (x, y) in cases.items():
        assert reason in fast_path_refuses(make(), x, y)
    for x, y in list(cases.values())[:2]:
        check_same(make, x, y)
        with pytest.raises(ValueError, match="arrays"):
            fit_net(make(), x, y, precision="bfloat16")


def test_training_goes_on(tight_epochs):
    check_same(lambda: make(warm_start=True), fits=2)
    check_same(make, fits=2)
    (theirs, *_), (ours, *_) = both(make)
    for net in (theirs, ours):
        with seeded(1):
            net.partial_fit(X, Y)
    check = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(check.predict_proba(X), theirs.predict_proba(X))
    before = len(tight_epochs)
    with seeded(1), tight_loop(check):
        check.partial_fit(X, Y)
    with seeded(1):
        theirs.partial_fit(X, Y)
    assert len(tight_epochs) == before + 3
    np.testing.assert_array_equal(check.predict_proba(X), theirs.predict_proba(X))


def test_best_weights_come_back(tmp_path):
    def build():
        point = cb.Checkpoint(
            monitor="train_loss_best", dirname=tmp_path, f_pickle="net.pkl", load_best=True
        )
        return make(lr=3.0, callbacks=[point])

    ours = check_same(build)
    with (tmp_path / "net.pkl").open("rb") as file:
        assert type(pickle.load(file)) is type(ours)


def test_the_log(capsys):
    logs = []
    for fit in (lambda net: net.fit(X, Y), lambda net: fit_net(net, X, Y)):
        with seeded(0):
            fit(make(verbose=1, callbacks__epoch_timer=None, train_split=ValidSplit(4)))
        logs.append(capsys.readouterr().out)
    assert logs[0] == logs[1]
    assert "valid_acc" in logs[0]


def test_interrupted_within_an_epoch():
    class Interrupted(NeuralNetClassifier):
        def get_loss(self, *args, **kwargs):
            if len(self.history) == 2 and len(self.history[-1, "batches"]) == 3:
                raise KeyboardInterrupt
            return super().get_loss(*args, **kwargs)

    ours = check_same(lambda: make(kind=Interrupted, callbacks="disable"))
    assert len(ours.history[-1, "batches"]) == 3
    assert "train_loss" not in ours.history[-1, "batches", -1]


def test_a_net_whose_batches_are_changed_already(tight_epochs):
    def build():
        net = make()
        context = changed_batches(net, lambda x, y: x + torch.randn_like(x))
        context.__enter__()
        net.context = context  # kept open
        return net

    net = build()
    assert "train_step_single" in fast_path_refuses(net)
    theirs, ours = (found[0] for found in both(build))
    for a, b in zip(theirs.module_.parameters(), ours.module_.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not tight_epochs


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize(
    "sampler",
    [
        lambda g: {},
        lambda g: {"shuffle": True},
        lambda g: {"shuffle": True, "drop_last": True},
        lambda g: {"shuffle": True, "generator": g},
        lambda g: {"sampler": td.RandomSampler(range(40), replacement=True)},
        lambda g: {"sampler": td.RandomSampler(range(40), num_samples=70)},
        lambda g: {"sampler": td.RandomSampler(range(40), generator=torch.default_generator)},
        lambda g: {"sampler": td.SubsetRandomSampler(range(3, 30))},
        lambda g: {"sampler": td.WeightedRandomSampler(np.arange(40.0), 50), "drop_last": True},
        lambda g: {"sampler": [3, 1, 4, 1, 5, 9, 2, 6]},
    ],
)
def test_the_batches_of_the_loader(sampler, part):
    def walk(give):
        with seeded(7):
            dataset = td.Subset(Dataset(X, Y), np.arange(60, 20, -1)) if part else Dataset(X, Y)
            if not part:
                dataset = Dataset(X[:40], Y[:40])
            params = {"batch_size": 8} | sampler(torch.Generator().manual_seed(1))
            batches = give(td.DataLoader(dataset, **params))
            seen = [(x.clone(), y, torch.rand(1)) for _ in range(2) for x, y in batches]
            return len(batches), seen

    n, ours = walk(lambda loader: indexed(loader, torch.device("cpu")))
    n_expected, theirs = walk(lambda loader: loader)
    assert n == n_expected
    assert len(ours) == len(theirs) == 2 * n
    for batch, expected in zip(ours, theirs, strict=True):
        for got, want in zip(batch, expected, strict=True):
            assert torch.equal(got, want)
            assert got.dtype == want.dtype


class Watching(nn.Sequential):
    """Keeps the types of what its layers give."""

    def __init__(self):
        super().__init__(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3), nn.Softmax(-1))
        self.types = []

    def forward(self, x):
        for layer in self:
            x = layer(x)
            self.types.append(x.dtype)
        return x


def test_bfloat16_where_it_is_safe(tight_epochs):
    with seeded(0):
        net = fit_net(make(module=Watching), X, Y, precision="bfloat16")
    half, full = torch.bfloat16, torch.float32
    assert net.module_.types[:4] == [half, half, half, full]
    assert {p.dtype for p in net.module_.parameters()} == {full}
    assert {p.grad.dtype for p in net.module_.parameters()} == {full}
    assert len(tight_epochs) == 3
    net.module_.types.clear()
    net.predict(X)
    assert set(net.module_.types) == {full}


def test_bfloat16_steps_by_hand():
    """One step of a linear net: the layer's products are rounded, the loss and the update not."""

    def rounded(values):
        return torch.as_tensor(values).bfloat16().double().numpy()

    linear = nn.Linear(6, 3)
    W, b = (p.detach().double().numpy().copy() for p in linear.parameters())
    net = make(module=linear, criterion=nn.CrossEntropyLoss, batch_size=-1, max_epochs=1)
    fit_net(net, X, Y, precision="bfloat16")
    logits = rounded(rounded(X) @ rounded(W).T + rounded(b))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(Y)), Y]).mean()
    assert net.history[-1, "train_loss"] == pytest.approx(loss, rel=1e-6)
    signal = rounded((p - np.eye(3)[Y]) / len(Y))
    step = (W - net.module_.weight.detach().double().numpy()) / 0.1
    np.testing.assert_allclose(step, rounded(signal.T @ rounded(X)), rtol=1e-2, atol=1e-4)
    assert not np.allclose(logits, X @ W.T + b, rtol=1e-4)  # the rounding is seen


@pytest.mark.parametrize("softmax", [True, False])
def test_bfloat16_learns_from_sure_rows(softmax):
    """A probability of .9997 is 1 in bfloat16, and its gradient would be 0."""
    linear = nn.Linear(1, 2, bias=False)
    nn.init.zeros_(linear.weight)
    linear.weight.data[0] = 8
    module = nn.Sequential(linear, nn.Softmax(-1)) if softmax else linear
    loss = nn.NLLLoss if softmax else nn.CrossEntropyLoss
    x, y = np.ones((4, 1), dtype=np.float32), np.zeros(4, dtype=np.int64)
    net = make(module=module, criterion=loss, max_epochs=1, lr=1.0, batch_size=-1)
    fit_net(net, x, y, precision="bfloat16")
    p_other = 1 / (1 + np.exp(8))
    np.testing.assert_allclose(linear.weight.detach()[0] - 8, p_other, rtol=0.01)


def test_precision_that_is_not_for_it():
    with pytest.raises(ValueError, match=r"precision is 'half'; it is None or 'bfloat16'"):
        fit_net(make(), X, Y, precision="half")
    net = make(module=Net().double())
    with pytest.raises(ValueError, match=r"some in torch\.float64; use precision=None"):
        fit_net(net, X.astype(np.float64), Y, precision="bfloat16")
    assert "run_single_epoch" not in vars(net)
