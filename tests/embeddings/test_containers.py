"""What comes out is of the kind that went in: keys and dtype; nothing stale, nothing shared."""

import pickle

import numpy as np
import pandas as pd
import pytest
from gensim.models import FastText, KeyedVectors, Word2Vec
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from sklearn_privfair.embeddings import ConceptErasure, DoubleHardDebias, HardDebias
from sklearn_privfair.embeddings._blocks import subtract_product

from ._vectors import LISTS, WORDS, keyed, made, unit

DEBIAS = HardDebias(**LISTS)


def fasttext(bucket=200):
    """Train vectors of words and of their n-grams, on nonsense."""
    rng = np.random.default_rng(0)
    sentences = [list(rng.choice(WORDS, size=12)) for _ in range(60)]
    return FastText(
        sentences, vector_size=12, min_count=1, bucket=bucket, workers=1, seed=1, epochs=1
    ).wv


def test_keyed_vectors_come_out_fresh():
    words, X = made(np.float32)
    kv = keyed(words, X)
    kv.set_vecattr(words[-1], "count", 7)
    kv.fill_norms()
    new = DEBIAS.fit_transform(kv)
    assert type(new) is KeyedVectors
    assert new is not kv
    assert new.index_to_key == words
    assert new.vectors.dtype == np.float32
    assert new.get_vecattr(words[-1], "count") == 7
    np.testing.assert_array_equal(kv.vectors, X)
    np.testing.assert_array_equal(new.vectors, DEBIAS.fit_transform((words, X))[1])
    new.add_vectors(["added", "too"], np.ones((2, 12), dtype=np.float32))
    new.set_vecattr(words[-1], "count", 8)
    assert "added" not in kv
    assert len(kv.vectors) == len(kv.index_to_key) == len(words)
    assert kv.get_vecattr(words[-1], "count") == 7


@pytest.mark.parametrize("copy", [True, False])
def test_no_stale_norms(copy):
    """gensim keeps the norms of the old vectors; cosines divided by them are wrong."""
    words, X = made(np.float32)
    kv = keyed(words, 3 * X)
    kv.fill_norms()
    new = HardDebias(**LISTS, copy=copy).fit_transform(kv)
    for word, cosine in new.most_similar("job0", topn=5):
        a, b = unit(new["job0"].astype(float)), unit(new[word].astype(float))
        assert cosine == pytest.approx(a @ b, abs=1e-6)


def test_in_place_when_asked():
    words, X = made(np.float32)
    kv = keyed(words, X)
    array = kv.vectors
    new = HardDebias(**LISTS, copy=False).fit_transform(kv)
    assert new is kv
    assert kv.vectors is array
    np.testing.assert_array_equal(array, DEBIAS.fit_transform((words, X))[1])
    array = X.copy()
    assert HardDebias(**LISTS, copy=False).fit((words, X)).transform(array) is array
    array.flags.writeable = False
    with pytest.raises(ValueError, match="copy=False, and the vectors of X are read-only"):
        HardDebias(**LISTS, copy=False).fit((words, X)).transform((words, array))


def test_pairs_mappings_frames_and_models():
    words, X = made(np.float32)
    expected = DEBIAS.fit_transform((words, X))[1]
    frame = pd.DataFrame(X, index=words, columns=[f"x{i}" for i in range(12)])
    new = DEBIAS.fit_transform(frame)
    pd.testing.assert_frame_equal(new, pd.DataFrame(expected, frame.index, frame.columns))
    new = DEBIAS.fit_transform(dict(zip(words, X, strict=True)))
    assert list(new) == words
    np.testing.assert_array_equal(list(new.values()), expected)
    model = Word2Vec(vector_size=12, min_count=1, workers=1)
    model.wv = keyed(words, X)
    new = DEBIAS.fit_transform(model)
    np.testing.assert_array_equal(new.vectors, expected)


def test_pandas_out():
    words, X = made()
    for vectors in ((words, X), keyed(words, X)):
        debias = clone(DEBIAS).set_output(transform="pandas")
        new = debias.fit_transform(vectors)
        assert list(new.index) == words
        np.testing.assert_array_equal(new.to_numpy(), DEBIAS.fit_transform((words, X))[1])


@pytest.mark.parametrize("dtype", [np.float16, np.int32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_array(dtype, order):
    words, X = made()
    X = np.asarray(10 * X).astype(dtype, order=order)
    _, new = DEBIAS.fit_transform((words, X))
    assert new.dtype == (np.float64 if X.dtype.kind == "i" else dtype)
    _, exact = DEBIAS.fit_transform((words, X.astype(np.float64)))
    np.testing.assert_allclose(new.astype(float), exact, atol=2e-3)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_product_is_subtracted_in_place(k, dtype):
    rng = np.random.default_rng(0)
    X, P, D = (rng.normal(size=s).astype(dtype) for s in ((40, 7), (20, k), (k, 7)))
    before = X.copy()
    subtract_product(X[10:30], P, D)
    np.testing.assert_allclose(X[10:30], before[10:30] - P @ D, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(X[:10], before[:10])
    np.testing.assert_array_equal(X[30:], before[30:])


def test_many_blocks_give_what_one_gives():
    words, X = made(np.float32)
    rows = np.tile(X, (400, 1))
    debias = DEBIAS.fit((words, X))
    np.testing.assert_allclose(
        debias.transform(rows), np.tile(debias.transform(X), (400, 1)), atol=5e-7
    )


@pytest.mark.parametrize(
    "debias",
    [
        HardDebias(**LISTS, copy=False),
        HardDebias(**LISTS, normalize=False, copy=False),
        DoubleHardDebias(**LISTS, n_candidates=2, random_state=0, copy=False),
        ConceptErasure(copy=False),
    ],
    ids=["hard", "lengths kept", "double", "erasure"],
)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_nothing_is_written_before_all_is_known_to_be_finite(debias, wrong):
    words, X = made(np.float32)
    labels = np.arange(len(X)) % 2
    debias = debias.fit(X, labels) if isinstance(debias, ConceptErasure) else debias.fit((words, X))
    rows = np.tile(X, (800, 1))
    rows[-1, 3] = wrong
    before = rows.copy()
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        debias.transform(rows)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("copy", [True, False])
def test_words_out_of_fasttexts_vocabulary_are_debiased(copy):
    kv = fasttext()
    old = {word: kv[word].copy() for word in ("unheardof", "womanly", *WORDS)}
    debias = HardDebias(**LISTS, copy=copy).fit(kv)
    new = debias.transform(kv)
    bias = debias.components_[0]
    for word in ("unheardof", "womanly"):
        assert abs(old[word] @ bias) > 1e-4
        np.testing.assert_allclose(new[word], old[word] - old[word] @ bias * bias, atol=1e-7)
    if copy:
        np.testing.assert_array_equal(kv["unheardof"], old["unheardof"])
        np.testing.assert_array_equal(kv["job1"], old["job1"])


def test_fasttext_saved_and_loaded_is_debiased(tmp_path):
    """gensim does not save the vectors of words, and makes them anew."""
    kv = fasttext()
    new = HardDebias(**LISTS).fit_transform(kv)
    new.save(str(tmp_path / "kv"))
    loaded = type(new).load(str(tmp_path / "kv"))
    np.testing.assert_allclose(loaded.vectors, new.vectors, atol=1e-6)
    np.testing.assert_allclose(loaded["womanly"], new["womanly"], atol=1e-7)


def test_fasttext_without_ngrams():
    kv = fasttext(bucket=0)
    new = HardDebias(**LISTS).fit_transform(kv)
    np.testing.assert_allclose(np.linalg.norm(new.vectors, axis=1), 1, atol=1e-6)
    assert new.vectors_vocab is new.vectors


def test_fitted_on_words_and_then_part_of_a_pipeline():
    words, X = made()
    debias = HardDebias(**LISTS).fit((words, X))
    rows = X[:3] + X[3:6]
    pipeline = make_pipeline(FrozenEstimator(debias))
    np.testing.assert_array_equal(pipeline.fit(rows).transform(rows), debias.transform(rows))
    again = pickle.loads(pickle.dumps(debias))
    np.testing.assert_array_equal(again.transform(rows), debias.transform(rows))
