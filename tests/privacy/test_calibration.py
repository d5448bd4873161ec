"""From scores to probabilities, and judgement of records that were not learned from."""

from collections import Counter

import numpy as np
import pytest
from scipy.special import expit

from sklearn_privfair.privacy import MembershipMethod
from sklearn_privfair.privacy._calibration import MembershipCalibration, play

from ._membership_harness import game_of, random_proba


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_probability_as_if_half_were_members(share):
    """Scores of N(1, 1) for members, N(-1, 1) for others: the odds are exp(2 score)."""
    rng = np.random.default_rng(0)
    truth = rng.random(40_000) < share
    score = rng.standard_normal(40_000) + np.where(truth, 1, -1)
    calibration = MembershipCalibration(score, truth)
    grid = np.linspace(-2, 2, 21)
    np.testing.assert_allclose(calibration(grid), expit(2 * grid), atol=0.06)
    assert np.abs(calibration(grid) - expit(2 * grid)).mean() < 0.02


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_records_keep_their_order(scale):
    """Isotonic regression alone has steps, and is flat beyond the scores that it has seen."""
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.5
    score = scale * (rng.standard_normal(300) + truth)
    calibration = MembershipCalibration(score, truth)
    new = scale * np.linspace(-20, 20, 1001)
    found = calibration(new)
    assert (np.diff(found) > 0).all()
    assert 0 <= found.min() <= found.max() <= 1


def test_scores_all_alike():
    calibration = MembershipCalibration(np.ones(10), np.arange(10) < 3)
    np.testing.assert_allclose(calibration(np.ones(2)), 0.5, atol=1e-9)


class Spy(MembershipMethod):
    """It keeps which records it learned from, and gives the sum of them as score."""

    seen: list = []

    def __init__(self, limit=None):
        self.limit = limit

    @property
    def max_judged(self):
        return self.limit

    def learn(self, game, seed):
        self.learned_ = set(game.judged)

    def judge(self, evidence):
        judged = evidence.rows(np.arange(len(evidence.codes))).ravel().astype(int)
        Spy.seen.append((self.learned_, set(judged)))
        return judged.astype(float)


@pytest.mark.parametrize("limit", [None, 20])
def test_never_judged_by_what_was_learned_from_them(limit):
    rng = np.random.default_rng(0)
    members, codes = rng.random((4, 200)) < 0.4, np.sort(rng.choice(3, 200, p=[0.9, 0.07, 0.03]))
    game = game_of(random_proba((4, 1, 200, 3), 0), codes, members)
    Spy.seen = []
    score, truth = play(Spy(limit), game, 0)
    assert len(Spy.seen) == 8
    for learned, judged in Spy.seen:
        assert not learned & judged
        assert len(learned) == (limit or 100)
        if limit is None:  # of each class as many
            of_class = np.bincount(codes[list(learned)], minlength=3)
            assert np.abs(of_class - np.bincount(codes) / 2).max() <= 0.5
    assert len(set.union(*(learned for learned, _ in Spy.seen))) == 2 * (limit or 100)
    # the scores are the records: each with its own truth
    counts = Counter(zip(score.astype(int), truth, strict=True))
    assert sum(counts.values()) == len(score) > 2 * (limit or 100)
    for (record, inside), count in counts.items():
        outs = [k for k in range(4) if not members[np.arange(4) != k, record].all()]
        assert count == sum(members[k, record] == inside for k in outs)
