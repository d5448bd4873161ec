"""Concept erasure: exact on the fitting data, closest of all, whatever the scale and the labels."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import config_context
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_privfair.embeddings import ConceptErasure, MeanProjection
from sklearn_privfair.embeddings._concepts import concept_columns

from ._vectors import keyed
from ._vectors import made as word_vectors


def made(n=400, d=8, k=2, seed=0, dtype=np.float64):
    """Rows with correlated features in which groups have means of their own."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, k, n)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 5
    X += rng.normal(size=(k, d))[groups]
    return X.astype(dtype), groups


def cross_covariance(X, concept):
    """Largest correlation of features with any category, or number."""
    if np.asarray(concept).dtype.kind == "f":
        Z = np.asarray(concept)[:, None]
    else:
        Z = pd.get_dummies(np.asarray(concept)).to_numpy(dtype=float)
    X = X.astype(np.float64)
    cross = (X - X.mean(axis=0)).T @ (Z - Z.mean(axis=0)) / len(X)
    return np.abs(cross / X.std(axis=0)[:, None] / Z.std(axis=0)).max()


def by_the_paper(X, Z):
    """LEACE as theorem 4.3 writes it, with matrix roots and pseudo-inverses."""
    mean, Zc = X.mean(axis=0), Z - Z.mean(axis=0)
    sxx = (X - mean).T @ (X - mean) / len(X)
    sxz = (X - mean).T @ Zc / len(X)
    values, vectors = np.linalg.eigh(sxx)
    W = vectors @ np.diag(values**-0.5) @ vectors.T
    P = (W @ sxz) @ np.linalg.pinv(W @ sxz, rcond=1e-10)  # one category is known by the others
    return X - (X - mean) @ (np.linalg.pinv(W) @ P @ W).T


@pytest.mark.parametrize("k", [2, 3, 7])
def test_as_the_paper_has_it(k):
    X, groups = made(k=k)
    erasure = ConceptErasure().fit(X, groups)
    assert erasure.components_.shape == (k - 1, 8)
    np.testing.assert_allclose(erasure.transform(X), by_the_paper(X, np.eye(k)[groups]), atol=1e-9)
    np.testing.assert_allclose(erasure.mean_, X.mean(axis=0))


def test_numbers_as_the_paper_has_it():
    X, _ = made()
    rng = np.random.default_rng(1)
    ages = X[:, :2] @ [1.0, -2.0] + rng.normal(size=len(X))
    erased = ConceptErasure().fit_transform(X, ages)
    np.testing.assert_allclose(erased, by_the_paper(X, ages[:, None]), atol=1e-9)
    assert LinearRegression().fit(X, ages).score(X, ages) > 0.5
    assert LinearRegression().fit(erased, ages).score(erased, ages) == pytest.approx(0, abs=1e-9)


def test_the_correlation_is_that_of_a_regression():
    X, groups = made()
    correlation = ConceptErasure().fit(X, groups).correlations_[0]
    fitted = LinearRegression().fit(X, groups)
    assert correlation**2 == pytest.approx(fitted.score(X, groups))


@pytest.mark.parametrize("probe", [LogisticRegression(C=1e6), LinearSVC(C=100.0)])
def test_no_linear_probe_finds_the_concept(probe):
    X, groups = made(k=2, seed=3)
    pipeline = make_pipeline(ConceptErasure(), probe)
    majority = np.bincount(groups).max() / len(groups)
    found = probe.fit(X, groups).score(X, groups)
    erased = ConceptErasure().fit_transform(X, groups)
    assert found > majority + 0.1
    probe.fit(erased, groups)
    assert np.abs(probe.coef_).max() < 1e-3 * np.abs(probe.fit(X, groups).coef_).max()
    assert pipeline.fit(X, groups).score(X, groups) == pytest.approx(majority)
    tree = DecisionTreeClassifier(random_state=0).fit(erased, groups)
    assert tree.score(erased, groups) > 0.95  # and it is only linear ones that do not


def test_rows_move_less_than_by_any_other_erasure():
    X, groups = made(k=3)
    sxx = np.cov(X.T)
    moved = {
        type(e).__name__: np.sum((e.fit_transform(X, groups) - X) ** 2)
        for e in (ConceptErasure(), MeanProjection())
    }
    assert moved["ConceptErasure"] < 0.9 * moved["MeanProjection"]
    # in another norm too: it is the same map of transformed rows
    L = np.linalg.cholesky(np.linalg.inv(sxx))
    np.testing.assert_allclose(
        ConceptErasure().fit_transform(X @ L, groups),
        ConceptErasure().fit_transform(X, groups) @ L,
        atol=1e-8,
    )


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_no_scale_of_features_hides_the_concept(scale):
    """An absolute tolerance takes small features for nothing."""
    X, groups = made()
    X = X * np.array([scale, 1, 1, scale, 1, 1, 1, 1 / scale])
    assert cross_covariance(X, groups) > 0.1
    assert cross_covariance(ConceptErasure().fit_transform(X, groups), groups) < 1e-9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_rare_category_is_erased(dtype):
    """One row of 20,000: its covariance with everything is below what peers take for zero."""
    X, _ = made(n=20_000, dtype=dtype)
    rare = np.zeros(len(X), dtype=int)
    rare[7] = 1
    erasure = ConceptErasure().fit(X, rare)
    assert len(erasure.components_) == 1
    erased = erasure.transform(X).astype(np.float64)
    apart = np.abs(erased[7] - np.delete(erased, 7, axis=0).mean(axis=0))
    assert apart.max() < (1e-10 if dtype == np.float64 else 1e-5)
    assert np.abs(X[7] - X.mean(axis=0)).max() > 1


def test_sums_in_single_precision_lose_no_digits():
    """Sorted rows, a rare category first: no sum over many rows is to be cut short."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 6)).astype(np.float32)
    half, rare = np.arange(len(X)) < 30_000, np.arange(len(X)) < 12
    X += half[:, None]
    X[rare] += 2
    for concept in (half, rare):
        erased = ConceptErasure().fit(X, concept).transform(X.astype(np.float64))
        assert cross_covariance(erased, concept) < 3e-8


def test_squares_beyond_single_precision_are_refused():
    X, groups = made(dtype=np.float32)
    for scale in (1e-25, 1e22):
        scales = np.array([1] * 7 + [scale], dtype=np.float32)
        with pytest.raises(ValueError, match=r"squares of features \[7\].*float32; scale"):
            ConceptErasure().fit(X * scales, groups)
        erased = ConceptErasure().fit_transform(X * scales.astype(float), groups)
        assert cross_covariance(erased, groups) < 1e-9


@pytest.mark.parametrize("kind", ["int", "object", "frame", "category"])
def test_categories_are_told_apart_in_chunks(kind, monkeypatch):
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(0, 300, 400))  # new ones come in every chunk
    labels = {
        "int": groups,
        "object": groups.astype(str).astype(object),
        "frame": pd.DataFrame({"a": groups}, index=rng.normal(size=400)),
        "category": pd.Series(groups, dtype="category", index=rng.normal(size=400)),
    }[kind]
    whole = concept_columns(labels, 400, ConceptErasure())
    monkeypatch.setattr("sklearn_privfair.embeddings._concepts.CHUNK", 7)
    chunked = concept_columns(labels, 400, ConceptErasure())
    (one,), (other,) = whole.values(), chunked.values()
    np.testing.assert_array_equal(one.values, other.values)
    assert one.categories == other.categories
    assert [str(one.categories[code]) for code in other.values] == groups.astype(str).tolist()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, 2]),
        np.array(["a", "b", "c"]),
        np.array(["a", "b", "c"], dtype=object),
        pd.Series(["a", "b", "c"], dtype="category"),
        pd.Series(["a", "b", "c"], dtype="string"),
        np.array([7, -1, 100], dtype=np.int8),
    ],
    ids=["int", "str", "object", "category", "string", "int8"],
)
def test_integers_and_strings_are_categories(labels):
    """Three classes as numbers span one direction; two are needed."""
    X, groups = made(k=3)
    concept = labels[groups] if isinstance(labels, np.ndarray) else labels.iloc[groups]
    erasure = ConceptErasure().fit(X, concept)
    assert len(erasure.components_) == 2
    assert cross_covariance(erasure.transform(X), groups) < 1e-12
    assert len(ConceptErasure().fit(X, groups.astype(float)).components_) == 1


def test_several_concepts_at_once():
    X, groups = made(k=3)
    rng = np.random.default_rng(1)
    age = X[:, 0] + rng.normal(size=len(X))
    sex = np.where(X[:, 1] + rng.normal(size=len(X)) > 5, "f", "m")
    frame = pd.DataFrame({"group": groups, "age": age, "sex": sex})
    erasure = ConceptErasure().fit(X, frame)
    assert len(erasure.components_) == 2 + 1 + 1
    erased = erasure.transform(X)
    for name in frame:
        assert cross_covariance(erased, frame[name].to_numpy()) < 1e-12
    twice = ConceptErasure().fit(X, np.column_stack([groups, groups]))
    np.testing.assert_allclose(
        twice.transform(X), ConceptErasure().fit_transform(X, groups), atol=1e-10
    )


@pytest.mark.parametrize("case", ["twice", "wide", "constant"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dependent_features(case, dtype):
    X, groups = made(n=60, d=100 if case == "wide" else 8, k=3, dtype=dtype)
    if case == "twice":
        X = np.concatenate([X, X[:, :3], X[:, :1] + X[:, 1:2]], axis=1)
    if case == "constant":
        X[:, 2] = 4
    erasure = ConceptErasure().fit(X, groups)
    erased = erasure.transform(X)
    assert np.isfinite(erased).all()
    if case == "constant":
        np.testing.assert_allclose(erased[:, 2], 4, rtol=1e-6)
        erased = np.delete(erased, 2, axis=1)
    if case == "wide":  # each row its own: what separates them is all there is
        means = np.array([erased[groups == g].mean(axis=0) for g in range(3)])
        assert np.ptp(means, axis=0).max() < (1e-8 if dtype == np.float64 else 1e-3)
        return
    assert cross_covariance(erased, groups) < (1e-9 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_blocks_one_by_one_give_the_fit_of_all(dtype):
    X, groups = made(k=4, dtype=dtype)
    order = np.argsort(groups, kind="stable")  # the first blocks know no other category
    X, names = X[order], np.array(list("abcd"))[groups[order]]
    whole = ConceptErasure().fit(X, names)
    parts = ConceptErasure()
    for start in range(0, 400, 37):
        parts.partial_fit(X[start : start + 37], names[start : start + 37])
    assert parts.n_samples_seen_ == 400
    tol = {"atol": 1e-9} if dtype == np.float64 else {"atol": 1e-4}
    np.testing.assert_allclose(parts.transform(X), whole.transform(X), **tol)
    again = parts.fit(X, names)  # and fit forgets them
    assert again.n_samples_seen_ == 400
    with pytest.raises(ValueError, match="not that of the blocks before"):
        parts.partial_fit(X, groups.astype(float))


def test_means_far_from_zero_cancel_nothing():
    X, groups = made()
    far = ConceptErasure().fit_transform(X + 1e6, groups) - 1e6
    np.testing.assert_allclose(far, ConceptErasure().fit_transform(X, groups), atol=1e-6)
    assert cross_covariance(far, groups) < 1e-7


def test_in_a_pipeline_the_concept_is_not_the_label():
    X, sex = made(seed=5)
    rng = np.random.default_rng(2)
    y = (X[:, 0] + rng.normal(size=len(X)) > 5).astype(int)
    pipeline = make_pipeline(ConceptErasure(), LogisticRegression(max_iter=1000))
    pipeline.fit(X, y, concepterasure__sensitive_features=sex)
    assert pipeline.score(X, y) > np.bincount(y).max() / len(y) + 0.1
    assert cross_covariance(pipeline[0].transform(X), sex) < 1e-12


def test_frames_come_out_as_frames():
    X, groups = made()
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(8)], index=np.arange(400)[::-1])
    erased = ConceptErasure().fit_transform(frame, groups)
    assert list(erased.columns) == list(frame.columns)
    assert erased.index.equals(frame.index)
    np.testing.assert_allclose(erased, ConceptErasure().fit_transform(X, groups), atol=1e-12)


@pytest.mark.parametrize(
    ("concept", "message"),
    [
        (None, "ConceptErasure requires y to be passed"),
        (["a", None] * 200, "missing values"),
        ([0.5, np.inf] * 200, "holds infinity"),
        (["a"] * 400, "same in all rows"),
        ([1.5] * 400, "same in all rows"),
        (["a", "b"], "The concept has 2 rows, and X has 400"),
        (np.zeros((400, 2, 2)), "has shape"),
    ],
)
def test_what_is_refused(concept, message):
    X, _ = made()
    with pytest.raises(ValueError, match=message):
        ConceptErasure().fit(X, concept)


def test_routing_hands_the_concept_on():
    X, sex = made(seed=5)
    y = (X[:, 0] > 5).astype(int)
    pipeline = make_pipeline(ConceptErasure(), LogisticRegression(max_iter=1000))
    with config_context(enable_metadata_routing=True):
        pipeline.fit(X, y, sensitive_features=sex)
    assert cross_covariance(pipeline[0].transform(X), sex) < 1e-12
    assert cross_covariance(pipeline[0].transform(X), y) > 0.1


def test_fitted_on_some_words_and_applied_to_all():
    words, X = word_vectors(np.float32)
    kv = keyed(words, X)
    sexes = {"she": "f", "he": "m", "woman": "f", "man": "m", "girl": "f", "boy": "m"}
    erasure = ConceptErasure().fit(kv[list(sexes)], list(sexes.values()))
    new = erasure.transform(kv)
    assert new is not kv
    assert new.index_to_key == words
    np.testing.assert_allclose(new.vectors, erasure.transform(X), atol=1e-5)


def test_a_concept_of_which_nothing_is_left():
    X, _ = made(k=2, d=3)
    ages = np.random.default_rng(0).integers(20, 60, len(X)) + np.round(5 * X[:, 0]).astype(int)
    with pytest.warns(UserWarning, match="every row becomes the mean"):
        erased = ConceptErasure().fit_transform(X, ages)
    assert np.ptp(erased, axis=0).max() < 1e-6
    assert np.ptp(ConceptErasure().fit_transform(X, ages.astype(float)), axis=0).min() > 0.1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("names", [None, ["a", "b", "c"]])
def test_a_file_of_skops_asks_for_no_other_trust(dtype, names):
    X, groups = made(k=3, dtype=dtype)
    erasure = ConceptErasure().fit(X, groups if names is None else np.array(names)[groups])
    file = skops.io.dumps(erasure)
    asked = skops.io.get_untrusted_types(data=file)
    assert all(name.startswith("sklearn_privfair.") for name in asked)
    back = skops.io.loads(file, trusted=asked)
    np.testing.assert_array_equal(back.transform(X), erasure.transform(X))
