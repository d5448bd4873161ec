"""Every kind of model as victim: read only, whatever it takes, answers or calls its classes."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn

from sklearn_privfair.attacks import FGSMAttack
from sklearn_privfair.defences import AdversarialTrainingClassifier
from sklearn_privfair.privacy import DPSGDClassifier, MembershipInferenceClassifier, ThresholdAttack

N, N_JUDGED = 360, 160  # of the judged, half are members
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 6)).astype(np.float32)
CODES = (X[:, 0] + 1.5 * RNG.standard_normal(N) > 0).astype(np.int64) + (X[:, 1] > 1)
WORDS = np.array(["good", "fair", "poor"])[CODES]
FRAME = pd.DataFrame(X[:, :4], columns=list("abcd")).assign(
    town=pd.Categorical(RNG.choice(["x", "y", "z"], N)), job=RNG.choice(["p", "q"], N)
)
MEMBER = np.arange(N_JUDGED) < N_JUDGED // 2


class Layers(nn.Module):
    def __init__(self, n_out=3, last=None):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, n_out))
        self.last = last

    def forward(self, X):
        out = self.layers(X)
        return out.squeeze(-1) if self.last == "squeeze" else out.softmax(-1) if self.last else out


def net(cls=NeuralNetClassifier, **params):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.Adam,
        "lr": 0.04,
        "max_epochs": 15,
        "batch_size": 32,
        "train_split": None,
        "iterator_train__shuffle": True,
        "verbose": 0,
    }
    return cls(Layers, **defaults | params)


def adversarial(net):
    attack = FGSMAttack(eps=0.05, bounds=None)
    return AdversarialTrainingClassifier(net, attack, random_state=0)


# estimator, records, labels, what shadow models are if not the same
KINDS = {
    "logits": (net(), X, CODES, None),
    "probabilities": (
        net(criterion=nn.NLLLoss, module__last="softmax"), X.astype(np.float64), CODES, None
    ),
    "binary net": (
        net(
            NeuralNetBinaryClassifier,
            criterion=nn.BCEWithLogitsLoss,
            module__n_out=1,
            module__last="squeeze",
        ),
        X, (CODES > 0).astype(np.int64), None,
    ),
    "module": (net(), X, CODES, net()),
    "pipeline of a net": (make_pipeline(StandardScaler(), net()), X, CODES, None),
    "shadow net": (RandomForestClassifier(10, random_state=0), X, WORDS, net()),
    "shadow trees": (net(), X, CODES, RandomForestClassifier(10)),
    "frame": (
        make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), ["town", "job"]), remainder="passthrough"
            ),
            RandomForestClassifier(10, random_state=0),
        ),
        FRAME, WORDS, None,
    ),
    "boosting": (GradientBoostingClassifier(n_estimators=30, random_state=0), X, WORDS, None),
    "labels alone": (SVC(gamma=2.0, C=100), X, WORDS, None),
    "search": (
        GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [6, 9]}, cv=2),
        X, WORDS, None,
    ),
    "adversarial training": (adversarial(net(max_epochs=10)), X, WORDS, None),
    "DP-SGD": (
        DPSGDClassifier(
            net(max_epochs=2), epsilon=None, noise_multiplier=1.0, accountant="rdp", random_state=0
        ),
        X, WORDS, None,
    ),
}  # fmt: skip


def rows(X, index):
    return X.iloc[index] if hasattr(X, "iloc") else X[index]


def fitted(name):
    """A victim trained on the first records."""
    estimator, X, y, shadow = KINDS[name]
    X = rows(X, np.arange(N_JUDGED // 2))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        given = X.astype(np.float32) if name == "probabilities" else X
        labels = y[: N_JUDGED // 2]
        labels = labels.astype(np.float32) if name == "binary net" else labels
        victim = copy.deepcopy(estimator).fit(given, labels)
    if name == "module":
        return victim.module_.train(), shadow
    return victim, shadow


def state_of(victim):
    """All that a victim is: as bytes, or the weights and modes of its modules."""
    module = getattr(victim, "estimator_", victim)
    module = module[-1] if hasattr(module, "steps") else module
    module = getattr(module, "module_", module)
    if isinstance(module, nn.Module):
        weights = [value.tolist() for value in module.state_dict().values()]
        modes = [part.training for part in module.modules()]
        grads = [None if p.grad is None else p.grad.tolist() for p in module.parameters()]
        return pickle.dumps((weights, modes, grads))
    return pickle.dumps(victim)


def attack_on(name, victim, shadow, **params):
    frozen = victim if isinstance(victim, nn.Module) else FrozenEstimator(victim)
    defaults = {"method": "rmia", "n_shadow_models": 4, "shadow_size": 100, "random_state": 0}
    return MembershipInferenceClassifier(frozen, shadow, **defaults | params)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_victims(name, online):
    _, X, y, _ = KINDS[name]
    victim, shadow = fitted(name)
    judged = rows(X, np.arange(N_JUDGED)), y[:N_JUDGED]
    own = rows(X, np.arange(N_JUDGED, N)), y[N_JUDGED:]
    before, drawn = state_of(victim), torch.random.get_rng_state()
    numbers = np.random.get_state()[1].copy()  # noqa: NPY002
    attack = attack_on(name, victim, shadow).fit(*own, audit=judged if online else None)
    score = attack.decision_function(*judged)
    assert state_of(victim) == before
    assert torch.equal(torch.random.get_rng_state(), drawn)
    np.testing.assert_array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002
    proba = attack.predict_proba(*judged)
    np.testing.assert_array_equal(attack.predict(*judged), (proba[:, 1] > 0.5).astype(int))
    # the same again, and whatever stands beside a record
    again = attack_on(name, victim, shadow).fit(*own, audit=judged if online else None)
    np.testing.assert_array_equal(again.decision_function(*judged), score)
    index = np.array([150, 3, 77])
    part = attack.decision_function(rows(judged[0], index), judged[1][index])
    np.testing.assert_allclose(part, score[index], atol=1e-5)
    if name != "DP-SGD":
        assert roc_auc_score(MEMBER, score) > 0.6
    expected = [0, 1, 2] if y.dtype.kind in "iu" else ["fair", "good", "poor"]
    assert attack.labels_.tolist() == expected[: len(np.unique(y))]


@pytest.mark.parametrize("method", ["learned", "lira", "shadow", "modified_entropy", "attack_r"])
@pytest.mark.parametrize("name", ["logits", "frame", "labels alone"])
def test_methods(name, method):
    _, X, y, _ = KINDS[name]
    victim, shadow = fitted(name)
    judged = rows(X, np.arange(N_JUDGED)), y[:N_JUDGED]
    own = rows(X, np.arange(N_JUDGED, N)), y[N_JUDGED:]
    attack = attack_on(name, victim, shadow, method=method).fit(*own, audit=judged)
    assert np.isfinite(attack.decision_function(*judged)).all()
    assert roc_auc_score(MEMBER, attack.decision_function(*judged)) > 0.55


def test_probabilities_of_a_module_are_those_of_its_net():
    victim, shadow = fitted("module")
    own, judged = (X[N_JUDGED:], CODES[N_JUDGED:]), (X[:N_JUDGED], CODES[:N_JUDGED])
    as_net = net().initialize()
    as_net.module_.load_state_dict(victim.state_dict())
    found = attack_on("module", victim, shadow, method="loss").fit(*own)
    other = attack_on("logits", as_net, None, method="loss").fit(*own)
    np.testing.assert_allclose(
        found.decision_function(*judged), other.decision_function(*judged), atol=1e-5
    )


def test_module_without_shadow_estimator():
    victim, shadow = fitted("module")
    with pytest.raises(ValueError, match=r"torch module.*give shadow_estimator"):
        attack_on("module", victim, None).fit(X, CODES)
    attack = attack_on("module", victim, shadow).fit(X[N_JUDGED:], CODES[N_JUDGED:])
    with pytest.raises(TypeError, match=r"torch module.*none can stand in"):
        attack.score(X[:N_JUDGED], CODES[:N_JUDGED])


@pytest.mark.parametrize("name", ["logits", "shadow net", "frame"])
def test_classes_that_the_attacker_has_not(name):
    """Columns stand for the victim's classes all the same."""
    _, X, y, _ = KINDS[name]
    victim, shadow = fitted(name)
    own = np.flatnonzero(CODES[N_JUDGED:] != 0) + N_JUDGED
    attack = attack_on(name, victim, shadow, method=ThresholdAttack("loss", per_class=False))
    attack.fit(rows(X, own), y[own])
    assert len(attack.labels_) == 3
    judged = rows(X, np.arange(N_JUDGED)), y[:N_JUDGED]
    score = attack.decision_function(*judged)
    X_asked = judged[0]
    proba = victim.predict_proba(X_asked)
    if name == "logits":
        proba = torch.as_tensor(victim.forward(X_asked)).softmax(-1).numpy()
    columns = CODES if name == "logits" else np.searchsorted(attack.labels_, y)
    p = proba[np.arange(N_JUDGED), columns[:N_JUDGED]]
    np.testing.assert_allclose(score, np.log(np.maximum(p, 1e-12)), rtol=1e-3, atol=1e-4)


def test_labels_that_the_victim_has_not():
    for name, stranger in (("logits", 3), ("frame", "bad")):
        _, X, y, _ = KINDS[name]
        victim, shadow = fitted(name)
        own = y[N_JUDGED:].copy()
        own[5] = stranger
        with pytest.raises(ValueError, match=f"y holds .{stranger!r}.*not among the classes"):
            attack_on(name, victim, shadow).fit(rows(X, np.arange(N_JUDGED, N)), own)
        attack = attack_on(name, victim, shadow).fit(X, y)
        with pytest.raises(ValueError, match="not among the classes"):
            attack.decision_function(rows(X, [0, 1]), np.array([y[0], stranger]))


def test_a_net_with_more_outputs_than_labels_seen():
    """Labels are outputs' numbers: those of the middle missing must not move the others."""
    kept = CODES != 1
    victim = net().fit(X[:120][kept[:120]], CODES[:120][kept[:120]])
    own = np.flatnonzero(kept[N_JUDGED:]) + N_JUDGED
    attack = attack_on("logits", victim, None, method="loss").fit(X[own], CODES[own])
    assert attack.labels_.tolist() == [0, 1, 2]
    for model, inside in zip(attack.shadow_models_, attack.shadow_members_, strict=True):
        assert set(model.predict(X[own][inside])) == {0, 2}
        assert model.score(X[own][inside], CODES[own][inside]) > 0.8


def test_records_in_three_dimensions():
    images = X.reshape(N, 2, 3)
    flat = make_pipeline(Flatten(), DecisionTreeClassifier(random_state=0))
    victim = flat.fit(images[:80], CODES[:80])
    attack = attack_on("tree", victim, None).fit(images[N_JUDGED:], CODES[N_JUDGED:])
    plain = attack_on("tree", victim[-1], None).fit(X[N_JUDGED:], CODES[N_JUDGED:])
    np.testing.assert_array_equal(
        attack.decision_function(images[:160], CODES[:160]),
        plain.decision_function(X[:160], CODES[:160]),
    )


@pytest.mark.parametrize("where", ["victim", "shadow"])
def test_a_net_that_has_diverged(where):
    """Its answers are no numbers, and it is said whose, not what fails on them later."""
    lost, (victim, _) = net(lr=1e30, max_epochs=3), fitted("logits")
    attack = attack_on("logits", victim, lost if where == "shadow" else None)
    if where == "victim":
        attack.set_params(estimator=FrozenEstimator(lost.fit(X[:80], CODES[:80])))
        attack.set_params(shadow_estimator=net())
    with pytest.raises(ValueError, match=r"A NeuralNetClassifier answers \d+ of.*diverged"):
        attack.fit(X[N_JUDGED:], CODES[N_JUDGED:]).decision_function(X[:9], CODES[:9])


@pytest.mark.parametrize("kind", ["net", "pipeline", "defence"])
def test_rows_held_out_of_training_are_told(kind):
    """skorch keeps a fifth of the rows for validation; they would count as members."""
    split = ValidSplit(5)
    wrap = {
        "net": lambda net: net,
        "pipeline": lambda net: make_pipeline(StandardScaler(), net),
        "defence": adversarial,
    }[kind]
    own = X[N_JUDGED:], CODES[N_JUDGED:]
    given = "loss", 2
    with pytest.warns(UserWarning, match=r"train_split of a net in estimator.*train_split=None"):
        attack_of(wrap(net(train_split=split, max_epochs=1)), *given).fit(*own)
    tree = DecisionTreeClassifier()
    with pytest.warns(UserWarning, match=r"train_split of a net in shadow_estimator"):
        attack_of(tree, *given, wrap(net(train_split=split, max_epochs=1))).fit(*own)
    others = predefined_split(Dataset(X[:40], CODES[:40]))  # validated on other rows: no warning
    attack_of(wrap(net(train_split=others, max_epochs=1)), *given).fit(*own)


def attack_of(estimator, method, n_shadow_models, shadow=None):
    return MembershipInferenceClassifier(
        estimator, shadow, method=method, n_shadow_models=n_shadow_models, random_state=0
    )


class Flatten(StandardScaler):
    """Rows of any shape as rows of numbers."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X.reshape(len(X), -1)


def test_other_kind_of_shadow():
    victim, _ = fitted("boosting")
    attack = attack_on("boosting", victim, LogisticRegression(max_iter=500))
    attack.fit(X[N_JUDGED:], WORDS[N_JUDGED:])
    assert {type(model) for model in attack.shadow_models_} == {LogisticRegression}
