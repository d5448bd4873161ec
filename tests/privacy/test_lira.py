"""LiRA, where the optimal attack is known in closed form, and against densities written out."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm, rankdata
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from sklearn_privfair.privacy import LiRA, MembershipInferenceClassifier
from sklearn_privfair.privacy._moments import Spread

from ._membership_harness import evidence_of, of_odds

N, D = 800, 500  # records in each pool, of which models see half; features


class GaussianMean(ClassifierMixin, BaseEstimator):
    """All it learns is the mean of standard normal rows; log-odds of a row: its product with it.

    Given a row x they are normal over training sets of n: of mean |x|^2 / n higher if x is one of
    them, and of variance |x|^2 / n; half of that where the n are drawn from 2 n known rows.
    """

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.mean_ = X.mean(axis=0)
        return self

    def predict_proba(self, X):
        return of_odds(X @ self.mean_)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    X, member = rng.standard_normal((N, D)), rng.permutation(N) < N // 2
    others = rng.standard_normal((N, D))
    return X, member, FrozenEstimator(GaussianMean().fit(X[member], None)), others


def area_online(X, member):
    """The likelihood ratio's, which is optimal (Neyman and Pearson).

    Its logarithm is normal, at +- delta^2 / 2 with variance delta^2, where delta is the distance of
    the two means in standard deviations.
    """
    square = 2 * np.square(X).sum(axis=1) / (N / 2)
    return norm.cdf(np.sqrt(square[member][:, None] + square[~member]) / 2).mean()


def area_offline(X, member):
    """The standard score's, against the mean over models trained on half of another pool.

    That of the pool is not 0: x times it has half the variance of x times the victim's.
    """
    delta = np.sqrt(np.square(X).sum(axis=1) / (N / 2))
    return norm.cdf(delta[member] / np.sqrt(2 * (1 + 1 / 2))).mean()


@pytest.mark.parametrize("variance", ["shrunken", "global", "per_example"])
@pytest.mark.parametrize("online", [True, False])
def test_gaussian_mean(world, online, variance):
    X, member, victim, others = world
    y = np.zeros(N, dtype=int)
    attack = MembershipInferenceClassifier(
        victim, method=LiRA(variance), n_shadow_models=64, random_state=0
    )
    if online:
        attack.fit(X, y, audit=(X, y))
    else:
        attack.fit(others, y)
    found = roc_auc_score(member, attack.decision_function(X, y))
    expected = (area_online if online else area_offline)(X, member)
    error = np.sqrt(expected * (1 - expected) / (N / 2))  # twice Hanley and McNeil's, or more
    assert abs(found - expected) < error


@pytest.mark.parametrize("variance", ["shrunken", "global", "per_example"])
def test_gaussian_mean_in_games(world, variance):
    """64 victims leave little to chance: what is missing is what 31 models do not know."""
    X, member, victim, _ = world
    y = np.zeros(N, dtype=int)
    attack = MembershipInferenceClassifier(
        victim, method=LiRA(variance), n_shadow_models=64, random_state=1
    )
    attack.fit(X, y, audit=(X, y))
    optimum = area_online(X, member)
    assert optimum - 0.02 < attack.game_auc_ < optimum + 0.005


def made_up(n_queries=1, n_shadows=10, n=200, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((n_queries, n_queries)) + 2 * np.eye(n_queries)
    values = np.einsum("qr,srn->sqn", mix, rng.standard_normal((n_shadows, n_queries, n)))
    values += rng.standard_normal((n_queries, n))
    members = np.argsort(rng.random((n_shadows, n)), axis=0) < n_shadows // 2
    own = rng.standard_normal((n_queries, n)) * 2
    return own, values + 2.0 * members[:, None], members


def test_offline_is_the_order_of_standard_scores():
    """One-sided: log-odds far below what is usual speak against membership, not for it."""
    own, values, members = made_up()
    score = LiRA("per_example").judge(evidence_of(own, values, members, online=False))
    z = []
    for i in range(own.shape[1]):
        without = values[~members[:, i], 0, i]
        z.append((own[0, i] - without.mean()) / without.std(ddof=1))
    np.testing.assert_allclose(score, -norm.logsf(z), rtol=1e-6)
    np.testing.assert_array_equal(rankdata(score), rankdata(z))
    assert min(z) < -2


def test_offline_does_not_look_at_models_trained_with_the_record():
    own, values, members = made_up()
    other = np.where(members[:, None], 99.0, values)
    first, second = (
        LiRA().judge(evidence_of(own, v, members, online=False)) for v in (values, other)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("n_queries", [1, 3])
@pytest.mark.parametrize("variance", ["global", "per_example"])
def test_online_is_the_ratio_of_densities(n_queries, variance):
    own, values, members = made_up(n_queries)
    evidence = evidence_of(own, values, members, online=True)
    score, n = LiRA(variance).judge(evidence), own.shape[1]
    expected = np.zeros(n)
    for sign, chosen in ((1, members), (-1, ~members)):
        groups = np.stack([values[chosen[:, i], :, i] for i in range(n)], axis=-1)
        deviations = groups - groups.mean(axis=0)
        flat = np.moveaxis(deviations, 1, 0).reshape(n_queries, -1)
        freedom = len(groups) - 1
        covariance = np.atleast_2d(flat @ flat.T / (n * freedom))
        width = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(width, width)
        for i in range(n):
            own_width = np.sqrt(np.square(deviations[..., i]).sum(axis=0) / freedom)
            scale = width if variance == "global" else own_width
            density = multivariate_normal(
                groups[..., i].mean(axis=0), correlation * np.outer(scale, scale)
            )
            expected[i] += sign * density.logpdf(own[:, i])
    np.testing.assert_allclose(score, expected, rtol=1e-6, atol=1e-6)


def test_several_queries_offline_share_a_shift():
    """Of all weights of the queries' scores, those of which the sum moves most with a shift."""
    own, values, members = made_up(3)
    evidence = evidence_of(own, values, members, online=False)
    score = LiRA("global").judge(evidence)
    spread = Spread(lambda: values, ~members)
    mean = np.stack([values[~members[:, i], :, i].mean(axis=0) for i in range(own.shape[1])], 1)
    z = (own - mean) / np.sqrt(spread.pooled)[:, None]
    weights = np.linalg.solve(np.linalg.inv(spread.inverse), np.ones(3))
    best = weights @ z / np.sqrt(weights @ np.linalg.inv(spread.inverse) @ weights)
    np.testing.assert_allclose(score, -norm.logsf(best), rtol=1e-6)


@pytest.mark.parametrize("online", [False, True])
def test_a_query_asked_twice_adds_nothing(online):
    own, values, members = made_up()
    once = LiRA("global").judge(evidence_of(own, values, members, online))
    own, values = np.repeat(own, 2, axis=0), np.repeat(values, 2, axis=1)
    twice = LiRA("global").judge(evidence_of(own, values, members, online))
    # but for a constant: the logarithm of the scale is there twice
    np.testing.assert_allclose(twice - twice[0], once - once[0], atol=1e-9)


@pytest.mark.parametrize("variance", ["shrunken", "global", "per_example"])
@pytest.mark.parametrize("online", [False, True])
def test_models_that_agree_exactly(online, variance):
    """Votes of small forests: no spread, and scores that are numbers all the same."""
    own, values, members = made_up()
    same = np.ones_like(values) + members[:, None]
    score = LiRA(variance).judge(evidence_of(own, same, members, online))
    assert np.isfinite(score).all()
    higher = LiRA(variance).judge(evidence_of(own + 0.5, same, members, online))
    assert (higher >= score).all()
