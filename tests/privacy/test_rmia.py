"""RMIA against a double loop over records and population, as the paper writes it."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import rankdata

from sklearn_privfair.privacy import RMIA

from ._membership_harness import evidence_of, game_of, random_proba

N_X, N_Z, N_SHADOWS = 40, 30, 6


def made_up(seed=0):
    """Evidence on records and on a population, and the numbers it was made of."""
    rng = np.random.default_rng(seed)
    parts = []
    for n in (N_X, N_Z):
        own, values = 2 * rng.standard_normal((1, n)), 2 * rng.standard_normal((N_SHADOWS, 1, n))
        members = np.argsort(rng.random((N_SHADOWS, n)), axis=0) < N_SHADOWS // 2
        parts.append((own, values, members))
    return parts


def ratio(own, values, members, i, online, a):
    """Pr(x | theta) / Pr(x), with Pr(x) as in equation 10, online, or its offline stand-in."""
    p = expit(values[:, 0, i])
    out = p[~members[:, i]].mean()
    inside = p[members[:, i]].mean() if online else a * out + (1 - a)
    average = (inside + out) / 2
    return expit(own[0, i]) / average


def double_loop(x, z, online, gamma, a):
    """Algorithm 2: the share of the population that a record dominates by gamma."""
    share = np.zeros(N_X)
    for i in range(N_X):
        for j in range(N_Z):
            quotient = ratio(*x, i, online, a) / ratio(*z, j, online, a)
            share[i] += (quotient >= gamma) / N_Z
    return share


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("gamma", [1.0, 1.3, 2.0])
@pytest.mark.parametrize("a", [0.0, 0.3, 1.0])
def test_double_loop(online, gamma, a):
    x, z = made_up()
    evidence = evidence_of(*x, online, population=evidence_of(*z, online))
    score = RMIA(gamma, a).judge(evidence)
    expected = double_loop(x, z, online, gamma, a)
    # between them: which of those that dominate as many gains most
    np.testing.assert_allclose(np.floor(score * (N_Z + 1)) / N_Z, expected, atol=1e-12)
    assert 0 <= score.min() <= score.max() < 1
    assert expected.std() > 0.01


@pytest.mark.parametrize(("gamma", "share"), [(1.0, 1.0), (1.001, 0.0)])
def test_equal_gains(gamma, share):
    """As many times gamma counts as dominated."""
    x = [part[..., :1] for part in made_up()[0]]
    same = [np.repeat(part, N_Z, axis=-1) for part in x]
    evidence = evidence_of(*x, True, population=evidence_of(*same, True))
    assert np.floor(RMIA(gamma).judge(evidence) * (N_Z + 1)) / N_Z == share


def test_ties_are_ranked_by_gain():
    x, z = made_up()
    evidence = evidence_of(*x, True, population=evidence_of(*z, True))
    method = RMIA(gamma=50.0)
    score = method.judge(evidence)
    assert len(np.unique(np.floor(score * (N_Z + 1)))) < 10  # hardly anyone dominates
    np.testing.assert_array_equal(rankdata(score), rankdata(method.gain(evidence)))


def test_gain_offline_does_not_look_at_models_trained_with_the_record():
    (own, values, members), _ = made_up()
    other = np.where(members[:, None], 5.0, values)
    first, second = (RMIA().gain(evidence_of(own, v, members, False)) for v in (values, other))
    np.testing.assert_array_equal(first, second)


def test_queries_are_averaged_in_logarithms():
    (own, values, members), _ = made_up()
    rng = np.random.default_rng(1)
    queries = np.stack([own[0], rng.standard_normal(N_X)])
    several = np.concatenate([values, rng.standard_normal(values.shape)], axis=1)
    both = RMIA().gain(evidence_of(queries, several, members, True))
    each = [RMIA().gain(evidence_of(queries[[q]], several[:, [q]], members, True)) for q in (0, 1)]
    np.testing.assert_allclose(both, np.mean(each, axis=0))


@pytest.mark.parametrize("online", [True, False])
def test_population_in_games_is_of_strangers(online):
    """Who was trained on by the model judged, or by all it is compared with, is no stranger."""
    rng = np.random.default_rng(0)
    n, n_models = 60, 4
    audited = np.arange(n) < (20 if online else 0)
    members = rng.random((n_models, n)) < 0.6
    members[1::2, audited] = ~members[::2, audited]
    game = game_of(random_proba((n_models, 1, n, 3), 0), rng.integers(0, 3, n), members, audited)
    for k, (evidence, truth) in enumerate(game.rounds()):
        others = [j for j in range(n_models) if j != k and not (online and j == k ^ 1)]
        expected = [
            i
            for i in range(n)
            if not audited[i] and not members[k, i] and not members[others, i].all()
        ]
        np.testing.assert_array_equal(evidence.population.proba, game.proba[k][:, expected])
        np.testing.assert_array_equal(
            evidence.population.shadow_proba, game.proba[others][:, :, expected]
        )
        judged = [i for i in range(n) if audited[i] == online and not members[others, i].all()]
        np.testing.assert_array_equal(truth, members[k, judged])
        assert 0 < truth.sum() < len(truth)
