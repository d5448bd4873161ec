"""Targets, bounds and labels, as every attack has them; bad input and what it is told."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from sklearn_privfair.attacks import PGDAttack

from ._harness import blobs, mlp, predict, rows

NET = mlp()


@pytest.mark.parametrize("params", [{"target": 2}, {"target": np.arange(70) % 3}])
def test_targets(params):
    X = rows()
    attack = PGDAttack(eps=0.3, random_state=0, **params).fit(NET)
    result, label = attack.generate(X), predict(NET, X)
    goal = np.broadcast_to(params["target"], len(X))
    np.testing.assert_array_equal(result.attacked, goal != label)
    np.testing.assert_array_equal(
        result.success, (predict(NET, result.X_adv) == goal) & (goal != label)
    )
    assert result.success.sum() > 0.5 * result.attacked.sum()


def test_least_likely():
    X = rows()
    with torch.no_grad():
        least = NET(torch.tensor(X)).argmin(1).numpy()
    attack = PGDAttack(eps=0.3, target="least_likely", random_state=0).fit(NET)
    result = attack.generate(X)
    assert result.attacked.all()
    assert result.success.sum() > 20
    np.testing.assert_array_equal(predict(NET, result.X_adv)[result.success], least[result.success])
    each = attack.set_params(target=least).generate(X)
    np.testing.assert_array_equal(each.X_adv, result.X_adv)


def test_target_that_is_a_word():
    """A class of that name is a label like others."""
    X, y = blobs()
    names = np.array(["least_likely", "likely", "unlikely"])
    model = LogisticRegression().fit(X, names[y])
    attack = PGDAttack(eps=3, bounds=None, random_state=0, target="least_likely").fit(model)
    result = attack.generate(X)
    assert (model.predict(result.X_adv)[result.success] == "least_likely").all()
    assert result.success.any()
    np.testing.assert_array_equal(result.attacked, model.predict(X) != "least_likely")


def test_bounds_auto_learned_from_data():
    """Each column's own range; rows outside widen the box for themselves alone."""
    X, y = blobs()
    attack = PGDAttack(LogisticRegression(), eps=100, random_state=0).fit(X, y)
    low, high = X.min(axis=0), X.max(axis=0)
    np.testing.assert_array_equal(np.ravel(attack.bounds_[0]), low)
    np.testing.assert_array_equal(np.ravel(attack.bounds_[1]), high)
    X_new = np.vstack([X[:30], X[:1] + np.array([50, 0, 0, 0, 0])])
    X_adv = attack.transform(X_new)
    assert (X_adv[:30] >= low).all()
    assert (X_adv[:30] <= high).all()
    assert np.isclose(X_adv, low).any()
    assert X_adv[30, 0] <= X_new[30, 0]
    np.testing.assert_array_equal(X_adv[:30], attack.transform(X_new[:30]))


def test_bounds_auto_of_images_is_one_range():
    rng = np.random.default_rng(0)
    X = rng.random((20, 1, 3, 3)) * np.linspace(0.1, 5, 9).reshape(3, 3)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 2))
    attack = PGDAttack(net, random_state=0).fit(X.astype(np.float32))
    assert [np.ravel(b).tolist() for b in attack.bounds_] == [
        [X.astype(np.float32).min()],
        [X.astype(np.float32).max()],
    ]


def test_bounds_auto_with_a_model():
    X = rows()
    attack = PGDAttack(eps=10, random_state=0).fit(NET)
    assert attack.bounds_ == "auto"
    X_adv = attack.transform(X)
    assert X_adv.min() == 0
    assert X_adv.max() == 1
    with pytest.raises(ValueError, match=r"bounds='auto'.*range from .* to .*bounds=\(low, high\)"):
        attack.transform(3 * X)


def test_bounds_of_each_feature():
    X = rows()
    low, high = X.min(axis=0) - 0.1, X.max(axis=0) + 0.2
    attack = PGDAttack(eps=10, bounds=(low, high), random_state=0).fit(NET)
    X_adv = attack.transform(X)
    np.testing.assert_array_equal(X_adv.min(axis=0) >= low, True)
    np.testing.assert_array_equal(X_adv.max(axis=0) <= high, True)
    assert X_adv.min() < -0.05
    assert X_adv.max() > 1.1
    free = attack.set_params(bounds=None).fit(NET).transform(X)
    assert free.min() < -5


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"eps": -1.0}, r"'eps' parameter.*Got -1.0"),
        ({"eps": 0}, r"'eps' parameter.*Got 0"),
        ({"norm": 3}, r"'norm' parameter.*Got 3"),
        ({"norm": 0}, r"'norm' parameter.*Got 0"),
        ({"n_steps": 0}, r"'n_steps' parameter.*Got 0"),
        ({"loss": "hinge"}, r"'loss' parameter.*'dlr'.*Got 'hinge'"),
        ({"momentum": 1.0}, r"'momentum' parameter.*Got 1.0"),
        ({"step_schedule": "up"}, r"'step_schedule' parameter.*Got 'up'"),
        ({"bounds": "none"}, r"'bounds' parameter.*'auto'.*Got 'none'"),
        ({"bounds": (0, 0.5, 1)}, r"bounds=\(0, 0.5, 1\) is no pair \(low, high\)"),
        ({"bounds": (1, 0)}, r"bounds=\(1, 0\).*low above high"),
        ({"bounds": (np.nan, 0)}, r"bounds=\(nan, 0\) must not be NaN"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        PGDAttack(**params).fit(NET)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bounds": (0.2, 0.8)}, r"rows lie outside bounds .*widen bounds, or clip the rows"),
        ({"bounds": ([0, 0], [1, 1])}, r"bounds hold 2 features, the rows 13"),
        ({"target": 3}, r"target holds 3, but the net has 3 outputs"),
        ({"target": [0, 1]}, r"target holds 2 labels for 70 rows; give one label, one for each"),
        ({"target": "cat"}, r"target holds \['cat'\]; the labels of a net are the numbers"),
        ({"target": -1}, r"target holds \[-1\]; the labels"),
    ],
)
def test_bad_for_these_rows(params, message):
    with pytest.raises(ValueError, match=message):
        PGDAttack(**params).fit(NET).transform(rows())


def test_bad_labels():
    attack = PGDAttack().fit(NET)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        attack.transform(rows(), [0, 1])
    with pytest.raises(ValueError, match="y should be a 1d array"):
        attack.transform(rows(), np.zeros((70, 2)))
    with pytest.raises(ValueError, match="contains NaN"):
        attack.transform(np.full((2, 13), np.nan))
