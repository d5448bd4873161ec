"""Attack R against a plain loop over the models trained without each record."""

import numpy as np
import pytest
from scipy.stats import rankdata

from sklearn_privfair.privacy import AttackR

from ._membership_harness import evidence_of

N, N_SHADOWS = 60, 7


def made_up(seed=0):
    rng = np.random.default_rng(seed)
    own, values = 2 * rng.standard_normal((1, N)), 2 * rng.standard_normal((N_SHADOWS, 1, N))
    members = rng.random((N_SHADOWS, N)) < 0.5
    members[0] = False
    return own, values, members


def judge(own, values, members, online=False):
    return AttackR().judge(evidence_of(own, values, members, online))


@pytest.mark.parametrize("online", [False, True])
def test_share_of_models_that_like_it_less(online):
    """With n models, below the score of (k + 1) / (n + 1) stand those liked more than k of them."""
    own, values, members = made_up()
    score = judge(own, values, members, online)
    for i in range(N):
        others = values[~members[:, i], 0, i]
        below = (others < own[0, i]).sum()
        assert below <= score[i] * (len(others) + 1) < below + 1


def test_linear_between_two_models():
    values = np.array([-1.0, 1.0, 3.0])[:, None, None]
    members = np.zeros((3, 1), dtype=bool)
    own = np.linspace(-1, 3, 9)
    score = [judge(np.array([[x]]), values, members)[0] for x in own]
    # at the models themselves 1/4, 2/4 and 3/4
    np.testing.assert_allclose(score, np.linspace(0.25, 0.75, 9))


def test_beyond_all_models_too_scores_grow():
    """A percentile would tie half of the members; what finds few false alarms is their order."""
    values = np.array([-1.0, 1.0, 3.0])[:, None, None]
    members = np.zeros((3, 1), dtype=bool)
    own = np.array([-30.0, -5, -1.1, -1, -0.9, 2.9, 3, 3.1, 8, 30])
    score = np.array([judge(np.array([[x]]), values, members)[0] for x in own])
    assert (np.diff(score) > 0).all()
    assert 0 < score[0] < 0.01
    assert 0.99 < score[-1] <= 1


def test_models_trained_with_the_record_do_not_count():
    own, values, members = made_up()
    other = np.where(members[:, None], 50.0, values)
    np.testing.assert_array_equal(judge(own, values, members), judge(own, other, members))


def test_ties_between_models():
    """Votes of trees: the same log-odds by several models, and by the model judged."""
    members = np.zeros((4, 3), dtype=bool)
    values = np.tile(np.array([0.0, 1.0, 1.0, 2.0])[:, None, None], (1, 1, 3))
    score = judge(np.array([[0.0, 1.0, 2.0]]), values, members)
    np.testing.assert_allclose(score, [1 / 5, 2 / 5, 4 / 5])


def test_queries_are_averaged():
    own, values, members = made_up()
    spread = np.array([[1.0], [-1.0]])
    score = judge(own + spread, values + spread, members)
    np.testing.assert_allclose(score, judge(own, values, members))
    assert len(set(rankdata(score))) > N / 2
