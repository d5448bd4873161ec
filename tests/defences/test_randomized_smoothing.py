"""What is certified is what is known of linear models; votes hang on the row and the seed alone."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from scipy.stats import binom, binomtest, norm
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from skorch import NeuralNetBinaryClassifier
from skorch.dataset import ValidSplit

from sklearn_privfair.attacks import HopSkipJumpAttack, PGDAttack, SquareAttack
from sklearn_privfair.defences import RandomizedSmoothingClassifier
from sklearn_privfair.differentiable import NotDifferentiableError

from ._harness import Layers, Witness, data, make_net, seeded_module, weights

X, Y = data()
WORDS = np.array(["cat", "ant", "bee"])[Y]  # not in the order of the codes
W, B = np.array([3.0, -4.0]), 0.5  # a hyperplane whose normal has length 5


class HalfSpace(ClassifierMixin, BaseEstimator):
    """Says `classes[1]` where ``x @ W + B > 0``; keeps what it is asked."""

    def __init__(self, classes=(0, 1)):
        self.classes = classes
        self.classes_ = np.array(classes)
        self.asked_ = []

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        self.asked_.append(np.array(X))
        return self.classes_[(X[:, :2] @ W + B > 0).astype(int)]


def smooth(model, **params):
    return RandomizedSmoothingClassifier(model, **{"n_samples": 200, "random_state": 0} | params)


def half_space(**params):
    """Smooth the known model; it is to be taken as it is."""
    model = smooth(FrozenEstimator(HalfSpace(params.pop("classes", (0, 1)))), **params)
    return model.fit(np.zeros((1, params.get("width", 2))))


def rows_at(distances, seed=0):
    """Rows at signed distances from the hyperplane, anywhere along it."""
    along = np.random.default_rng(seed).normal(size=len(distances))[:, None]
    normal = W / 5
    return (np.asarray(distances)[:, None] - B / 5) * normal + along * [normal[1], -normal[0]]


def test_radii_on_a_half_space():
    """They are the distance to the hyperplane, less what the bound takes off."""
    distance = np.random.default_rng(1).uniform(-1.2, 1.2, 400)
    rows, alpha, n = rows_at(distance), 0.05, 2000
    model = half_space(sigma=0.6, n_samples=n, alpha=alpha)
    result = model.certify(rows)
    right = result.label == (distance > 0)
    wrong = ~result.abstains & (~right | (result.radius > np.abs(distance)))
    assert wrong.sum() <= binom.ppf(0.999, len(rows), alpha)
    # what the exact binomial of the exact probability says that the radius will be
    p = norm.cdf(np.abs(distance) / 0.6)
    low, high = (binom.ppf(q, n, p) for q in (1e-5, 1 - 1e-5))
    for k, bigger in ((low, np.less_equal), (high, np.greater_equal)):
        # Clopper-Pearson by its definition: as many hits have probability alpha
        bound = np.array([_solve(int(hits), n, alpha) for hits in k])
        radius = 0.6 * norm.ppf(np.maximum(bound, 0.5))
        assert bigger(radius, result.radius + 1e-6)[right].all()
    assert (result.n_forward == n + 100).all()


def _solve(hits, n, alpha):
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if binom.sf(hits - 1, n, middle) < alpha else (low, middle)
    return low


def test_more_samples_come_nearer():
    rows = rows_at([0.3, -0.5, 0.7])
    gaps = [
        np.array([0.3, 0.5, 0.7]) - half_space(sigma=0.5, n_samples=n).certify(rows).radius
        for n in (100, 1000, 30_000)
    ]
    assert (gaps[0] > gaps[1]).all()
    assert (gaps[1] > gaps[2]).all()
    assert (gaps[2] > 0).all()
    assert gaps[2].max() < 0.025


def test_coverage_over_seeds():
    """A radius beyond the truth comes up at most as often as alpha says, and nearly as often."""
    alpha, seeds, row = 0.2, 400, rows_at([0.2])
    model = half_space(sigma=0.4, n_samples=300, n_samples_selection=10, alpha=alpha)
    beyond = 0
    for seed in range(seeds):
        result = model.set_params(random_state=seed).fit(row).certify(row)
        beyond += bool(result.radius[0] > 0.2 or (result.label[0] != 1 and not result.abstains[0]))
    assert 0.5 * alpha * seeds < beyond <= binom.ppf(0.999, seeds, alpha)


def test_on_the_boundary_it_abstains():
    rows, alpha = rows_at(np.zeros(500)), 0.1
    model = half_space(sigma=0.5, alpha=alpha, abstain_label=-1)
    result = model.certify(rows)
    assert (~result.abstains).sum() <= binom.ppf(0.999, 500, alpha)
    np.testing.assert_array_equal(result.radius == 0, result.abstains)
    np.testing.assert_array_equal(result.label == -1, result.abstains)
    np.testing.assert_array_equal(result.p_lower <= 0.5, result.abstains)
    assert np.mean(model.predict(rows) == -1) > 1 - binom.ppf(0.999, 500, alpha) / 500


def test_predict_is_seldom_wrong_and_not_always_silent():
    distance, alpha = 0.03, 0.1  # p = 0.55: too close for 200 votes, mostly
    rows = rows_at(np.full(1000, distance))
    labels = half_space(sigma=0.24, alpha=alpha, abstain_label=-1).predict(rows)
    p = norm.cdf(distance / 0.24)
    # with two classes the test is on all votes: what it does is known
    votes = np.arange(201)
    rejects = 2 * np.minimum(binom.cdf(votes, 200, 0.5), binom.sf(votes - 1, 200, 0.5)) <= alpha
    for label, side in ((1, votes > 100), (0, votes < 100)):
        chance = binom.pmf(votes, 200, p)[rejects & side].sum()
        low, high = binom.ppf([1e-4, 1 - 1e-4], 1000, chance)
        assert low <= (labels == label).sum() <= high
    assert (labels == 0).mean() <= alpha
    assert 0.2 < (labels == 1).mean() < 0.8


def test_of_three_classes_the_first_two_are_compared():
    """By scipy's test, on the votes that `predict_proba` shows."""
    model = smooth(LogisticRegression(C=30), sigma=0.4, alpha=0.02, abstain_label=9).fit(X, Y)
    labels, votes = model.predict(X), np.round(200 * model.predict_proba(X)).astype(int)
    tests = [binomtest(int(max(v)), int(sum(np.sort(v)[1:])), 0.5).pvalue for v in votes]
    expected = np.where(np.array(tests) <= 0.02, votes.argmax(axis=1), 9)
    np.testing.assert_array_equal(labels, expected)
    without_majority = votes.max(axis=1) < 100
    assert (labels[without_majority] != 9).any()
    assert (labels == 9).any()


def test_shares_of_votes():
    distance = np.linspace(-0.8, 0.8, 81)
    n = 4000
    proba = half_space(sigma=0.5, n_samples=n).predict_proba(rows_at(distance))
    p = norm.cdf(distance / 0.5)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    z = (proba[:, 1] - p) / np.sqrt(p * (1 - p) / n)
    assert np.abs(z).max() < 4.5
    assert 0.7 < z.std() < 1.3  # rows are independent of each other
    model = half_space(sigma=0.5, n_samples=n)
    np.testing.assert_array_equal(model.predict(rows_at(distance)), proba.argmax(axis=1))


def test_units():
    """Radii are distances in the units of the scale."""
    unit = np.array([0.1, 2.0])
    rows = np.random.default_rng(0).normal(size=(40, 2)) * [1, 1]
    margin = np.abs(rows @ W + B) / np.linalg.norm(W * unit)
    model = half_space(sigma=0.5, scale=unit, n_samples=5000)
    result = model.certify(rows)
    near = margin < 1
    assert near.sum() > 10
    assert (result.radius < margin).all()
    assert (result.radius > 0.85 * margin - 0.05)[near].all()
    np.testing.assert_array_equal(model.scale_, unit)


def test_a_feature_of_unit_0_is_not_touched():
    rows = np.random.default_rng(0).normal(size=(30, 3))
    spy = HalfSpace()
    model = smooth(FrozenEstimator(spy), sigma=0.5, scale=[0, 2, 1], n_samples=3000).fit(rows)
    result = model.certify(rows)
    asked = np.concatenate(spy.asked_)
    assert set(asked[:, 0]) == set(rows[:, 0])
    assert len(np.unique(asked[:, 1])) == len(asked)
    margin = np.abs(rows[:, :2] @ W + B) / 8  # only the second feature moves the vote
    assert (result.radius < margin).all()
    assert (result.radius > 0.85 * margin - 0.05)[margin < 1].all()


def test_standard_deviations_of_the_training_data_as_units():
    rows = X * [1, 10, 100, 0] + [0, 5, -50, 3]
    model = smooth(HalfSpace(), scale="std").fit(rows, Y > 0)
    np.testing.assert_allclose(model.scale_, [*rows.std(axis=0)[:3], 1.0], rtol=1e-6)
    spy = HalfSpace()
    model = smooth(FrozenEstimator(spy), sigma=0.5, scale="std", n_samples=5000).fit(rows)
    model.predict(rows[:1])
    noise = np.concatenate(spy.asked_) - rows[0]
    np.testing.assert_allclose(noise.std(axis=0), 0.5 * model.scale_, rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=0) / model.scale_, 0, atol=0.03)
    np.testing.assert_allclose(np.corrcoef(noise.T), np.eye(4), atol=0.06)


def test_what_is_asked_of_the_model():
    """As many noisy copies as said, in batches no larger than allowed, none of them twice."""
    rows, spy = rows_at([0.5, 1.0, -0.3]), HalfSpace()
    model = smooth(FrozenEstimator(spy), n_samples=230, n_samples_selection=45, batch_size=90)
    model.fit(rows)
    spy.asked_.clear()
    result = model.certify(rows)
    asked = np.concatenate(spy.asked_)
    assert len(asked) == 3 * 275 == result.n_forward.sum()
    assert len(np.unique(asked, axis=0)) == len(asked)  # selection has noise of its own
    assert max(map(len, spy.asked_)) <= 90
    spy.asked_.clear()
    model.predict(rows)
    assert not set(map(tuple, np.concatenate(spy.asked_))) & set(map(tuple, asked))


def models():
    forest = RandomForestClassifier(5, random_state=0)
    net = make_net(max_epochs=8, iterator_train__shuffle=True)
    return {
        "forest": forest,
        "net": net,
        "pipeline": make_pipeline(StandardScaler(), net),
        "predict only": SVC(),
        "frozen": FrozenEstimator(clone(forest).fit(X, Y)),
        "search": GridSearchCV(LogisticRegression(), {"C": [1, 10]}, cv=2),
    }


@pytest.fixture(scope="module", params=list(models()))
def fitted(request):
    return smooth(models()[request.param], sigma=0.1).fit(X, Y)


def test_votes_hang_on_the_row_alone(fitted):
    proba = fitted.predict_proba(X)
    assert ((proba > 0.01) & (proba < 0.99)).any()  # else there is nothing to see
    assert fitted.score(X, Y) > 0.8
    shuffled = np.random.default_rng(0).permutation(len(X))[:31]
    np.testing.assert_array_equal(fitted.predict_proba(X[shuffled]), proba[shuffled])
    np.testing.assert_array_equal(fitted.predict_proba(X[7:8]), proba[7:8])
    certified = fitted.certify(X)
    for params in ({"batch_size": 33}, {"batch_size": 5000}, {"n_jobs": 2}):
        other = pickle.loads(pickle.dumps(fitted)).set_params(**params)
        with parallel_config("threading"):  # processes take seconds to start
            np.testing.assert_array_equal(other.predict_proba(X), proba)
            np.testing.assert_array_equal(other.certify(X).p_lower, certified.p_lower)


def test_the_seed_decides(fitted):
    twin = clone(fitted).fit(X, Y)
    np.testing.assert_array_equal(twin.predict_proba(X), fitted.predict_proba(X))
    other = clone(fitted).set_params(random_state=1).fit(X, Y)
    assert not np.array_equal(other.predict_proba(X), fitted.predict_proba(X))
    unseeded = clone(fitted).set_params(random_state=None).fit(X, Y)
    np.testing.assert_array_equal(unseeded.predict_proba(X), unseeded.predict_proba(X))


def test_global_generators_are_left_alone(fitted):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    model = clone(fitted).fit(X, Y)
    model.predict(X)
    model.certify(X)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002


@pytest.mark.parametrize("kind", sorted(models().keys() - {"frozen"}))
def test_labels_of_any_kind(kind):
    codes = np.unique(WORDS, return_inverse=True)[1]
    by_word, by_code = (smooth(models()[kind], sigma=0.1).fit(X, y) for y in (WORDS, codes))
    assert by_word.classes_.tolist() == ["ant", "bee", "cat"]
    np.testing.assert_array_equal(by_word.predict_proba(X), by_code.predict_proba(X))
    np.testing.assert_array_equal(by_word.predict(X), by_word.classes_[by_code.predict(X)])
    np.testing.assert_array_equal(
        by_word.certify(X).label, by_word.classes_[by_code.certify(X).label]
    )


@pytest.mark.parametrize(
    ("classes", "abstain_label"),
    [
        ((0, 1), -1),
        (("a", "b"), "abstain"),
        ((False, True), -1),
        ((0.0, 1.0), -1.0),
        (np.array([0, 1], dtype=np.uint8), -1),
    ],
)
def test_abstentions_are_labels_of_the_same_kind(classes, abstain_label):
    rows = rows_at([0.9, 0.0, -0.9])
    model = half_space(classes=classes, sigma=0.3, abstain_label=abstain_label)
    labels = model.predict(rows)
    assert labels.tolist() == [classes[1], abstain_label, classes[0]]
    assert model.certify(rows).label.tolist() == labels.tolist()
    truth = np.array(classes)[[1, 1, 1]]
    assert model.score(rows, truth) == accuracy_score(truth, labels) == pytest.approx(1 / 3)
    silent = model.set_params(abstain_label=None)
    assert set(silent.predict(rows)) == set(classes)
    assert silent.certify(rows).abstains.tolist() == [False, True, False]


def test_noise_is_fresh_in_every_batch():
    net = make_net(cls=Witness, max_epochs=4, batch_size=len(X))
    model = smooth(net, sigma=0.3, scale=[1, 2, 0, 1]).fit(X, Y)
    seen = [batch[0].numpy() for batch in model.estimator_.seen_]
    noise = np.array(seen) - X
    assert noise.shape == (4, *X.shape)
    assert len(np.unique(noise[..., 0])) > 0.99 * noise[..., 0].size
    np.testing.assert_allclose(noise.std(axis=(0, 1)), [0.3, 0.6, 0, 0.3], rtol=0.15)
    assert np.abs(np.corrcoef(noise[..., 0])[np.triu_indices(4, 1)]).max() < 0.4
    plain = smooth(net, noise_augmentation=False).fit(X, Y)
    for batch in plain.estimator_.seen_:
        np.testing.assert_array_equal(batch[0], X)
    assert "train_step_single" not in vars(model.estimator_)
    pickle.loads(pickle.dumps(model))


def test_a_net_is_trained_as_by_hand():
    """Gradient descent on rows with this noise, and nothing else."""
    net = make_net(seeded_module(), cls=Witness, max_epochs=3, batch_size=30)
    model = smooth(net, sigma=0.3).fit(X, Y)
    module = seeded_module()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for x, y in model.estimator_.seen_:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    np.testing.assert_allclose(weights(model.estimator_), weights(module), atol=1e-6)
    np.testing.assert_array_equal(weights(net.module), weights(seeded_module()))


class Recorder(Layers):
    """Keeps what the net is given."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, X):
        self.seen.append((self.training, X.detach().numpy().copy()))
        return super().forward(X)


def test_in_a_pipeline_the_noise_is_in_raw_units():
    unit = np.array([1.0, 10.0, 100.0, 1000.0])
    raw = (X * unit).astype(np.float64)
    net = make_net(Recorder, cls=Witness, batch_size=len(X), max_epochs=3)
    pipeline = make_pipeline(StandardScaler(), net)
    model = smooth(pipeline, sigma=0.5, scale="std", n_copies=200).fit(raw, Y)
    noisy = [batch[0].numpy() for batch in model.estimator_[-1].seen_]
    noise = (np.array(noisy) - raw) / raw.std(axis=0)
    np.testing.assert_allclose(noise.std(axis=(0, 1)), 0.5, rtol=0.15)
    assert len(np.unique(noise[..., 0])) > 0.99 * noise[..., 0].size
    scaler = model.estimator_[0]  # it has seen the noise as well
    np.testing.assert_allclose(scaler.scale_, raw.std(axis=0) * np.sqrt(1.25), rtol=0.02)
    given = [x for training, x in model.estimator_[-1].module_.seen if training]
    for batch, x in zip(noisy, given, strict=True):
        np.testing.assert_allclose(x, scaler.transform(batch), atol=1e-4)
    assert "infer" not in vars(model.estimator_[-1])


def test_validation_of_a_pipeline_s_net_is_behind_its_steps():
    raw = X * 1000.0
    net = make_net(Recorder, train_split=ValidSplit(5))
    model = smooth(make_pipeline(StandardScaler(), net), sigma=1.0).fit(raw, Y)
    held_out = [x for training, x in model.estimator_[-1].module_.seen if not training]
    assert len(held_out) >= 3
    assert all(np.abs(x).max() < 5 for x in held_out)
    assert len(model.estimator_[-1].history[:, "valid_loss"]) == 3


def test_copies_of_the_rows_for_other_classifiers():
    class Keeps(LogisticRegression):
        def fit(self, X, y):
            self.kept_ = X, y
            return super().fit(X, y)

    model = smooth(Keeps(), sigma=0.3, scale=[1, 2, 1, 1], n_copies=20).fit(X, WORDS)
    rows, labels = model.estimator_.kept_
    assert rows.shape == (20 * len(X), 4)
    np.testing.assert_array_equal(labels, np.tile(WORDS, 20))
    noise = rows - np.tile(X, (20, 1))
    np.testing.assert_allclose(noise.std(axis=0), [0.3, 0.6, 0.3, 0.3], rtol=0.08)
    assert len(np.unique(noise)) == noise.size
    plain = smooth(Keeps(), noise_augmentation=False).fit(X, Y)
    np.testing.assert_array_equal(plain.estimator_.kept_[0], X)


def test_training_on_noise_helps():
    rows, labels = load_breast_cancer(return_X_y=True)
    common = {"sigma": 1.0, "scale": "std"}
    forest = RandomForestClassifier(20, random_state=0)
    with_noise, without = (
        smooth(forest, noise_augmentation=yes, **common).fit(rows[150:], labels[150:])
        for yes in (True, False)
    )

    def certified(model):
        result = model.certify(rows[:150])
        return np.mean((result.label == labels[:150]) & (result.radius > 0.75))

    assert certified(with_noise) > certified(without) + 0.03
    assert certified(with_noise) > 0.65


def test_images_and_one_output():
    images, labels = X.reshape(-1, 1, 2, 2), Y > 0
    net = make_net(torch.nn.Sequential(torch.nn.Flatten(), seeded_module()))
    flat = smooth(make_net(seeded_module()), scale=[1, 2, 3, 4]).fit(X, Y)
    model = smooth(net, scale=np.arange(1, 5).reshape(1, 2, 2)).fit(images, Y)
    np.testing.assert_allclose(weights(model.estimator_), weights(flat.estimator_), atol=1e-6)
    module = seeded_module(lambda: torch.nn.Sequential(torch.nn.Linear(4, 1), torch.nn.Flatten(0)))
    binary = make_net(module, cls=NeuralNetBinaryClassifier, max_epochs=20)
    binary.set_params(criterion=torch.nn.BCEWithLogitsLoss)
    model = smooth(binary, sigma=0.1).fit(X, labels)
    assert model.classes_.tolist() == [False, True]
    assert model.score(X, labels) > 0.85


def test_what_a_net_is_asked_is_its_own_predict():
    """The fast way counts what `predict` says; a `predict` of the user's is asked itself."""
    model = smooth(make_net(max_epochs=10), sigma=0.3).fit(X, Y)

    class Contrary(Witness):
        def predict(self, X):
            return 2 - super().predict(X)

    class Same(Witness):
        def predict(self, X):
            return super().predict(X)

    proba = model.predict_proba(X)
    for cls, expected in ((Same, proba), (Contrary, proba[:, ::-1])):
        net = make_net(cls=cls, max_epochs=10)
        other = smooth(net, sigma=0.3).fit(X, Y)
        np.testing.assert_array_equal(weights(other.estimator_), weights(model.estimator_))
        np.testing.assert_array_equal(other.predict_proba(X), expected)


def test_frozen_classifiers_keep_their_labels():
    forest = RandomForestClassifier(5, random_state=0).fit(X, WORDS)
    model = smooth(FrozenEstimator(forest), sigma=0.05).fit(X)
    assert model.estimator_ is forest
    assert model.score(X, WORDS) > 0.9
    net = make_net(max_epochs=8).fit(X, Y)
    before, training = weights(net), net.module_.training
    model = smooth(FrozenEstimator(net), sigma=0.05).fit(X)
    assert model.classes_.tolist() == [0, 1, 2]
    assert net.module_.training == training
    np.testing.assert_array_equal(weights(net), before)
    assert np.mean(model.predict(X) == net.predict(X)) > 0.9
    with pytest.raises(ValueError, match="y holds 3"):
        smooth(FrozenEstimator(net)).fit(X, Y + 1)
    with pytest.raises(ValueError, match="does not know"):
        smooth(FrozenEstimator(forest)).fit(X, Y.astype(str))


def mixed_table():
    table = pd.DataFrame(X.astype(float) * [1, 10, 1, 1], columns=list("abcd"))
    table.insert(1, "word", pd.Categorical(np.where(Y == 0, "red", "blue")))
    table["flag"] = Y == 1
    return table


@pytest.mark.parametrize("last", [LogisticRegression(), make_net(module__n_in=7)])
def test_columns_that_are_no_numbers(last):
    table = mixed_table()
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False, dtype=np.float32), ["word"]),
        (StandardScaler(), ["a", "b", "c", "d"]),
        ("passthrough", ["flag"]),
    )
    floats = FunctionTransformer(np.asarray, kw_args={"dtype": np.float32})
    model = smooth(make_pipeline(encode, floats, last), sigma=0.2, scale="std").fit(table, WORDS)
    np.testing.assert_allclose(model.scale_[[0, 2]], table[["a", "b"]].std(ddof=0), rtol=1e-5)
    assert model.scale_[[1, 5]].tolist() == [0, 0]
    assert model.feature_names_in_.tolist() == list(table.columns)
    assert model.score(table, WORDS) > 0.9
    result = model.certify(table.iloc[::-1])
    assert result.to_frame().index.tolist() == table.index.tolist()[::-1]
    np.testing.assert_array_equal(result.label, model.certify(table).label[::-1])
    words = mixed_table()[["word"]]
    with pytest.raises(ValueError, match="No column of X holds numbers"):
        smooth(make_pipeline(OneHotEncoder(), LogisticRegression())).fit(words, Y)


def test_frames_reach_the_model_as_frames():
    frame = pd.DataFrame(X.astype(float), columns=list("abcd"))
    chosen = make_column_transformer((StandardScaler(), ["d", "a"]))
    model = smooth(make_pipeline(chosen, LogisticRegression()), sigma=0.1).fit(frame, Y)
    alone = smooth(make_pipeline(chosen, LogisticRegression()), sigma=0.1)
    np.testing.assert_array_equal(model.predict(frame), alone.fit(frame, Y).predict(frame))
    assert model.score(frame, Y) > 0.7
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_missing_numbers():
    rows = X.astype(float)
    rows[::3, 1] = np.nan
    model = smooth(HistGradientBoostingClassifier(max_iter=5), scale="std").fit(rows, Y)
    assert np.isfinite(model.scale_).all()
    assert model.score(rows, Y) > 0.7
    with pytest.raises(ValueError, match="NaN"):
        smooth(LogisticRegression()).fit(rows, Y)


def certified_accuracy(model, rows, labels):
    result = model.certify(rows)
    return np.mean((result.label == labels) & (result.radius > 0.2))


def test_grid_search():
    grid = {"sigma": [0.02, 0.2], "estimator__n_estimators": [5]}
    search = GridSearchCV(
        smooth(RandomForestClassifier(random_state=0)), grid, scoring=certified_accuracy, cv=2
    ).fit(X, WORDS)
    # the largest radius that 200 votes can certify is 0.036 for the small sigma
    assert search.cv_results_["mean_test_score"][0] == 0
    assert search.cv_results_["mean_test_score"][1] > 0.3
    assert search.best_params_["sigma"] == 0.2
    assert search.best_estimator_.estimator_.n_estimators == 5


@pytest.mark.filterwarnings("ignore::sklearn_privfair.attacks.GradientMaskingWarning")
def test_no_attack_gets_within_the_radius():
    rows = rows_at([0.5, -0.4, 0.8, 0.2])
    model = half_space(sigma=0.4, n_samples=1000)
    certified = model.certify(rows).radius
    assert (certified > 0.1).all()
    attacks = [
        HopSkipJumpAttack(n_queries=300, bounds=(-5, 5), random_state=0),
        SquareAttack(norm=2, eps=1.5, n_queries=100, bounds=(-5, 5), random_state=0),
    ]
    for attack in attacks:
        result = attack.fit(model).generate(rows)
        assert result.success.all()
        assert (result.distance["l2"] > certified).all()
        np.testing.assert_array_equal(model.predict(result.X_adv), result.y_pred_adv)
    near = SquareAttack(norm=2, eps=0.8 * certified.min(), bounds=(-5, 5), n_queries=100)
    assert not near.fit(model).generate(rows).success.any()
    with pytest.raises(NotDifferentiableError, match="needs no gradient"):
        PGDAttack(eps=1, bounds=(-5, 5)).fit(model).generate(rows)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"scale": [1, 2]}, r"shape \(4,\)"),
        ({"scale": [1, 2, -1, 1]}, "not negative"),
        ({"scale": [0, 0, 0, 0]}, "0 for every feature"),
        ({"abstain_label": 1}, "one of the classes"),
        ({"abstain_label": "none"}, "another kind"),
        ({"abstain_label": np.nan}, "'abstain_label' parameter"),
        ({"sigma": 0.0}, "'sigma' parameter"),
        ({"alpha": 1}, "'alpha' parameter"),
        ({"scale": "iqr"}, "'scale' parameter"),
    ],
)
def test_bad_parameters(params, match):
    with pytest.raises(ValueError, match=match):
        smooth(LogisticRegression(), **params).fit(X, Y)


def test_parameters_set_after_fit():
    model = smooth(LogisticRegression(), sigma=0.1).fit(X, Y)
    assert model.set_params(n_samples=37).certify(X).n_forward[0] == 137
    wide, narrow = (model.set_params(sigma=s).certify(X).radius.max() for s in (0.2, 0.1))
    assert wide == pytest.approx(2 * narrow)
    with pytest.raises(ValueError, match="one of the classes"):
        model.set_params(abstain_label=2).predict(X)
    with pytest.raises(ValueError, match="'n_samples' parameter"):
        model.set_params(abstain_label=None, n_samples=0).predict(X)


def test_bad_data():
    with pytest.raises(ValueError, match="only one class, 0"):
        smooth(LogisticRegression()).fit(X, np.zeros(len(X), dtype=int))
    with pytest.raises(ValueError, match="5 outputs for 3 classes"):
        smooth(make_net(module__n_out=5)).fit(X, Y)
    with pytest.raises(ValueError, match="requires y"):
        smooth(LogisticRegression()).fit(X)
    with pytest.raises(ValueError, match="features"):
        smooth(LogisticRegression()).fit(X, Y).certify(X[:, :3])


def test_progress(capsys):
    smooth(LogisticRegression(), verbose=1).fit(X, Y).predict(X)
    assert "noisy copies" in capsys.readouterr().err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_net_on_a_gpu_votes_there():
    model = smooth(make_net(max_epochs=10, device="cuda"), sigma=0.1, n_samples=2000).fit(X, Y)
    assert next(model.estimator_.module_.parameters()).is_cuda
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(model.set_params(batch_size=333).predict_proba(X), proba)
    model.estimator_.set_params(device="cpu")
    on_cpu = smooth(FrozenEstimator(model.estimator_), sigma=0.1, n_samples=2000).fit(X)
    np.testing.assert_allclose(on_cpu.predict_proba(X), proba, atol=0.08)
    assert model.score(X, Y) > 0.8
