"""FGSM: one step, by hand."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from sklearn_privfair.attacks import FGSMAttack

from ._harness import blobs, linear_distance, mlp, predict, rows


@pytest.mark.parametrize("target", [None, 1])
def test_the_formula(target):
    """Goodfellow et al., equation 4: ``x + eps sign(grad CE)``, down that of the target."""
    X, net, eps = rows(), mlp(), 0.08
    label = predict(net, X)
    x = torch.tensor(X, requires_grad=True)
    goal = torch.tensor(label if target is None else np.full(len(X), target))
    slope = torch.autograd.grad(functional.cross_entropy(net(x), goal, reduction="sum"), x)[0]
    sign = slope.sign().numpy() * (1 if target is None else -1)
    expected = np.clip(X + np.float32(eps) * sign, 0, 1)
    result = FGSMAttack(eps=eps, target=target).fit(net).generate(X)
    after = predict(net, expected)
    wins = after != label if target is None else (after == target) & (label != target)
    assert (result.success == wins).mean() > 0.97  # but for ties
    both = result.success & wins
    assert both.sum() > 5
    np.testing.assert_allclose(result.X_adv[both], expected[both], atol=2e-7)
    np.testing.assert_array_equal(result.X_adv[~result.success], X[~result.success])


@pytest.mark.parametrize("norm", [np.inf, 2, 1])
def test_exact_for_two_classes(norm):
    X, y = blobs(n_classes=2)
    model = LogisticRegression().fit(X, y)
    distance = linear_distance(model, X, norm)
    eps = np.median(distance)
    attack = FGSMAttack(norm=norm, eps=eps, bounds=None, quantile=0.9).fit(model)
    result = attack.generate(X)
    np.testing.assert_array_equal(result.success, distance < eps)
    length = {np.inf: "linf", 2: "l2", 1: "l1"}[norm]
    np.testing.assert_allclose(result.distance[length][result.success], eps, rtol=1e-6)
    np.testing.assert_array_equal(result.n_forward, 2)


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.9])
def test_l1_changes_as_many_features_as_the_quantile_says(quantile):
    X, y = blobs(n_classes=2, d=10)
    model = LogisticRegression().fit(X, y)
    attack = FGSMAttack(norm=1, eps=20, bounds=None, quantile=quantile).fit(model)
    result = attack.generate(X)
    assert result.success.any()
    np.testing.assert_array_equal(result.distance["l0"][result.success], round(10 * (1 - quantile)))
