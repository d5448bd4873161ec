"""What the classifier takes, gives and keeps: labels, frames, weights, seeds, pickles, parts."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from skorch import NeuralNetBinaryClassifier
from skorch.callbacks import BatchScoring, EpochScoring, EpochTimer, LRScheduler
from torch import nn

from sklearn_privfair.differentiable import as_module
from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)

from ._harness import net, regression_net, unfair_rows, weights

ROWS = unfair_rows()
X, y, GROUP = ROWS
GAPS = {
    "demographic_parity": demographic_parity_difference,
    "equal_opportunity": equal_opportunity_difference,
    "equalized_odds": equalized_odds_difference,
}


def quick(*args, max_epochs=3, **params):
    """A debiasing of three epochs."""
    return AdversarialDebiasingClassifier(
        net(max_epochs=max_epochs), *args, **{"random_state": 0} | params
    )


@pytest.mark.parametrize("method", ["adversary", "penalty"])
@pytest.mark.parametrize("constraint", list(GAPS))
def test_closes_the_gap(constraint, method):
    plain = net(max_epochs=20).fit(X, y)
    fair = quick(constraint, max_epochs=25, method=method, tolerance=0.02)
    fair.fit(X, y, sensitive_features=GROUP)
    gap = GAPS[constraint](y, fair.predict(X), sensitive_features=GROUP)
    before = GAPS[constraint](y, plain.predict(X), sensitive_features=GROUP)
    assert before > 0.08
    assert gap < 0.06
    assert gap == pytest.approx(fair.history_["gap"][-1])
    assert fair.score(X, y) > 0.65


def test_fair_on_other_rows():
    fair = quick(max_epochs=25, tolerance=0.02).fit(X, y, sensitive_features=GROUP)
    X_new, y_new, group = unfair_rows(4000, seed=1)
    assert demographic_parity_difference(y_new, fair.predict(X_new), sensitive_features=group) < 0.1
    assert demographic_parity_difference(y_new, y_new, sensitive_features=group) > 0.25


@pytest.mark.parametrize("labels", [["no", "yes"], [1, 2], [False, True], [-1.0, 1.0]])
def test_labels_of_any_kind(labels):
    named = np.array(labels)[y]
    fair = quick().fit(X, named, sensitive_features=GROUP)
    codes = quick().fit(X, y, sensitive_features=GROUP)
    np.testing.assert_array_equal(fair.classes_, labels)
    np.testing.assert_array_equal(fair.predict(X), np.array(labels)[codes.predict(X)])
    np.testing.assert_array_equal(fair.predict_proba(X), codes.predict_proba(X))


def test_frames_with_another_index():
    """Rows belong together by their place."""
    index = np.random.default_rng(0).permutation(len(X))
    frame = pd.DataFrame(X, columns=list("abc"), index=index)
    labels = pd.Series(np.array(["no", "yes"])[y], index=index[::-1])
    groups = pd.Series(GROUP, index=np.arange(len(X)) + 7, name="sex")
    fair = quick().fit(frame, labels, sensitive_features=groups)
    plain = quick().fit(X, y, sensitive_features=GROUP)
    np.testing.assert_array_equal(weights(fair), weights(plain))
    np.testing.assert_array_equal(fair.feature_names_in_, list("abc"))


@pytest.mark.parametrize("method", ["adversary", "penalty"])
@pytest.mark.parametrize("constraint", list(GAPS))
def test_weights_are_repeated_rows(constraint, method):
    """In one batch, so that both see the same rows in each step."""
    rng = np.random.default_rng(0)
    part = slice(0, 200)
    weight = rng.integers(0, 3, size=200)
    repeated = [np.repeat(a[part], weight, axis=0) for a in ROWS]
    model = AdversarialDebiasingClassifier(
        net(max_epochs=4, batch_size=1000), constraint, method=method, random_state=0
    )
    by_weight = clone(model).fit(
        X[part], y[part], sensitive_features=GROUP[part], sample_weight=weight
    )
    by_rows = clone(model).fit(*repeated[:2], sensitive_features=repeated[2])
    np.testing.assert_allclose(weights(by_weight), weights(by_rows), rtol=1e-8)
    for name, values in by_rows.history_.items():
        np.testing.assert_allclose(by_weight.history_[name], values, rtol=1e-8)
    alike = clone(model).fit(X[part], y[part], sensitive_features=GROUP[part])
    assert np.abs(weights(alike) - weights(by_rows)).max() > 1e-4


def test_weights_with_a_weighted_criterion():
    weight = np.random.default_rng(0).integers(1, 4, size=200)
    model = AdversarialDebiasingClassifier(
        net(
            max_epochs=2,
            batch_size=1000,
            criterion__weight=torch.tensor([0.2, 0.8], dtype=torch.float64),
        ),
        random_state=0,
    )
    rows = [a[:200] for a in ROWS]
    by_weight = clone(model).fit(*rows[:2], sensitive_features=rows[2], sample_weight=weight)
    repeated = [np.repeat(a, weight, axis=0) for a in rows]
    by_rows = clone(model).fit(*repeated[:2], sensitive_features=repeated[2])
    np.testing.assert_allclose(weights(by_weight), weights(by_rows), rtol=1e-8)


def test_deterministic_and_quiet_about_global_generators():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    torch_state = torch.get_rng_state().clone()
    first = quick().fit(X, y, sensitive_features=GROUP)
    first.predict(X), first.predict_proba(X), first.decision_function(X)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.random.rand(3), torch.rand(3)  # noqa: NPY002
    second = quick().fit(X, y, sensitive_features=GROUP)
    np.testing.assert_array_equal(weights(first), weights(second))
    np.testing.assert_array_equal(first.history_["alpha"], second.history_["alpha"])
    other = quick(random_state=1).fit(X, y, sensitive_features=GROUP)
    assert np.abs(weights(first) - weights(other)).max() > 0.01


def test_names_of_groups_do_not_matter():
    renamed = np.where(GROUP == "a", 10, 20)
    fits = [quick().fit(X, y, sensitive_features=g) for g in (GROUP, renamed)]
    np.testing.assert_array_equal(weights(fits[0]), weights(fits[1]))


@pytest.mark.parametrize("way", ["pickle", "joblib"])
def test_survives(way, tmp_path):
    fair = quick("equalized_odds").fit(X, y, sensitive_features=GROUP)
    if way == "pickle":
        again = pickle.loads(pickle.dumps(fair))
    else:
        joblib.dump(fair, tmp_path / "fair")
        again = joblib.load(tmp_path / "fair")
    np.testing.assert_array_equal(again.predict_proba(X), fair.predict_proba(X))
    for model in (fair, again):  # what is needed to go on is kept as well
        model.set_params(lr_decay=None).partial_fit(X, y, sensitive_features=GROUP)
    np.testing.assert_array_equal(weights(again), weights(fair))


def test_a_pickle_holds_no_rows():
    small = quick().fit(X[:200], y[:200], sensitive_features=GROUP[:200])
    large = quick().fit(X, y, sensitive_features=GROUP)
    sizes = [len(pickle.dumps(model)) for model in (small, large)]
    assert sizes[1] - sizes[0] < 2000 < X.nbytes - X[:200].nbytes


def test_clone_and_frozen_net():
    fitted = net().fit(X, y)
    before = [p.clone() for p in fitted.module_.parameters()]
    fair = AdversarialDebiasingClassifier(FrozenEstimator(fitted), random_state=0)
    fair.fit(X, y, sensitive_features=GROUP)
    assert all(torch.equal(a, b) for a, b in zip(before, fitted.module_.parameters(), strict=True))
    assert not hasattr(clone(fair), "estimator_")


def test_decision_function_is_the_log_odds():
    fair = quick().fit(X, y, sensitive_features=GROUP)
    p = fair.predict_proba(X)
    np.testing.assert_allclose(fair.decision_function(X), np.log(p[:, 1] / p[:, 0]))
    far = fair.decision_function(1e4 * X[:5])  # where probabilities are 0 and 1
    assert np.isfinite(far).all()
    assert np.abs(far).max() > 1000


def test_attacks_can_take_it_as_their_model():
    frame = pd.DataFrame(X, columns=list("abc")).assign(sex=(GROUP == "b").astype(float))
    fair = quick(sensitive_features="sex", drop_sensitive=True).fit(frame, y)
    logits = as_module(fair)(torch.as_tensor(frame.to_numpy()))
    np.testing.assert_array_equal(logits.argmax(1).numpy(), fair.predict(frame))


def test_binary_net_with_one_output():
    class Column(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 1)

        def forward(self, rows):
            return self.linear(rows)[:, 0]

    binary = NeuralNetBinaryClassifier(
        Column,
        optimizer=torch.optim.Adam,
        lr=0.02,
        max_epochs=25,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    fair = AdversarialDebiasingClassifier(binary, tolerance=0.02, random_state=0)
    fair.fit(X, np.array(["no", "yes"])[y], sensitive_features=GROUP, sample_weight=np.ones(len(X)))
    assert fair.history_["gap"][-1] < 0.07
    assert set(fair.predict(X)) == {"no", "yes"}
    np.testing.assert_array_equal(fair.decision_function(X) > 0, fair.predict(X) == "yes")


@pytest.mark.parametrize("constraint", list(GAPS))
def test_many_classes(constraint):
    cut = np.digitize(X[:, 0] + X[:, 1], [0, 1.2])
    labels = np.array(["high", "low", "mid"])[cut]
    model = AdversarialDebiasingClassifier(
        net(n_out=3, max_epochs=25),
        constraint,
        tolerance=0.03,
        random_state=0,
        pos_label="low" if constraint == "equal_opportunity" else None,
    ).fit(X, labels, sensitive_features=GROUP)
    assert model.history_["gap"][-1] < model.history_["gap"].max() / 2
    assert model.decision_function(X[:4]).shape == model.predict_proba(X[:4]).shape == (4, 3)
    assert model.score(X, labels) > 0.45


def test_adversary_of_ones_own():
    class Own(nn.Sequential):
        def __init__(self, n_inputs, n_outputs):
            super().__init__(nn.Linear(n_inputs, 7), nn.Tanh(), nn.Linear(7, n_outputs))

    own = quick(adversary=Own).fit(X, y, sensitive_features=GROUP)
    assert isinstance(own.adversaries_[0].guess, Own)
    deep = quick(adversary=(8, 4)).fit(X, y, sensitive_features=GROUP)
    shapes = [p.shape for p in deep.adversaries_[0].guess.parameters() if p.ndim == 2]
    assert shapes == [(8, 1), (4, 8), (1, 4)]


def test_pretraining():
    """The net alone is trained as without us; the adversary alone changes no net."""
    alone = quick(max_epochs=0, pretrain_epochs=4, lr_decay=None)
    alone.fit(X, y, sensitive_features=GROUP)
    assert alone.history_["alpha"].tolist() == [0.0] * 4
    assert np.isnan(alone.history_["adversary_loss"]).all()
    assert alone.history_["gap"][-1] > 0.2
    several = [
        quick(max_epochs=1, pretrain_adversary_epochs=n, tolerance=None, alpha=0.0).fit(
            X, y, sensitive_features=GROUP
        )
        for n in (0, 20)
    ]
    assert several[1].history_["adversary_loss"][0] < several[0].history_["adversary_loss"][0]


def test_partial_fit():
    fair = quick(lr_decay=None, tolerance=0.02)
    for start in range(0, 1500, 500):
        part = slice(start, start + 500)
        fair.partial_fit(X[part], y[part], [0, 1], sensitive_features=GROUP[part])
    assert len(fair.history_["gap"]) == 3
    for _ in range(20):
        fair.partial_fit(X, y, sensitive_features=GROUP)
    gap = demographic_parity_difference(y, fair.predict(X), sensitive_features=GROUP)
    assert gap < 0.1
    with pytest.raises(ValueError, match="none of the classes"):
        fair.partial_fit(X, y + 1, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="'c', a group that the first rows had not"):
        fair.partial_fit(X, y, sensitive_features=np.where(GROUP == "a", "c", "b"))
    one = fair.partial_fit(X[GROUP == "a"], y[GROUP == "a"], sensitive_features=GROUP[GROUP == "a"])
    assert len(one.history_["gap"]) == 24


def test_early_stopping_keeps_the_best_epoch():
    fair = quick(max_epochs=12, early_stopping=True, validation_fraction=0.3, tolerance=0.22)
    fair.fit(X, y, sensitive_features=GROUP)
    score, gap = fair.history_["valid_score"], fair.history_["valid_gap"]
    rank = np.where(gap <= 0.22, 1 + score, -gap)
    assert fair.best_epoch_ == np.argmax(rank)
    assert (gap <= 0.22).any()
    again = quick(max_epochs=12, early_stopping=True, validation_fraction=0.3, tolerance=0.22)
    again.set_params(n_iter_no_change=1).fit(X, y, sensitive_features=GROUP)
    stop = next(i for i in range(1, 12) if rank[i] <= rank[:i].max())
    assert len(again.history_["gap"]) == stop + 1
    assert again.best_epoch_ == stop - 1


def test_early_stopping_gives_back_the_weights_of_that_epoch():
    rows = []

    class Keep(LRScheduler):
        def on_epoch_end(self, net, **kwargs):
            rows.append(net.module_.weight.detach().clone())

    model = quick(early_stopping=True, tolerance=None, alpha=1.0)
    model.estimator.set_params(max_epochs=6, callbacks=[Keep])
    model.fit(X, y, sensitive_features=GROUP)
    kept = model.estimator_.module_.weight.detach()
    assert torch.equal(kept, rows[model.best_epoch_])
    trade_off = model.history_["valid_score"] - model.history_["valid_gap"]
    assert model.best_epoch_ == np.argmax(trade_off)


def test_learning_rate_falls_unless_the_net_has_a_schedule():
    rates = {}

    def look(name):
        def on_epoch_end(net, **_):
            rates.setdefault(name, []).append(net.optimizer_.param_groups[0]["lr"])

        return on_epoch_end

    for name, callbacks in {"ours": [], "own": [LRScheduler("StepLR", step_size=1)]}.items():

        class Look(EpochTimer):
            on_epoch_end = staticmethod(look(name))

        model = quick(max_epochs=4)
        model.estimator.set_params(callbacks=[*callbacks, ("look", Look())])
        model.fit(X, y, sensitive_features=GROUP)
    np.testing.assert_allclose(rates["ours"], 0.01 * (1 + np.cos(np.pi * np.arange(4) / 4)))
    assert rates["own"][-1] != rates["ours"][-1]
    assert rates["own"][-1] < 1e-4


def test_refusals():
    with pytest.raises(ValueError, match="neither of them is given"):
        quick().fit(X, y)
    with pytest.raises(ValueError, match="both are given"):
        quick(sensitive_features=0).fit(X, y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="one group alone"):
        quick().fit(X, y, sensitive_features=["a"] * len(X))
    with pytest.raises(ValueError, match="1499 rows, and X has 1500"):
        quick().fit(X, y, sensitive_features=GROUP[:-1])
    with pytest.raises(TypeError, match="NeuralNetClassifier"):
        AdversarialDebiasingClassifier(regression_net()).fit(X, y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="with a tolerance alpha is found"):
        quick(alpha=np.sqrt).fit(X, y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="pos_label='x' is not one of the labels"):
        quick("equal_opportunity", pos_label="x").fit(X, y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="partial_fit"):
        quick(early_stopping=True).partial_fit(X, y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="2 outputs for 3 classes"):
        quick().fit(X, np.arange(len(X)) % 3, sensitive_features=GROUP)


def test_a_group_without_positives():
    """It has no true-positive rate, and that is said: the others are made equal; nothing is NaN."""
    groups = np.where(X[:, 2] > 1, "c", GROUP)
    labels = np.where(groups == "c", 0, y)
    for constraint in GAPS:
        fair = quick(constraint)
        if constraint == "demographic_parity":
            fair.fit(X, labels, sensitive_features=groups)
        else:
            with pytest.warns(UserWarning, match=r"\['c'\] have no rate .* training rows"):
                fair.fit(X, labels, sensitive_features=groups)
        assert all(np.isfinite(values).all() for values in fair.history_.values())
        assert np.isfinite(weights(fair)).all()


def test_a_group_that_no_row_held_out_is_of():
    groups = GROUP.astype(object)
    groups[0] = "c"
    with pytest.warns(UserWarning, match=r"\['c'\] have no rate .* (rows held out|training rows)"):
        quick(early_stopping=True, max_epochs=2).fit(X, y, sensitive_features=groups)


def test_scores_on_training_batches_are_those_of_the_net():
    """Callbacks that look into a batch find rows and labels in it, as in any training."""
    X, y, group = unfair_rows(300)
    scores = [
        ("epoch", EpochScoring("accuracy", name="train_acc", on_train=True, use_caching=False)),
        ("batch", BatchScoring("accuracy", name="batch_acc", on_train=True)),
    ]
    given = net(callbacks=scores, max_epochs=3, batch_size=100)
    fair = AdversarialDebiasingClassifier(given, tolerance=0.1, random_state=0)
    fair.fit(X, y, sensitive_features=group)
    history = fair.estimator_.history
    assert history[-1, "train_acc"] == pytest.approx(np.mean(fair.predict(X) == y))
    assert all(0 <= score <= 1 for score in history[:, "batch_acc"])
