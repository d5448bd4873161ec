"""What belongs to the user's net goes on working while its batches are attacked."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold
from skorch import NeuralNet, NeuralNetBinaryClassifier
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn
from torch.nn import functional

from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.defences import AdversarialTrainingClassifier
from sklearn_privfair.differentiable import as_module
from sklearn_privfair.differentiable._skorch_training import (
    LiveModule,
    changed_batches,
    fresh_net,
    net_inputs,
)

from ._harness import Layers, Witness, data, fitted, make_attack, make_net, seeded_module, weights

X, Y = data()
N_BATCHES = 5  # of 20 rows


def train(net, attack=None, X=X, y=Y, **params):
    attack = make_attack() if attack is None else attack
    return AdversarialTrainingClassifier(net, attack, random_state=0, **params).fit(X, y)


class Events(Callback):
    """Keeps what it is told."""

    def __init__(self, sink=None):
        self.sink = sink

    def initialize(self):
        self.names, self.batches, self.gradients = [], [], []
        return self

    def on_epoch_begin(self, net, **kwargs):
        self.names.append("epoch begin")

    def on_batch_end(self, net, batch=None, training=None, y_pred=None, **kwargs):
        self.names.append("batch end")
        self.batches.append((batch, y_pred.detach().clone()))

    def on_grad_computed(self, net, named_parameters, **kwargs):
        norms = [p.grad.norm().item() for _, p in named_parameters]
        self.gradients.append(max(norms))

    def on_train_end(self, net, **kwargs):
        self.names.append("train end")


def test_batch_level_callbacks():
    defence = train(make_net(callbacks=[("events", Events)], max_epochs=2))
    events = dict(defence.estimator_.callbacks_)["events"]
    epoch = ["epoch begin"] + ["batch end"] * N_BATCHES
    assert events.names == [*epoch, *epoch, "train end"]
    assert min(events.gradients) > 0
    assert [len(y_pred) for _, y_pred in events.batches] == [20, 20, 20, 20, 10] * 2
    history = defence.estimator_.history
    assert [len(epoch["batches"]) for epoch in history] == [N_BATCHES] * 2
    per_batch = np.array([batch["train_loss"] for batch in history[-1]["batches"]])
    assert np.average(per_batch, weights=[20, 20, 20, 20, 10]) == pytest.approx(
        history[-1, "train_loss"]
    )


def test_valid_loss_is_on_rows_as_they_are():
    held_out = Dataset(X[:30], Y[:30])
    defence = train(make_net(train_split=predefined_split(held_out)))
    net = defence.estimator_
    with torch.no_grad():
        logits = net.module_.eval()(torch.as_tensor(X[:30]))
        expected = functional.cross_entropy(logits, torch.as_tensor(Y[:30])).item()
    assert net.history[-1, "valid_loss"] == pytest.approx(expected, rel=1e-5)
    assert net.history[-1, "valid_acc"] == np.mean(net.predict(X[:30]) == Y[:30])


def test_train_split():
    net = make_net(cls=Witness, train_split=ValidSplit(3, stratified=True), max_epochs=1)
    attack = make_attack(eps=1e-6, step_size=1e-6)
    trained_on = np.concatenate([x for x, _ in train(net, attack).estimator_.seen_])
    index = next(iter(StratifiedKFold(3).split(X, Y)))[0]
    np.testing.assert_allclose(trained_on, X[index], atol=1e-5)


def test_random_split_is_drawn_from_the_seed():
    """skorch splits at random by numpy's global generator."""
    net = make_net(cls=Witness, train_split=ValidSplit(0.3), max_epochs=1)
    splits = []
    for _ in range(2):
        np.random.random(3)  # noqa: NPY002
        splits.append(np.concatenate([y for _, y in train(net).estimator_.seen_]))
    np.testing.assert_array_equal(*splits)


def test_learning_rate_schedule():
    schedule = LRScheduler(policy=torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    defence = train(make_net(callbacks=[schedule], lr=0.4))
    np.testing.assert_allclose(defence.estimator_.history[:, "event_lr"], [0.4, 0.2, 0.1])


def test_early_stopping():
    stop = EarlyStopping(patience=2)
    net = make_net(callbacks=[stop], lr=0.0, max_epochs=10, train_split=ValidSplit(3))
    assert len(train(net).estimator_.history) == 3


def test_epoch_scoring():
    """Scores taken in training are those on adversarial rows."""
    score = EpochScoring("accuracy", name="robust", on_train=True, lower_is_better=False)
    frozen = fitted(make_net(cls=Witness, callbacks=[score], max_epochs=30), X, Y)
    assert frozen.history[-1, "robust"] == np.mean(frozen.predict(X) == Y) > 0.9
    frozen.seen_ = []
    frozen.set_params(lr=0.0, max_epochs=1)
    attack = make_attack(eps=0.3, step_size=0.3)
    net = train(FrozenEstimator(frozen), attack, fine_tune=True).estimator_
    right = [net.predict(x.numpy()) == y.numpy() for x, y in net.seen_]
    assert net.history[-1, "robust"] == pytest.approx(np.concatenate(right).mean())
    assert net.history[-1, "robust"] < 0.7


def test_checkpoint_of_the_best_epoch(tmp_path):
    checkpoint = Checkpoint(monitor="valid_loss_best", dirname=str(tmp_path), load_best=True)
    net = make_net(callbacks=[checkpoint], lr=20.0, max_epochs=6, train_split=ValidSplit(3))
    history = train(net).estimator_.history
    best = int(np.argmin(history[:, "valid_loss"]))
    assert best < 5, "the rate is meant to make it worse"
    again = make_net().initialize()
    again.load_params(f_params=tmp_path / "params.pt")
    np.testing.assert_array_equal(weights(again), weights(train(net).estimator_))


class Copies(Callback):
    """Copies and pickles the net in the midst of training."""

    def on_batch_end(self, net, **kwargs):
        vars(self).setdefault("copies_", [])
        if len(self.copies_) < 2:
            self.copies_ += [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]


def test_nets_copied_in_training_are_whole():
    defence = train(make_net(callbacks=[("copies", Copies)], max_epochs=1))
    for twin in dict(defence.estimator_.callbacks_)["copies"].copies_:
        assert {"train_step_single", "__getstate__"}.isdisjoint(vars(twin))
        assert not np.array_equal(weights(twin), weights(defence.estimator_))
        before = weights(twin)
        twin.partial_fit(X, Y)
        assert not np.array_equal(weights(twin), before)


def test_checkpoint_of_the_whole_net(tmp_path):
    checkpoint = Checkpoint(monitor=None, f_pickle="net.pkl", dirname=str(tmp_path))
    defence = train(make_net(callbacks=[checkpoint]))
    twin = pickle.loads((tmp_path / "net.pkl").read_bytes())
    np.testing.assert_array_equal(twin.predict_proba(X), defence.estimator_.predict_proba(X))


def test_gradient_clipping():
    net = make_net(seeded_module(), callbacks=[GradientNormClipping(1e-4)], lr=1.0, max_epochs=1)
    start = weights(net.module)
    change = np.abs(weights(train(net).estimator_) - start).max()
    assert 1e-5 < change <= N_BATCHES * 1e-4 + 1e-6  # the clipped steps, and rounding
    free = make_net(seeded_module(), lr=1.0, max_epochs=1)
    assert np.abs(weights(train(free).estimator_) - start).max() > 0.01


def test_a_net_with_a_step_of_its_own():
    trained = train(make_net(cls=Witness, max_epochs=2)).estimator_
    assert type(trained) is Witness
    assert len(trained.seen_) == 2 * N_BATCHES
    moved = [
        np.abs(x.numpy() - X[20 * (i % 5) :][:20]).max() for i, (x, _) in enumerate(trained.seen_)
    ]
    np.testing.assert_allclose(moved, 0.1, atol=1e-6)


def test_closures():
    """LBFGS asks for the loss of a batch many times in one step."""
    net = make_net(cls=Witness, optimizer=torch.optim.LBFGS, lr=0.1, max_epochs=2)
    trained = train(net).estimator_
    assert len(trained.seen_) > 4 * N_BATCHES
    first, last = trained.history[:, "train_loss"]
    assert last < 0.8 * first


class Spy(nn.Module):
    """Tells, for each pass, whether it was in train mode."""

    modes = []

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
        )

    def forward(self, X):
        type(self).modes.append(self.training)
        return self.layers(X)


def test_attacks_see_eval_mode_and_training_train_mode():
    Spy.modes = []
    defence = train(make_net(Spy, max_epochs=2))
    expected = [False] + ([False] * 4 + [True]) * N_BATCHES * 2  # first a look at the outputs
    assert Spy.modes[: len(expected)] == expected
    assert not any(Spy.modes[len(expected) :])  # no training pass besides
    norm = defence.estimator_.module_.layers[1]
    assert norm.num_batches_tracked == 2 * N_BATCHES


def test_batch_statistics_of_the_attack_are_up_to_date():
    """What is attacked at the last batch is the net as it was then, running means included."""
    net = make_net(Spy, cls=Witness, lr=0.0, max_epochs=30)
    trained = train(net).estimator_
    module = as_module(trained)
    x_adv, y = trained.seen_[-1]
    x = torch.as_tensor(X[-10:]).requires_grad_()
    functional.cross_entropy(module(x), y, reduction="sum").backward()
    agree = (x.grad.sign() == (x_adv - x).detach().sign()) | (x == 0) | (x == 1)
    assert agree.float().mean() > 0.9


def test_probabilities_and_log_likelihood():
    """skorch's other convention: the same net, the same training."""

    def softmax():
        return nn.Sequential(seeded_module(), nn.Softmax(dim=1))

    logits = train(make_net(seeded_module()))
    proba = train(make_net(softmax(), criterion=nn.NLLLoss))
    np.testing.assert_allclose(weights(proba.estimator_), weights(logits.estimator_), atol=1e-4)
    np.testing.assert_allclose(proba.predict_proba(X), logits.predict_proba(X), atol=1e-4)


def test_one_output():
    """A binary net is attacked as the same net with two outputs."""
    module = seeded_module(lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)))
    kind = {"cls": NeuralNetBinaryClassifier, "criterion": nn.BCEWithLogitsLoss}
    one = make_net(copy.deepcopy(module), max_epochs=20, **kind)
    labels = np.array(["no", "yes"])[(Y > 0).astype(int)]
    defence = train(one, y=labels)
    for start in list(range(0, 90, 20)) * 20:
        x, y = torch.as_tensor(X[start : start + 20]), torch.as_tensor(Y[start : start + 20] > 0)
        weight = module[0].weight.detach()
        away = torch.where(y[:, None], -1, 1) * weight.sign()
        x_adv = torch.clamp(x + 0.1 * away, 0, 1)
        loss = functional.binary_cross_entropy_with_logits(module(x_adv), y.float())
        for p, g in zip(
            module.parameters(), torch.autograd.grad(loss, module.parameters()), strict=True
        ):
            p.data -= 0.5 * g
    np.testing.assert_allclose(weights(defence.estimator_), weights(module), atol=1e-5)
    assert defence.classes_.tolist() == ["no", "yes"]
    assert set(defence.predict(X)) <= {"no", "yes"}
    proba = defence.predict_proba(X)
    np.testing.assert_array_equal(defence.predict(X) == "yes", proba[:, 1] > 0.5)
    attack = PGDAttack(eps=0.6, n_steps=5, random_state=0).fit(defence)
    result = attack.generate(X, labels)
    assert result.success.sum() > 10
    turned = result.success
    assert (defence.predict(result.X_adv)[turned] != labels[turned]).all()


class Double(nn.Module):
    """A net that computes in float64, whatever torch's default."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, X):
        return self.linear(X)


@pytest.mark.parametrize("module", [Double, Double()], ids=["class", "instance"])
def test_double_precision(module):
    defence = train(make_net(module, cls=Witness))
    assert defence.estimator_.seen_[0][0].dtype == torch.float64
    assert defence.predict_proba(X).dtype == np.float64


def test_no_device():
    assert train(make_net(device=None)).predict_proba(X).shape == (90, 3)


def test_the_users_net_is_never_changed():
    net = make_net(seeded_module(), callbacks=[("events", Events)], train_split=ValidSplit(3))
    before, params = weights(net.module), net.get_params()
    train(net)
    assert not net.initialized_
    after = {name: value for name, value in net.get_params().items() if "callbacks_" not in name}
    assert after == {name: params[name] for name in after}
    np.testing.assert_array_equal(weights(net.module), before)
    assert not hasattr(net.callbacks[0][1], "names")


def test_the_trained_net_can_be_taken_away():
    defence = train(make_net(cls=Witness))
    net = defence.estimator_
    assert {"train_step_single", "__getstate__"}.isdisjoint(vars(net))
    assert net.get_params().keys() == make_net(cls=Witness).get_params().keys()
    twin = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(twin.predict_proba(X), defence.predict_proba(X))
    twin.seen_ = []
    twin.partial_fit(X, Y)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in twin.seen_[:5]]), X)
    assert len(twin.history) == len(net.history) + 3


def test_changed_batches_ends_with_its_block():
    net = make_net(cls=Witness).initialize()
    with pytest.raises(RuntimeError, match="out of ideas"), changed_batches(net, _fail):
        net.partial_fit(X, Y)
    assert {"train_step_single", "__getstate__"}.isdisjoint(vars(net))
    net.partial_fit(X, Y)
    with changed_batches(net, lambda x, y: x + y[:, None]):
        net.partial_fit(X, Y)
    x, y = net.seen_[-1]
    np.testing.assert_allclose(x, X[-10:] + Y[-10:, None])
    np.testing.assert_array_equal(y, Y[-10:])


def _fail(x, y):
    raise RuntimeError("out of ideas")


class Remembers(nn.Module):
    """A module that replaces its buffer instead of writing to it."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, X):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * X.detach().mean(0)
        return self.linear(X - self.mean)


@pytest.mark.parametrize("module", [Layers, Spy, Remembers])
def test_live_module_follows_the_net(module):
    net = make_net(module).initialize()
    live = LiveModule(net)
    rows = torch.as_tensor(X)
    first = live()(rows)
    net.partial_fit(X, Y)
    np.testing.assert_allclose(live()(rows), net.module_.eval()(rows).detach(), atol=1e-6)
    assert not np.allclose(live()(rows), first, atol=1e-2)
    with torch.no_grad():
        for parameter in net.module_.parameters():
            parameter.data = torch.zeros_like(parameter)  # replaced, not written to
    np.testing.assert_allclose(live()(rows), 0, atol=1e-6)
    buffer = io.BytesIO()
    torch.save(make_net(module).initialize().module_.state_dict(), buffer)
    buffer.seek(0)
    net.load_params(f_params=buffer)
    np.testing.assert_allclose(live()(rows), net.module_.eval()(rows).detach(), atol=1e-6)


def test_live_module_leaves_no_gradients():
    net = make_net().initialize()
    x = torch.as_tensor(X).requires_grad_()
    LiveModule(net)()(x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None and p.requires_grad for p in net.module_.parameters())


def test_fresh_net_of_a_net_not_fitted_keeps_its_weights():
    net = make_net(seeded_module())
    twin = fresh_net(net)
    np.testing.assert_array_equal(weights(twin.module), weights(net.module))
    assert twin.module is not net.module


def test_fresh_net_of_a_fitted_one():
    net = fitted(make_net(Spy()), X, Y)
    twin = fresh_net(net).initialize()
    assert twin.module_.layers[1].num_batches_tracked == 0
    assert len(twin.history) == 0
    assert not np.allclose(
        twin.module_.layers[0].weight.detach(), net.module_.layers[0].weight.detach()
    )


@pytest.mark.parametrize("kind", ["frozen", "strided", "ints", "double"])
def test_net_inputs(kind):
    rows = X.copy()
    if kind == "frozen":
        rows.setflags(write=False)
    elif kind == "strided":
        rows = np.asfortranarray(rows)
    elif kind == "ints":
        rows = np.round(10 * rows).astype(int)
    else:
        rows = rows.astype(float)
    given, codes = net_inputs(make_net(), rows, Y)
    assert given.dtype == np.float32
    assert given.flags.c_contiguous
    assert given.flags.writeable
    np.testing.assert_array_equal(given, rows)
    assert codes.dtype == np.int64


def test_rows_that_may_not_be_written():
    rows = X.copy()
    rows.setflags(write=False)
    np.testing.assert_array_equal(
        train(make_net(), X=rows).predict_proba(rows), train(make_net()).predict_proba(X)
    )


@pytest.mark.parametrize("classes", [[], None])
def test_classes_of_the_labels(classes):
    assert train(make_net(classes=classes)).classes_.tolist() == [0, 1, 2]


def test_fewer_outputs_than_classes():
    with pytest.raises(ValueError, match="2 outputs for 3 classes"):
        train(make_net(module__n_out=2))


def test_classes_that_are_not_in_the_labels():
    net = make_net(module__n_out=5)
    with pytest.raises(ValueError, match=r"5 outputs for 3 classes.*classes=\[...\]"):
        train(net)
    defence = train(net.set_params(classes=list("edcba")), y=np.array(list("bcd"))[Y])
    assert defence.classes_.tolist() == list("abcde")
    assert defence.predict_proba(X).shape == (90, 5)
    assert set(defence.predict(X)) <= set("bcd")
    with pytest.raises(ValueError, match="previously unseen labels"):
        train(net, y=np.array(list("xyz"))[Y])


def test_a_net_that_does_not_classify():
    with pytest.raises(TypeError, match=r"NeuralNet, which predicts no classes.*NeuralNetClass"):
        train(make_net(cls=NeuralNet))
