"""Transfer: against the white box, against chance, in other labels, and within its questions."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair.attacks import (
    Constraints,
    CWL2Attack,
    DeepFoolAttack,
    FGSMAttack,
    MinimumNormAttack,
    PGDAttack,
    RandomSearchAttack,
    SquareAttack,
    TransferAttack,
)
from sklearn_privfair.attacks._surrogate import InPlace
from sklearn_privfair.differentiable import Victim

from ._harness import blobs, linear_distance, mlp, predict, rows
from .test_hopskipjump import Decisions


def forest(n=200, n_classes=2, seed=0, names=None):
    X, y = blobs(n=n, n_classes=n_classes)
    y = y if names is None else np.asarray(names)[y]
    return RandomForestClassifier(20, random_state=seed).fit(X, y), X


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("kind", [PGDAttack, FGSMAttack])
def test_of_the_victim_itself_it_is_the_white_box(kind, norm):
    """The steps beyond the boundary lose nothing that stopping at it would have found."""
    net, X = mlp(), rows(n=40)
    eps = {1: 0.5, 2: 0.3, np.inf: 0.1}[norm]
    inner = kind(norm=norm, eps=eps)
    white = clone(inner).set_params(bounds=(0, 1), random_state=0).fit(net).generate(X)
    attack = TransferAttack(surrogate=net, attack=inner, bounds=(0, 1), random_state=0)
    result = attack.fit(net).generate(X)
    assert 0.1 < white.success.mean() < 0.95
    assert (result.success >= white.success).mean() > 0.95
    assert result.success.mean() >= white.success.mean() - 0.03
    # mostly the first point tried is the one
    assert np.median(result.n_forward[result.success]) == 1
    np.testing.assert_array_equal(result.n_backward, 0)


@pytest.mark.parametrize("inner", [CWL2Attack(), DeepFoolAttack(), MinimumNormAttack()])
def test_least_distances_of_the_victim_itself(inner):
    X, y = blobs(n=30, n_classes=2)
    model = LogisticRegression().fit(X, y)
    attack = TransferAttack(surrogate=model, attack=inner, bounds=None, random_state=0)
    result = attack.fit(model).generate(X)
    assert attack.eps is None
    name = {2: "l2", np.inf: "linf"}[attack.norm]
    ratio = result.distance[name] / linear_distance(model, X, attack.norm)
    assert ratio.min() > 1 - 1e-6
    assert ratio.max() < 1.02


def test_beyond_the_surrogates_boundary():
    """The victim's plane is farther on, in the same direction: it is found, to 1%."""
    X, y = blobs(n=40, n_classes=2)
    surrogate, victim = LogisticRegression().fit(X, y), LogisticRegression().fit(X, y)
    victim.intercept_ = victim.intercept_ + 1.5
    X = X[victim.decision_function(X) > 2]
    assert (surrogate.predict(X) == 1).all()
    attack = TransferAttack(surrogate=surrogate, attack=DeepFoolAttack(), bounds=None)
    result = attack.fit(victim).generate(X)
    exact = linear_distance(victim, X, 2)
    ratio = result.distance["l2"] / exact
    assert (result.success == (exact < 9.9 * linear_distance(surrogate, X, 2))).all()
    assert ratio[result.success].max() < 1.012
    assert ratio.min() >= 1


@pytest.mark.parametrize("norm", [2, np.inf])
def test_forest_in_raw_units_against_chance(norm):
    """The same eps, in standard deviations of features from 0.001 to 4,000, and 10 times more
    questions for chance."""
    X, y = load_breast_cancer(return_X_y=True)
    eps = {2: 2.0, np.inf: 0.5}[norm]
    common = {"constraints": Constraints(scale="std"), "random_state": 0}
    victim = FrozenEstimator(RandomForestClassifier(30, random_state=0).fit(X[:300], y[:300]))
    surrogate = make_pipeline(
        StandardScaler(), MLPClassifier((30,), alpha=0.1, max_iter=2000, random_state=0)
    )
    inner = PGDAttack(norm=norm, eps=eps, n_restarts=2)
    attack = TransferAttack(victim, surrogate=surrogate, attack=inner, **common)
    ours = attack.fit(X[:300], y[:300]).generate(X[300:], y[300:])
    chance = RandomSearchAttack(victim, norm=norm, eps=eps, n_queries=300, **common)
    theirs = chance.fit(X[:300], y[:300]).generate(X[300:], y[300:])
    assert ours.success.mean() > 1.3 * theirs.success.mean() > 0
    assert ours.n_forward.max() <= 28
    unit = X[:300].std(axis=0)
    length = np.linalg.norm((ours.X_adv - X[300:]) / unit, ord=norm, axis=1)
    assert length.max() <= eps
    assert (ours.X_adv >= np.minimum(X[:300].min(axis=0), X[300:])).all()


def test_extraction_is_from_the_victims_predictions():
    """Not from y: of a victim with labels of its own, the surrogate learns these."""
    X, y = blobs(n=200, n_classes=2)
    victim = DecisionTreeClassifier(max_depth=3).fit(X, 1 - y)
    attack = TransferAttack(
        FrozenEstimator(victim), surrogate=LogisticRegression(), random_state=0
    ).fit(X, y)
    assert attack.surrogate_.score(X, victim.predict(X)) > 0.85
    assert attack.surrogate_.score(X, y) < 0.15
    assert not hasattr(attack.surrogate, "coef_")
    default = TransferAttack(FrozenEstimator(victim), random_state=0).fit(X, y)
    assert default.surrogate_.score(X, victim.predict(X)) > 0.9
    again = TransferAttack(FrozenEstimator(victim), random_state=0).fit(X, y)
    np.testing.assert_array_equal(again.transform(X), default.transform(X))


def test_labels_in_another_order_and_fewer_of_them():
    """Strings; and a surrogate that has never heard of the last class."""
    victim, X = forest(n_classes=3, names=["cat", "dog", "ape"])
    label = victim.predict(X)
    few = np.isin(label, ["dog", "cat"])
    surrogate = LogisticRegression().fit(X[few], label[few])
    whole = LogisticRegression().fit(X, label)
    assert list(victim.classes_) == ["ape", "cat", "dog"]
    inner = PGDAttack(eps=2.0)
    rates = [
        TransferAttack(surrogate=model, attack=inner, bounds=(-9, 9), random_state=0)
        .fit(victim)
        .generate(X[few], label[few])
        .success.mean()
        for model in (whole, surrogate)
    ]
    assert min(rates) > 0.6
    goal = TransferAttack(
        surrogate=surrogate, attack=inner, target="dog", bounds=(-9, 9), random_state=0
    )
    result = goal.fit(victim).generate(X)
    assert result.success.sum() > 20
    np.testing.assert_array_equal(predict(victim, result.X_adv[result.success]), "dog")


def test_columns_are_the_victims():
    X = np.random.default_rng(0).standard_normal((6, 5))
    _, y = blobs(n=90, n_classes=3)
    X_fit, _ = blobs(n=90, n_classes=3)
    few = y != 1
    model = LogisticRegression().fit(X_fit[few], np.array(["z", "y", "a"])[y[few]])
    victim = Victim(model)
    labels = np.array(["a", "b", "y", "z"], dtype=object)  # the surrogate knows "a" and "z"
    logits = InPlace(victim.module, victim, labels)(torch.as_tensor(X)).numpy()
    own = victim.logits(X)
    np.testing.assert_array_equal(logits[:, [0, 3]], own)
    np.testing.assert_array_equal(logits[:, 1:3], own.min(axis=1, keepdims=True) - [1, 1])
    with pytest.raises(ValueError, match=r"knows the classes \['a', 'z'\].*has none"):
        InPlace(victim.module, victim, np.array([1, 2]))(torch.as_tensor(X))


def test_a_net_stands_for_labels_in_their_order():
    X, y = blobs(n=100, n_classes=3)
    victim = LogisticRegression().fit(X, np.array(["one", "two", "six"])[y])
    inner = PGDAttack(eps=0.5)
    white = clone(inner).set_params(bounds=None, random_state=0).fit(victim).generate(X)
    rates = []
    for order in ([0, 1, 2], [1, 2, 0]):
        net = torch.nn.Linear(5, 3).double()
        with torch.no_grad():
            net.weight.copy_(torch.as_tensor(victim.coef_[order]))
            net.bias.copy_(torch.as_tensor(victim.intercept_[order]))
        attack = TransferAttack(
            surrogate=net, attack=inner, n_queries=3, bounds=None, random_state=0
        )
        rates.append(attack.fit(victim).generate(X).success.mean())
    assert abs(rates[0] - white.success.mean()) < 0.03
    assert rates[1] < rates[0] / 2


@pytest.mark.parametrize("inner", [PGDAttack(eps=0.5, n_restarts=3), DeepFoolAttack()])
@pytest.mark.parametrize("n_queries", [3, 5, 30])
def test_questions_are_a_hard_limit(inner, n_queries):
    model, X = forest()
    surrogate = LogisticRegression().fit(X, model.predict(X))
    victim = Decisions(model).fit(X, None)
    for row in X[:8]:
        victim.n_asked_.clear()
        attack = TransferAttack(
            surrogate=surrogate, attack=inner, n_queries=n_queries, bounds=(-9, 9), random_state=0
        ).fit(victim)
        result = attack.generate(row[None])
        assert sum(victim.n_asked_) <= n_queries
        assert result.n_forward[0] <= n_queries - 2


def test_more_points_find_more():
    model, X = forest()
    surrogate = LogisticRegression(C=0.01).fit(X, model.predict(X))
    rates = []
    for n_queries in (3, 30):
        attack = TransferAttack(
            surrogate=surrogate,
            attack=PGDAttack(eps=0.6, n_restarts=3),
            n_queries=n_queries,
            bounds=(-9, 9),
            random_state=0,
        )
        rates.append(attack.fit(model).generate(X).success.mean())
    assert rates[1] > rates[0] + 0.02


def test_without_gradients_on_the_surrogate():
    """A surrogate may be a forest too, attacked by its scores."""
    model, X = forest()
    surrogate, _ = forest(seed=1)
    inner = SquareAttack(eps=0.6, n_queries=100)
    attack = TransferAttack(surrogate=surrogate, attack=inner, bounds=(-9, 9), random_state=0)
    result = attack.fit(model).generate(X)
    assert result.success.mean() > 0.3
    with pytest.raises(TypeError, match="cannot be differentiated"):
        attack.set_params(attack=PGDAttack()).fit(model).transform(X)


def test_what_is_needed_is_said():
    model, X = forest()
    y = model.predict(X)
    with pytest.raises(ValueError, match="is not fitted, and there are no data to train it"):
        TransferAttack(surrogate=LogisticRegression()).fit(model)
    with pytest.raises(ValueError, match="is not fitted, and there are no data"):
        TransferAttack().fit(model)
    with pytest.raises(NotFittedError):
        TransferAttack(surrogate=FrozenEstimator(LogisticRegression())).fit(model)
    with pytest.raises(ValueError, match="takes all 20 rows of X for one class"):
        TransferAttack(FrozenEstimator(model), surrogate=LogisticRegression()).fit(X[y == 0][:20])
    with pytest.raises(ValueError, match=r"TransferAttack\(..., bounds=...\)"):
        TransferAttack(attack=PGDAttack(bounds=(0, 1)), surrogate=model).fit(model).transform(X)


def test_a_fitted_surrogate_survives_cloning():
    model, X = forest()
    surrogate = LogisticRegression().fit(X, model.predict(X))
    attack = TransferAttack(surrogate=surrogate, attack=PGDAttack(eps=0.5), bounds=(-9, 9))
    attack.set_params(random_state=0).fit(model)
    twin = clone(attack)
    assert twin.surrogate.estimator is surrogate
    y = model.predict(X)
    np.testing.assert_array_equal(twin.fit(X, 1 - y).transform(X), attack.transform(X))
    search = GridSearchCV(twin, {"attack__eps": [0.1, 0.5]}, cv=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] < scores[1]
