"""Robust accuracy on rows held out: what is recorded, which weights are kept, when it stops."""

import numpy as np
import pytest
from sklearn.base import clone
from skorch.callbacks import Callback

from sklearn_privfair.attacks import Constraints, CWL2Attack, PGDAttack
from sklearn_privfair.defences import (
    AdversarialTrainingClassifier,
    FreeAdversarialTrainingClassifier,
)

from ._harness import data, make_attack, make_net, robust_accuracy, weights

X, Y = data(150)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")


class Keep(Callback):
    """Keeps the weights after each epoch."""

    def on_train_begin(self, net, **kwargs):
        net.kept_ = []

    def on_epoch_end(self, net, **kwargs):
        net.kept_.append(weights(net))


def train(**params):
    net = make_net(max_epochs=14, lr=1.0, iterator_train__shuffle=True, callbacks=[Keep])
    params = {"early_stopping": True, "n_iter_no_change": None, "random_state": 0} | params
    return AdversarialTrainingClassifier(net, make_attack(), **params).fit(X, Y)


def test_the_weights_of_the_best_epoch_are_kept():
    defence = train()
    robust = defence.history_["valid_robust_accuracy"]
    assert len(robust) == 14
    assert np.ptp(robust) > 0
    assert defence.best_epoch_ == robust.argmax()
    assert defence.best_epoch_ < 13
    kept = defence.estimator_.kept_
    np.testing.assert_array_equal(weights(defence.estimator_), kept[defence.best_epoch_])
    np.testing.assert_array_equal(defence.estimator_.history[:, "valid_robust_accuracy"], robust)


def test_it_stops_without_a_better_one():
    defence, whole = train(n_iter_no_change=3), train()
    robust = whole.history_["valid_robust_accuracy"]
    best, epoch = 0, 0
    for epoch in range(14):
        best = epoch if robust[epoch] > robust[best] else best
        if epoch - best >= 3:
            break
    assert epoch < 13
    np.testing.assert_array_equal(defence.history_["valid_robust_accuracy"], robust[: epoch + 1])
    assert defence.best_epoch_ == best
    assert len(defence.estimator_.history) == epoch + 1


def test_figures_are_those_of_the_rows_held_out():
    """The rows that the net never saw are attacked by the attack given, to the end."""

    class Seen(Callback):
        def on_train_begin(self, net, X=None, y=None, **kwargs):
            net.rows_ = X, y

    net = make_net(max_epochs=2, callbacks=[Seen])
    attack = PGDAttack(eps=0.1, n_steps=30, bounds=(0, 1), random_state=0)
    defence = AdversarialTrainingClassifier(
        net,
        make_attack(),
        early_stopping=True,
        validation_attack=attack,
        validation_fraction=0.2,
        random_state=0,
    ).fit(X, Y)
    trained, labels = defence.estimator_.rows_
    assert len(trained) == 120
    held = np.array([not (row == trained).all(axis=1).any() for row in X])
    assert held.sum() == 30
    np.testing.assert_array_equal(np.bincount(Y[held]), [10, 10, 10])
    np.testing.assert_array_equal(np.bincount(labels), [40, 40, 40])
    best = defence.best_epoch_
    clean = np.mean(defence.predict(X[held]) == Y[held])
    assert defence.history_["valid_accuracy"][best] == pytest.approx(clean)
    robust = robust_accuracy(defence, clone(attack), X[held], Y[held])
    assert defence.history_["valid_robust_accuracy"][best] == pytest.approx(robust)
    assert robust < clean


def test_averages_are_what_is_judged():
    defence = train(averaging="ema")
    plain = train()
    assert (
        defence.history_["valid_robust_accuracy"] != plain.history_["valid_robust_accuracy"]
    ).any()
    np.testing.assert_array_equal(defence.history_["train_loss"], plain.history_["train_loss"])


def test_without_it_nothing_is_held_out():
    defence = train(early_stopping=False)
    assert np.isnan(defence.history_["valid_robust_accuracy"]).all()
    assert not hasattr(defence, "best_epoch_")
    np.testing.assert_array_equal(weights(defence.estimator_), defence.estimator_.kept_[-1])


def test_train_robust_accuracy_is_of_the_rows_trained_on():
    net = make_net(max_epochs=1, lr=0.0)
    defence = AdversarialTrainingClassifier(net, make_attack(), random_state=0).fit(X, Y)
    attack = make_attack().fit(defence)
    assert defence.history_["train_robust_accuracy"][0] == pytest.approx(
        np.mean(defence.predict(attack.transform(X, Y)) == Y), abs=0.02
    )


def test_learned_bounds_and_units_are_those_of_the_training():
    """An attack that learns from data is fitted on the rows trained on."""
    rules = Constraints(scale="std", immutable=[0])
    attack = PGDAttack(eps=0.5, n_steps=4, constraints=rules, random_state=0)
    for cls in (AdversarialTrainingClassifier, FreeAdversarialTrainingClassifier):
        defence = cls(make_net(max_epochs=3), attack, early_stopping=True, random_state=0)
        defence.fit(X, Y)
        assert np.isfinite(defence.history_["valid_robust_accuracy"]).all()


def test_judging_needs_a_budget():
    nearest = CWL2Attack(n_steps=5, bounds=(0, 1))
    defence = AdversarialTrainingClassifier(make_net(), nearest, early_stopping=True)
    with pytest.raises(ValueError, match=r"early_stopping=True .* give validation_attack=PGD"):
        defence.fit(X, Y)
    defence.set_params(validation_attack=make_attack()).fit(X, Y)
    assert len(defence.history_["valid_robust_accuracy"]) == 3
