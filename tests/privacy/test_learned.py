"""The learned attack: its signals written out, and any classifier that learns from them."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.privacy import RMIA, LearnedAttack, MembershipInferenceClassifier
from sklearn_privfair.privacy import _signals as plain
from sklearn_privfair.privacy._learned import better_learner, signals

from ._membership_harness import game_of, random_proba

X, Y = load_digits(return_X_y=True)


def made_up(online, n=50, n_models=6):
    rng = np.random.default_rng(0)
    members, codes = rng.random((n_models, n)) < 0.5, rng.integers(0, 3, n)
    members[1::2] = ~members[::2]
    audited = np.full(n, online)
    return game_of(random_proba((n_models, 1, n, 3), 0), codes, members, audited)


@pytest.mark.parametrize("online", [False, True])
def test_signals_written_out(online):
    game = made_up(online)
    k = 2
    evidence, _ = list(game.rounds())[k]
    others = [j for j in range(6) if j != k and not (online and j == k ^ 1)]
    judged = [i for i in range(50) if not game.members[others, i].all()]
    found = signals(evidence)
    for row, i in zip(found, judged, strict=True):
        p, label = game.proba[k, 0, i], game.records.codes[i : i + 1]
        own = plain.log_odds(p[None], label)[0]
        top = np.sort(p)
        expected = [own, plain.entropy(p), plain.modified_entropy(p[None], label)[0]]
        expected += [np.log(top[-1] / top[-2])]
        odds = {j: plain.log_odds(game.proba[j, 0, i][None], label)[0] for j in others}
        out = [odds[j] for j in others if not game.members[j, i]]
        inside = [odds[j] for j in others if game.members[j, i]]
        without = np.mean(expit(out))
        among = np.mean(expit(inside)) if online else 0.6 * without + 0.4
        average = (without + among) / 2
        expected += [np.log(expit(own) / average), label[0]]
        expected += [np.mean(out), own - np.mean(out)]
        if online:
            expected += [np.mean(inside), own - np.mean(inside)]
            expected += [np.mean(inside) - np.mean(out)]
        np.testing.assert_allclose(row, expected, rtol=1e-9)


def test_offline_does_not_look_at_models_trained_with_the_record():
    game = made_up(online=False)
    before = [signals(evidence) for evidence, _ in game.rounds()]
    for k, (evidence, _) in enumerate(game.rounds()):
        evidence.shadow_proba[evidence.members[:, None]] = [1.0, 0.0, 0.0]
        np.testing.assert_array_equal(signals(evidence), before[k])


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 2)

    def forward(self, X):
        return self.linear(X)


def net():
    return NeuralNetClassifier(
        TwoOutputs, criterion=nn.CrossEntropyLoss, max_epochs=5, train_split=None, verbose=0
    )


LEARNERS = {
    "default": None,
    "linear": make_pipeline(StandardScaler(), LogisticRegression()),
    "trees": ExtraTreesClassifier(30, min_samples_leaf=10),
    "net": net(),
    "pipeline with net": make_pipeline(StandardScaler(), net()),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_any_classifier_learns(name):
    victim = RandomForestClassifier(10, random_state=0).fit(X[:300], Y[:300])
    state = torch.random.get_rng_state()
    attack = MembershipInferenceClassifier(
        FrozenEstimator(victim),
        method=LearnedAttack(LEARNERS[name]),
        n_shadow_models=4,
        shadow_size=300,
        random_state=0,
    )
    score = attack.fit(X[600:], Y[600:]).decision_function(X[:600], Y[:600])
    assert roc_auc_score(np.arange(600) < 300, score) > 0.75
    again = attack.fit(X[600:], Y[600:]).decision_function(X[:600], Y[:600])
    np.testing.assert_array_equal(again, score)
    assert torch.equal(torch.random.get_rng_state(), state)


def chosen(X, y, records):
    return type(better_learner(X, y, records, seed=0))


def test_the_default_is_what_tells_better():
    """A line where there is one, or little to learn from; trees for what no line can tell."""
    rng = np.random.default_rng(0)
    X, records = rng.standard_normal((4000, 3)), np.arange(4000)
    line = X[:, 0] + rng.standard_normal(4000) > 0
    corners = X[:, 0] * X[:, 1] > 0
    assert chosen(X, line, records) is Pipeline
    assert chosen(X, corners, records) is HistGradientBoostingClassifier
    few = slice(100)
    assert chosen(X[few], line[few], records[few]) is Pipeline
    assert chosen(X[:2], np.array([True, False]), records[:2]) is Pipeline


def test_it_is_chosen_by_records_not_learned_from():
    """Each is in several games; by heart trees know noise that they have seen in another one."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1000, 3)).repeat(6, axis=0), (rng.random(1000) < 0.5).repeat(6)
    assert chosen(X, y, np.arange(1000).repeat(6)) is Pipeline
    assert chosen(X, y, np.arange(6000)) is HistGradientBoostingClassifier


def test_few_records_are_enough():
    """Where trees with leaves of 100 would have a single leaf, and call everybody alike."""
    victim = FrozenEstimator(RandomForestClassifier(20, random_state=0).fit(X[:300], Y[:300]))
    attack = MembershipInferenceClassifier(victim, n_shadow_models=4, random_state=0)
    score = attack.fit(X[600:640], Y[600:640]).decision_function(X[:600], Y[:600])
    assert roc_auc_score(np.arange(600) < 300, score) > 0.75


def test_max_records():
    counts = []

    class Counts(LogisticRegression):
        def fit(self, X, y):
            counts.append(len(X))
            return super().fit(X, y)

    game = made_up(online=False)
    for limit, expected in ((10**6, None), (40, 40)):
        LearnedAttack(Counts(max_iter=1000, C=1e-3), max_records=limit).learn(game, 0)
        all_of_them = sum(len(truth) for _, truth in game.rounds())
        assert counts[-1] == (expected or all_of_them)


@pytest.mark.parametrize("n_models", [4, 6])
def test_a_record_is_judged_by_as_many_models_as_in_a_game(n_models):
    """Once without each pair of them, and on average."""
    game = made_up(online=True, n_models=n_models)
    method = LearnedAttack(LogisticRegression())
    method.learn(game, 0)
    rows = np.arange(50)
    evidence = game.evidence(random_proba((1, 50, 3), 1), rows)
    found = method.judge(evidence)
    parts = []
    for pair in range(0, n_models, 2):
        kept = np.setdiff1d(np.arange(n_models), [pair, pair + 1])
        part = game.evidence(evidence.proba, rows, kept)
        assert part.members.sum(axis=0).tolist() == [n_models // 2 - 1] * 50
        parts.append(method.attack_model_.decision_function(signals(part)))
    np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=1e-6, atol=1e-9)
    in_game, _ = next(game.rounds())
    alone = method.attack_model_.decision_function(signals(in_game))
    np.testing.assert_allclose(method.judge(in_game), alone, rtol=1e-6, atol=1e-9)


def test_offline_all_models_judge_at_once():
    game = made_up(online=False)
    method = LearnedAttack(LogisticRegression(max_iter=1000))
    method.learn(game, 0)
    out = np.flatnonzero(~game.members.all(axis=0))
    evidence = game.evidence(random_proba((1, len(out), 3), 1), out)
    alone = method.attack_model_.decision_function(signals(evidence))
    np.testing.assert_allclose(method.judge(evidence), alone, rtol=1e-6, atol=1e-9)


def test_the_same_gain_as_rmia():
    """One signal is RMIA's with its defaults: no other copy of it."""
    game = made_up(online=True)
    evidence, _ = next(game.rounds())
    np.testing.assert_array_equal(signals(evidence)[:, 4], RMIA().gain(evidence))
