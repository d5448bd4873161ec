"""Distances to the boundary as membership, where they are known."""

import numpy as np
import pytest
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
