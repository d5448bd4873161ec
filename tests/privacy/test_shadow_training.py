"""Shadow models: seeded, trained once, kept one by one; from scratch, or from the victim."""

import copy

import joblib
import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair.privacy import LiRA, ShadowAttack
from sklearn_privfair.privacy import _shadow_training as shadow_training

from ._membership_harness import NEW, OF_NEW, Net, X, Y, attack_of, net, scores


class Counted(DecisionTreeClassifier):
    """A tree that tells how often its kind was fitted, and may stop at a certain fit."""

    fits = 0
    last = 10**6

    def fit(self, X, y):
        if Counted.fits == Counted.last:
            raise KeyboardInterrupt
        Counted.fits += 1
        return super().fit(X, y)


@pytest.fixture
def counted():
    Counted.fits, Counted.last = 0, 10**6
    victim = FrozenEstimator(Counted(max_depth=5, random_state=0).fit(NEW, OF_NEW))
    Counted.fits = 0
    return victim


def test_second_fit_trains_nothing(counted, tmp_path):
    first = scores(attack_of(counted, memory=str(tmp_path)))
    assert Counted.fits == 4
    np.testing.assert_array_equal(scores(attack_of(counted, memory=str(tmp_path))), first)
    # neither does another method, nor more parallel jobs, nor another victim of the kind
    memory = joblib.Memory(str(tmp_path), verbose=0)
    scores(attack_of(counted, memory=memory, method="rmia", n_jobs=1))
    other = FrozenEstimator(Counted(max_depth=5, random_state=0).fit(NEW[:90], OF_NEW[:90]))
    Counted.fits -= 1
    scores(attack_of(other, memory=str(tmp_path)))
    assert Counted.fits == 4


def test_what_is_kept_is_what_would_be_trained(counted, tmp_path):
    for memory in (str(tmp_path), str(tmp_path), None):
        attack = attack_of(counted, memory=memory)
        found = scores(attack)
        np.testing.assert_array_equal(found, scores(attack_of(counted)))
        assert [type(model) for model in attack.shadow_models_] == [Counted] * 4


@pytest.mark.parametrize(
    "change",
    [{"random_state": 1}, {"shadow_size": 0.4}, {"shadow_estimator": Counted(max_depth=4)}],
)
def test_other_shadows_are_trained(counted, tmp_path, change):
    scores(attack_of(counted, memory=str(tmp_path)))
    scores(attack_of(counted, memory=str(tmp_path), **change))
    assert Counted.fits == 8


def test_cut_off_and_gone_on(counted, tmp_path):
    expected = scores(attack_of(counted))
    Counted.fits, Counted.last = 0, 3
    with pytest.raises(KeyboardInterrupt):
        scores(attack_of(counted, memory=str(tmp_path)))
    assert Counted.fits == 3
    Counted.last = 10**6
    np.testing.assert_array_equal(scores(attack_of(counted, memory=str(tmp_path))), expected)
    assert Counted.fits == 4
    more = attack_of(counted, memory=str(tmp_path), n_shadow_models=6).fit(X[150:], Y[150:])
    assert Counted.fits == 6
    assert len(more.shadow_models_) == 6


def test_other_queries_are_asked_of_the_same_models(counted, tmp_path):
    def doubled(rows):
        return 2 * rows

    plain = attack_of(counted, memory=str(tmp_path)).fit(X[150:], Y[150:])
    attack = attack_of(counted, memory=str(tmp_path), augmentations=[doubled])
    found = scores(attack)
    assert Counted.fits == 4
    np.testing.assert_array_equal(found, scores(attack_of(counted, augmentations=[doubled])))
    assert not np.array_equal(found, plain.decision_function(NEW, OF_NEW))


def test_other_records_of_as_many_rows_are_other_shadows(counted, tmp_path):
    """Records are told by their hash, which stands for them in the cache."""
    attack_of(counted, memory=str(tmp_path)).fit(X[150:], Y[150:])
    changed = X[150:].copy()
    changed[-1, -1] += 1
    attack_of(counted, memory=str(tmp_path)).fit(changed, Y[150:])
    assert Counted.fits == 8


def test_nets_are_kept_too(tmp_path):
    victim = net().fit(NEW, OF_NEW)
    first = attack_of(FrozenEstimator(victim), memory=str(tmp_path))
    found = scores(first)
    times = [model.history[:, "dur"] for model in first.shadow_models_]
    again = attack_of(FrozenEstimator(net().fit(NEW[::-1], OF_NEW[::-1])), memory=str(tmp_path))
    again.fit(X[150:], Y[150:])
    assert [model.history[:, "dur"] for model in again.shadow_models_] == times
    again.estimator = FrozenEstimator(victim)
    np.testing.assert_allclose(again.decision_function(NEW, OF_NEW), found, rtol=1e-5)


@pytest.mark.parametrize("kind", ["class", "instance", "pipeline of instance"])
def test_shadows_start_from_scratch(kind):
    """skorch trains a module given as an instance in place: its clone has the victim's weights."""
    module = Net if kind == "class" else Net()
    victim = net(module, max_epochs=60)
    victim = make_pipeline(MinMaxScaler(), victim) if kind.startswith("pipe") else victim
    victim.fit(NEW, OF_NEW)
    attack = attack_of(FrozenEstimator(victim), n_shadow_models=2)
    last = attack.estimator.estimator
    last = last[-1] if kind.startswith("pipe") else last
    last.set_params(lr=0.0)
    first = attack.fit(X[150:], Y[150:])
    weights = [_weights(model) for model in first.shadow_models_]
    for one in weights:
        assert np.corrcoef(one, _weights(victim))[0, 1] < 0.5
    assert np.corrcoef(*weights)[0, 1] < 0.5
    again = attack.fit(X[150:], Y[150:])
    np.testing.assert_array_equal(_weights(again.shadow_models_[0]), weights[0])


def _weights(model):
    last = model[-1] if hasattr(model, "steps") else model
    return last.module_.layers[0].weight.detach().numpy().ravel().copy()


def test_finetune_goes_on_from_the_victim():
    victim = net(max_epochs=10).fit(NEW, OF_NEW)
    before = copy.deepcopy(victim.module_.state_dict())
    victim.set_params(lr=1e-6)
    attack = attack_of(FrozenEstimator(victim), shadow_strategy="finetune").fit(X[150:], Y[150:])
    for model in attack.shadow_models_:
        np.testing.assert_allclose(_weights(model), _weights(victim), atol=1e-2)
        assert not np.array_equal(_weights(model), _weights(victim))
    assert all(torch.equal(before[k], v) for k, v in victim.module_.state_dict().items())


def test_finetune_of_a_linear_model():
    victim = SGDClassifier(loss="log_loss", random_state=0).fit(NEW, OF_NEW)
    before = victim.coef_.copy()
    attack = attack_of(FrozenEstimator(victim), shadow_strategy="finetune").fit(X[150:], Y[150:])
    for model, inside in zip(attack.shadow_models_, attack.shadow_members_, strict=True):
        expected = copy.deepcopy(victim).partial_fit(X[150:][inside], Y[150:][inside])
        np.testing.assert_array_equal(model.coef_, expected.coef_)
    np.testing.assert_array_equal(victim.coef_, before)


def test_finetune_of_what_cannot_go_on():
    victim = FrozenEstimator(RandomForestClassifier(5, random_state=0).fit(NEW, OF_NEW))
    with pytest.raises(TypeError, match=r"'finetune'.*RandomForest.*no partial_fit.*'train'"):
        attack_of(victim, shadow_strategy="finetune").fit(X[150:], Y[150:])


def test_reuse_is_the_victim_itself():
    victim = FrozenEstimator(net(max_epochs=1).fit(NEW, OF_NEW))
    attack = attack_of(
        victim, shadow_strategy="reuse", method=ShadowAttack(LogisticRegression())
    ).fit(X[150:], Y[150:])
    assert len(attack.shadow_models_) == 1
    assert attack.shadow_models_[0] is victim
    with pytest.raises(ValueError, match="LiRA takes at least 2"):
        attack_of(victim, shadow_strategy="reuse", method=LiRA()).fit(X[150:], Y[150:])


def test_reuse_on_the_victims_own_records_is_at_chance_or_below():
    """The reference's fourth scenario: both halves are members, and so nothing can be learned."""
    victim = FrozenEstimator(RandomForestClassifier(20, random_state=0).fit(X[:400], Y[:400]))
    found = []
    for seed in range(3):
        attack = attack_of(
            victim,
            shadow_strategy="reuse",
            method=ShadowAttack(LogisticRegression()),
            random_state=seed,
        ).fit(X[:400], Y[:400])
        inside = np.arange(len(X)) < 400
        found.append(balanced_accuracy_score(inside, attack.predict(X, Y)))
        assert attack.game_auc_ < 0.56
    assert np.mean(found) < 0.55


@pytest.mark.parametrize("strategy", ["finetune", "reuse"])
def test_strategies_that_take_the_victim(strategy):
    victim = FrozenEstimator(net(max_epochs=1).fit(NEW, OF_NEW))
    with pytest.raises(ValueError, match=rf"(?s){strategy}.*shadow_estimator=None"):
        attack_of(victim, shadow_strategy=strategy, shadow_estimator=net(), method="loss").fit(X, Y)


def test_precision_is_of_nets():
    victim = FrozenEstimator(net(max_epochs=1).fit(NEW, OF_NEW))
    exact, half = (
        attack_of(victim, precision=p, n_shadow_models=2).fit(X[150:], Y[150:])
        for p in (None, "bfloat16")
    )
    for one, other in zip(exact.shadow_models_, half.shadow_models_, strict=True):
        assert _weights(other).dtype == np.float32
        assert not np.array_equal(_weights(one), _weights(other))
        np.testing.assert_allclose(_weights(one), _weights(other), atol=0.1)


def test_nets_trained_as_one_are_those_trained_alone(monkeypatch, tmp_path):
    """As on a GPU; up to rounding, and kept together."""
    victim = FrozenEstimator(net(Plain).fit(NEW, OF_NEW))
    alone = attack_of(victim).fit(X[150:], Y[150:])
    assert not shadow_training.stacks(victim, alone.shadow_members_)  # on a CPU nothing is won
    monkeypatch.setattr(shadow_training, "stacks", lambda *_: True)
    memory = str(tmp_path)
    together = attack_of(victim, memory=memory).fit(X[150:], Y[150:])
    for one, other in zip(alone.shadow_models_, together.shadow_models_, strict=True):
        np.testing.assert_allclose(_weights(other), _weights(one), atol=1e-4)
        assert not np.array_equal(_weights(other), _weights(victim.estimator))
    np.testing.assert_array_equal(together.shadow_members_, alone.shadow_members_)
    found, expected = (a.decision_function(NEW, OF_NEW) for a in (together, alone))
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=0.01)
    monkeypatch.setattr(shadow_training, "fit_nets_stacked", None)  # not asked a second time
    again = attack_of(victim, memory=memory, method="rmia").fit(X[150:], Y[150:])
    np.testing.assert_array_equal(
        _weights(again.shadow_models_[0]), _weights(together.shadow_models_[0])
    )


class Plain(Net):
    """Without units dropped at random, which nets trained as one draw together."""

    def __init__(self):
        super().__init__()
        self.layers[1].p = 0.0
