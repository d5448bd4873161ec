"""Thresholds against brute force, and the naive baseline's balanced accuracy in closed form."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair.privacy import MembershipInferenceClassifier, ThresholdAttack
from sklearn_privfair.privacy._signals import entropy, log_loss, modified_entropy
from sklearn_privfair.privacy._thresholds import best_threshold

from ._membership_harness import game_of, random_proba

X, Y = load_digits(return_X_y=True)
LOSSES = {
    "loss": log_loss,
    "modified_entropy": modified_entropy,
    "entropy": lambda p, _: entropy(p),
}


def brute_force(score, truth):
    """The highest balanced accuracy of any threshold."""
    cuts = [*score, score.max() + 1]
    return max(((score[truth] >= c).mean() + (score[~truth] < c).mean()) / 2 for c in cuts)


def made_up(n_models=4, n=300):
    rng = np.random.default_rng(0)
    members, codes = rng.random((n_models, n)) < 0.5, rng.integers(0, 3, n)
    proba = random_proba((n_models, 1, n, 3), 1)
    for k in range(n_models):  # members of class 1 are told apart, those of class 2 less so
        sure = members[k] & (rng.random(n) < np.array([0.0, 0.9, 0.3])[codes])
        proba[k, 0, sure] = 0.001
        proba[k, 0, sure, codes[sure]] = 0.998
    return game_of(proba, codes, members)


@pytest.mark.parametrize("signal", LOSSES)
def test_thresholds_are_the_best_of_each_class(signal):
    game = made_up()
    method = ThresholdAttack(signal)
    method.learn(game, 0)
    score = -np.concatenate([LOSSES[signal](p[0], game.records.codes) for p in game.proba])
    truth, codes = game.members.ravel(), np.tile(game.records.codes, len(game.models))
    for code in range(3):
        s, t = score[codes == code], truth[codes == code]
        said = s >= method.thresholds_[code]
        assert balanced_accuracy_score(t, said) == pytest.approx(brute_force(s, t))
        # in the middle between two scores, so that equal ones fall on one side
        assert not np.isin(method.thresholds_[code], s)
    assert len(np.unique(method.thresholds_)) == 3
    judged = np.concatenate([method.judge(evidence) for evidence, _ in game.rounds(False)])
    np.testing.assert_allclose(judged, score - method.thresholds_[codes])


def test_one_threshold_for_all_is_the_score_itself():
    game = made_up()
    method = ThresholdAttack("loss", per_class=False)
    method.learn(game, 0)
    evidence, _ = next(game.rounds(False))
    expected = -log_loss(game.proba[0, 0], game.records.codes)
    np.testing.assert_array_equal(method.judge(evidence), expected)


def test_class_without_members_takes_the_threshold_of_all():
    game = made_up()
    game.members[:, game.records.codes == 2] = False
    method = ThresholdAttack("loss")
    method.learn(game, 0)
    score = -np.concatenate([log_loss(p[0], game.records.codes) for p in game.proba])
    assert method.thresholds_[2] == best_threshold(score, game.members.ravel())


def test_best_threshold_where_no_score_tells():
    """Scores alike, or the wrong way round: then nobody is a member."""
    score = np.array([1.0, 2.0, 3.0, 4.0])
    assert 2 < best_threshold(score, np.array([False, False, True, True])) < 3
    for one in (score, np.ones(4)):
        threshold = best_threshold(one, np.array([True, True, False, False]))
        assert not (one >= threshold).any()


VICTIMS = {
    "tree": DecisionTreeClassifier(max_depth=8, random_state=0),
    "linear": LogisticRegression(C=1e3, max_iter=30),
    "neighbors": KNeighborsClassifier(3),
}


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("name", VICTIMS)
def test_naive_baseline_is_half_plus_half_the_gap(name):
    """Yeom et al. (2018), section 3: exactly, with as many members as others or not."""
    member = np.random.default_rng(0).permutation(len(X)) < 500
    victim = VICTIMS[name].fit(X[member], Y[member])
    attack = MembershipInferenceClassifier(FrozenEstimator(victim), method="correctness").fit(X, Y)
    gap = victim.score(X[member], Y[member]) - victim.score(X[~member], Y[~member])
    accuracy = balanced_accuracy_score(member, attack.predict(X, Y))
    assert accuracy == pytest.approx(0.5 + gap / 2, abs=1e-12)
    assert attack.shadow_models_ == []
    assert np.isnan(attack.game_auc_)
    assert gap > 0.01


@pytest.mark.parametrize("signal", LOSSES)
def test_attack_finds_what_a_tree_remembers(signal):
    """Entropy of a full-grown tree is 0 everywhere: it tells nothing, the loss tells errors."""
    member = np.random.default_rng(0).permutation(len(X)) < 500
    victim = DecisionTreeClassifier(random_state=0).fit(X[member], Y[member])
    attack = MembershipInferenceClassifier(
        FrozenEstimator(victim), method=ThresholdAttack(signal, per_class=False), random_state=0
    ).fit(X[1000:], Y[1000:])
    score = attack.decision_function(X[:1000], Y[:1000])
    naive = 0.5 + (1 - victim.score(X[:1000][~member[:1000]], Y[:1000][~member[:1000]])) / 2
    expected = 0.5 if signal == "entropy" else naive
    assert roc_auc_score(member[:1000], score) == pytest.approx(expected)
