"""Training by DP-SGD: its batches, its noise, what it spends, what it refuses, what it leaves."""

import itertools
import pickle
import sys

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import brentq
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring, LRScheduler
from skorch.dataset import Dataset, ValidSplit
from torch import nn
from torch.nn import functional

from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.differentiable import as_module
from sklearn_privfair.privacy import DPSGDClassifier
from sklearn_privfair.privacy._dp_accounting import epsilon_spent, noise_for
from sklearn_privfair.privacy._dp_training import DPTraining

X, Y = make_blobs(90, 4, centers=3, cluster_std=1.5, random_state=0)[:2]
X = ((X - X.min(axis=0)) / np.ptp(X, axis=0)).astype(np.float32)
SPARE = np.random.default_rng(1).random((20, 4)).astype(np.float32)


class Batches(Callback):
    """Keeps what the net was trained on."""

    def initialize(self):
        self.seen_ = []
        return self

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        if training:
            self.seen_.append([part.clone() for part in batch])


def module(n_hidden=8, n_in=4, n_out=3, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))


def make_net(inner=None, cls=NeuralNetClassifier, **params):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "lr": 0.5,
        "max_epochs": 3,
        "batch_size": 20,
        "train_split": None,
        "verbose": 0,
    }
    return cls(module() if inner is None else inner, **defaults | params)


def train(net=None, X=X, y=Y, **params):
    """Noise is given, and nothing is to be found."""
    defaults = {"epsilon": None, "noise_multiplier": 1.0, "accountant": "rdp", "random_state": 0}
    return DPSGDClassifier(make_net() if net is None else net, **defaults | params).fit(X, y)


def weights(net):
    tensors = getattr(net, "module_", net).state_dict().values()
    return np.concatenate([tensor.double().numpy().ravel() for tensor in tensors])


def seen(fitted):
    return dict(fitted.estimator_.callbacks_)["Batches"].seen_


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


# ---- the update


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


class Steps(Callback):
    """Keeps the weights of the net, from the first to the last."""

    def on_train_begin(self, net, **kwargs):
        self.weights_ = [weights(net)]

    def on_batch_end(self, net, training=None, **kwargs):
        self.weights_ += [weights(net)] if training else []


def test_coins_and_noise_are_two_streams():
    for seed in (None, 3):
        run = DPTraining(DPSGDClassifier(make_net()), make_net(), seed)
        states = [rng.bit_generator.state["state"] for rng in (run.coins, run.noise.rng)]
        assert states[0] != states[1]
    again = DPTraining(DPSGDClassifier(make_net()), make_net(), 3)
    assert again.coins.random() == run.coins.random()


# ---- the batches


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


# ---- what is spent


def gaussian_epsilon(mu, delta):
    """Balle and Wang 2018, theorem 8, for a shift of mu standard deviations."""

    def excess(epsilon):
        upper = stats.norm.cdf(mu / 2 - epsilon / mu)
        return upper - np.exp(epsilon + stats.norm.logcdf(-mu / 2 - epsilon / mu)) - delta

    return brentq(excess, 0, 200)


def sampled_epsilon(sigma, rate, delta):
    """One step: a mixture of two normals against one; the set where the density is higher."""

    def excess(epsilon):
        inner = np.log((np.exp(epsilon) - 1 + rate) / rate)
        upper = stats.norm.cdf(1 / (2 * sigma) - inner * sigma)
        return (
            rate * (upper - np.exp(inner) * stats.norm.cdf(-1 / (2 * sigma) - inner * sigma))
            - delta
        )

    return brentq(excess, 1e-9, 200)


@pytest.mark.parametrize(("sigma", "n_steps"), [(1.0, 1), (4.0, 30), (30.0, 10)])
def test_whole_batches_are_gaussian_mechanisms(sigma, n_steps):
    """Without sampling, steps add up to one step of less noise, of which all is known."""
    exact = gaussian_epsilon(np.sqrt(n_steps) / sigma, 1e-5)
    assert exact <= epsilon_spent(sigma, 1.0, n_steps, 1e-5, "prv") <= exact * 1.005 + 1e-3
    assert exact <= epsilon_spent(sigma, 1.0, n_steps, 1e-5, "rdp") <= exact * 1.2


@pytest.mark.parametrize(("sigma", "rate"), [(1.0, 0.1), (0.7, 0.5), (3.0, 0.01)])
def test_one_sampled_step(sigma, rate):
    exact = sampled_epsilon(sigma, rate, 1e-5)
    assert exact <= epsilon_spent(sigma, rate, 1, 1e-5, "prv") <= exact * 1.01 + 1e-3
    assert epsilon_spent(sigma, rate, 1, 1e-5, "rdp") >= exact


@pytest.mark.parametrize("accountant", ["prv", "rdp"])
@pytest.mark.parametrize("epsilon", [8.0, 150.0])
def test_noise_for_a_budget(epsilon, accountant):
    sigma = noise_for(epsilon, 0.2, 40, 1e-5, accountant)
    assert 0.99 * epsilon < epsilon_spent(sigma, 0.2, 40, 1e-5, accountant) <= epsilon
    if accountant == "prv":
        assert sigma <= noise_for(epsilon, 0.2, 40, 1e-5, "rdp") * 1.001


def test_no_noise_and_no_steps():
    assert epsilon_spent(0.0, 0.1, 10, 1e-5, "prv") == np.inf
    assert epsilon_spent(1.0, 0.1, 0, 1e-5, "prv") == 0
    with pytest.raises(ValueError, match="allow more"):
        noise_for(1e-9, 1.0, 10, 1e-12, "rdp")


def test_what_a_fit_spends():
    net = make_net(batch_size=-1, max_epochs=6)
    fitted = train(net, noise_multiplier=2.5, delta=1e-4, accountant="prv")
    exact = gaussian_epsilon(np.sqrt(6) / 2.5, 1e-4)
    assert exact <= fitted.epsilon_ <= exact * 1.005 + 1e-3
    assert (fitted.delta_, fitted.noise_multiplier_, fitted.n_steps_) == (1e-4, 2.5, 6)


def test_a_budget_is_kept():
    fitted = train(epsilon=3.0, noise_multiplier=None, accountant="prv")
    assert 2.97 < fitted.epsilon_ <= 3
    assert fitted.delta_ == 90**-1.1
    spent = epsilon_spent(fitted.noise_multiplier_, 20 / 90, 15, 90**-1.1, "prv")
    assert fitted.epsilon_ == spent
    assert train(epsilon=1.0, noise_multiplier=None).noise_multiplier_ > fitted.noise_multiplier_


def test_rows_held_out_are_not_counted():
    net = make_net(train_split=ValidSplit(3, stratified=True), callbacks=[Batches], max_epochs=1)
    fitted = train(net)
    assert fitted.sample_rate_ == 20 / 60
    assert fitted.delta_ == 60**-1.1
    assert len(np.unique(np.concatenate([x for x, _ in seen(fitted)]), axis=0)) <= 60
    assert "valid_acc" in fitted.estimator_.history[-1]


class Stops(Callback):
    """Stops the training, as a user may by the keyboard."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


def test_a_training_cut_short_has_spent_less():
    whole, cut = train(epsilon=3.0, noise_multiplier=None), train(
        make_net(callbacks=[Stops]), epsilon=3.0, noise_multiplier=None
    )  # fmt: skip
    assert cut.n_steps_ == 10
    assert cut.noise_multiplier_ == whole.noise_multiplier_
    assert cut.epsilon_ == epsilon_spent(cut.noise_multiplier_, 20 / 90, 10, cut.delta_, "rdp")
    assert cut.epsilon_ < 0.9 * whole.epsilon_


def test_large_delta():
    with pytest.warns(UserWarning, match=r"delta=0\.02 is above 1/n_rows=0\.011"):
        train(delta=0.02)


# ---- what is refused


class Mean(nn.Module):
    """Sets each row against the mean of its batch: Opacus knows nothing of it."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, X):
        return self.linear(X - X.mean(0))


class Remembers(nn.Module):
    """Keeps a mean of the rows, and does not use it in training."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, X):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * X.detach().mean(0)
        return self.linear(X)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, X):
        return self.linear(X), X


class OwnStep(NeuralNetClassifier):
    def train_step_single(self, batch, **fit_params):
        return super().train_step_single(batch, **fit_params)


class Learned(nn.CrossEntropyLoss):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x, y):
        return super().forward(x * self.scale, y)


class Summed(nn.Module):
    def forward(self, x, y):
        return functional.cross_entropy(x, y)


class Deaf(Summed):
    reduction = "mean"


def norm(layer):
    return nn.Sequential(nn.Linear(4, 6), layer, nn.ReLU(), nn.Linear(6, 3))


PLATEAU = LRScheduler(policy=torch.optim.lr_scheduler.ReduceLROnPlateau)
SPLIT = ValidSplit(3)
REFUSED = {
    "batch norm": (norm(nn.BatchNorm1d(6)), {}, r"Layer '1'.*BatchNorm1d.*GroupNorm"),
    "affine": (norm(nn.BatchNorm1d(6, affine=False)), {}, "depends on the other rows"),
    "mean": (Mean(), {}, "depends on the other rows.*GroupNorm"),
    "buffers": (Remembers(), {}, "writes to its buffers"),
    "pair": (Pair(), {}, "gives a tuple"),
    "step": (None, {"cls": OwnStep}, "OwnStep has its own train_step_single"),
    "sampler": (None, {"iterator_train__sampler": range(90)}, "iterator_train__sampler"),
    "iterator": (None, {"iterator_train": list}, "iterator_train=<class 'list'>"),
    "criterion": (None, {"criterion": Learned}, "learns more weights"),
    "no reduction": (None, {"criterion": Summed}, "has no reduction"),
    "no rows": (None, {"criterion": Deaf}, r"losses of shape \(\) for 4 rows"),
    "closure": (None, {"optimizer": torch.optim.LBFGS}, "LBFGS asks for the loss .* many times"),
    "stopping": (None, {"callbacks": [EarlyStopping()], "train_split": SPLIT}, "EarlyStopping"),
    "plateau": (None, {"callbacks": [PLATEAU], "train_split": SPLIT}, "LRScheduler"),
    "best": (None, {"callbacks": [Checkpoint(load_best=True)]}, "Checkpoint"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    inner, params, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        train(make_net(inner, **params))


@pytest.mark.parametrize("layer", [nn.GroupNorm(2, 6), nn.LayerNorm(6), nn.Dropout(0.5)])
def test_layers_that_keep_rows_apart(layer):
    assert train(make_net(norm(layer))).clipping_ == "ghost"


def test_ghost_where_it_cannot_be():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, X):
            return self.outer(self.inner(torch.relu(self.inner(X))))

    with pytest.raises(ValueError, match=r"clipping='ghost' cannot .* used more than once"):
        train(make_net(Tied()), clipping="ghost")
    assert train(make_net(Tied())).clipping_ == "per_sample"


@pytest.mark.parametrize("both", [{"epsilon": 1.0}, {"noise_multiplier": None}])
def test_budget_or_noise(both):
    with pytest.raises(ValueError, match="give one of them and None for the other"):
        train(**both)


def test_no_net():
    with pytest.raises(TypeError, match=r"LogisticRegression\(\).* is no skorch net"):
        train(make_pipeline(StandardScaler(), LogisticRegression()))


def test_too_few_outputs():
    with pytest.raises(ValueError, match="The net has 5 outputs for 3 classes"):
        train(make_net(module(n_out=5)))


def test_without_opacus(monkeypatch):
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(ImportError, match=r"pip install sklearn_privfair\[privacy\]"):
        train()


# ---- pipelines


def test_steps_that_need_no_fitting():
    root = FunctionTransformer(np.sqrt)
    piped = train(make_pipeline(root, make_pipeline("passthrough", make_net())))
    bare = train(make_net(), np.sqrt(X))
    np.testing.assert_array_equal(weights(piped.estimator_[-1]), weights(bare.estimator_))
    np.testing.assert_array_equal(piped.predict_proba(SPARE), bare.predict_proba(np.sqrt(SPARE)))
    logits = as_module(piped)(torch.as_tensor(SPARE)).detach()
    np.testing.assert_allclose(logits.softmax(dim=1), piped.predict_proba(SPARE), atol=1e-6)


def test_steps_that_would_be_fitted():
    with pytest.raises(TypeError, match=r"'standardscaler'.*would be fitted on private rows"):
        train(make_pipeline(StandardScaler(), make_net()))
    scaler = StandardScaler().fit(SPARE)
    piped = train(make_pipeline(FrozenEstimator(scaler), make_net()))
    bare = train(make_net(), scaler.transform(X))
    np.testing.assert_allclose(
        piped.predict_proba(SPARE), bare.predict_proba(scaler.transform(SPARE)), atol=1e-6
    )


# ---- what is left


def test_the_trained_net_is_plain():
    net = make_net()
    fitted = train(net)
    inner = fitted.estimator_
    assert type(inner) is NeuralNetClassifier
    assert type(inner.module_) is nn.Sequential
    assert not net.initialized_
    for layer in inner.module_.modules():
        assert not layer._forward_hooks
        assert not layer._backward_hooks
        assert set(vars(layer)) <= set(vars(nn.Linear(1, 1))) | {"inplace"}
    for weight in inner.module_.parameters():
        assert weight.grad is None
        assert vars(weight) == {}
    assert {"train_step", "train_step_single", "get_iterator", "on_epoch_end"}.isdisjoint(
        vars(inner)
    )
    twin = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(twin.predict_proba(SPARE), fitted.predict_proba(SPARE))
    twin.estimator_.partial_fit(X, Y)  # plainly
    assert [b["train_batch_size"] for b in twin.estimator_.history[-1]["batches"]] == [20] * 4 + [
        10
    ]


def test_the_trained_net_can_be_attacked():
    names = np.array(["a", "b", "c"])[Y]
    fitted = train(make_net(nn.Linear(4, 3), max_epochs=20), y=names, noise_multiplier=0.1)
    accuracy = fitted.score(X, names)
    assert accuracy > 0.85
    attack = PGDAttack(eps=0.3, n_steps=5, bounds=(0, 1), random_state=0).fit(fitted)
    assert fitted.score(attack.transform(X, names), names) < accuracy - 0.3


def test_labels_and_probabilities():
    names = np.array(["x", "m", "a"])[Y]
    fitted = train(make_net(max_epochs=20, lr=2.0), y=names, noise_multiplier=0.1)
    assert fitted.classes_.tolist() == ["a", "m", "x"]
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(fitted.classes_[proba.argmax(axis=1)], fitted.predict(X))
    assert fitted.score(X, names) > 0.85


def test_one_output():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inner = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    net = make_net(inner, NeuralNetBinaryClassifier, criterion=nn.BCEWithLogitsLoss, max_epochs=30)
    fitted = train(net, y=Y > 0, noise_multiplier=0.1)
    assert fitted.score(X, Y > 0) > 0.8
    assert fitted.clipping_ == "ghost"


def test_callbacks_go_on():
    score = EpochScoring("accuracy", name="acc", on_train=True, lower_is_better=False)
    fitted = train(make_net(callbacks=[score], max_epochs=8, lr=2.0), noise_multiplier=0.1)
    accuracies = fitted.estimator_.history[:, "acc"]
    assert len(accuracies) == 8
    assert accuracies[-1] > accuracies[0]
    assert fitted.estimator_.history[-1, "train_loss"] < fitted.estimator_.history[0, "train_loss"]


def test_what_is_random():
    """A seed decides all, the global generators are left alone, and without one nothing does."""
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    numbers = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    net = make_net(cls=NeuralNetClassifier, max_epochs=1)
    first, again = train(net), train(net)
    np.testing.assert_array_equal(weights(first.estimator_), weights(again.estimator_))
    free = train(net, random_state=None)
    np.testing.assert_array_equal(np.random.get_state()[1], numbers[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), numbers[1])
    other = train(net, random_state=None)
    assert not np.array_equal(weights(free.estimator_), weights(other.estimator_))


def test_search():
    search = GridSearchCV(
        DPSGDClassifier(make_net(lr=2.0), epsilon=None, noise_multiplier=0.5, random_state=0),
        {"max_grad_norm": [1e-6, 1.0], "estimator__max_epochs": [10]},
        cv=2,
    )
    assert search.fit(X, Y).best_params_["max_grad_norm"] == 1.0


def test_a_clone_is_fitted_anew():
    fitted = train()
    np.testing.assert_array_equal(
        weights(clone(fitted).fit(X, Y).estimator_), weights(fitted.estimator_)
    )


@pytest.mark.slow
def test_it_takes_the_attack_away():
    """Digits, a fifth of them with false labels: only who remembers them has these right."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    rng = np.random.default_rng(0)
    false = rng.random(len(y)) < 0.2
    noisy = np.where(false, rng.integers(10, size=len(y)), y)
    rows = train_test_split(np.arange(len(y)), test_size=0.5, random_state=0)

    def judged(model):
        proba = model.predict_proba(X)[np.arange(len(y)), noisy]
        inside = np.zeros(len(y), bool)
        inside[rows[0]] = True
        return model.score(X[rows[1]], y[rows[1]]), roc_auc_score(inside, proba)

    def digits_net(**params):
        inner = module(128, 64, 10)
        return make_net(inner, batch_size=256, iterator_train__shuffle=True, **params)

    plain = digits_net(max_epochs=200, optimizer=torch.optim.Adam, lr=0.01)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        plain.fit(X[rows[0]], noisy[rows[0]])
    private = DPSGDClassifier(digits_net(max_epochs=20, lr=2.0), epsilon=8.0, random_state=0)
    private.fit(X[rows[0]], noisy[rows[0]])
    accuracy, auc = judged(plain)
    accuracy_private, auc_private = judged(private)
    assert auc > 0.65
    assert 0.48 < auc_private < 0.55
    assert accuracy_private > 0.85 > accuracy
