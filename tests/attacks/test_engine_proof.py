"""A success is what the real model says of the array handed back, within bounds and budget."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_privfair.attacks import CWL2Attack, FGSMAttack, PGDAttack
from sklearn_privfair.differentiable import as_module

from ._harness import blobs, exact_norm_is_within, mlp, predict, rows, seeded

# nets this small are at rest on many rows, where there is no gradient
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")

X, Y = blobs()
LINEAR = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
NET = mlp()
CW = CWL2Attack(n_steps=20, binary_search_steps=3, bounds=None, random_state=0)
PGD = PGDAttack(norm=2, eps=1.0, n_steps=10, bounds=None, random_state=0)


@pytest.mark.parametrize("attack", [CW, PGD], ids=["cw", "pgd"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, "frame"])
def test_success_in_the_dtype_handed_back(attack, dtype):
    """A float64 model may judge a row otherwise once it is rounded to float32: rows at the edge."""
    data = pd.DataFrame(X, columns=list("abcde")) if dtype == "frame" else X.astype(dtype)
    model = clone(LINEAR).fit(data if dtype == "frame" else X, Y)
    attack.fit(model)
    result = attack.generate(data, Y)
    kept = dtype in (np.float32, np.float64)
    assert isinstance(result.X_adv, pd.DataFrame if dtype == "frame" else np.ndarray)
    assert np.asarray(result.X_adv).dtype == (dtype if kept else np.float64)
    raw = np.asarray(result.X_adv)
    before, after = model.predict(data), model.predict(result.X_adv)
    np.testing.assert_array_equal(result.success, (before == Y) & (after != Y))
    np.testing.assert_array_equal(result.y_pred_adv, after)
    assert result.success.mean() > 0.3
    np.testing.assert_array_equal(raw[~result.success], np.asarray(data)[~result.success])


@pytest.mark.parametrize("attack", [CW, PGD], ids=["cw", "pgd"])
def test_double_rows_for_a_single_precision_net(attack):
    """The net sees the rows rounded; what counts is what it says of those handed back."""
    data = rows(dtype=np.float64)
    result = attack.fit(NET).generate(data)
    assert result.X_adv.dtype == np.float64
    with torch.no_grad():
        after = NET(torch.tensor(result.X_adv, dtype=torch.float32)).argmax(1).numpy()
    np.testing.assert_array_equal(result.y_pred_adv, after)
    np.testing.assert_array_equal(result.success, after != predict(NET, data))
    assert result.success.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", [np.inf, 2, 1])
@pytest.mark.parametrize("bounds", [None, (0, 1)])
def test_not_beyond_eps_by_any_digit(norm, bounds, dtype):
    """In rational numbers, where a float32 sum or the rounding of x + delta would hide it."""
    data = rows(120, dtype=dtype)
    for eps in (0.1, 0.3, 0.7):
        attack = PGDAttack(norm=norm, eps=eps, n_steps=5, bounds=bounds, random_state=0)
        X_adv = attack.fit(NET).transform(data)
        assert (X_adv != data).any()
        assert exact_norm_is_within(X_adv, data, eps, norm).all()
        X_adv = FGSMAttack(norm=norm, eps=eps, bounds=bounds).fit(NET).transform(data)
        assert exact_norm_is_within(X_adv, data, eps, norm).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("attack", [CW, PGD], ids=["cw", "pgd"])
def test_not_out_of_bounds_by_one_ulp(attack, dtype):
    """Bounds that float32 does not have, 0.1 and 0.7, are rounded inwards."""
    data = np.clip(rows(dtype=dtype), 0.11, 0.69)
    low, high = np.full(13, 0.1), np.linspace(0.7, 0.9, 13)
    attack = attack.set_params(bounds=(low, high))
    try:
        X_adv = attack.fit(NET).transform(data)
    finally:
        attack.set_params(bounds=None)
    assert X_adv.dtype == dtype
    assert (X_adv.astype(np.float64) >= low).all()
    assert (X_adv.astype(np.float64) <= high).all()
    if attack is PGD:  # and they were reached
        at_low, at_high = X_adv - low < 1e-6, high - X_adv < 1e-6
        assert at_low.any()
        assert at_high.any()


class Harsh(nn.Module):
    """What a model has that an attack could disturb."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(13, 20), nn.BatchNorm1d(20), nn.Dropout(0.5))
        self.last = nn.Linear(20, 3)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


@pytest.mark.parametrize("attack", [CW, PGD], ids=["cw", "pgd"])
def test_the_model_is_as_it_was(attack):
    net = seeded(Harsh)
    with torch.no_grad():
        net.first[0].weight *= 5
        net.last.bias -= net(torch.tensor(rows())).mean(0)
    net.train()
    net.first[1].eval()  # a mixture of modes
    net.last.bias.requires_grad_(False)
    net.last.weight.grad = torch.ones_like(net.last.weight)
    modes = [part.training for part in net.modules()]
    wants = [p.requires_grad for p in net.parameters()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(3), np.random.seed(3)  # noqa: NPY002
    before = torch.get_rng_state().clone(), np.random.get_state()[1].copy()  # noqa: NPY002
    attack.fit(net)
    first, second = attack.generate(rows()), attack.generate(rows())
    np.testing.assert_array_equal(first.X_adv, second.X_adv)  # dropout was off
    assert [part.training for part in net.modules()] == modes
    assert [p.requires_grad for p in net.parameters()] == wants
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(net.last.weight.grad, torch.ones_like(net.last.weight))
    assert all(p.grad is None for p in net.first.parameters())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    net.eval()
    np.testing.assert_array_equal(first.y_pred_adv, predict(net, first.X_adv))
    assert first.success.any()


class Liar(ClassifierMixin, BaseEstimator):
    """Its module says one thing, its `predict` another."""

    def __init__(self, module, answer):
        self.module, self.answer = module, answer

    def fit(self, X, y):
        self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
        return self

    def predict(self, X):
        return self.answer(X)


@as_module.register(Liar)
def _(model):
    return model.module


class Garbage(nn.Module):
    """Claims that every row is lost at once; the slope is noise, NaN or nothing."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        gain = {"noise": torch.sin(1e6 * x).sum(1), "flat": 0 * x.sum(1), "nan": x.sum(1) / 0 * 0}
        z = gain[self.kind]
        return torch.stack([z - 1, z * 0 + 1, z * 0], dim=1)


@pytest.mark.parametrize("kind", ["noise", "flat", "nan"])
@pytest.mark.parametrize("attack", [CW, PGD, FGSMAttack(bounds=None)], ids=["cw", "pgd", "fgsm"])
def test_no_false_success(attack, kind):
    """The model itself never changes its mind, whatever its module says."""
    model = Liar(Garbage(kind), lambda X: np.zeros(len(X), dtype=int)).fit(X, Y)
    result = attack.fit(model).generate(X)
    assert result.attacked.all()
    assert not result.success.any()
    np.testing.assert_array_equal(result.X_adv, X)
    assert np.isinf(result.distance["l2"]).all()
    np.testing.assert_array_equal(result.y_pred_adv, 0)


def test_only_what_the_model_confirms_is_kept():
    """The module says that all rows are turned; the model agrees where the first feature is > 0."""
    step = nn.Linear(5, 3).double()
    with torch.no_grad():
        step.weight.zero_()
        step.bias.copy_(torch.tensor([0.0, 5.0, 0.0]))
        step.weight[1, 1] = 1.0
    keeps = X[:, 0] > 0
    assert np.abs(X[:, 0]).min() > 1e-3
    start = X.copy()

    def answer(Z):
        if len(Z) == len(start) and (start == Z).all():
            return np.zeros(len(Z), dtype=int)
        return np.where(Z[:, 0] > 0, 1, 0)

    model = Liar(step, answer).fit(X, Y)
    # a random start: the first look is elsewhere than the row
    attack = PGDAttack(eps=1e-3, bounds=None, random_state=0).fit(model)
    result = attack.generate(X)
    np.testing.assert_array_equal(result.success, keeps)
    np.testing.assert_array_equal(result.X_adv[~keeps], X[~keeps])


class Holes(nn.Module):
    """A right net, but for a region where its logits are NaN or infinite."""

    def __init__(self, net, value):
        super().__init__()
        self.net, self.value = net, value

    def forward(self, x):
        z = self.net(x)
        return torch.where((x[:, :1] > 0.9) | (x[:, 1:2] < 0.05), self.value, z)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("attack", [CW, PGD], ids=["cw", "pgd"])
def test_logits_that_are_no_numbers_are_no_success(attack, value):
    net = Holes(NET, value).eval()
    data = np.clip(rows(), 0.1, 0.85)
    result = attack.fit(net).generate(data)
    assert np.isfinite(result.X_adv).all()
    with torch.no_grad():
        logits = net(torch.tensor(result.X_adv))
    assert logits.isfinite().all()
    np.testing.assert_array_equal(logits.argmax(1), result.y_pred_adv)
    assert result.success.any()


@pytest.mark.parametrize("attack", [CW, PGD, FGSMAttack(bounds=None)], ids=["cw", "pgd", "fgsm"])
def test_nothing_to_attack(attack):
    """All rows are wrong already."""
    wrong = (LINEAR.predict(X) + 1) % 3
    result = attack.fit(LINEAR).generate(X, wrong, return_trace=True)
    assert not result.attacked.any()
    assert not result.success.any()
    np.testing.assert_array_equal(result.X_adv, X)
    assert not result.n_forward.any()
    assert all(not values.any() for values in result.distance.values())
    np.testing.assert_array_equal(result.y_pred_adv, LINEAR.predict(X))
    with pytest.warns(UndefinedMetricWarning, match="no row"):
        assert np.isnan(attack.score(X, wrong))
    with pytest.raises(ValueError, match="0 sample"):
        attack.transform(X[:0])


@pytest.mark.parametrize("attack", [CW, PGD], ids=["cw", "pgd"])
def test_rows_whose_label_is_the_target(attack):
    attack.set_params(target=1)
    try:
        result = attack.fit(LINEAR).generate(X, Y)
    finally:
        attack.set_params(target=None)
    right = LINEAR.predict(X) == Y
    np.testing.assert_array_equal(result.attacked, right & (Y != 1))
    np.testing.assert_array_equal(result.X_adv[~result.attacked], X[~result.attacked])
    np.testing.assert_array_equal(LINEAR.predict(result.X_adv[result.success]), 1)
    assert 0 < result.success.sum() <= result.attacked.sum()
