"""What the model may be, and how an attack on it is fitted, cloned and searched."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair import attacks
from sklearn_privfair.attacks import CWL2Attack, FGSMAttack, PGDAttack
from sklearn_privfair.differentiable import NotDifferentiableError

from ._harness import blobs, linear_distance

SCALES = np.array([1e-2, 1.0, 50.0, 1e3, 5.0])
X, Y = blobs(n_classes=2)
X = X * SCALES + 3 * SCALES
NAMES = np.array(["cat", "dog"])
MODEL = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)


def raw(model):
    """The linear model in raw units that a scaler and a linear model make together."""
    scaler, last = model[0], model[-1]
    one = LogisticRegression()
    one.coef_ = last.coef_ / scaler.scale_
    one.intercept_ = last.intercept_ - one.coef_ @ scaler.mean_
    return one


@pytest.mark.parametrize("norm", [np.inf, 2, 1])
def test_pipeline_in_raw_units(norm):
    """`eps` and the bounds mean the units of X, not those after the scaler."""
    distance = linear_distance(raw(MODEL), X, norm)
    eps = np.median(distance)
    attack = PGDAttack(norm=norm, eps=eps, bounds=None, random_start=False, n_steps=5).fit(MODEL)
    result = attack.generate(X)
    assert result.success[distance < eps * (1 - 1e-6)].all()
    assert not result.success[distance > eps].any()
    bounds = X.min(axis=0), X.max(axis=0)
    X_adv = PGDAttack(norm=norm, eps=1e5, bounds=bounds).fit(MODEL).transform(X)
    assert (X_adv >= bounds[0]).all()
    assert (X_adv <= bounds[1]).all()
    assert (X_adv != X).any()


class Net(nn.Module):
    def __init__(self, softmax=False):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 2))
        self.softmax = softmax

    def forward(self, X):
        out = self.layers(X)
        return torch.softmax(out, dim=1) if self.softmax else out


def skorch_net(softmax):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        criterion = nn.NLLLoss if softmax else nn.CrossEntropyLoss
        params = {"max_epochs": 15, "lr": 0.3, "batch_size": 30, "verbose": 0, "train_split": None}
        net = NeuralNetClassifier(Net, criterion=criterion, module__softmax=softmax, **params)
        scaled = StandardScaler().fit_transform(X).astype(np.float32)
        return net.fit(scaled, Y), scaled


@pytest.mark.parametrize("kind", ["skorch", "module", "frozen", "pipeline", "search"])
def test_nets_of_both_conventions(kind):
    """Probabilities with NLLLoss, logits with CrossEntropyLoss: the same attack."""
    found = []
    for softmax in (False, True):
        net, scaled = skorch_net(softmax)
        model = {
            "skorch": lambda net=net: net,
            "module": lambda net=net: net.module_,
            "frozen": lambda net=net: FrozenEstimator(net),
            "pipeline": lambda net=net: Pipeline([("net", net)]),
            "search": lambda net=net, rows=scaled: GridSearchCV(net, {"lr": [0.3]}, cv=2).fit(
                rows, Y
            ),
        }[kind]()
        attack = PGDAttack(norm=2, eps=1.0, bounds=None, random_state=0).fit(model)
        result = attack.generate(scaled, Y)
        judge = model.best_estimator_ if kind == "search" else net
        predicted = judge.predict(result.X_adv)
        right = judge.predict(scaled) == Y
        np.testing.assert_array_equal(result.success, right & (predicted != Y))
        assert result.success.mean() > 0.3
        found.append((result, net))
    # and trained alike they are the same net: what softmax hides is reached
    plain, hidden = found
    hidden[1].module_.load_state_dict(plain[1].module_.state_dict())
    if kind == "skorch":
        again = PGDAttack(norm=2, eps=1.0, bounds=None, random_state=0).fit(hidden[1])
        np.testing.assert_array_equal(again.generate(scaled, Y).X_adv, plain[0].X_adv)


@pytest.mark.parametrize("gain", [1e5, 1e7])
def test_sure_nets_that_end_in_softmax(gain):
    """Probabilities of exactly 0 and 1: the logarithm is -inf and its slope NaN; logits are not."""
    net, scaled = skorch_net(True)
    with torch.no_grad():
        net.module_.layers[2].weight *= gain
        net.module_.layers[2].bias *= gain
    assert set(net.predict_proba(scaled).ravel()) <= {0.0, 1.0}
    for attack in (
        PGDAttack(norm=2, eps=3, bounds=None, random_state=0),
        CWL2Attack(bounds=None),
    ):
        result = attack.fit(net).generate(scaled, Y)
        assert np.isfinite(result.X_adv).all()
        assert result.success[result.attacked].mean() > 0.9


def test_columns_of_a_data_frame():
    """Names in another order than the transformer's, labels that are words."""
    frame = pd.DataFrame(X, columns=list("abcde"), index=np.arange(len(X)) + 7)
    steps = [("low", MinMaxScaler(), ["d", "b"]), ("rest", StandardScaler(), ["a", "e", "c"])]
    model = make_pipeline(ColumnTransformer(steps), PCA(4), LogisticRegression(C=10))
    model.fit(frame, NAMES[Y])
    attack = PGDAttack(norm=2, eps=200, bounds=None, random_state=0).fit(model)
    result = attack.generate(frame, NAMES[Y])
    assert isinstance(result.X_adv, pd.DataFrame)
    pd.testing.assert_index_equal(result.X_adv.index, frame.index)
    assert list(result.X_adv.columns) == list("abcde")
    np.testing.assert_array_equal(result.y_pred_adv, model.predict(result.X_adv))
    assert set(result.y_pred_adv) <= set(NAMES)
    assert result.success.any()
    moved = (result.X_adv[result.success] - frame[result.success]).abs().max()
    assert moved["a"] > moved["d"] / 100  # the feature with the smallest scale matters most
    np.testing.assert_array_equal(attack.feature_names_in_, list("abcde"))
    words = attack.set_params(target="dog").generate(frame)
    assert (model.predict(words.X_adv[words.success]) == "dog").all()
    assert not words.attacked[model.predict(frame) == "dog"].any()


def test_set_output():
    attack = FGSMAttack(eps=30, bounds=None).fit(MODEL).set_output(transform="pandas")
    out = attack.transform(X)
    assert isinstance(out, pd.DataFrame)
    assert list(out.columns) == list(attack.get_feature_names_out())
    plain = FGSMAttack(eps=30, bounds=None).fit(MODEL).transform(X)
    np.testing.assert_array_equal(out.to_numpy(), plain)


@pytest.mark.parametrize("attack", [PGDAttack(), FGSMAttack(), CWL2Attack()])
def test_fit_without_a_model(attack):
    with pytest.raises(ValueError, match=r"no model to attack: .*attack.fit\(model\).*estimator="):
        attack.fit(X, Y)
    with pytest.raises(NotFittedError):
        clone(attack).transform(X)
    with pytest.raises(NotFittedError):
        clone(attack).fit(LogisticRegression())


def test_fit_on_data():
    """A clone is trained, on these data; a frozen one is not, whatever the labels say."""
    model = LogisticRegression()
    attack = FGSMAttack(make_pipeline(StandardScaler(), model), eps=30).fit(X, NAMES[Y])
    assert not hasattr(model, "coef_")
    expected = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, NAMES[Y])
    np.testing.assert_array_equal(attack.estimator_[-1].coef_, expected[-1].coef_)
    frozen = FGSMAttack(FrozenEstimator(MODEL), eps=30).fit(X, 1 - Y)
    assert frozen.estimator_.estimator is MODEL
    np.testing.assert_array_equal(frozen.transform(X), attack.transform(X))
    frozen.fit(X)  # needs no labels
    np.testing.assert_array_equal(frozen.transform(X), attack.transform(X))
    with pytest.raises(ValueError, match="y"):
        FGSMAttack(LogisticRegression()).fit(X)


@pytest.mark.parametrize(
    ("model", "step"),
    [
        (RandomForestClassifier(3), "RandomForestClassifier"),
        (make_pipeline(StandardScaler(), RandomForestClassifier(3)), "RandomForestClassifier"),
    ],
)
def test_no_derivative(model, step):
    attack = PGDAttack(eps=30, bounds=None)
    with pytest.raises(
        NotDifferentiableError, match=rf"{step}\(.*cannot be differentiated.*needs no"
    ):
        attack.fit(model.fit(X, Y)).transform(X)


def test_clone_keeps_the_model_it_was_given():
    attack = PGDAttack(eps=30, bounds=None, random_state=0).fit(MODEL)
    expected = attack.transform(X)
    twin = clone(attack)
    assert twin.estimator.estimator is MODEL
    assert attack.estimator is None
    np.testing.assert_array_equal(twin.fit(X, 1 - Y).transform(X), expected)
    np.testing.assert_array_equal(clone(twin).fit(X).transform(X), expected)
    # fitted on data an attack is cloned as any estimator is: to be fitted again
    learned = PGDAttack(LogisticRegression(), eps=30, bounds=None).fit(X / SCALES, Y)
    assert isinstance(clone(learned).estimator, LogisticRegression)
    # and what was given last counts
    other = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3)).fit(X, Y)
    assert clone(attack.fit(other)).estimator.estimator is other


def test_pipeline_trains_no_stranger():
    """A cloned attack within a pipeline would else train whatever `estimator` is on the fold."""
    attack = PGDAttack(eps=30, bounds=None, random_state=0).fit(MODEL)
    pipeline = Pipeline([("attack", attack), ("model", FrozenEstimator(MODEL))])
    np.testing.assert_array_equal(
        clone(pipeline).fit(X, 1 - Y).predict(X), MODEL.predict(attack.transform(X))
    )


def test_search_over_eps_counts_successes():
    """Every entry of `cv_results_` is the success rate on that fold, counted by hand."""
    base = PGDAttack(FrozenEstimator(MODEL), norm=2, bounds=None, n_steps=5, random_start=False)
    distance = linear_distance(raw(MODEL), X, 2)
    eps_grid = np.quantile(distance, [0.2, 0.5, 0.8])
    search = GridSearchCV(base, {"eps": eps_grid.tolist()}, cv=3).fit(X, Y)
    right = MODEL.predict(X) == Y
    for i, (_, test) in enumerate(KFold(3).split(X)):
        for j, eps in enumerate(eps_grid):
            expected = (distance[test] < eps)[right[test]].mean()
            assert search.cv_results_[f"split{i}_test_score"][j] == pytest.approx(expected)
    assert search.best_params_["eps"] == eps_grid[-1]
    direct = clone(base).set_params(eps=eps_grid[-1]).fit(MODEL)
    assert search.score(X, Y) == direct.score(X, Y)
    np.testing.assert_array_equal(search.transform(X), direct.transform(X))


def test_search_over_a_pipeline_is_the_robustness_curve():
    """Without labels the predictions are attacked: what is left right, by the closed form."""
    attack = PGDAttack(norm=2, bounds=None, n_steps=5, random_start=False).fit(MODEL)
    pipeline = Pipeline([("attack", attack), ("model", FrozenEstimator(MODEL))])
    distance = linear_distance(raw(MODEL), X, 2)
    eps_grid = np.quantile(distance, [0.1, 0.5, 0.9])
    search = GridSearchCV(pipeline, {"attack__eps": eps_grid.tolist()}, cv=3, refit=False)
    search.fit(X, Y)
    right = MODEL.predict(X) == Y
    for i, (_, test) in enumerate(StratifiedKFold(3).split(X, Y)):
        for j, eps in enumerate(eps_grid):
            turned = distance[test] < eps  # a wrong row that is turned becomes right
            expected = (right[test] ^ turned).mean()
            assert search.cv_results_[f"split{i}_test_score"][j] == pytest.approx(expected)


def test_score_is_the_share_of_rows_classified_right():
    attack = PGDAttack(norm=2, eps=10, bounds=None, random_state=0).fit(MODEL)
    result = attack.generate(X, Y)
    right = MODEL.predict(X) == Y
    wrong_after = MODEL.predict(result.X_adv) != Y
    assert attack.score(X, Y) == (right & wrong_after).sum() / right.sum()
    np.testing.assert_array_equal(result.attacked, right)


def test_the_attacks_that_are_advised_need_no_gradient():
    forest = RandomForestClassifier(3, random_state=0).fit(X, Y)
    with pytest.raises(NotDifferentiableError) as caught:
        PGDAttack(bounds=None).fit(forest).transform(X)
    advised = re.findall(r"\w+Attack\b", str(caught.value))
    assert len(advised) >= 4
    low, high = X.min(axis=0), X.max(axis=0)
    for name in advised:
        attack = getattr(attacks, name)(bounds=(low, high), random_state=0)
        if name == "TransferAttack":
            attack.set_params(surrogate=MODEL)
        else:
            attack.set_params(n_queries=20)
        result = attack.fit(forest).generate(X[:5], Y[:5])
        assert result.attacked.any()
