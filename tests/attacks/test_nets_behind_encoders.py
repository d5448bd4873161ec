"""Nets behind steps that have no derivative, on data frames: attacked by their answers alone."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from sklearn_privfair.attacks import (
    AutoAttack,
    Constraints,
    HopSkipJumpAttack,
    MinimumNormAttack,
    PGDAttack,
    RandomSearchAttack,
    SquareAttack,
    TransferAttack,
)
from sklearn_privfair.differentiable import NotDifferentiableError, Victim

N_TRAIN, N_TEST = 120, 16
LINEAR = make_pipeline(StandardScaler(), LogisticRegression())
ATTACKS = [
    HopSkipJumpAttack(n_queries=60),
    RandomSearchAttack(eps=1.0, n_queries=40),
    SquareAttack(eps=1.0, n_queries=40),
    AutoAttack(eps=1.0, n_queries=40),
    MinimumNormAttack(attack=SquareAttack(n_queries=40), n_bisections=2),
    MinimumNormAttack(attack=RandomSearchAttack(n_queries=40), n_bisections=2),
    TransferAttack(surrogate=LINEAR, attack=PGDAttack(eps=1.0, n_steps=5)),
]


class Softmax(nn.Sequential):
    def forward(self, X):
        return super().forward(X).softmax(dim=1)


def make_net(kind, n_classes):
    def layers(n_out):
        return nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, n_out)

    common = {"max_epochs": 25, "lr": 0.1, "batch_size": 20, "verbose": 0, "train_split": None}
    common |= {"callbacks__print_log": None}
    if kind == "binary":
        return NeuralNetBinaryClassifier(nn.Sequential(*layers(1)), threshold=0.3, **common)
    criterion = {
        "logits": nn.CrossEntropyLoss,
        "proba": nn.NLLLoss,
        "hinge": nn.MultiMarginLoss,  # of which skorch does not know what to make probabilities
    }
    module = (Softmax if kind == "proba" else nn.Sequential)(*layers(n_classes))
    return NeuralNetClassifier(module, criterion=criterion[kind], **common)


def make_case(kind, n_classes):
    """Give a fitted pipeline that begins with an encoder and ends in a net, rows and labels."""
    rng = np.random.default_rng(0)
    n = N_TRAIN + N_TEST
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.lognormal(3, 1, n),
            "own": rng.random(n) < 0.5,
            "job": rng.choice(["cook", "smith", "clerk"], n),
            "town": pd.Categorical(rng.choice(["a", "b"], n)),
        }
    )
    score = (frame["age"] - 45) / 20 + frame["own"] + 2.0 * (frame["job"] == "cook")
    score += 0.3 * rng.normal(size=n)
    y = pd.qcut(score, n_classes, labels=False).to_numpy().astype(np.int64)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["job", "town"]),
        (StandardScaler(), ["age", "income", "own"]),
    )
    to_float = FunctionTransformer(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make_pipeline(encode, to_float, make_net(kind, n_classes))
        targets = y.astype(np.float32) if kind == "binary" else y
        model.fit(frame[:N_TRAIN], targets[:N_TRAIN])
    return model, frame, y


@pytest.fixture(
    scope="module",
    params=[("logits", 2), ("logits", 3), ("proba", 2), ("proba", 3), ("hinge", 3), ("binary", 2)],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def case(request):
    return make_case(*request.param)


RULES = Constraints(scale={"age": 15, "income": 20})  # by 1 every feature can move


def fitted(attack, model, frame, y, **params):
    params = {"constraints": RULES, "random_state": 0} | params
    attack = clone(attack).set_params(estimator=FrozenEstimator(model), **params)
    return attack.fit(frame[:N_TRAIN], y[:N_TRAIN])


def names(attack):
    inner = getattr(attack, "attack", None)
    return type(attack).__name__ + ("" if inner is None else f"-{type(inner).__name__}")


@pytest.mark.parametrize("attack", ATTACKS, ids=names)
class TestEveryAttackWithoutGradients:
    def test_says_what_the_pipeline_says(self, attack, case):
        model, frame, y = case
        X, y = frame[N_TRAIN:], y[N_TRAIN:]
        result = fitted(attack, *case).generate(X, y)
        before, after = model.predict(X), model.predict(result.X_adv)
        np.testing.assert_array_equal(result.y_pred, before)
        np.testing.assert_array_equal(result.y_pred_adv, after)
        np.testing.assert_array_equal(result.success, (before == y) & (after != y))
        assert result.success.any()
        pd.testing.assert_series_equal(result.X_adv.dtypes, X.dtypes)

    @pytest.mark.parametrize("target", [1, "least_likely"])
    def test_aims(self, attack, case, target):
        model, frame, y = case
        X, y = frame[N_TRAIN:], y[N_TRAIN:]
        result = fitted(attack, *case, target=target).generate(X, y)
        after = model.predict(result.X_adv)
        np.testing.assert_array_equal(result.y_pred_adv, after)
        if target != 1:
            target = 1 - model.predict(X)  # of two classes, whatever the threshold
            target = model.predict_proba(X).argmin(axis=1) if y.max() > 1 else target
        np.testing.assert_array_equal(result.success, result.attacked & (after == target))
        assert result.success.any() or isinstance(attack, TransferAttack)

    def test_no_label_is_beyond_the_outputs(self, attack, case):
        _, frame, y = case
        attack = fitted(attack, *case)
        n = y.max() + 1
        with pytest.raises(ValueError, match=rf"y holds {n}, but the net has {n} outputs"):
            attack.generate(frame, y + 1)
        with pytest.raises(ValueError, match=rf"target holds 7, but the net has {n} outputs"):
            attack.set_params(target=7).generate(frame, y)


def test_gradients_are_refused_by_name():
    """Where the columns are numbers, too."""
    net, to_float = make_net("logits", 2), FunctionTransformer(np.float32)
    X = np.arange(40).reshape(20, 2) % 4.0  # four values of two features: 8 columns
    encode = OneHotEncoder(categories=[range(4)] * 2, sparse_output=False)
    model = make_pipeline(encode, to_float, net.set_params(max_epochs=1))
    with torch.random.fork_rng():
        model.fit(X, np.arange(20) % 2)
    with pytest.raises(NotDifferentiableError, match="OneHotEncoder"):
        PGDAttack(bounds=None).fit(FrozenEstimator(model)).transform(X)


def test_scores_follow_the_prediction(case):
    model, frame, _ = case
    victim = Victim(model)
    scores = victim.scores(frame)
    np.testing.assert_array_equal(scores.argmax(axis=1), model.predict(frame))
    assert victim.n_outputs(frame) == scores.shape[1]
    assert len(np.unique(scores[:, 0])) > 100


@pytest.mark.parametrize("attack", ATTACKS[:4], ids=names)
@pytest.mark.parametrize("target", [None, "least_likely"])
def test_no_row_is_asked_about_more_often_than_allowed(attack, target, monkeypatch):
    model, frame, y = make_case("logits", 3)
    still = Constraints(immutable=["own", "job", "town", "age"])
    attack = clone(attack).set_params(**{} if attack.eps is None else {"eps": 1e-6})
    attack = fitted(attack, model, frame, y, target=target, constraints=still, n_jobs=1)
    asked = []
    net = type(model[-1])
    real = net.predict_proba
    monkeypatch.setattr(net, "predict_proba", lambda self, X: asked.append(len(X)) or real(self, X))
    attack.generate(frame[N_TRAIN : N_TRAIN + 1])
    most = attack.n_queries * (2 if isinstance(attack, AutoAttack) else 1)
    assert most / 2 < sum(asked) <= most


def test_labels_that_are_names():
    """A net numbers its outputs; what encodes labels around it gives them names."""
    model, frame, y = make_case("logits", 2)
    words = np.where(y == 1, "yes", "no")
    vote = VotingClassifier([("net", model)], voting="soft").fit(frame[:N_TRAIN], words[:N_TRAIN])
    attack = fitted(SquareAttack(eps=1.0, n_queries=40), vote, frame, words, target="no")
    result = attack.generate(frame[N_TRAIN:], words[N_TRAIN:])
    after = vote.predict(result.X_adv)
    np.testing.assert_array_equal(result.y_pred_adv, after)
    assert result.success.any()
    assert (after[result.success] == "no").all()


class FillsIn(nn.Module):
    """Takes rows that lack numbers."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, X):
        return self.linear(torch.nan_to_num(X))


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("attack", ATTACKS[:4], ids=names)
def test_nets_that_take_missing_numbers(attack, bare):
    """Whose module has a gradient, but not at such a row."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    X[::7, 1] = np.nan
    net = NeuralNetClassifier(
        FillsIn, criterion=nn.CrossEntropyLoss, max_epochs=20, lr=0.5, verbose=0, train_split=None
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net.fit(X, y)
    attack = clone(attack).set_params(bounds=(-5, 5), random_state=0)
    result = attack.fit(net.module_ if bare else net).generate(X, y)
    np.testing.assert_array_equal(result.y_pred_adv, net.predict(result.X_adv))
    np.testing.assert_array_equal(np.isnan(result.X_adv), np.isnan(X))
    assert result.success.any()
