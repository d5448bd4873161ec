"""Linear-Gaussian data, where the fairest of the best linear predictors has a closed form."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_privfair.fairness import AdversarialDebiasingRegressor
from sklearn_privfair.fairness._gap import number_gap
from sklearn_privfair.fairness._sensitive import Target
from sklearn_privfair.metrics import mean_prediction_difference, sensitive_correlation

from ._harness import net, regression_net


def gaussian(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) @ np.array([[1, 0.4, 0], [0, 1, 0.3], [0, 0, 1]])
    z = X @ [1.0, 0.5, 0] + 0.7 * rng.normal(size=n)
    y = X @ [1.0, -0.5, 1.0] + 0.5 * rng.normal(size=n)
    return X, y, z


def fair_optimum(X, y, z):
    """Give the plain and the fair least squares: least error among w with cov(X w, z) = 0.

    By Lagrange, w = b - S^-1 c (c.b) / (c.S^-1 c), where b is the plain one, S the covariance of X
    and c that of X with z.
    """
    X, y, z = (a - a.mean(axis=0) for a in (X, y, z))
    S, c = X.T @ X, X.T @ z
    b = np.linalg.solve(S, X.T @ y)
    u = np.linalg.solve(S, c)
    return b, b - u * (c @ b) / (c @ u)


@pytest.mark.parametrize(
    "params", [{}, {"method": "penalty"}, {"projection": True}], ids=["default", "penalty", "paper"]
)
def test_demographic_parity_is_the_constrained_least_squares(params):
    X, y, z = gaussian()
    plain, optimum = fair_optimum(X, y, z)
    fair = AdversarialDebiasingRegressor(regression_net(max_epochs=40), random_state=0, **params)
    fair.fit(X, y, sensitive_features=z)
    (found,) = fair.estimator_.module_.weight.detach().numpy()
    assert np.linalg.norm(optimum - plain) > 0.5
    assert np.linalg.norm(found - optimum) < 0.12
    assert sensitive_correlation(y, fair.predict(X), sensitive_features=z) < 0.03
    assert sensitive_correlation(y, X @ plain, sensitive_features=z) > 0.3


@pytest.mark.parametrize("method", ["adversary", "penalty"])
def test_equalized_odds_leaves_what_y_tells(method):
    X, y, z = gaussian()
    left = z - np.polyval(np.polyfit(y, z, 1), y)
    plain, optimum = fair_optimum(X, y, left)
    fair = AdversarialDebiasingRegressor(
        regression_net(max_epochs=40), "equalized_odds", method=method, random_state=0
    )
    predicted = fair.fit(X, y, sensitive_features=z).predict(X)
    target = Target("z", z, None)
    assert number_gap(X @ plain, y, target, True, 1.0) > 0.15
    assert number_gap(predicted, y, target, True, 1.0) < 0.03
    centred = X - X.mean(axis=0)
    least = np.mean((centred @ optimum - (y - y.mean())) ** 2)
    assert np.mean((predicted - y) ** 2) < 1.15 * least


def test_groups_get_equal_means():
    X, y, z = gaussian()
    group = np.where(z > 0, "old", "young")
    fair = AdversarialDebiasingRegressor(regression_net(max_epochs=30), random_state=0)
    fair.fit(X, y, sensitive_features=group)
    gap = mean_prediction_difference(y, fair.predict(X), sensitive_features=group) / y.std()
    assert gap == pytest.approx(fair.history_["gap"][-1], abs=1e-6)
    assert gap < 0.05
    assert mean_prediction_difference(None, y, sensitive_features=group) / y.std() > 0.2
    assert fair.score(X, y) > 0.5


def test_units_of_y_do_not_matter_to_the_adversary():
    """In grams or tons, the loss and its unit shrink alike."""
    X, y, z = gaussian(400)
    fair = AdversarialDebiasingRegressor(
        regression_net(max_epochs=2, optimizer__eps=1e-30, lr=1e-9), random_state=0
    )
    first = clone(fair).fit(X, y, sensitive_features=z)
    second = clone(fair).fit(X, 1000 * y, sensitive_features=z)
    assert second._task.unit == pytest.approx(1e6 * first._task.unit)
    assert first._task.unit == pytest.approx(y.var())


def test_partial_fit_goes_on():
    X, y, z = gaussian(600)
    fair = AdversarialDebiasingRegressor(regression_net(), lr_decay=None, random_state=0)
    for _ in range(3):
        fair.partial_fit(X, y, sensitive_features=z)
    assert len(fair.history_["gap"]) == 3
    assert fair.history_["predictor_loss"][2] < fair.history_["predictor_loss"][0]


def test_wrong_nets():
    X, y, z = gaussian(50)
    with pytest.raises(TypeError, match="NeuralNetRegressor"):
        AdversarialDebiasingRegressor(net()).fit(X, y, sensitive_features=z)
    wide = regression_net(module__out_features=2)
    with pytest.raises(ValueError, match="2 columns"):
        AdversarialDebiasingRegressor(wide).fit(X, y, sensitive_features=z)
