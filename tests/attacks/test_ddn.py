"""DDN against the closed form on linear models, and what its parts are for on nets."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from sklearn_privfair.attacks import CWL2Attack, DDNAttack, GradientMaskingWarning

from ._boxed import binding_box, boxed_distance
from ._harness import blobs, linear_distance, mlp, predict, rows, seeded


def linear(n_classes, d=5):
    X, y = blobs(n_classes=n_classes, d=d)
    return X, LogisticRegression(max_iter=1000).fit(X, y)


def ratios(result, exact):
    """How much farther than the nearest row each row found is; all that can be found are."""
    np.testing.assert_array_equal(result.success, np.isfinite(exact))
    found = result.distance["l2"][result.success] / exact[result.success]
    assert (found >= 1 - 1e-9).all()  # nothing is nearer than the nearest
    return found


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("n_classes", [2, 6])
def test_linear_models(n_classes, scale):
    X, model = linear(n_classes)
    model.coef_, X = model.coef_ / scale, X * scale
    result = DDNAttack(bounds=None).fit(model).generate(X)
    assert ratios(result, linear_distance(model, X, 2)).max() < 1.001


@pytest.mark.parametrize("fixed", [(), (1, 3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_models_in_a_box(n_classes, fixed):
    X, model = linear(n_classes)
    X, low, high = binding_box(X, fixed)
    exact = boxed_distance(model, X, 2, low, high)
    assert (exact > 1.01 * linear_distance(model, X, 2)).mean() > 0.05  # the box binds
    result = DDNAttack(bounds=(low, high)).fit(model).generate(X)
    assert ratios(result, exact).max() < 1.001
    np.testing.assert_array_equal(result.X_adv[:, fixed], X[:, fixed])


def test_features_of_very_different_room():
    """Features with little room and a steep slope are used up first; the paper's step forgets."""
    X, y = blobs(n_classes=2, d=5)
    model = LogisticRegression().fit(X, y)
    model.coef_ = model.coef_ * [1e3, 1e2, 10, 1, 0.1]
    low, high = X - 1e-3 / np.array([1, 0.1, 1e-2, 1e-3, 1e-4]), X + 1e-3 * 10.0 ** np.arange(5)
    low, high = low.min(axis=0), high.max(axis=0)
    X = np.clip(X, low, high)
    exact = boxed_distance(model, X, 2, low, high)
    assert ratios(DDNAttack(bounds=(low, high)).fit(model).generate(X), exact).max() < 1.001


@pytest.mark.parametrize("bounds", [None, (-20, 20)])
def test_targeted(bounds):
    X, model = linear(2)
    other = 1 - model.predict(X)
    result = DDNAttack(target=other, bounds=bounds).fit(model).generate(X)
    assert ratios(result, linear_distance(model, X, 2)).max() < 1.001
    X, model = linear(3)
    result = DDNAttack(target=2, bounds=bounds).fit(model).generate(X)
    np.testing.assert_array_equal(result.success, model.predict(X) != 2)
    np.testing.assert_array_equal(model.predict(result.X_adv), 2)


@pytest.mark.parametrize("initial_radius", [1e-3, 1e3])
def test_any_first_radius_will_do(initial_radius):
    X, model = linear(3)
    result = DDNAttack(initial_radius=initial_radius, bounds=None).fit(model).generate(X)
    assert ratios(result, linear_distance(model, X, 2)).max() < 1.001


def test_as_near_as_carlini_and_wagner_in_a_quarter_of_the_passes():
    X, net = rows(60), mlp(nn.Tanh)
    ours, theirs = (attack().fit(net).generate(X) for attack in (DDNAttack, CWL2Attack))
    assert ours.success.all()
    assert ours.n_forward.max() <= 98
    assert 3 * ours.n_forward.mean() < theirs.n_forward.mean()
    assert np.median(ours.distance["l2"] / theirs.distance["l2"]) < 1.005
    assert ours.distance["l2"].mean() < 1.01 * theirs.distance["l2"].mean()


def test_aiming_at_classes_pays():
    """Several runs share the steps of one; they cost no more passes than a look around."""
    X, net = rows(60), mlp(nn.ReLU, n_out=8)
    one, many = (DDNAttack(n_runs=n).fit(net).generate(X) for n in (1, 4))
    assert many.success.all()
    assert many.n_forward.mean() <= one.n_forward.mean() + 5
    assert many.distance["l2"].mean() < one.distance["l2"].mean()


class Ditch(nn.Module):
    """Flat for one unit around the origin: no slope there tells where the boundary is."""

    def forward(self, x):
        beyond = torch.relu(x[:, :1].abs() - 1) - 0.5
        return torch.cat([torch.zeros_like(beyond), beyond], dim=1)


def test_a_flat_place_does_not_hold_a_row():
    X = np.random.default_rng(0).normal(scale=0.1, size=(40, 3))
    result = DDNAttack(bounds=None, random_state=0).fit(Ditch().double()).generate(X)
    assert result.success.all()
    side = np.sign(result.X_adv[:, 0])
    assert len(np.unique(side)) == 2  # on which a row comes out is left to chance
    np.testing.assert_allclose(result.distance["l2"], 1.5 - side * X[:, 0], rtol=1e-3)
    other = DDNAttack(bounds=None, random_state=1).fit(Ditch().double()).generate(X)
    assert (other.X_adv != result.X_adv).any()


def test_rows_of_a_dead_net_are_given_up():
    """All logits equal for ever: nothing is claimed, nothing is infinite, the rows come back."""
    net = seeded(lambda: nn.Sequential(nn.Linear(3, 2)))
    with torch.no_grad():
        net[0].weight.zero_()
    X = rows(10, 3)
    with pytest.warns(GradientMaskingWarning, match="was zero"):
        result = DDNAttack(bounds=None, random_state=0).fit(net).generate(X)
    assert not result.success.any()
    np.testing.assert_array_equal(result.X_adv, X)


def test_predictions_are_of_the_rows_handed_back():
    X, net = rows(30), mlp(nn.ReLU)
    result = DDNAttack(bounds=(0, 1)).fit(net).generate(X)
    assert (predict(net, result.X_adv) != result.y).all()
