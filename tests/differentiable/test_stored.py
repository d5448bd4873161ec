"""Nets and modules as arrays: what comes back is the same, and nothing else can be named."""

import copy
import functools
import os
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from _instances import TinyNet, tiny_net
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetBinaryClassifier
from skorch.callbacks import EarlyStopping, EpochScoring, LRScheduler
from skorch.dataset import ValidSplit
from torch import nn

from sklearn_privfair._stored import (
    Stored,
    StoredState,
    from_stored,
    to_stored,
)


def _back(value):
    return from_stored(to_stored(value, {}), {})


class Tied(nn.Module):
    """Weights that are shared, a buffer that is not kept, one that is, and parts of every kind."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(4)
        self.parts = nn.ModuleList([nn.Dropout(0.3), nn.Softplus(beta=2.0)])
        self.register_buffer("passing", torch.arange(4.0), persistent=False)
        self.factors = {"scale": torch.tensor(0.5), "names": ("a", 1)}
        self.frozen = nn.Parameter(torch.ones(4), requires_grad=False)

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        x = self.norm(self.second(self.first(x)))
        return x * self.factors["scale"] + self.frozen + self.passing


def test_module():
    module = Tied()
    module(torch.randn(8, 4))  # moves the running statistics
    module.norm.eval()
    again = _back(module)
    x = torch.randn(5, 4)
    assert again.second.weight is again.first.weight
    assert not again.frozen.requires_grad
    assert again.first.weight.requires_grad
    assert again.training
    assert not again.norm.training
    assert again.factors["names"] == ("a", 1)
    assert "passing" not in again.state_dict()
    assert torch.equal(again.eval()(x), module.eval()(x))
    assert again.first.weight.data_ptr() != module.first.weight.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16, torch.int64])
def test_tensors_keep_their_type(dtype):
    tensor = torch.tensor([1.5, -2.0, 3.25]).to(dtype)
    again = _back({"inside": [tensor]})["inside"][0]
    assert again.dtype == dtype
    assert torch.equal(again, tensor)


def test_hooks_are_refused():
    module = nn.Linear(2, 2)
    module.register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="hooks"):
        to_stored(module, {})


def _data(n_classes=2):
    X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    return X, np.arange(60) % n_classes


def test_net_with_callbacks_splits_and_schedules():
    X, y = _data(3)
    callbacks = [
        ("stop", EarlyStopping(patience=3)),
        ("rate", LRScheduler("StepLR", step_size=2, gamma=0.5)),
        ("score", EpochScoring("accuracy", lower_is_better=False)),
    ]
    net = tiny_net(train_split=ValidSplit(3), callbacks=callbacks, module__n_in=3, module__n_out=3)
    net.fit(X, y)
    again = _back(net)
    assert type(again) is type(net)
    assert again.get_params(deep=False).keys() == net.get_params(deep=False).keys()
    assert again.train_split.cv == 3
    assert dict(again.callbacks)["stop"].patience == 3
    assert dict(again.callbacks)["rate"].kwargs == {"step_size": 2, "gamma": 0.5}
    assert again.criterion is nn.CrossEntropyLoss
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    assert again.history[:, "valid_loss"] == net.history[:, "valid_loss"]
    assert (again.classes_ == net.classes_).all()


def test_net_of_a_module_that_was_given_as_an_instance():
    X, y = _data()
    net = tiny_net(module=nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)), callbacks=[])
    net.fit(X, y)
    again = _back(net)
    assert again.module_ is again.module
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))


def test_binary_net():
    X, y = _data()
    net = NeuralNetBinaryClassifier(TinyNet(3, 1), max_epochs=2, verbose=0, train_split=None)
    net.fit(X, y.astype(np.float32))
    np.testing.assert_array_equal(_back(net).predict_proba(X), net.predict_proba(X))


def test_net_that_is_not_fitted():
    again = _back(tiny_net(lr=0.125))
    assert not again.initialized_
    assert (again.lr, again.module) == (0.125, TinyNet)


def test_the_global_generator_is_left_as_it_was():
    X, y = _data()
    stored = to_stored(tiny_net().fit(X, y), {})
    state = torch.get_rng_state()
    from_stored(stored, {})
    assert torch.equal(torch.get_rng_state(), state)


def test_inside_of_scikit_learns_estimators():
    X, y = _data()
    pipeline = make_pipeline(StandardScaler(), tiny_net()).fit(X, y)
    frozen = FrozenEstimator(pipeline)
    stored = to_stored({"model": frozen}, {})
    assert isinstance(stored["model"].estimator.steps[1][1], Stored)
    assert frozen.estimator is pipeline  # the original is not touched
    assert not isinstance(pipeline.steps[1][1], Stored)
    again = from_stored(stored, {})["model"]
    np.testing.assert_array_equal(again.predict_proba(X), pipeline.predict_proba(X))


def test_tables():
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, np.nan, 1e300],
            "word": ["a", None, "c"],
            "kind": pd.Categorical(["u", "v", None], categories=["v", "u", "w"], ordered=True),
            "flag": pd.array([True, None, False], dtype="boolean"),
        },
        index=[5, 3, 4],
    )
    pd.testing.assert_frame_equal(_back(frame), frame)


def test_partials_and_dtypes():
    again = _back(functools.partial(np.add, np.arange(3), where=True))
    assert (again(1) == np.arange(3) + 1).all()
    assert _back(np.dtype("<f4")) == np.float32
    assert _back(torch.float64) is torch.float64


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
def test_an_optimizer_goes_on_with_its_own_weights(kind):
    module = nn.Linear(3, 1)
    optimizer = kind(module.parameters(), lr=0.25)
    pairs = [(module, optimizer)]
    x = torch.randn(8, 3)

    def step(module, optimizer):
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()

    step(module, optimizer)
    pairs.append(_back([module, optimizer]))
    assert pairs[1][1].param_groups[0]["params"][0] is pairs[1][0].weight
    for pair in pairs:
        step(*pair)
        step(*pair)
    assert torch.equal(pairs[0][0].weight, pairs[1][0].weight)


def test_own_objects_share_what_they_hold():
    module = nn.Linear(2, 2)
    outer = _Holder(module=module, inner=_Holder(module=module))
    again = _Holder()
    again.__setstate__(outer.__getstate__())
    assert again.inner.module is again.module
    assert again.module is not module


def test_none_as_a_key():
    module = nn.Linear(2, 2)
    again = _back({None: module, 1: "x"})
    assert again[1] == "x"
    assert torch.equal(again[None].weight, module.weight)


def test_what_is_shared_stays_shared():
    module = nn.Linear(2, 2)
    again = _back([module, {"same": module}])
    assert again[0] is again[1]["same"]


def test_what_has_nothing_to_store_is_itself():
    pipeline = make_pipeline(StandardScaler())
    array = np.arange(3)
    value = {"p": pipeline, "a": array, "t": (1, "x", None)}
    stored = to_stored(value, {})
    assert stored["p"] is pipeline  # not a copy
    assert stored["a"] is array
    assert stored["t"] == (1, "x", None)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.nn.functional", "relu"),  # a function, and no class
        ("torch.nn.modules.linear", "Module"),  # there, but from elsewhere
        ("torch.nn.modules.linear", "math"),
        ("torch.nn.modules.linear", "Linear.__init__"),
        ("torch.nn.", "Linear"),
        ("skorch.net", "Checkpoint.__class__"),
        ("torch.nnx", "Linear"),
    ],
)
def test_no_other_name_can_be_looked_up(module, name):
    with pytest.raises((TypeError, ImportError)):
        from_stored(Stored("name", {"module": module, "name": name}), {})


def test_nothing_else_can_be_made():
    for kind, content in {
        "module": {"class": os.system},
        "net": {"class": StandardScaler},
        "object": {"class": os.system, "params": {}},
        "tensor": {"array": np.ones(1), "dtype": "load", "parameter": False, "grad": False},
    }.items():
        with pytest.raises(TypeError, match="The state"):
            from_stored(Stored(kind, content), {})
    with pytest.raises(KeyError):
        from_stored(Stored("anything", {}), {})


class _Holder(StoredState):
    def __init__(self, **parts):
        self.__dict__.update(parts)


def test_pickle_and_copies_keep_everything():
    """They do not go through arrays: a module with hooks, an object's identity, survive."""
    module = nn.Linear(2, 2)
    module.register_forward_hook(os.path.join)
    holder = _Holder(module=module, same=module)
    with pytest.raises(TypeError, match="hooks"):
        holder.__getstate__()
    for again in (pickle.loads(pickle.dumps(holder)), copy.deepcopy(holder)):
        assert again.module is again.same
        assert again.module._forward_hooks
    assert copy.copy(holder).module is module
    assert vars(pickle.loads(pickle.dumps(_Holder()))) == {}
