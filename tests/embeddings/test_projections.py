"""Orthogonal projections: along differences of means, and along the weights of probes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from sklearn_privfair.embeddings import INLP, MeanProjection


def made(n=300, d=6, k=2, seed=0):
    """Rows in which groups have means of their own."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, k, n)
    return rng.normal(size=(n, d)) + 2 * rng.normal(size=(k, d))[groups], groups


def is_projection(estimator, X):
    """Tell whether the transform is an orthogonal projection that takes the components away."""
    U = estimator.components_
    np.testing.assert_allclose(U @ U.T, np.eye(len(U)), atol=1e-12)
    np.testing.assert_allclose(estimator.transform(X), X - X @ U.T @ U, atol=1e-12)
    return True


@pytest.mark.parametrize("k", [2, 4])
def test_all_groups_have_one_mean(k):
    X, groups = made(k=k)
    projection = MeanProjection().fit(X, groups.astype(str))
    assert is_projection(projection, X)
    assert len(projection.components_) == k - 1
    new = projection.transform(X)
    means = np.array([new[groups == g].mean(axis=0) for g in range(k)])
    np.testing.assert_allclose(means, np.tile(means[0], (k, 1)), atol=1e-12)


def test_of_two_groups_it_is_the_difference_of_means():
    X, groups = made()
    difference = X[groups == 1].mean(axis=0) - X[groups == 0].mean(axis=0)
    component = MeanProjection().fit(X, groups).components_[0]
    assert abs(component @ difference) == pytest.approx(np.linalg.norm(difference))


def test_the_most_important_directions_come_first():
    X, groups = made(k=4)
    all_of_them = MeanProjection().fit(X, groups)
    assert np.all(np.diff(all_of_them.singular_values_) < 0)
    first = MeanProjection(n_components=1).fit(X, groups)
    np.testing.assert_allclose(first.components_, all_of_them.components_[:1], atol=1e-12)
    with pytest.raises(ValueError, match="n_components=4, and the means differ in 3 directions"):
        MeanProjection(n_components=4).fit(X, groups)


def test_the_order_of_the_rows_decides_nothing():
    """Nor which category comes first, of which the others' indicators tell."""
    X, groups = made(k=4)
    order = np.argsort(groups, kind="stable")[50:]  # the groups are of different sizes
    X, groups = X[order], groups[order]
    one, other = MeanProjection().fit(X, groups), MeanProjection().fit(X[::-1], groups[::-1])
    assert len(set(np.bincount(groups))) == 4
    np.testing.assert_allclose(one.singular_values_, other.singular_values_)


def test_numbers():
    X, _ = made()
    number = X[:, 0] + X[:, 1]
    projection = MeanProjection().fit(X, number)
    centred = X - X.mean(axis=0)
    covariance = centred.T @ (number - number.mean())
    assert abs(projection.components_[0] @ covariance) == pytest.approx(np.linalg.norm(covariance))


@pytest.mark.parametrize("probe", [None, LinearSVC(random_state=0)])
@pytest.mark.parametrize("k", [2, 3])
def test_probes_stop_at_chance(probe, k):
    X, groups = made(k=k)
    inlp = INLP(probe).fit(X, groups)
    assert is_projection(inlp, X)
    majority = np.bincount(groups).max() / len(groups)
    assert inlp.scores_[0] > majority + 0.2
    assert inlp.scores_[-1] <= majority + 0.01
    assert np.all(inlp.scores_[:-1] > majority + 0.01)
    assert k - 1 <= len(inlp.components_) <= 6


def test_the_first_direction_is_that_of_the_first_probe():
    """Algorithm 1, written out."""
    X, groups = made(d=4)
    left, directions = X.copy(), []
    for _ in range(2):
        w = LogisticRegression().fit(left, groups).coef_[0]
        directions.append(w / np.linalg.norm(w))
        B = np.linalg.qr(np.array(directions).T)[0]
        left = X - X @ B @ B.T
    inlp = INLP(n_steps=2, tol=0).fit(X, groups)
    np.testing.assert_allclose(inlp.transform(X), left, atol=1e-10)


def test_probes_of_numbers_and_of_several_concepts():
    X, groups = made(k=2)
    number = X[:, 0] * 2 + X[:, 1]
    inlp = INLP(Ridge(alpha=1e-3)).fit(X, number)
    assert inlp.scores_[0] > 0.99
    assert inlp.scores_[-1] <= 0.01
    np.testing.assert_allclose(abs(inlp.components_[0][:2]), np.array([2, 1]) / 5**0.5, atol=1e-4)
    both = INLP().fit(X, np.column_stack([groups, X[:, 3] > 0]))
    left = both.transform(X)
    for concept in (groups, X[:, 3] > 0):
        share = max(np.mean(concept), 1 - np.mean(concept))
        assert LogisticRegression().fit(left, concept).score(left, concept) <= share + 0.0101


def test_the_probe_given_is_not_fitted():
    X, groups = made()
    probe = LogisticRegression()
    INLP(probe).fit(X, groups)
    assert not hasattr(probe, "coef_")
