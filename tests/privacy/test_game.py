"""Games with known outcome are honest: nobody wins by chance, and who can win in truth does."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sklearn_privfair.privacy import (
    RMIA,
    AttackR,
    LearnedAttack,
    LiRA,
    MembershipInferenceClassifier,
    ShadowAttack,
    ThresholdAttack,
)
from sklearn_privfair.privacy._game import automatic_clip

from ._membership_harness import Chance, Memory, game_of, random_proba

FOREST = RandomForestClassifier(10, min_samples_leaf=3)
BOOSTING = HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=5)
METHODS = {
    "lira": LiRA(),
    "lira of each": LiRA("per_example"),
    "rmia": RMIA(),
    "rmia with ties": RMIA(gamma=1.0),
    "attack_r": AttackR(),
    "shadow": ShadowAttack(FOREST),
    "entropy": ThresholdAttack("modified_entropy"),
    "learned by trees": LearnedAttack(FOREST),
    "learned by boosting": LearnedAttack(BOOSTING),
}


def error_of(n_members, n_others):
    """The standard deviation of the area under the curve of scores that tell nothing."""
    return np.sqrt((n_members + n_others + 1) / (12 * n_members * n_others))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("n_models", [4, 6])
@pytest.mark.parametrize("online", [False, True])
def test_answers_by_chance_tell_nothing(name, n_models, online):
    """Nor do the other shadow models, a class being rare, or a record that comes twice."""
    rng = np.random.default_rng(n_models)
    X, y = rng.standard_normal((400, 3)), rng.choice(5, 400, p=[0.5, 0.3, 0.1, 0.06, 0.04])
    X, y = np.concatenate([X, X[:200]]), np.concatenate([y, y[:200]])
    areas = [
        MembershipInferenceClassifier(
            Chance(), method=METHODS[name], n_shadow_models=n_models, random_state=seed
        )
        .fit(X, y, audit=(X, y) if online else None)
        .game_auc_
        for seed in range(4)
    ]
    half = 4 * 400 * n_models / 2
    # wider than of independent scores: two games of a pair differ in the victim's answers alone
    assert abs(np.mean(areas) - 0.5) < 1.4 * 3.5 * error_of(half, half)


@pytest.mark.parametrize("name", METHODS)
def test_no_membership_where_nothing_is_learned_by_heart(name):
    """Ridge logistic regression in five features on a thousand rows."""
    X, y = make_classification(2000, 5, flip_y=0.3, random_state=0)
    areas = [
        MembershipInferenceClassifier(
            LogisticRegression(C=1e-3), method=METHODS[name], n_shadow_models=4, random_state=seed
        )
        .fit(X, y)
        .game_auc_
        for seed in range(4)
    ]
    # games of a pair share their records, so that one seed's spread is up to 1.7 times the error of
    # independent scores (measured over twelve), and that of the mean of four about 0.85 times
    assert abs(np.mean(areas) - 0.5) < 3.5 * error_of(4000, 4000)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("online", [False, True])
def test_what_the_attacker_expects_is_what_happens(name, online):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1600, 3)), rng.integers(0, 2, 1600)
    member, judged = np.arange(800) < 400, (X[:800], y[:800])
    victim = FrozenEstimator(Memory(random_state=99).fit(X[:400], y[:400]))
    attack = MembershipInferenceClassifier(
        victim, method=METHODS[name], n_shadow_models=8, shadow_size=400, random_state=0
    ).fit(X[800:], y[800:], audit=None if not online else judged)
    found = roc_auc_score(member, attack.decision_function(*judged))
    assert found > 0.8
    # in games there are two shadow models fewer, of which own variances are the poorer
    more = 0.08 if name == "lira of each" else 0.04
    assert attack.game_auc_ - 0.04 < found < attack.game_auc_ + more


def test_the_other_of_a_pair_is_hidden():
    rng = np.random.default_rng(0)
    members = rng.random((6, 50)) < 0.5
    members[1::2] = ~members[::2]
    game = game_of(
        random_proba((6, 1, 50, 2), 0), np.zeros(50, dtype=int), members, np.ones(50, dtype=bool)
    )
    for k, (evidence, truth) in enumerate(game.rounds()):
        others = [j for j in range(6) if j // 2 != k // 2]
        np.testing.assert_array_equal(evidence.shadow_proba, game.proba[others])
        np.testing.assert_array_equal(evidence.members, members[others])
        np.testing.assert_array_equal(evidence.members.sum(axis=0), 2)
        np.testing.assert_array_equal(evidence.proba, game.proba[k])
        np.testing.assert_array_equal(truth, members[k])
        assert evidence.model is game.models[k]
        np.testing.assert_array_equal(evidence.rows(np.array([3, 7])).ravel(), [3, 7])


def test_clip_of_votes_and_of_probabilities():
    codes = np.zeros(4, dtype=int)
    votes = np.array([[1.0, 0.0], [0.9, 0.1], [0.3, 0.7], [0.0, 1.0]])[None, None]
    assert automatic_clip(votes, codes) == pytest.approx(0.1 / 2, rel=0.1)
    smooth = random_proba((2, 1, 4, 2), 0)
    assert automatic_clip(smooth, codes) <= 1e-12
    labels = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])[None, None]
    assert 1e-6 < automatic_clip(labels, codes) < 0.5
