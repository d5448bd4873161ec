"""Searching for an attack without knowing the victim's members, and what an attacker may expect."""

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from sklearn_privfair.privacy import (
    RMIA,
    CorrectnessAttack,
    LiRA,
    MembershipInferenceClassifier,
    ThresholdAttack,
)

from .test_lira import D, GaussianMean, area_offline, area_online
from .test_lira import N as N_POOL


def test_the_pick_is_the_best_against_the_real_victim(tmp_path):
    """And the others' order is theirs, too: the attacker never saw a member of the victim."""
    X, y = make_classification(
        3000, 12, n_informative=6, n_classes=3, flip_y=0.15, class_sep=0.8, random_state=0
    )
    forest = RandomForestClassifier(25, random_state=0)
    victim = FrozenEstimator(forest.fit(X[:500], y[:500]))
    methods = [CorrectnessAttack(), ThresholdAttack("loss"), LiRA("per_example"), LiRA(), RMIA()]
    attack = MembershipInferenceClassifier(
        victim, n_shadow_models=4, memory=str(tmp_path), random_state=0
    )
    grid = {"method": methods, "clip": [1e-12, 0.02]}
    search = GridSearchCV(attack, grid, cv=2, refit=False).fit(X[1000:], y[1000:])
    expected = search.cv_results_["mean_test_score"]
    member, found = np.arange(1000) < 500, []
    for params in search.cv_results_["params"]:
        fitted = attack.set_params(**params).fit(X[1000:], y[1000:])
        found.append(roc_auc_score(member, fitted.decision_function(X[:1000], y[:1000])))
    assert found[search.best_index_] > max(found) - 0.005
    assert max(found) > min(found) + 0.1
    assert kendalltau(expected, found).statistic > 0.6


@pytest.fixture(scope="module")
def gaussian():
    """An offline attack on a model of which all is known, and records that nobody has seen."""
    rng = np.random.default_rng(3)
    own, fresh = rng.standard_normal((2, N_POOL, D))
    y = np.zeros(N_POOL, dtype=int)
    victim = FrozenEstimator(GaussianMean().fit(rng.standard_normal((N_POOL // 2, D)), None))
    attack = MembershipInferenceClassifier(
        victim, method=LiRA("global"), n_shadow_models=32, random_state=0
    )
    return attack.fit(own, y), own, fresh, y


def test_score_on_other_records_is_what_happens_offline(gaussian):
    attack, _, _, y = gaussian
    rng, found, expected = np.random.default_rng(4), [], []
    for _ in range(4):
        fresh = rng.standard_normal((N_POOL, D))
        found.append(attack.score(fresh, y))
        expected.append(area_offline(fresh, np.arange(N_POOL) < N_POOL // 2))
    assert abs(np.mean(found) - np.mean(expected)) < 0.02


def test_games_offline_promise_what_an_online_attack_keeps(gaussian):
    """There the mean over models without a record is that of its own pool, as it is online."""
    attack, own, _, _ = gaussian
    member = np.arange(N_POOL) < N_POOL // 2
    promised, kept = area_online(own, member), area_offline(own, member)
    assert kept < promised - 0.08
    assert abs(attack.game_auc_ - promised) < 0.02
