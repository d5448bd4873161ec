"""The attack as an estimator: what it takes, gives and refuses, and what it never knows."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair.privacy import RMIA, LiRA, MembershipInferenceClassifier, ShadowAttack

from ._membership_harness import Memory

N = 1200
X = np.random.default_rng(0).standard_normal((N, 4))
Y = np.random.default_rng(1).choice(["ant", "bee", "cat"], N, p=[0.5, 0.3, 0.2])
OWN, JUDGED = (X[400:], Y[400:]), (X[:400], Y[:400])
MEMBER = np.arange(400) < 200
VICTIM = FrozenEstimator(Memory(random_state=5).fit(X[:200], Y[:200]))


def attack_with(**params):
    defaults = {"estimator": VICTIM, "method": "rmia", "n_shadow_models": 4, "random_state": 0}
    return MembershipInferenceClassifier(**defaults | params)


@pytest.fixture(scope="module")
def offline():
    return attack_with().fit(*OWN)


@pytest.fixture(scope="module")
def online():
    return attack_with().fit(*OWN, audit=JUDGED)


def test_what_a_fit_leaves(online):
    np.testing.assert_array_equal(online.classes_, [0, 1])
    np.testing.assert_array_equal(online.labels_, ["ant", "bee", "cat"])
    assert online.n_features_in_ == 4
    assert len(online.shadow_models_) == 4
    assert online.shadow_members_.shape == (4, N)  # the attacker's own, then those of the audit
    both = np.concatenate([OWN[0], JUDGED[0]])
    for model, rows in zip(online.shadow_models_, online.shadow_members_, strict=True):
        assert set(model.seen_) == {row.tobytes() for row in both[rows]}
        assert rows.sum() == N / 2
    np.testing.assert_array_equal(online.shadow_members_[:, 800:].sum(axis=0), 2)
    assert 0.8 < online.game_auc_ <= 1


@pytest.mark.parametrize("audit", [None, JUDGED])
def test_nothing_is_known_of_the_victims_members(audit):
    """Fitting asks the victim for its classes alone, and trains without it."""
    blind = FrozenEstimator(DummyClassifier().fit(X[:3], ["ant", "bee", "cat"]))
    found = attack_with().fit(*OWN, audit=audit)
    other = attack_with(shadow_estimator=Memory()).set_params(estimator=blind)
    other.fit(*OWN, audit=audit).set_params(estimator=VICTIM)
    np.testing.assert_array_equal(
        other.decision_function(*JUDGED), found.decision_function(*JUDGED)
    )


def test_probabilities_are_in_the_order_of_the_scores(offline, online):
    for attack in (offline, online):
        score, proba = attack.decision_function(*JUDGED), attack.predict_proba(*JUDGED)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert 0 <= proba.min() <= proba.max() <= 1
        order = np.argsort(score)
        rises, gains = np.diff(score[order]), np.diff(proba[order, 1])
        assert (gains[rises > 1e-9] > 0).all()
        assert roc_auc_score(MEMBER, score) > 0.8


def test_probabilities_mean_what_they_say():
    """Of the records given .5 to 1 in equal parts as many are members as they promise."""
    rows = np.random.default_rng(2).standard_normal((8000, 4))
    labels = np.random.default_rng(3).choice(["ant", "bee"], 8000)
    victim = FrozenEstimator(Memory(1.0, random_state=7).fit(rows[:2000], labels[:2000]))
    attack = attack_with(estimator=victim, n_shadow_models=8, shadow_size=2000)
    attack.fit(rows[4000:], labels[4000:], audit=(rows[:4000], labels[:4000]))
    proba = attack.predict_proba(rows[:4000], labels[:4000])[:, 1]
    member = np.arange(4000) < 2000
    for low, high in ((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.001)):
        chosen = (low <= proba) & (proba < high)
        assert chosen.sum() > 100
        assert abs(member[chosen].mean() - proba[chosen].mean()) < 0.1


def test_online_judges_its_records_in_any_order_and_no_others(online):
    score = online.decision_function(*JUDGED)
    some = np.array([7, 300, 7, 41])
    np.testing.assert_array_equal(online.decision_function(X[some], Y[some]), score[some])
    with pytest.raises(ValueError, match=r"2 of 3 records were not in the audit.*audit="):
        online.decision_function(X[[1, 500, 600]], Y[[1, 500, 600]])
    with pytest.raises(ValueError, match=r"400 of 400 records.*values to the last digit"):
        online.decision_function(JUDGED[0].astype(np.float32), JUDGED[1])
    relabelled = np.where(Y[:1] == "ant", "bee", "ant")
    with pytest.raises(ValueError, match="1 of 1 records were not in the audit"):
        online.decision_function(X[:1], relabelled)


def test_own_records_offline():
    """In half of the shadow models each; in all of two now and then, which is told."""
    attack = attack_with(n_shadow_models=2).fit(*OWN)
    everywhere = attack.shadow_members_.all(axis=0)
    with pytest.warns(UserWarning, match=rf"{everywhere.sum()} of 800 records.*audit="):
        score = attack.decision_function(*OWN)
    assert np.isfinite(score).all()
    attack.decision_function(OWN[0][~everywhere], OWN[1][~everywhere])  # without a warning


def test_records_that_are_the_attackers_and_judged(online):
    """Given twice, as own and in the audit, they count once."""
    again = attack_with().fit(X, Y, audit=JUDGED)
    assert again.shadow_members_.shape == (4, N)
    np.testing.assert_array_equal(again.shadow_members_, online.shadow_members_)


@pytest.mark.parametrize("audit", [None, JUDGED])
def test_copies(audit):
    attack = attack_with(method=LiRA()).fit(*OWN, audit=audit)
    score, proba = attack.decision_function(*JUDGED), attack.predict_proba(*JUDGED)
    for other in (pickle.loads(pickle.dumps(attack)), copy.deepcopy(attack)):
        np.testing.assert_array_equal(other.decision_function(*JUDGED), score)
        np.testing.assert_array_equal(other.predict_proba(*JUDGED), proba)
    assert joblib.hash(attack.get_params()) == joblib.hash(clone(attack).get_params())
    again = clone(attack).fit(*OWN, audit=audit)
    np.testing.assert_array_equal(again.decision_function(*JUDGED), score)


def test_the_method_given_is_left_as_it_is():
    method = ShadowAttack(LogisticRegression())
    attack = attack_with(method=method).fit(*OWN)
    assert not hasattr(method, "attack_models_")
    assert sorted(attack.method_.attack_models_) == [0, 1, 2]


def test_a_method_without_shadow_models_trains_none():
    attack = attack_with(method="correctness").fit(*OWN)
    assert attack.shadow_models_ == []
    assert np.isnan(attack.game_auc_)
    right = VICTIM.predict(JUDGED[0]) == JUDGED[1]
    np.testing.assert_array_equal(attack.predict(*JUDGED), right)
    np.testing.assert_array_equal(attack.predict_proba(*JUDGED)[:, 1], right)


def test_parameters_of_the_method_are_set_and_checked():
    attack = attack_with(method=RMIA()).set_params(method__gamma=1.5)
    assert attack.method.gamma == 1.5
    with pytest.raises(ValueError, match="gamma"):
        attack.set_params(method__gamma=0.5).fit(*OWN)


def test_without_a_victim_there_is_a_score_alone():
    attack = MembershipInferenceClassifier(Memory(), method="rmia", n_shadow_models=2)
    assert not hasattr(attack, "predict")
    attack.set_params(random_state=0).fit(*OWN)
    for name in ("predict", "predict_proba", "decision_function"):
        assert not hasattr(attack, name)
        with pytest.raises(AttributeError) as raised:
            getattr(attack, name)
        assert isinstance(raised.value.__cause__, NotFittedError)
        assert "not fitted" in str(raised.value.__cause__)
    assert attack.score(*JUDGED) > 0.8


def test_the_stand_in_knows_half_of_each_class():
    """Against it all is known: its members, and what it would answer."""
    nearest = KNeighborsClassifier(1)
    victim = FrozenEstimator(clone(nearest).fit(X[:200], Y[:200]))
    attack = attack_with(estimator=victim, method="loss").fit(*OWN)
    member, score = attack.judge_stand_in(*JUDGED)
    again, same = attack.judge_stand_in(*JUDGED)
    np.testing.assert_array_equal(member, again)
    np.testing.assert_array_equal(score, same)
    assert attack.score(*JUDGED) == roc_auc_score(member, score)
    for label in attack.labels_:
        of_class = JUDGED[1] == label
        assert abs(member[of_class].sum() - of_class.sum() / 2) <= 1
    twin = FrozenEstimator(nearest.fit(JUDGED[0][member], JUDGED[1][member]))
    found = attack.set_params(estimator=twin).decision_function(*JUDGED)
    np.testing.assert_array_equal(found, score)
    assert not np.array_equal(member, MEMBER)


def test_the_stand_in_is_no_shadow_model(online):
    member, _ = online.judge_stand_in(*JUDGED)
    assert not any((rows[800:] == member).all() for rows in online.shadow_members_)


def test_frames_and_their_columns():
    names = ["a", "b", "c", "d"]
    tree = DecisionTreeClassifier(random_state=0)
    frame = pd.DataFrame(X, columns=names)
    victim = FrozenEstimator(tree.fit(frame[:200], Y[:200]))
    attack = attack_with(estimator=victim).fit(frame[400:], Y[400:], audit=(frame[:400], Y[:400]))
    assert attack.feature_names_in_.tolist() == names
    score = attack.decision_function(frame[:400], Y[:400])
    mixed = frame[:400].sample(frac=1, random_state=0)  # another order and index
    np.testing.assert_array_equal(
        attack.decision_function(mixed, Y[mixed.index]), score[mixed.index]
    )
    with pytest.raises(ValueError, match="feature names"):
        attack.decision_function(frame[:400][names[::-1]], Y[:400])


BAD = {
    "sparse": (lambda: attack_with().fit(csr_array(X), Y), TypeError, r"sparse.*toarray"),
    "lengths": (lambda: attack_with().fit(X, Y[:-1]), ValueError, "inconsistent numbers"),
    "continuous": (lambda: attack_with().fit(X, X[:, 0]), ValueError, "continuous"),
    "features of the audit": (
        lambda: attack_with().fit(*OWN, audit=(X[:400, :3], Y[:400])), ValueError, "3 features",
    ),
    "labels of the audit": (
        lambda: attack_with().fit(*OWN, audit=(X[:9], ["dog"] * 9)),
        ValueError, r"audit holds \['dog'\].*ant",
    ),
    "records alone": (
        lambda: attack_with().fit(*OWN, audit=X[:400]),
        ValueError, r"audit is a ndarray of length 400; give a pair",
    ),
    "no record": (lambda: attack_with().fit(X[:0], Y[:0]), ValueError, r"0 sample\(s\)"),
    "no record to judge": (
        lambda: attack_with().fit(*OWN, audit=(X[:0], Y[:0])), ValueError, r"0 sample\(s\)",
    ),
    "no record later": (
        lambda: attack_with().fit(*OWN).predict(X[:0], Y[:0]), ValueError, r"0 sample\(s\)",
    ),
    "labels missing": (
        lambda: attack_with().fit(X, np.where(np.arange(N) < 3, None, Y)),
        ValueError, "y holds 3 missing values",
    ),
    "one class": (
        lambda: attack_with(
            estimator=FrozenEstimator(DecisionTreeClassifier().fit(X, np.full(N, "ant")))
        ).fit(X, np.full(N, "ant")),
        ValueError, r"one class alone, \['ant'\]",
    ),
    "one class, no victim": (
        lambda: attack_with(estimator=Memory()).fit(X, np.full(N, "ant")),
        ValueError, r"one class alone, \['ant'\]",
    ),
    "nothing to learn from": (
        lambda: attack_with(method="learned").fit(X[:3], Y[:3]),
        ValueError, r"LearnedAttack learns.*members and.*others; give more records.*'rmia'",
    ),
    "no pair": (
        lambda: attack_with(n_shadow_models=5).fit(*OWN, audit=JUDGED),
        ValueError, r"n_shadow_models=5 is odd.*use 6",
    ),
    "too few": (
        lambda: attack_with(n_shadow_models=2).fit(*OWN, audit=JUDGED),
        ValueError, r"n_shadow_models=2.*at least 4",
    ),
    "alone": (
        lambda: attack_with(n_shadow_models=1).fit(*OWN), ValueError, "at least 2",
    ),
    "size": (
        lambda: attack_with(shadow_size=900).fit(*OWN), ValueError, r"shadow_size=900.*from 1 to",
    ),
    "name": (lambda: attack_with(method="lyra").fit(*OWN), ValueError, "method"),
    "clip": (lambda: attack_with(clip=0.6).fit(*OWN), ValueError, "clip"),
    "later features": (
        lambda: attack_with().fit(*OWN).predict(X[:, :3], Y), ValueError, "3 features",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    act, error, match = BAD[name]
    with pytest.raises(error, match=match):
        act()
