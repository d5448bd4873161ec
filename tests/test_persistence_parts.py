"""What estimators are made of, through every route: callbacks, functions, searches, words."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from _instances import KnowsGroups, SizesFromData, tiny_net
from _routes import ROUTES, answers, assert_same, through_skops
from gensim.models import FastText, KeyedVectors, Word2Vec
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from skorch.callbacks import (
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    Initializer,
    LRScheduler,
    PrintLog,
    Unfreezer,
)
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn

from sklearn_privfair.attacks import (
    AutoAttack,
    Constraints,
    DDNAttack,
    HopSkipJumpAttack,
    PGDAttack,
    SquareAttack,
)
from sklearn_privfair.audit import AuditReport, ModelAudit
from sklearn_privfair.defences import (
    AdversarialAugmentationClassifier,
    AdversarialTrainingClassifier,
    RandomizedSmoothingClassifier,
)
from sklearn_privfair.embeddings import ConceptErasure, EmbeddingVectorizer, HardDebias
from sklearn_privfair.fairness import AdversarialDebiasingClassifier, FairlearnClassifier
from sklearn_privfair.privacy import LabelOnlyAttack, MembershipInferenceClassifier

DRAWN = np.random.default_rng(0)
X = DRAWN.normal(size=(80, 4)).astype(np.float32)
Y = np.where(X[:, 0] + DRAWN.normal(size=80) > 0, "yes", "no")
CODES = (Y == "yes").astype(np.int64)


class Functional(nn.Module):
    """Whose activations are functions, of torch and its own."""

    def __init__(self, act=nn.functional.relu, last=torch.tanh):
        super().__init__()
        self.act, self.last, self.own = act, last, twice
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, X):
        return self.own(self.last(self.second(self.act(self.first(X)))))


def twice(x):
    return 2 * x


def _callbacks(folder):
    return [
        SizesFromData,
        ("f1", EpochScoring(make_scorer(f1_score, average="macro"), name="f1")),
        ("accuracy", EpochScoring("accuracy", lower_is_better=False)),
        ("stop", EarlyStopping(monitor="train_loss", patience=2)),
        ("rate", LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.5)),
        ("keep", Checkpoint(dirname=str(folder), monitor="train_loss_best")),
        ("clip", GradientNormClipping(1.0)),
        ("log", PrintLog(sink=str)),
        ("start", Initializer("linear.weight", fn=nn.init.xavier_uniform_)),
        ("end", Unfreezer("linear.*", at=3)),
    ]


def _owners(net):
    yield "training", AdversarialTrainingClassifier(net, PGDAttack(eps=0.1, n_steps=2))
    yield "augmentation", AdversarialAugmentationClassifier(net, PGDAttack(eps=0.1, n_steps=2))
    yield "smoothing", RandomizedSmoothingClassifier(net)
    yield "debiasing", AdversarialDebiasingClassifier(net, sensitive_features=0)


@pytest.mark.parametrize("owner", ["training", "augmentation", "smoothing", "debiasing"])
def test_nets_with_callbacks(owner, tmp_path):
    net = tiny_net(callbacks=_callbacks(tmp_path), train_split=ValidSplit(4), max_epochs=4)
    estimator = dict(_owners(net))[owner].set_params(random_state=0)
    rows = np.column_stack([X[:, 0] > 0, X[:, 1:]]).astype(np.float32)
    estimator.fit(rows, Y)
    expected = answers(estimator, rows, Y)
    for name, route in ROUTES.items():
        again = route(estimator)
        assert_same(answers(again, rows, Y), expected)
        restored, given = (dict(one.estimator.callbacks[1:]) for one in (again, estimator))
        assert restored["stop"].sink is given["stop"].sink is print
        assert restored["log"].sink is str, name
        assert restored["keep"].sink is given["keep"].sink
        assert restored["keep"].monitor == "train_loss_best"
        assert restored["start"].fn is nn.init.xavier_uniform_
        assert restored["rate"].policy is torch.optim.lr_scheduler.StepLR
        assert restored["f1"].scoring._score_func is f1_score
        assert restored["f1"].scoring._kwargs == {"average": "macro"}
        assert restored["f1"].target_extractor is given["f1"].target_extractor


def test_functions_and_datasets_of_torch_and_skorch():
    held_out = Dataset(X[:9], CODES[:9])
    net = tiny_net(
        Functional,
        callbacks=[("freeze", Freezer("first.*"))],
        train_split=predefined_split(held_out),
        max_epochs=2,
    )
    attack = PGDAttack(eps=0.5, n_steps=2, bounds=(-5, 5), random_state=0).fit(net.fit(X, CODES))
    again = through_skops(attack)
    assert_same(answers(again, X, CODES), answers(attack, X, CODES))
    module = again.estimator_.module_
    assert (module.act, module.last, module.own) == (nn.functional.relu, torch.tanh, twice)
    valid = again.estimator_.train_split.keywords["valid_ds"]
    np.testing.assert_array_equal(valid.X, held_out.X)
    assert len(valid) == 9


def test_lambdas_are_refused_when_stored_and_not_when_loaded():
    net = tiny_net(Functional, module__act=lambda x: x, callbacks=[], max_epochs=1)
    attack = PGDAttack(eps=0.5, bounds=(-5, 5)).fit(net.fit(X, CODES))
    with pytest.raises(TypeError, match=r"PGDAttack\.estimator_\..*<lambda>.*defined in a module"):
        through_skops(attack)


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=StratifiedKFold(2)),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=KFold(2), scoring="accuracy"),
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__C": [0.1, 1]},
            cv=2,
            scoring={"a": make_scorer(accuracy_score), "f": "f1_macro"},
            refit="f",
        ),
    ],
    ids=["default", "named", "several"],
)
def test_searches_inside(search):
    attack = AutoAttack(search, eps=0.3, n_steps=3, n_queries=20, random_state=0).fit(X, Y)
    again = through_skops(attack)
    assert_same(answers(again, X[:20], Y[:20]), answers(attack, X[:20], Y[:20]))
    assert again.estimator_.best_params_ == attack.estimator_.best_params_


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(5, random_state=0),
        ExtraTreesClassifier(5, max_leaf_nodes=7, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        AdaBoostClassifier(n_estimators=3, random_state=0),
        BaggingClassifier(n_estimators=3, max_features=2, random_state=0),
        HistGradientBoostingClassifier(max_iter=3),
        HistGradientBoostingClassifier(max_iter=3, categorical_features=[1]),
        KNeighborsClassifier(algorithm="kd_tree"),
        KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
        KNeighborsClassifier(algorithm="brute"),
        GaussianProcessClassifier(),
        CalibratedClassifierCV(GaussianNB(), cv=2),
        make_pipeline(SelectKBest(k=2), SplineTransformer(), LogisticRegression()),
        MLPClassifier(solver="lbfgs", hidden_layer_sizes=4, random_state=0),
        SGDClassifier(random_state=0),
        SVC(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_of_scikit_learn_inside(model):
    attack = SquareAttack if hasattr(model, "predict_proba") else HopSkipJumpAttack
    rows = np.column_stack([X[:, 0], X[:, 1] > 0, X[:, 2:]]).astype(np.float32)
    model.fit(rows, Y)
    attack = attack(n_queries=30, bounds=(-9, 9), random_state=0).fit(model)
    assert_same(answers(through_skops(attack), X[:9], Y[:9]), answers(attack, X[:9], Y[:9]))


class Clipper(TransformerMixin, BaseEstimator):
    """A user's own step, which keeps a table."""

    def fit(self, X, y=None):
        self.limits_ = pd.DataFrame({"low": X.min(axis=0), "high": X.max(axis=0)})
        return self

    def transform(self, X):
        return np.clip(X, self.limits_["low"].to_numpy(), self.limits_["high"].to_numpy())


@pytest.mark.parametrize("route", ROUTES)
def test_a_users_step_that_keeps_a_table(route):
    model = make_pipeline(Clipper(), LogisticRegression())
    attack = HopSkipJumpAttack(model, n_queries=60, random_state=0).fit(X, Y)
    again = ROUTES[route](attack)
    assert_same(answers(again, X[:9], Y[:9]), answers(attack, X[:9], Y[:9]))
    pd.testing.assert_frame_equal(
        again.estimator_[0].limits_, attack.estimator_[0].limits_, check_exact=True
    )


def test_constraints_as_tables():
    frame = pd.DataFrame(X, columns=list("abcd"))
    scale = pd.Series({"a": 1.0, "b": 2.0, "c": 1.0, "d": 0.5}).to_dict()
    attack = PGDAttack(
        LogisticRegression(),
        eps=0.5,
        n_steps=3,
        constraints=Constraints(immutable=["a"], scale=scale),
        bounds=(frame.min(), frame.max()),
        random_state=0,
    ).fit(frame, Y)
    assert_same(answers(through_skops(attack), frame, Y), answers(attack, frame, Y))


@pytest.mark.parametrize("route", ROUTES)
def test_an_attack_inside_a_method_draws_alike(route):
    """`random_state` decides what the inner attack draws, which has no seed of its own."""
    victim = FrozenEstimator(LogisticRegression().fit(X[::2], Y[::2]))
    inner = HopSkipJumpAttack(n_queries=40, bounds=(-9, 9))
    attack = MembershipInferenceClassifier(
        victim, method=LabelOnlyAttack(inner), n_shadow_models=2, random_state=0
    ).fit(X[1::2], Y[1::2])
    assert_same(answers(ROUTES[route](attack), X[:20], Y[:20]), answers(attack, X[:20], Y[:20]))


WORDS = ["she", "he", "woman", "man", "queen", "king", "nurse", "smith"]
WORDS += [f"w{i}" for i in range(300)]
PAIRS = [("she", "he"), ("woman", "man")]
TEXTS = [[WORDS[j] for j in DRAWN.integers(0, 20, 6)] for _ in range(40)]


def _keyed():
    keyed = KeyedVectors(6)
    keyed.add_vectors(WORDS, DRAWN.normal(size=(len(WORDS), 6)).astype(np.float32))
    keyed.set_vecattr("she", "count", 3)
    return keyed


def _trained(kind):
    return kind(TEXTS, vector_size=6, min_count=1, workers=1, seed=0, epochs=1)


VECTORS = {
    "keyed": _keyed,
    "word2vec": lambda: _trained(Word2Vec),
    "pair": lambda: (WORDS, DRAWN.normal(size=(len(WORDS), 6))),
    "mapping": lambda: dict(zip(WORDS, DRAWN.normal(size=(len(WORDS), 6)), strict=True)),
    "frame": lambda: pd.DataFrame(DRAWN.normal(size=(len(WORDS), 6)), index=WORDS),
}


DEBIASING = [None, HardDebias(PAIRS, None, WORDS[:6])]


@pytest.mark.parametrize("debias", DEBIASING, ids=["as is", "hard"])
@pytest.mark.parametrize("kind", VECTORS)
def test_word_vectors(kind, debias):
    documents = [" ".join(words) for words in TEXTS]
    vectors = VECTORS[kind]()
    estimator = EmbeddingVectorizer(vectors, weighting="idf", debias=debias).fit(documents)
    again = through_skops(estimator)
    assert type(again.word_vectors) is type(vectors)
    assert_same(answers(again, documents, None), answers(estimator, documents, None))
    assert again.idf_ == estimator.idf_
    if kind == "keyed":
        assert again.word_vectors.most_similar("she") == vectors.most_similar("she")
        assert again.word_vectors.get_vecattr("she", "count") == 3
        model = make_pipeline(again, ConceptErasure(), LogisticRegression())
        assert len(through_skops(model.fit(documents, [0, 1] * 20)).predict(documents)) == 40


def test_words_of_ngrams():
    documents = [" ".join(words) for words in TEXTS]
    estimator = EmbeddingVectorizer(_trained(FastText).wv).fit(documents)
    rows = [*documents, "shehe queenking"]  # words that have no vector of their own
    assert_same(answers(through_skops(estimator), rows, None), answers(estimator, rows, None))


@pytest.mark.parametrize("route", ROUTES)
def test_callbacks_of_scikit_learn_and_requests_for_metadata(route):
    estimator = FairlearnClassifier(KnowsGroups(), random_state=0)
    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sensitive_features="group")
        estimator.set_predict_request(sensitive_features=False)
    group = pd.Series(X[:, 1] > 0)
    again = ROUTES[route](estimator.fit(X, Y, sensitive_features=group))
    assert_same(answers(again, X, Y), answers(estimator, X, Y))
    assert repr(again.get_metadata_routing()) == repr(estimator.get_metadata_routing())
    assert again._metadata_request.fit.owner is again
    net = tiny_net(max_epochs=1)
    defence = AdversarialAugmentationClassifier(net, PGDAttack(eps=0.1, n_steps=2))
    defence.set_params(random_state=0).fit(X, Y)
    defence.set_callbacks(ProgressBar())
    assert_same(answers(ROUTES[route](defence), X, Y), answers(defence, X, Y))


@pytest.mark.parametrize("route", ["pickle", "joblib"])
def test_results_of_attacks(route):
    rows = pd.DataFrame(X[:20].astype(float), columns=list("abcd"))
    attack = DDNAttack(LogisticRegression(), n_steps=5).fit(rows, Y[:20])
    result = attack.generate(rows, Y[:20], return_trace=True)
    again = ROUTES[route](result)
    pd.testing.assert_frame_equal(again.X_adv, result.X_adv)
    pd.testing.assert_frame_equal(again.to_frame(), result.to_frame())
    np.testing.assert_array_equal(again.success, result.success)
    assert again.trace.keys() == result.trace.keys()


def test_reports():
    rows = pd.DataFrame(X.astype(float), columns=list("abcd"))
    rows["job"] = np.where(X[:, 1] > 0, "cook", "smith")
    model = make_pipeline(Numbers(), LogisticRegression()).fit(rows[:40], Y[:40])
    audit = ModelAudit(model, families=["fairness"], random_state=0)
    report = audit.run(rows[:40], Y[:40], rows[40:], Y[40:], sensitive_features=["job"])
    again = pickle.loads(pickle.dumps(report))
    assert type(again) is AuditReport
    assert again.to_json() == report.to_json()
    assert again.to_html() == report.to_html()


class Numbers(TransformerMixin, BaseEstimator):
    """The columns that are numbers."""

    def fit(self, X, y=None):
        self.names_ = X.columns[:4]
        return self

    def transform(self, X):
        return X[self.names_]
