"""Training on adversarial copies: which copies, of which rows, and what is trained on them."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_privfair.attacks import (
    Constraints,
    CWL2Attack,
    FGSMAttack,
    PGDAttack,
    SquareAttack,
)
from sklearn_privfair.defences import AdversarialAugmentationClassifier
from sklearn_privfair.differentiable import NotDifferentiableError

from ._harness import (
    data,
    digits,
    digits_net,
    fitted,
    make_attack,
    make_net,
    seeded_module,
    weights,
)

# nets this small are at rest on many rows, where there is no gradient
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")

X, Y = data()
WORDS = np.array(["ant", "bee", "cat"])[Y]


class Remembers(LogisticRegression):
    """Keeps what it was fitted on."""

    def fit(self, X, y):
        self.seen_ = X, y
        return super().fit(X, y)


def augment(estimator, attack=None, y=Y, X=X, **params):
    attack = make_attack() if attack is None else attack
    return AdversarialAugmentationClassifier(estimator, attack, random_state=0, **params).fit(X, y)


def test_rows_and_their_adversarial_copies():
    rows = X.astype(float)
    defence = augment(Remembers(), y=WORDS, X=rows)
    plain = LogisticRegression().fit(rows, Y)
    np.testing.assert_allclose(defence.plain_estimator_.coef_, plain.coef_)
    copies = make_attack().fit(plain).transform(rows, Y)
    seen, labels = defence.estimator_.seen_
    np.testing.assert_array_equal(seen[:90], rows)
    np.testing.assert_allclose(seen[90:], copies, atol=1e-12)
    np.testing.assert_array_equal(labels, np.tile(Y, 2))
    assert (copies != rows).any()
    again = LogisticRegression().fit(np.concatenate([rows, copies]), np.tile(Y, 2))
    np.testing.assert_allclose(defence.estimator_.coef_, again.coef_)


def test_success_is_that_of_the_attack():
    defence = augment(LogisticRegression())
    plain = LogisticRegression().fit(X, Y)
    expected = make_attack().fit(plain).score(X, Y)
    assert 0 < expected < 1
    assert defence.attack_success_ == pytest.approx(expected)


def test_success_is_unknown_where_no_row_could_be_attacked():
    wrong = FrozenEstimator(LogisticRegression().fit(X, (Y + 1) % 3))
    right = LogisticRegression().fit(X, (Y + 1) % 3).predict(X) == Y
    defence = augment(wrong, X=X[~right], y=Y[~right])
    assert np.isnan(defence.attack_success_)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0, 1e-9])
def test_share(share):
    attack = FGSMAttack(eps=0.05, bounds=None)
    defence = augment(Remembers(), attack, share=share)
    seen, labels = defence.estimator_.seen_
    n_copies = max(1, round(share * 90))
    assert len(seen) == len(labels) == 90 + n_copies
    np.testing.assert_array_equal(seen[:90], X)
    # each copy is near one row of its own, with that row's label
    distance = np.abs(seen[90:, None] - X[None]).max(axis=2) <= 0.05 + 1e-6
    same = labels[90:, None] == Y[None]
    origins = [np.flatnonzero(row) for row in distance & same]
    assert all(len(origin) for origin in origins)
    if share == 0.5:
        assert not np.array_equal(labels[90:], Y[:n_copies])  # drawn, not the first
        other = AdversarialAugmentationClassifier(
            Remembers(), attack, share=share, random_state=1
        ).fit(X, Y)
        assert not np.array_equal(other.estimator_.seen_[0], seen)


def test_a_frozen_model_with_words_for_labels():
    plain = LogisticRegression().fit(X, WORDS)
    before = plain.coef_.copy()
    defence = augment(FrozenEstimator(plain), y=WORDS)
    assert defence.plain_estimator_ is plain
    np.testing.assert_array_equal(plain.coef_, before)
    copies = make_attack().fit(plain).transform(X.astype(float), WORDS)
    rows = np.concatenate([X, copies])
    again = LogisticRegression().fit(rows, np.tile(WORDS, 2))
    np.testing.assert_allclose(defence.predict_proba(X), again.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(defence.predict(X), again.predict(X))
    assert defence.attack_success_ > 0


def test_a_frozen_pipeline_in_raw_units():
    raw = X.astype(float) * [1, 10, 100, 1000]
    bounds = (raw.min(axis=0), raw.max(axis=0))
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(raw, WORDS)
    attack = make_attack(bounds=bounds, eps=0.5, step_size=0.5)
    defence = augment(FrozenEstimator(plain), attack, X=raw, y=WORDS)
    assert defence.attack_success_ == attack.fit(plain).score(raw, WORDS) > 0


def test_fine_tuning_goes_on():
    net = make_net(max_epochs=4)
    defence = augment(net, fine_tune=True)
    assert len(defence.plain_estimator_.history) == 4
    assert len(defence.estimator_.history) == 8
    np.testing.assert_array_equal(
        defence.estimator_.history[:4, "train_loss"],
        defence.plain_estimator_.history[:, "train_loss"],
    )
    rows = [
        sum(b["train_batch_size"] for b in epoch["batches"]) for epoch in defence.estimator_.history
    ]
    assert rows == [90] * 4 + [180] * 4


def test_fine_tuning_a_frozen_net():
    net = fitted(make_net(max_epochs=20), X, Y).set_params(lr=0.0)
    before = weights(net)
    defence = augment(FrozenEstimator(net), fine_tune=True)
    np.testing.assert_array_equal(weights(defence.estimator_), before)
    defence = augment(FrozenEstimator(net.set_params(lr=0.5)), fine_tune=True)
    assert np.abs(weights(defence.estimator_) - before).max() > 1e-3
    np.testing.assert_array_equal(weights(net), before)


def test_retraining_forgets_the_plain_net():
    net = fitted(make_net(seeded_module(), max_epochs=20), X, Y).set_params(lr=0.0)
    defence = augment(FrozenEstimator(net))
    assert np.abs(weights(defence.estimator_) - weights(net)).max() > 0.1
    assert len(defence.estimator_.history) == 20


def test_fine_tuning_needs_a_net():
    with pytest.raises(TypeError, match="fine_tune=True needs a skorch net"):
        augment(LogisticRegression(), fine_tune=True)


def test_attacks_without_a_budget():
    attack = CWL2Attack(n_steps=20, binary_search_steps=3, bounds=None)
    defence = augment(Remembers(), attack)
    copies = defence.estimator_.seen_[0][90:]
    right = defence.plain_estimator_.predict(X) == Y
    assert (defence.plain_estimator_.predict(copies) != Y).all()
    np.testing.assert_array_equal(copies[~right], X[~right])
    assert defence.attack_success_ == 1


def test_the_seed_decides_for_models_of_scikit_learn_too():
    """An MLP without a random_state of its own draws from numpy's global generator."""
    model = MLPClassifier(hidden_layer_sizes=4, max_iter=500, tol=1e-2)
    first, second = (augment(model).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_no_derivative():
    with pytest.raises(NotDifferentiableError, match="RandomForestClassifier"):
        augment(RandomForestClassifier(n_estimators=3))


def test_a_frozen_model_must_be_fitted():
    with pytest.raises(NotFittedError):
        augment(FrozenEstimator(LogisticRegression()))


@pytest.mark.parametrize("share", [0.0, 1.1, "half"])
def test_bad_share(share):
    with pytest.raises(ValueError, match="'share' parameter"):
        augment(LogisticRegression(), share=share)


def test_it_withstands_what_the_plain_net_fell_for():
    """The promise of the method: against the attack made anew on itself it may well fall."""
    X_train, X_test, y_train, y_test = digits()
    attack = PGDAttack(eps=0.1, n_steps=10, bounds=(0, 1), random_state=0)
    defence = AdversarialAugmentationClassifier(digits_net(), attack, random_state=0)
    defence.fit(X_train, y_train)
    X_adv = attack.fit(defence.plain_estimator_).transform(X_test, y_test)
    assert np.mean(defence.plain_estimator_.predict(X_adv) == y_test) < 0.6
    assert np.mean(defence.predict(X_adv) == y_test) > 0.85
    assert defence.score(X_test, y_test) > 0.9


def test_frames():
    frame = pd.DataFrame(X, columns=list("abcd"))
    defence = augment(LogisticRegression(), X=frame)
    assert defence.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(defence.predict(frame), augment(LogisticRegression()).predict(X))


@pytest.mark.parametrize("frame", [False, True])
def test_a_net_behind_an_encoder(frame):
    """By an attack that follows no gradient; frames reach the encoder as frames."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"code": rng.integers(0, 3, 90), "size": rng.normal(size=90)})
    table = table.astype(float)
    y = ((table["code"] == 1) ^ (table["size"] > 0)).to_numpy().astype(int)
    columns = (["code"], ["size"]) if frame else ([0], [1])
    encode = make_column_transformer(
        (OneHotEncoder(categories=[range(3)], sparse_output=False), columns[0]),
        (StandardScaler(), columns[1]),
    )
    model = make_pipeline(encode, FunctionTransformer(np.float32), make_net(torch.nn.Linear(4, 2)))
    rules = Constraints(integer=[0])
    attack = SquareAttack(eps=1.0, n_queries=50, bounds=([0, -5], [2, 5]), constraints=rules)
    defence = augment(model, attack, y=y, X=table if frame else table.to_numpy())
    assert defence.attack_success_ > 0.5
    assert defence.predict_proba(table if frame else table.to_numpy()).shape == (90, 2)
