"""The attack of Shokri et al. against a re-implementation, with any classifier as attack model."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.privacy import MembershipInferenceClassifier, ShadowAttack
from sklearn_privfair.privacy._attack_models import AttackNet

X, Y = load_digits(n_class=4, return_X_y=True)
WORDS = np.array(["a", "b", "c", "d"])
N_VICTIM = 200


@pytest.fixture(scope="module")
def victim():
    forest = RandomForestClassifier(10, random_state=0)
    return FrozenEstimator(forest.fit(X[:N_VICTIM], WORDS[Y[:N_VICTIM]]))


def attack_with(victim, **params):
    attack = MembershipInferenceClassifier(
        victim, method=ShadowAttack(**params), n_shadow_models=3, random_state=0
    )
    return attack.fit(X[400:], WORDS[Y[400:]])


def judged(attack):
    return attack.decision_function(X[:400], WORDS[Y[:400]])


def attack_data(model, X, words):
    """The distribution predicted and the true label, one-hot, as the columns of the model are."""
    onehot = words[:, None] == model.classes_
    return np.hstack([model.predict_proba(X), onehot]).astype(np.float32)


@pytest.mark.parametrize("per_class", [True, False])
def test_re_implementation(victim, per_class):
    attack = attack_with(victim, attack_estimator=LogisticRegression(), per_class=per_class)
    own, words = X[400:], WORDS[Y[400:]]
    data, truth, group = [], [], []
    for model, inside in zip(attack.shadow_models_, attack.shadow_members_, strict=True):
        a_in = attack_data(model, own[inside], words[inside])
        a_out = attack_data(model, own[~inside], words[~inside])
        data += [a_in, a_out]
        truth += [np.ones(len(a_in)), np.zeros(len(a_out))]
        group += [words[inside], words[~inside]]
    data, truth, group = (np.concatenate(part) for part in (data, truth, group))
    asked, expected = attack_data(victim, X[:400], WORDS[Y[:400]]), np.zeros(400)
    for word in WORDS:
        chosen = group == word if per_class else np.ones(len(group), dtype=bool)
        model = LogisticRegression().fit(data[chosen], truth[chosen])
        rows = WORDS[Y[:400]] == word
        expected[rows] = model.decision_function(asked[rows])
    np.testing.assert_allclose(judged(attack), expected, rtol=1e-3, atol=1e-3)
    assert len(np.unique(np.round(expected, 3))) > 50


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, X):
        return self.layers(X)


def net():
    return NeuralNetClassifier(
        TwoOutputs,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.01,
        max_epochs=15,
        train_split=None,
        verbose=0,
    )


ATTACK_MODELS = {
    "default": None,
    "net": net(),
    "forest": RandomForestClassifier(20, min_samples_leaf=5),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "pipeline with net": make_pipeline(StandardScaler(), net()),
}


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("name", ATTACK_MODELS)
def test_any_classifier_attacks(victim, name, per_class):
    given = ATTACK_MODELS[name]
    before = torch.random.get_rng_state()
    attack = attack_with(victim, attack_estimator=given, per_class=per_class)
    score = judged(attack)
    if per_class or name != "pipeline":  # a linear one for all classes cannot see the right one
        assert roc_auc_score(np.arange(400) < N_VICTIM, score) > 0.7
    np.testing.assert_array_equal(
        judged(attack_with(victim, **attack.method.get_params(False))), score
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert list(attack.method_.attack_models_) == ([0, 1, 2, 3] if per_class else [None])
    assert given is None or not hasattr(given, "classes_")  # what was given is not fitted


def test_default_is_the_net_of_the_reference(victim):
    """2 C inputs, 4 C rectified units, one sigmoid; a family of one for each class."""
    models = attack_with(victim).method_.attack_models_
    assert len({id(model) for model in models.values()}) == 4
    for model in models.values():
        shapes = [tuple(p.shape) for p in model.module_.parameters()]
        assert shapes == [(16, 8), (16,), (1, 16), (1,)]
        assert isinstance(model.module_, AttackNet)
        proba = model.predict_proba(np.zeros((1, 8), dtype=np.float32))
        logit = model.module_(torch.zeros(1, 8)).item()
        assert proba[0, 1] == pytest.approx(1 / (1 + np.exp(-logit)))


def test_members_are_told_class_by_class(victim):
    """The models of other classes have no say: those of one class know nothing of a second."""
    attack = attack_with(victim, attack_estimator=DecisionTreeClassifier(max_depth=3))
    before = judged(attack)
    attack.method_.attack_models_[2] = attack.method_.attack_models_[0]
    changed = judged(attack) != before
    assert set(Y[:400][changed]) == {2}


def test_a_class_of_one_record(victim):
    """There is no model of it while its record is judged in a game, and one in the end."""
    kept = np.flatnonzero((Y[400:] != 3) | (np.cumsum(Y[400:] == 3) == 1)) + 400
    assert (Y[kept] == 3).sum() == 1
    attack = MembershipInferenceClassifier(
        victim, method=ShadowAttack(LogisticRegression()), random_state=0
    ).fit(X[kept], WORDS[Y[kept]])
    assert sorted(attack.method_.attack_models_) == [0, 1, 2, 3]
    assert 0.5 < attack.game_auc_ < 1
    assert np.isfinite(attack.decision_function(X[:400], WORDS[Y[:400]])).all()


def test_class_that_nobody_has_shown(victim):
    known = Y[400:] != 3
    for per_class in (True, False):
        attack = MembershipInferenceClassifier(
            victim, method=ShadowAttack(LogisticRegression(), per_class), random_state=0
        ).fit(X[400:][known], WORDS[Y[400:]][known])
        if per_class:
            with pytest.raises(ValueError, match=r"number 3 has no attack model.*per_class=False"):
                judged(attack)
        else:
            assert np.isfinite(judged(attack)).all()


def test_certain_attack_models_stay_finite(victim):
    attack = attack_with(victim, attack_estimator=DecisionTreeClassifier())
    assert np.isfinite(judged(attack)).all()
    assert clone(attack.method).get_params()["attack_estimator__criterion"] == "gini"
