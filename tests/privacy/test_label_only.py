"""Distances to the boundary as membership, where they are known."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from sklearn_privfair.attacks import DeepFoolAttack, HopSkipJumpAttack, PGDAttack
from sklearn_privfair.privacy import LabelOnlyAttack, MembershipInferenceClassifier

X, Y = make_blobs(300, 2, centers=[[-1, 0], [1, 0]], random_state=0)[:2]
LINEAR = LogisticRegression().fit(X[:60], Y[:60])


def attack_of(victim, method, **params):
    attack = MembershipInferenceClassifier(
        FrozenEstimator(victim), method=method, n_shadow_models=2, random_state=0, **params
    )
    return attack.fit(X[100:200], Y[100:200])


def test_distance_from_a_plane():
    """|w x + b| / |w| on the right side, 0 on the wrong one."""
    attack = attack_of(LINEAR, LabelOnlyAttack(DeepFoolAttack(overshoot=1e-6, bounds=None)))
    score = attack.decision_function(X[200:], Y[200:])
    margin = LINEAR.decision_function(X[200:]) * (2 * Y[200:] - 1)
    distance = np.maximum(margin, 0) / np.linalg.norm(LINEAR.coef_)
    assert (margin < 0).sum() > 5
    np.testing.assert_allclose(score, distance / (1 + distance), atol=1e-4)


def test_rows_that_cannot_be_turned_are_beyond_all_others():
    """Whichever rows stand beside them."""
    method = LabelOnlyAttack(PGDAttack(eps=0.5, norm=2, bounds=None, random_state=0))
    attack = attack_of(LINEAR, method)
    score = attack.decision_function(X[200:], Y[200:])
    margin = LINEAR.decision_function(X[200:]) * (2 * Y[200:] - 1)
    far = margin / np.linalg.norm(LINEAR.coef_) > 0.6
    np.testing.assert_array_equal(score[far], 1.0)
    assert (score[~far] < 0.5).sum() > 10
    each = [attack.decision_function(X[[i]], Y[[i]])[0] for i in range(200, 230)]
    np.testing.assert_allclose(each, score[:30], atol=1e-6)


def test_a_model_that_gives_labels_alone():
    """A nearest neighbour knows noisy labels by heart: no member is at distance 0, others are."""
    rng = np.random.default_rng(0)
    noisy = rng.integers(0, 2, 300)
    victim = KNeighborsClassifier(1).fit(X[:50], noisy[:50])
    method = LabelOnlyAttack(HopSkipJumpAttack(n_queries=200, bounds=(-9, 9), random_state=0))
    attack = MembershipInferenceClassifier(
        FrozenEstimator(victim), method=method, n_shadow_models=2, random_state=0
    ).fit(X[200:260], noisy[200:260])
    score = attack.decision_function(X[:100], noisy[:100])
    right = victim.predict(X[:100]) == noisy[:100]
    np.testing.assert_array_equal(score > 0, right)
    naive = 0.5 + (1 - right[50:].mean()) / 2
    assert roc_auc_score(np.arange(100) < 50, score) > naive - 0.05
    assert attack.predict(X[:100], noisy[:100])[50:][~right[50:]].sum() == 0


def test_the_random_state_outside_decides_what_the_attack_inside_draws():
    victim = KNeighborsClassifier(3).fit(X[:60], Y[:60])
    method = LabelOnlyAttack(HopSkipJumpAttack(n_queries=60, bounds=(-9, 9)))

    def attack_with(random_state):
        attack = MembershipInferenceClassifier(
            FrozenEstimator(victim), method=method, n_shadow_models=2, random_state=random_state
        )
        return attack.fit(X[200:260], Y[200:260])

    attack = attack_with(0)
    score = attack.decision_function(X[:40], Y[:40])
    np.testing.assert_array_equal(attack.decision_function(X[:40], Y[:40]), score)
    stored = pickle.loads(pickle.dumps(attack))
    np.testing.assert_array_equal(stored.decision_function(X[:40], Y[:40]), score)
    again, other = attack_with(0), attack_with(1)
    np.testing.assert_array_equal(again.decision_function(X[:40], Y[:40]), score)
    assert again.game_auc_ == attack.game_auc_
    assert (other.decision_function(X[:40], Y[:40]) != score).mean() > 0.5
    assert method.attack.random_state is None


def test_a_seed_of_the_attacks_own_is_kept():
    method = LabelOnlyAttack(HopSkipJumpAttack(n_queries=60, bounds=(-9, 9), random_state=5))
    attack = attack_of(LINEAR, method)
    score = attack.decision_function(X[200:230], Y[200:230])
    found = clone(method.attack).fit(LINEAR).generate(X[200:230])
    right = LINEAR.predict(X[200:230]) == Y[200:230]
    distance = found.distance["l2"]
    np.testing.assert_allclose(score, np.where(right, distance / (1 + distance), 0), rtol=1e-9)


def test_max_records_bounds_the_runs_of_the_attack():
    asked = []

    class Counting(DeepFoolAttack):
        def generate(self, X, y=None):
            asked.append(len(X))
            return super().generate(X, y)

    attack_of(LINEAR, LabelOnlyAttack(Counting(bounds=None), max_records=10))
    assert len(asked) == 4  # two halves of the records, two models
    assert max(asked) <= 10
    assert sum(asked) > 20


@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_other_norms(norm):
    attack = attack_of(LINEAR, LabelOnlyAttack(DeepFoolAttack(bounds=None), norm=norm))
    score = attack.decision_function(X[200:], Y[200:])
    found = DeepFoolAttack(bounds=None).fit(LINEAR).generate(X[200:]).distance[norm]
    right = LINEAR.predict(X[200:]) == Y[200:]
    np.testing.assert_allclose(score, np.where(right, found / (1 + found), 0), atol=1e-6)
