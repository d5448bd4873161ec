"""Torch modules and skorch nets: logits are reached under any softmax, and nothing is changed."""

import copy

import numpy as np
import pytest
import torch
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn
from torch.nn import functional

from sklearn_privfair.differentiable import as_module


class Net(nn.Module):
    """Three outputs under an ending given as a function."""

    def __init__(self, ending=None, scale=1.0, n_out=3):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, n_out))
        self.ending = ending
        self.scale = scale

    def forward(self, x):
        logits = self.scale * self.body(x)
        return logits if self.ending is None else self.ending(logits)


ENDINGS = {
    "functional": lambda z: functional.softmax(z, dim=1),
    "torch": lambda z: torch.softmax(z, 1),
    "method": lambda z: z.softmax(dim=-1),
    "named input": lambda z: torch.softmax(input=z, dim=1),
    "module": nn.Softmax(dim=1),
    "sequential": nn.Sequential(nn.Identity(), nn.Softmax(dim=-1), nn.Identity()),
    "exp of log": lambda z: functional.log_softmax(z, dim=1).exp(),
    "flattened": lambda z: z.softmax(1).flatten(1),
    "reshaped": lambda z: z.softmax(1).view(-1, 3),
}
LOG_ENDINGS = {
    "functional": lambda z: functional.log_softmax(z, dim=1),
    "torch": lambda z: torch.log_softmax(z, 1),
    "method": lambda z: z.log_softmax(-1),
    "module": nn.LogSoftmax(dim=1),
    "log of softmax": lambda z: z.softmax(1).log(),
}


def _rows(n=16, dtype=torch.float32):
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.fixture(autouse=True)
def _fixed_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _check_reaches(module, net, rows):
    """Logits of +-200: the probabilities underflow, the logits and their gradient do not."""
    x = rows.clone().requires_grad_()
    logits = module(x)
    expected = net.scale * net.body(rows)
    assert expected.abs().max() > 200
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-3)
    (gradient,) = torch.autograd.grad(functional.cross_entropy(logits, logits.argmin(1)), x)
    assert gradient.isfinite().all()
    assert (gradient.abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_logits_under_probabilities(ending):
    net = Net(ending, scale=400.0)
    assert (net(_rows()) == 0).any()
    _check_reaches(as_module(net), net, _rows())


@pytest.mark.parametrize("ending", LOG_ENDINGS.values(), ids=LOG_ENDINGS)
def test_logits_under_log_probabilities(ending):
    net = Net(ending, scale=400.0)
    _check_reaches(as_module(net), net, _rows())


def test_bare_logits_stay():
    net = Net(scale=400.0)
    module = as_module(net)
    for _ in range(2):  # the second call takes the short way
        _check_reaches(module, net, _rows())


def test_softmax_inside_is_left_alone():
    class Attention(Net):
        def forward(self, x):
            return self.body(x * x.softmax(dim=1))

    net = Attention()
    torch.testing.assert_close(as_module(net)(_rows()), net(_rows()), rtol=1e-5, atol=1e-6)


def test_first_of_several_outputs():
    net = Net(lambda z: (z.softmax(1), z.sum()), scale=400.0)
    _check_reaches(as_module(net), net, _rows())


def _fit(net, n_classes=3):
    X = _rows(24).numpy()
    return net.fit(X, np.arange(24) % n_classes)


SILENT = {"max_epochs": 1, "verbose": 0, "train_split": None}


@pytest.mark.parametrize("ending", [ENDINGS["functional"], ENDINGS["module"]], ids=["f", "module"])
def test_skorch_with_probabilities(ending):
    net = _fit(NeuralNetClassifier(Net, module__ending=ending, module__scale=400.0, **SILENT))
    _check_reaches(as_module(net), net.module_, _rows())
    np.testing.assert_array_equal(as_module(net)(_rows()).argmax(1), net.predict(_rows().numpy()))


@pytest.mark.parametrize("given", ["class", "instance"])
def test_skorch_with_logits(given):
    how = {"module__scale": 400.0} if given == "class" else {}
    module = Net if given == "class" else Net(scale=400.0)
    net = _fit(NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, **how, **SILENT))
    _check_reaches(as_module(net), net.module_, _rows())
    np.testing.assert_array_equal(as_module(net)(_rows()).argmax(1), net.predict(_rows().numpy()))


def test_sequential_instance():
    module = nn.Sequential(nn.Linear(5, 3), nn.Softmax(dim=1))
    net = _fit(NeuralNetClassifier(module, **SILENT))
    logits = as_module(net)(_rows())
    torch.testing.assert_close(logits, net.module_[0](_rows()), rtol=1e-5, atol=1e-6)


def test_probabilities_of_unknown_make_stay_finite():
    def by_hand(z):
        powers = (z - z.amax(dim=1, keepdim=True)).exp()
        return powers / powers.sum(dim=1, keepdim=True)

    net = _fit(NeuralNetClassifier(Net, module__ending=by_hand, module__scale=400.0, **SILENT))
    x = _rows().requires_grad_()
    probabilities = net.module_(_rows())
    assert (probabilities == 0).any()
    logits = as_module(net)(x)
    (gradient,) = torch.autograd.grad(functional.cross_entropy(logits, logits.argmin(1)), x)
    assert logits.isfinite().all()
    assert gradient.isfinite().all()
    seen = probabilities > 1e-30
    torch.testing.assert_close(logits[seen], probabilities[seen].log(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threshold", [0.5, 0.2, 0.9])
def test_binary_net_with_a_threshold(threshold):
    net = NeuralNetBinaryClassifier(Net, module__n_out=1, threshold=threshold, **SILENT)
    X = _rows(64).numpy()
    net.fit(X, (X[:, 0] > 0).astype(np.float32))
    logits = as_module(net)(torch.tensor(X)).detach().numpy()
    assert logits.shape == (64, 2)
    np.testing.assert_array_equal(logits.argmax(1), net.predict(X))
    odds = np.log(net.predict_proba(X)[:, 1] / net.predict_proba(X)[:, 0])
    shift = np.log(threshold / (1 - threshold))
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], odds - shift, rtol=1e-3, atol=1e-5)


def test_binary_net_that_ends_in_a_sigmoid():
    net = NeuralNetBinaryClassifier(
        Net, module__n_out=1, module__ending=torch.sigmoid, criterion=nn.BCELoss, **SILENT
    )
    X = _rows(64).numpy()
    net.fit(X, (X[:, 0] > 0).astype(np.float32)).module_.scale = 400.0
    x = torch.tensor(X, requires_grad=True)
    logits = as_module(net)(x)
    expected = 400 * net.module_.body(torch.tensor(X))[:, 0]
    torch.testing.assert_close(logits[:, 1] - logits[:, 0], expected, rtol=1e-5, atol=1e-3)
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), x)
    assert (gradient.abs().sum(dim=1) > 0).all()


def test_uninitialized_net_leaves_the_generator_alone():
    net = NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss, **SILENT)
    state = torch.get_rng_state()
    assert as_module(net)(_rows()).shape == (16, 3)
    assert not net.initialized_
    assert torch.equal(torch.get_rng_state(), state)


class Busy(nn.Module):
    """One with state that a careless forward or backward pass would change."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3)
        )

    def forward(self, x):
        return self.layers(x)


def _state(net):
    flags = [module.training for module in net.modules()]
    grads = [None if p.grad is None else p.grad.clone() for p in net.parameters()]
    return (
        copy.deepcopy(net.state_dict()),
        flags,
        grads,
        [p.requires_grad for p in net.parameters()],
    )


def test_the_model_is_untouched_and_seen_in_eval_mode():
    net = Busy().train()
    net.layers[1].eval()
    net(_rows()).sum().backward()
    net.layers[0].weight.requires_grad_(False)
    before = _state(net)
    torch_state = torch.get_rng_state()

    module = as_module(net)
    x = _rows().requires_grad_()
    logits = module(x)
    torch.autograd.grad(logits.sum(), x)

    after = _state(net)
    for name, value in before[0].items():
        assert torch.equal(after[0][name], value)
    assert after[1] == before[1]
    assert all(torch.equal(a, b) for a, b in zip(after[2], before[2], strict=True) if b is not None)
    assert after[3] == before[3]
    assert torch.equal(torch.get_rng_state(), torch_state)  # dropout draws nothing
    reference = copy.deepcopy(net).eval()(_rows())
    torch.testing.assert_close(logits, reference, rtol=1e-5, atol=1e-6)
    assert not any(p.requires_grad for p in module.parameters())


def test_the_module_is_a_copy():
    net = Net()
    module = as_module(net)
    before = module(_rows())
    with torch.no_grad():
        net.body[2].bias += 1.0
    torch.testing.assert_close(module(_rows()), before, rtol=0, atol=0)
    torch.testing.assert_close(as_module(net)(_rows()), before + 1.0, rtol=1e-5, atol=1e-5)


def test_float64_rows_for_a_float32_net():
    x = _rows(dtype=torch.float64).requires_grad_()
    net = Net()
    logits = as_module(net)(x)
    assert logits.dtype == torch.float32
    assert torch.autograd.grad(logits.sum(), x)[0].dtype == torch.float64
    torch.testing.assert_close(logits, net(x.float()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [5, 8, 16, 13])
def test_rows_stand_apart(width):
    net = nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, 3))
    module, rows = as_module(net), _rows(64)
    order = torch.randperm(64)

    def compute(x):
        x = x.clone().requires_grad_()
        logits = module(x)
        return logits.detach(), torch.autograd.grad(logits.square().sum(), x)[0]

    for whole, mixed in zip(compute(rows), compute(rows[order]), strict=True):
        assert torch.equal(whole[order], mixed)
    eights = [compute(part) for part in rows[order].split(8)]
    for whole, parts in zip(compute(rows), zip(*eights, strict=True), strict=True):
        assert torch.equal(whole[order], torch.cat(parts))


def test_three_dimensional_output_is_refused():
    with pytest.raises(ValueError, match=r"\(n_samples, n_classes\)"):
        as_module(nn.Unflatten(1, (5, 1, 1)))(_rows())
