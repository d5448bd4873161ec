"""What every defence owes, whatever its method: run over all that are found by walking."""

import pickle
from inspect import signature

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler
from torch import nn

from sklearn_privfair._discovery import public_estimators
from sklearn_privfair.attacks import CWL2Attack, FGSMAttack, PGDAttack
from sklearn_privfair.defences import AdversarialAugmentationClassifier
from sklearn_privfair.defences._base import BaseDefence
from sklearn_privfair.metrics import make_robust_accuracy_scorer

from ._harness import data, make_attack, make_net, seeded_module, weights

# nets this small are at rest on many rows, where there is no gradient
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")

X, Y = data()
WORDS = np.array(["cat", "ant", "bee"])[Y]  # not in the order of the codes


@pytest.fixture(params=public_estimators(BaseDefence), ids=lambda cls: cls.__name__, scope="module")
def cls(request):
    return request.param


def make(cls, net=None, attack=None, **params):
    net = make_net(max_epochs=10, iterator_train__shuffle=True) if net is None else net
    attack = make_attack() if attack is None else attack
    return cls(net, attack, **{"random_state": 0} | params)


def same(first, second):
    return np.array_equal(weights(first.estimator_), weights(second.estimator_))


def test_the_seed_decides(cls):
    first = make(cls).fit(X, Y)
    torch.rand(7)
    assert same(make(cls).fit(X, Y), first)
    assert same(first.fit(X, Y), make(cls).fit(X, Y))
    assert not same(make(cls, random_state=1).fit(X, Y), first)
    assert same(make(cls, random_state=np.random.RandomState(0)).fit(X, Y), first)


def test_random_starts_hang_on_the_seed_of_the_training(cls):
    attack = make_attack(random_start=True, random_state=None)
    assert same(make(cls, attack=attack).fit(X, Y), make(cls, attack=attack).fit(X, Y))


def test_global_generators_are_left_alone(cls):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    defence = make(cls).fit(X, Y)
    defence.predict(X)
    defence.predict_proba(X)
    defence.score(X, Y)
    assert torch.equal(torch.get_rng_state(), torch_state)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(after[1], numpy_state[1])
    assert after[2:] == numpy_state[2:]


def test_generators_are_left_alone_when_training_fails(cls):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    with pytest.raises(RuntimeError):
        make(cls, make_net(module__n_in=7)).fit(X, Y)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002


def test_labels_of_any_kind(cls):
    codes = np.unique(WORDS, return_inverse=True)[1]
    by_word, by_code = make(cls).fit(X, WORDS), make(cls).fit(X, codes)
    assert by_word.classes_.tolist() == ["ant", "bee", "cat"]
    assert same(by_word, by_code)
    np.testing.assert_array_equal(by_word.predict(X), by_word.classes_[by_code.predict(X)])
    proba = by_word.predict_proba(X)
    np.testing.assert_array_equal(by_word.classes_[proba.argmax(axis=1)], by_word.predict(X))
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert by_word.score(X, WORDS) == np.mean(by_word.predict(X) == WORDS) > 0.8
    objects = make(cls).fit(X, WORDS.astype(object))
    assert same(objects, by_word)


def test_rows_of_any_kind(cls):
    defence = make(cls).fit(X, Y)
    frame = pd.DataFrame(X.astype(float), columns=list("abcd"))
    by_frame = make(cls).fit(frame, pd.Series(WORDS))
    assert by_frame.feature_names_in_.tolist() == list("abcd")
    assert by_frame.n_features_in_ == defence.n_features_in_ == 4
    np.testing.assert_array_equal(by_frame.predict(frame), make(cls).fit(X, WORDS).predict(X))
    assert same(make(cls).fit(X.astype(float), Y), defence)
    assert same(make(cls).fit(X.tolist(), Y.tolist()), defence)
    with pytest.raises(ValueError, match="features"):
        defence.predict(X[:, :3])


def test_images(cls):
    images = X.reshape(-1, 1, 2, 2)
    net = make_net(nn.Sequential(nn.Flatten(), seeded_module()))
    flat = make(cls, make_net(seeded_module())).fit(X, Y)
    defence = make(cls, net).fit(images, Y)
    np.testing.assert_allclose(defence.predict_proba(images), flat.predict_proba(X), atol=1e-5)


def test_data_are_not_written_to(cls):
    rows, labels = X.copy(), Y.copy()
    make(cls).fit(rows, labels).predict(rows)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, Y)


def test_parameters_are_not_changed(cls):
    defence = make(cls, make_net(seeded_module()))
    net, attack, before = defence.estimator, defence.attack, weights(defence.estimator.module)
    params = attack.get_params()
    defence.fit(X, Y)
    assert defence.estimator is net
    assert defence.attack is attack
    assert attack.get_params() == params
    assert not hasattr(attack, "estimator_")
    assert not net.initialized_
    np.testing.assert_array_equal(weights(net.module), before)


def test_an_attack_that_has_a_model_of_its_own(cls):
    """Its own model plays no part in the training."""
    other = make(cls).fit(X, Y)
    used = make_attack().fit(other)
    assert same(make(cls, attack=used).fit(X, Y), make(cls).fit(X, Y))
    assert used.estimator_ is other


def test_pickle_and_clone(cls):
    defence = make(cls).fit(X, WORDS)
    twin = pickle.loads(pickle.dumps(defence))
    np.testing.assert_array_equal(twin.predict_proba(X), defence.predict_proba(X))
    again = clone(defence)
    assert not hasattr(again, "estimator_")
    assert same(again.fit(X, WORDS), defence)


@pytest.mark.parametrize(
    "attack",
    [
        PGDAttack(eps=0.2, n_steps=5, random_state=0),
        FGSMAttack(eps=0.2),
        CWL2Attack(n_steps=20, binary_search_steps=3),
    ],
    ids=lambda attack: type(attack).__name__,
)
def test_attacks_take_the_defence_as_their_model(cls, attack):
    defence = make(cls).fit(X, WORDS)
    before = weights(defence.estimator_)
    result = attack.fit(defence).generate(X, WORDS)
    right = defence.predict(X) == WORDS
    np.testing.assert_array_equal(result.attacked, right)
    np.testing.assert_array_equal(result.success, right & (defence.predict(result.X_adv) != WORDS))
    assert attack.score(X, WORDS) == result.success.sum() / right.sum() > 0
    codes = np.searchsorted(defence.classes_, WORDS)
    of_the_net = attack.fit(defence.estimator_).generate(X, codes)
    np.testing.assert_allclose(result.X_adv, of_the_net.X_adv, atol=1e-6)
    np.testing.assert_array_equal(weights(defence.estimator_), before)


def test_grid_search(cls):
    """The scores are those of training and attacking by hand on the same folds."""
    attack = PGDAttack(eps=0.1, n_steps=5, bounds=(0, 1), random_state=0)
    grid = [
        {"attack__eps": [0.02, 0.2], "estimator__lr": [0.1]},
        {"estimator__module__n_hidden": [3], "estimator__max_epochs": [2]},
    ]
    folds = StratifiedKFold(2)
    scorer = make_robust_accuracy_scorer(attack)
    search = GridSearchCV(make(cls), grid, scoring=scorer, cv=folds).fit(X, WORDS)
    assert len(search.cv_results_["params"]) == 3
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    for params, *scores in zip(
        search.cv_results_["params"],
        search.cv_results_["split0_test_score"],
        search.cv_results_["split1_test_score"],
        strict=True,
    ):
        for (train, test), score in zip(folds.split(X, WORDS), scores, strict=True):
            model = make(cls).set_params(**params).fit(X[train], WORDS[train])
            X_adv = attack.fit(model).transform(X[test], WORDS[test])
            right = (model.predict(X[test]) == WORDS[test]) & (model.predict(X_adv) == WORDS[test])
            assert score == pytest.approx(right.mean())
    best = clone(search.best_estimator_).fit(X, WORDS)
    assert same(best, search.best_estimator_)
    assert attack.fit(search).score(X, WORDS) == attack.fit(best).score(X, WORDS)


def test_pipeline_in_raw_units(cls):
    scale, shift = np.array([1.0, 10.0, 100.0, 1000.0]), np.array([0, -5, 50, 2000])
    raw = X.astype(float) * scale + shift
    defence = make(cls)
    pipeline = Pipeline([("scale", MinMaxScaler()), ("clf", defence)]).fit(raw, WORDS)
    direct = make(cls).fit(MinMaxScaler().fit_transform(raw), WORDS)
    assert same(pipeline["clf"], direct)
    bounds = (raw.min(axis=0), raw.max(axis=0))
    eps = 80.0  # wide for the first features, narrow for the last
    attack = PGDAttack(eps=eps, n_steps=10, bounds=bounds, random_state=0).fit(pipeline)
    result = attack.generate(raw, WORDS)
    assert 5 < result.success.sum() < len(raw)
    moved = np.abs(result.X_adv - raw)
    assert moved.max() <= eps
    assert moved[:, 3].max() > 10
    assert (result.X_adv >= bounds[0]).all()
    assert (result.X_adv <= bounds[1]).all()
    turned = result.success
    assert (pipeline.predict(result.X_adv)[turned] != WORDS[turned]).all()
    # by hand: the same budget and bounds seen from behind the scaler
    narrow = eps / scale
    behind = MinMaxScaler().fit(raw).transform
    within = np.abs(behind(result.X_adv) - behind(raw)) <= narrow + 1e-9
    assert within.all()


class Recorder:
    """A callback of scikit-learn that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def setup(self, estimator, context):
        self.heard.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.heard.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.heard.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None):
        self.heard.append(("end", context.task_name))


@pytest.mark.parametrize("fine_tune", [False, True])
def test_callbacks_hear_of_the_stages(cls, fine_tune):
    recorder = Recorder()
    defence = make(cls, fine_tune=fine_tune).set_callbacks(recorder)
    defence.fit(X, Y)
    names = ["plain training"] * fine_tune + ["adversarial training"]
    if cls is AdversarialAugmentationClassifier:
        names = ["plain training", "attack", "augmented training"]
    stages = [(when, name) for name in names for when in ("begin", "end")]
    assert recorder.heard == [
        ("setup", "fit"),
        ("begin", "fit"),
        *stages,
        ("end", "fit"),
        ("teardown", "fit"),
    ]
    assert same(make(cls, fine_tune=fine_tune).fit(X, Y), defence)


def test_callbacks_are_taken_down_when_training_fails(cls):
    recorder = Recorder()
    defence = make(cls, make_net(module__n_in=7)).set_callbacks(recorder)
    with pytest.raises(RuntimeError):
        defence.fit(X, Y)
    assert recorder.heard[-1] == ("teardown", "fit")


def test_progress_bar(cls, capsys):
    make(cls).set_callbacks(ProgressBar()).fit(X, Y)
    assert cls.__name__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "labels", "match"),
    [
        (X, np.zeros(90, dtype=int), "at least two classes; y holds only one class, 0"),
        (np.where(X > 0.9, np.nan, X), Y, "contains NaN"),
        (X, Y[:50], "inconsistent numbers of samples"),
        (X, X[:, 0], "Unknown label type"),
    ],
)
def test_bad_data(cls, rows, labels, match):
    with pytest.raises(ValueError, match=match):
        make(cls).fit(rows, labels)


def test_bad_parts(cls):
    with pytest.raises(ValueError, match="'attack' parameter"):
        make(cls, attack="pgd").fit(X, Y)
    with pytest.raises(ValueError, match="'eps' parameter of PGDAttack"):
        make(cls, attack=PGDAttack(eps=-1)).fit(X, Y)
    with pytest.raises(ValueError, match="5 outputs for 3 classes"):
        make(cls, make_net(module__n_out=5)).fit(X, Y)


def test_estimator_and_attack_come_first(cls):
    """So that a defence reads as in the guide: the net, then what it is to withstand."""
    kinds = [(name, p.kind.name) for name, p in signature(cls).parameters.items()]
    assert [name for name, _ in kinds[:2]] == ["estimator", "attack"]
    assert {kind for _, kind in kinds[2:]} <= {"KEYWORD_ONLY"}
