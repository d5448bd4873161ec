"""FMN against closed forms on linear models in l0, l1, l2 and linf, and its options on nets."""

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression
from torch import nn

from sklearn_privfair.attacks import DDNAttack, FMNAttack

from ._boxed import binding_box, boxed_distance
from ._harness import blobs, linear_decision, linear_distance, mlp, rows

NORMS = [0, 1, 2, np.inf]
NAMES = {0: "l0", 1: "l1", 2: "l2", np.inf: "linf"}


def linear(n_classes, d=5):
    X, y = blobs(n_classes=n_classes, d=d)
    return X, LogisticRegression(max_iter=1000).fit(X, y)


def fewest(model, X, low, high):
    """The fewest features that change each row's class, within a box: by sorting."""
    weight, bias = linear_decision(model)
    z = X @ weight.T + bias
    label = z.argmax(axis=1)
    count = np.full(len(X), np.inf)
    for k in range(len(weight)):
        slope = weight[k] - weight[label]
        gain = np.maximum(slope * (low - X), slope * (high - X))
        reached = np.cumsum(-np.sort(-gain, axis=1), axis=1)
        gap = z[np.arange(len(X)), label] - z[:, k]
        enough = reached > gap[:, None]
        number = np.where(enough.any(axis=1), enough.argmax(axis=1) + 1, np.inf)
        count = np.where(label != k, np.minimum(count, number), count)
    return count


def nearest(model, X, norm, low, high):
    """The least distance at which a box holds another class."""
    if norm == 0:
        return fewest(model, X, low, high)
    return boxed_distance(model, X, norm, low, high)


def ratios(result, exact, norm):
    """How much farther than the nearest row each row found is; all that can be found are."""
    np.testing.assert_array_equal(result.success, np.isfinite(exact))
    found = result.distance[NAMES[norm]][result.success] / exact[result.success]
    assert (found >= 1 - 1e-9).all()  # nothing is nearer than the nearest
    return found


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("n_classes", [2, 6])
def test_linear_models(n_classes, norm):
    X, model = linear(n_classes)
    result = FMNAttack(norm=norm, bounds=None).fit(model).generate(X)
    assert ratios(result, linear_distance(model, X, norm), norm).max() < 1.001


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("bounds", ["none", "half"])
def test_without_bounds_one_feature_is_enough(bounds, scale):
    X, model = linear(3)
    model.coef_, X = model.coef_ / scale, X * scale
    bounds = None if bounds == "none" else (X.min(axis=0), np.full(5, np.inf))
    result = FMNAttack(norm=0, bounds=bounds).fit(model).generate(X)
    assert result.success.all()
    np.testing.assert_array_equal(result.distance["l0"], 1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("fixed", [(), (1, 3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_models_in_a_box(n_classes, fixed, norm):
    X, model = linear(n_classes)
    X, low, high = binding_box(X, fixed)
    exact = nearest(model, X, norm, low, high)
    if norm > 0:
        assert (exact > 1.01 * linear_distance(model, X, norm)).mean() > 0.05  # the box binds
    result = FMNAttack(norm=norm, bounds=(low, high)).fit(model).generate(X)
    assert ratios(result, exact, norm).max() < 1.001
    np.testing.assert_array_equal(result.X_adv[:, fixed], X[:, fixed])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_fewest_features(n_classes):
    """Little room in each of many features, and a different one in each."""
    X, model = linear(n_classes, d=30)
    width = np.random.default_rng(0).uniform(0.2, 2, size=30)
    low, high = X.mean(axis=0) - width, X.mean(axis=0) + width
    X = np.clip(X, low, high)
    exact = fewest(model, X, low, high)
    assert len(np.unique(exact)) >= 4
    result = FMNAttack(norm=0, bounds=(low, high)).fit(model).generate(X)
    np.testing.assert_array_equal(ratios(result, exact, 0), 1)


def targeted_distance(model, x, target, norm):
    """The least step into the region of `target`, in l1 or linf: a linear program."""
    weight, bias = linear_decision(model)
    others = np.delete(np.arange(len(weight)), target)
    slopes = weight[target] - weight[others]
    gaps = (weight[others] - weight[target]) @ x + bias[others] - bias[target]
    d, eye = len(x), np.eye(len(x))
    sizes = eye if norm == 1 else np.ones((d, 1))  # step <= size, -step <= size
    n = sizes.shape[1]
    above = np.block([[eye, -sizes], [-eye, -sizes], [-slopes, np.zeros((len(others), n))]])
    found = linprog(
        np.r_[np.zeros(d), np.ones(n)],
        A_ub=above,
        b_ub=np.r_[np.zeros(2 * d), -gaps],
        bounds=[(None, None)] * d + [(0, None)] * n,
    )
    return found.fun


@pytest.mark.parametrize("norm", [1, np.inf])
def test_targeted(norm):
    """Where the target's region has an edge nearest to the row, gradients find it nearly."""
    X, model = linear(3)
    result = FMNAttack(norm=norm, target=2, bounds=None).fit(model).generate(X)
    np.testing.assert_array_equal(model.predict(result.X_adv), 2)
    attacked = np.flatnonzero(result.attacked)
    exact = np.array([targeted_distance(model, X[i], 2, norm) for i in attacked])
    ratio = result.distance[NAMES[norm]][attacked] / exact
    assert (ratio >= 1 - 1e-6).all()
    assert np.median(ratio) < 1.001
    assert ratio.mean() < 1.03


def test_targeted_with_the_fewest_features():
    X, model = linear(2)
    X, low, high = binding_box(X)
    exact = fewest(model, X, low, high)
    attack = FMNAttack(norm=0, target=1 - model.predict(X), bounds=(low, high))
    np.testing.assert_array_equal(ratios(attack.fit(model).generate(X), exact, 0), 1)


@pytest.mark.parametrize("start", ["row", "random", "boundary"])
@pytest.mark.parametrize("norm", NORMS)
def test_rows_do_not_matter_to_each_other(norm, start):
    """Bit by bit, in every norm; the contract test knows the default one alone."""
    X, net = rows(24), mlp(nn.Tanh)
    attack = FMNAttack(norm=norm, start=start, n_steps=12, random_state=0).fit(net)
    together = attack.generate(X)
    for i in (0, 7, 23):
        alone = attack.generate(X[i : i + 1])
        np.testing.assert_array_equal(alone.X_adv[0], together.X_adv[i])
        assert alone.n_forward[0] == together.n_forward[i]


@pytest.mark.parametrize("norm", NORMS)
def test_starts(norm):
    """A random start is another way to rows as near; from the boundary, all are found at once."""
    X, net = rows(60), mlp(nn.Tanh)
    results = {
        start: FMNAttack(norm=norm, start=start, random_state=0).fit(net).generate(X)
        for start in ("row", "random", "boundary")
    }
    mean = {}
    for start, result in results.items():
        assert result.success.all()
        assert result.n_forward.max() <= 98 + 12 * (start == "boundary")
        mean[start] = result.distance[NAMES[norm]].mean()
    assert max(mean.values()) < 1.05 * min(mean.values())
    assert (results["random"].X_adv != results["row"].X_adv).any()
    found = FMNAttack(norm=norm, start="boundary", n_steps=1, random_state=0).fit(net).generate(X)
    assert found.success.mean() > 0.9


@pytest.mark.parametrize("norm", NORMS)
def test_units_do_not_matter(norm):
    X, net = rows(40), mlp(nn.ReLU)
    near = FMNAttack(norm=norm, bounds=(0, 1), random_state=0).fit(net).generate(X)
    with_units = nn.Sequential(nn.Linear(13, 13, bias=False), *net)
    with_units[0].weight.data = np.float32(1 / 1024) * with_units[0].weight.data.new_ones(13).diag()
    far = FMNAttack(norm=norm, bounds=(0, 1024), random_state=0)
    far = far.fit(with_units).generate(X * np.float32(1024))
    assert near.success.all()
    scale = 1 if norm == 0 else 1024
    name = NAMES[norm]
    np.testing.assert_allclose(far.distance[name], scale * near.distance[name], rtol=0.02)


def test_in_l2_it_is_ddn():
    X, net = rows(30), mlp(nn.ReLU)
    ddn = DDNAttack(random_state=0).fit(net).generate(X)
    fmn = FMNAttack(norm=2, n_runs=4, random_state=0).fit(net).generate(X)
    np.testing.assert_array_equal(fmn.X_adv, ddn.X_adv)


@pytest.mark.parametrize("norm", NORMS)
def test_each_norm_is_the_nearest_in_its_own(norm):
    X, net = rows(60), mlp(nn.ReLU)
    found = {p: FMNAttack(norm=p).fit(net).generate(X).distance[NAMES[norm]] for p in NORMS}
    own = found.pop(norm)
    assert all(own.mean() < other.mean() for other in found.values())


def test_an_edge_of_the_box_is_no_obstacle():
    """Rows in the corners, where half of all directions lead out."""
    X, model = linear(2)
    low, high = np.quantile(X, 0.3, axis=0), np.quantile(X, 0.7, axis=0)
    corners = np.where(np.median(X, axis=0) < X, high, low)
    for norm in NORMS:
        exact = nearest(model, corners, norm, low, high)
        result = FMNAttack(norm=norm, bounds=(low, high)).fit(model).generate(corners)
        assert ratios(result, exact, norm).max() < 1.001
