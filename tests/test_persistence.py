"""Every fitted estimator through pickle, joblib and skops, and back with the same answers.

Through skops only our classes and the user's own need trust, and all numbers are arrays that can be
looked at: what is found by walking is tested here, and needs no list.
"""

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from _instances import make_instance, tiny_net
from _routes import ROUTES, answers, assert_same, takes_texts, through_skops
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair._discovery import public_estimators
from sklearn_privfair.attacks import Constraints, HopSkipJumpAttack, PGDAttack
from sklearn_privfair.privacy import (
    AttackR,
    LabelOnlyAttack,
    LearnedAttack,
    MembershipInferenceClassifier,
    ShadowAttack,
)

ESTIMATORS = [pytest.param(cls, id=cls.__name__) for cls in public_estimators()]
X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)


def _rows(estimator):
    """Give rows, or documents to those that take texts."""
    return ["word another", "another", "word word another"] * 50 if takes_texts(estimator) else X


def _fitted(estimator):
    return estimator.fit(_rows(estimator), Y)


def _answers(estimator, rows=None, labels=Y):
    return answers(estimator, _rows(estimator) if rows is None else rows, labels)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_there_and_back(cls, route):
    estimator = _fitted(make_instance(cls))
    expected = _answers(estimator)
    again = ROUTES[route](estimator)
    assert type(again) is cls
    assert_same(_answers(again), expected)
    assert_same(_answers(estimator), expected)  # nor is the original changed


GOING_ON = [cls for cls in public_estimators() if hasattr(cls, "partial_fit")]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("cls", GOING_ON, ids=lambda cls: cls.__name__)
def test_what_comes_back_goes_on_learning_where_it_was(cls, route):
    estimator = _fitted(make_instance(cls))
    again = ROUTES[route](estimator)
    assert_same(_answers(again.partial_fit(X, Y)), _answers(estimator.partial_fit(X, Y)))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_before_it_is_fitted(cls):
    """An estimator's parameters hold nets and attacks too."""
    again = _fitted(through_skops(make_instance(cls)))
    assert_same(_answers(again), _answers(_fitted(make_instance(cls))))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", ["rmia", "lira", "learned", "shadow", "attack_r"])
@pytest.mark.filterwarnings("ignore:.* records are the attacker's own:UserWarning")
def test_membership_inference(method, route):
    victim = FrozenEstimator(LogisticRegression(max_iter=500).fit(X[::2], Y[::2]))
    attack = MembershipInferenceClassifier(
        victim, method=method, n_shadow_models=4, random_state=0
    ).fit(X[1::2], Y[1::2])
    assert_same(_answers(ROUTES[route](attack)), _answers(attack))


def _net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_net().fit(X.astype(np.float32), Y)


@pytest.mark.parametrize("route", ROUTES)
def test_membership_inference_with_nets(route):
    attack = MembershipInferenceClassifier(
        FrozenEstimator(_net()),
        method=ShadowAttack(per_class=False),
        n_shadow_models=2,
        random_state=0,
    ).fit(X.astype(np.float32), Y)
    rows = X[::5].astype(np.float32)
    assert_same(_answers(ROUTES[route](attack), rows, Y[::5]), _answers(attack, rows, Y[::5]))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", ["net", "pipeline", "module", "frozen"])
def test_attacks_on_nets(kind, route):
    net = _net()
    models = {
        "net": net,
        "pipeline": make_pipeline(StandardScaler(), net),
        "module": net.module_,
        "frozen": FrozenEstimator(net),
    }
    if kind == "pipeline":
        models["pipeline"].fit(X.astype(np.float32), Y)
    attack = PGDAttack(eps=0.5, n_steps=3, bounds=(-5, 5), random_state=0).fit(models[kind])
    assert_same(_answers(ROUTES[route](attack)), _answers(attack))


@pytest.mark.parametrize("route", ROUTES)
def test_attacks_on_tables_with_words(route):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(20, 60, 90), "job": rng.choice(["a", "b"], 90)})
    frame = frame.astype({"job": "category"})
    y = ((frame["age"] > 40) ^ (frame["job"] == "a")).to_numpy().astype(int)
    model = make_pipeline(_Codes(), LogisticRegression())
    attack = HopSkipJumpAttack(
        model, n_queries=60, starts="data", constraints=Constraints(scale="std"), random_state=0
    ).fit(frame, y)
    again = ROUTES[route](attack).transform(frame[:9], y[:9])
    pd.testing.assert_frame_equal(again, attack.transform(frame[:9], y[:9]))


class _Codes(TransformerMixin, BaseEstimator):
    """Numbers for words."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.column_stack([X["age"], X["job"].to_numpy() == "a"]).astype(float)


def test_a_net_goes_on_learning_where_it_was():
    """The optimizer's state comes along, so that further training is the same."""
    from sklearn_privfair._stored import from_stored, to_stored

    rows = X.astype(np.float32)
    net = tiny_net(optimizer=torch.optim.Adam, lr=0.01, iterator_train__shuffle=False)
    with torch.random.fork_rng():
        net.fit(rows, Y)
        stored = skops.io.dumps(to_stored(net, {}))
        trusted = skops.io.get_untrusted_types(data=stored)
        again = from_stored(skops.io.loads(stored, trusted=trusted), {})
        for one in (net, again):
            one.partial_fit(rows, Y)
    np.testing.assert_array_equal(again.predict_proba(rows), net.predict_proba(rows))
    assert again.history[:, "train_loss"] == net.history[:, "train_loss"]


def test_label_only_and_methods_by_themselves():
    for method in (AttackR(), LearnedAttack(), LabelOnlyAttack(PGDAttack(eps=0.1))):
        again = through_skops(method)
        assert repr(again) == repr(method)
