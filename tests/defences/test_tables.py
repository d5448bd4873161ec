"""Nets behind preprocessing, attacked in raw units while they are trained, within rules."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair.attacks import Constraints, DDNAttack, PGDAttack
from sklearn_privfair.defences import (
    AdversarialAugmentationClassifier,
    AdversarialTrainingClassifier,
    FastAdversarialTrainingClassifier,
    FreeAdversarialTrainingClassifier,
)
from sklearn_privfair.metrics import make_robust_accuracy_scorer

from ._harness import Witness, data, make_net, robust_accuracy, weights

RAW = np.array([1.0, 100.0, 0.01, 5000.0], dtype=np.float32)
X, Y = data(120)
X = (X * RAW).astype(np.float32)  # features in units of very different size
TRAINERS = [
    AdversarialTrainingClassifier,
    FastAdversarialTrainingClassifier,
    FreeAdversarialTrainingClassifier,
]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")


def pipeline(cls=None, **params):
    net = make_net(**({} if cls is None else {"cls": cls}), **{"max_epochs": 10} | params)
    return make_pipeline(StandardScaler(), net)


def rules(**more):
    return Constraints(scale=RAW, **more)


def attack(**params):
    settings = {"eps": 0.08, "n_steps": 4, "bounds": None, "random_state": 0}
    return PGDAttack(**settings | params)


@pytest.mark.parametrize("loss", ["madry", "trades", "mart"])
def test_in_raw_units_as_on_scaled_rows(loss):
    """Behind a scaler, in units of the features, as on rows divided by these units beforehand."""
    net = make_net(max_epochs=4)
    params = {"loss": loss, "random_state": 0}
    raw = AdversarialTrainingClassifier(
        make_pipeline(FunctionScaler(), net), attack(constraints=rules()), **params
    ).fit(X, Y)
    plain = AdversarialTrainingClassifier(clone(net), attack(), **params).fit(X / RAW, Y)
    np.testing.assert_allclose(
        weights(raw.estimator_[-1]), weights(plain.estimator_), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_array_equal(raw.predict(X), plain.predict(X / RAW))


class FunctionScaler(StandardScaler):
    """A scaler that divides by the units, and learns nothing."""

    def fit(self, X, y=None):
        super().fit(X)
        self.mean_, self.scale_ = np.zeros(4), RAW.astype(np.float64)
        return self


@pytest.mark.parametrize("cls", TRAINERS)
def test_what_comes_out_is_a_fitted_pipeline(cls):
    defence = cls(pipeline(), attack(constraints=rules()), random_state=0).fit(X, Y)
    assert isinstance(defence.estimator_, Pipeline)
    np.testing.assert_array_equal(defence.estimator_.predict(X), defence.predict(X))
    scaler = defence.estimator_[0]
    np.testing.assert_allclose(scaler.mean_, X.mean(axis=0), rtol=1e-4)
    assert defence.score(X, Y) > 0.6
    weaker = make_pipeline(StandardScaler(), make_net(max_epochs=10)).fit(X, Y)
    assert robust_accuracy(defence, attack(constraints=rules()), X, Y) > 0
    assert DDNAttack(bounds=None).fit(defence).generate(X[:5]).success.all()
    assert weaker.score(X, Y) > 0.6


def test_the_rows_trained_on_keep_the_rules():
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X, columns=names).assign(b=np.round(X[:, 1]))
    constraints = rules(
        immutable=["a"], integer=["b"], increasing=["d"], ranges={"c": (0.0, 0.0101)}
    )
    strong = attack(eps=0.3, constraints=constraints)
    defence = AdversarialTrainingClassifier(pipeline(cls=Witness), strong, random_state=0)
    defence.fit(frame, Y)
    seen = defence.estimator_[-1].seen_
    clean = frame.to_numpy(np.float32)
    per_epoch = -(-len(clean) // 20)
    moved = np.zeros(4)
    for turn, (x_adv, _) in enumerate(seen):
        begin = 20 * (turn % per_epoch)
        delta = x_adv.numpy() - clean[begin : begin + 20]
        moved = np.maximum(moved, np.abs(delta).max(axis=0))
        assert (delta[:, 0] == 0).all()
        assert (x_adv[:, 1] == x_adv[:, 1].round()).all()
        assert (delta[:, 3] >= 0).all()
        assert x_adv[:, 2].min() >= 0
        assert x_adv[:, 2].max() <= 0.0101
        assert (np.abs(delta) <= 0.3 * RAW * (1 + 1e-5)).all()
    assert (moved[1:] > 0.1 * RAW[1:]).all()


@pytest.mark.parametrize("cls", TRAINERS)
def test_frames_and_columns_by_name(cls):
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    scaler = make_column_transformer((StandardScaler(), ["b", "d"]), remainder="passthrough")
    net = make_pipeline(scaler, make_net(max_epochs=10))
    defence = cls(net, attack(constraints=rules(immutable=["a"])), random_state=0).fit(frame, Y)
    assert defence.score(frame, Y) > 0.5
    result = attack(constraints=rules(immutable=["a"])).fit(defence).generate(frame, Y)
    assert (result.X_adv["a"] == frame["a"]).all()


def test_fine_tuning_goes_on_from_a_fitted_pipeline():
    plain = pipeline().fit(X, Y)
    defence = AdversarialTrainingClassifier(
        FrozenEstimator(plain), attack(constraints=rules()), fine_tune=True, random_state=0
    ).fit(X, Y)
    assert len(defence.estimator_[-1].history) == 20
    assert len(plain[-1].history) == 10
    assert not np.array_equal(weights(plain[-1]), weights(defence.estimator_[-1]))


def test_augmentation_too():
    defence = AdversarialAugmentationClassifier(
        pipeline(), attack(constraints=rules()), random_state=0
    ).fit(X, Y)
    assert isinstance(defence.estimator_, Pipeline)
    assert defence.score(X, Y) > 0.6


def test_categories_cannot_be_followed():
    defence = AdversarialTrainingClassifier(
        pipeline(), attack(constraints=Constraints(categorical=[0]))
    )
    with pytest.raises(ValueError, match="categorical features"):
        defence.fit(X, Y)


def test_searched_by_robust_accuracy_on_real_rows():
    """The budget in deviations of each feature, by a scorer that attacks in the same units."""
    rows, y = load_breast_cancer(return_X_y=True)
    net = make_net(
        module__n_in=30,
        module__n_out=2,
        module__n_hidden=16,
        max_epochs=12,
        batch_size=64,
        optimizer=torch.optim.Adam,
        lr=0.01,
        iterator_train__shuffle=True,
    )
    inner = attack(eps=0.2, constraints=Constraints(scale="std"))
    defence = AdversarialTrainingClassifier(
        make_pipeline(StandardScaler(), net), inner, random_state=0
    )
    unit = rows.std(axis=0)
    judge = attack(eps=0.2, n_steps=10, constraints=Constraints(scale=unit))
    search = GridSearchCV(
        defence,
        {"attack__eps": [0.001, 0.3], "estimator__skorch__module__n_hidden": [16]},
        scoring=make_robust_accuracy_scorer(judge),
        cv=2,
    )
    search.estimator.set_params(estimator=Pipeline([("scale", StandardScaler()), ("skorch", net)]))
    search.fit(rows, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0] + 0.04


@pytest.mark.parametrize("cls", TRAINERS)
def test_pipelines_of_pipelines(cls):
    """A net at the end of a pipeline in a pipeline, and alone in one, are trained alike."""
    nested = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), make_net()))
    flat = make_pipeline(StandardScaler(), StandardScaler(), make_net())
    one, other = (
        cls(model, attack(constraints=rules()), random_state=0).fit(X, Y)
        for model in (nested, flat)
    )
    np.testing.assert_array_equal(weights(one.estimator_[-1]), weights(other.estimator_[-1]))
    alone = cls(make_pipeline(make_net()), attack(eps=0.1), random_state=0).fit(X / RAW, Y)
    bare = cls(make_net(), attack(eps=0.1), random_state=0).fit(X / RAW, Y)
    np.testing.assert_array_equal(weights(alone.estimator_[-1]), weights(bare.estimator_))


def test_columns_of_names_are_refused_with_the_remedy():
    frame = pd.DataFrame(X, columns=list("abcd")).assign(c=np.where(Y == 0, "u", "v"))
    with pytest.raises(ValueError, match=r"Columns \['c'\] of X hold no numbers.*OneHotEncoder"):
        AdversarialTrainingClassifier(pipeline(), attack()).fit(frame, Y)
