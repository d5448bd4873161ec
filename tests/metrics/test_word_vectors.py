"""Words and vectors are found in whatever holds them, without a copy."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from gensim.models import KeyedVectors

from sklearn_privfair.metrics._word_vectors import some_of, split_vectors

WORDS = ["he", "she", "nurse"]
X = np.arange(6, dtype=np.float32).reshape(3, 2)


def keyed(room=3):
    """Give a table that may have room for more words."""
    made = KeyedVectors(2, count=room, dtype=np.float32)
    for word, row in zip(WORDS, X, strict=True):
        made.add_vector(word, row)
    return made


@pytest.mark.parametrize(
    "vectors",
    [
        keyed(),
        keyed(room=5),
        SimpleNamespace(wv=keyed()),
        (WORDS, X),
        [np.array(WORDS), X],
        (pd.Index(WORDS), X.tolist()),
        dict(zip(WORDS, X, strict=True)),
        pd.DataFrame(X, index=WORDS),
    ],
    ids=["keyed", "room", "model", "pair", "list", "nested", "mapping", "frame"],
)
def test_words_and_vectors(vectors):
    words, matrix, place = split_vectors(vectors)
    assert list(words) == WORDS
    np.testing.assert_array_equal(matrix, X)
    assert [place[word] for word in ("nurse", "he")] == [2, 0]
    assert "his" not in place


def test_nothing_is_copied():
    assert split_vectors((WORDS, X)).matrix is X
    table = keyed()
    assert np.shares_memory(split_vectors(table).matrix, table.vectors)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (X, "KeyedVectors"),
        ([[1.0, 2.0], [3.0, 4.0]], "KeyedVectors"),
        ((["a", "b"], X), "words_x has 2 words and an array of shape"),
        ((["a", "b", "a"], X), "several rows for 'a'"),
        ((WORDS, X.astype(str)), "pass numbers"),
    ],
)
def test_what_is_refused(vectors, message):
    with pytest.raises((TypeError, ValueError), match=message):
        split_vectors(vectors, "words_x")


def test_integers_become_floats():
    assert split_vectors((WORDS, X.astype(int))).matrix.dtype == np.float64


def test_few_words_are_named():
    assert some_of(["a", "b"]) == "'a', 'b'"
    assert some_of(["a", "b", "c"], 2) == "'a', 'b' and 1 more"
