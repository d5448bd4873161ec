"""Made word vectors with a known bias, and the real ones where they are at hand."""

import numpy as np
import pytest
from gensim.models import KeyedVectors

DEFINITIONAL = [("she", "he"), ("woman", "man"), ("her", "his"), ("girl", "boy")]
EQUALIZE = [("queen", "king"), ("mother", "father")]
SPECIFIC = ["she", "he", "woman", "man", "her", "his", "girl", "boy", "queen", "king"]
NEUTRAL = [f"job{i}" for i in range(40)]
WORDS = [*dict.fromkeys(w for pair in DEFINITIONAL + EQUALIZE for w in pair), *NEUTRAL]
LISTS = {
    "definitional_sets": DEFINITIONAL,
    "equalize_sets": EQUALIZE,
    "specific_words": SPECIFIC,
}


def made(dtype=np.float64, n_features=12, seed=0):
    """Give words and vectors in which the first words of pairs lie along one direction."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=n_features)
    place = {word: i for i, word in enumerate(WORDS)}
    X = rng.normal(size=(len(WORDS), n_features))
    for first, second in DEFINITIONAL + EQUALIZE:
        centre = rng.normal(size=n_features)
        step = direction + 0.2 * rng.normal(size=n_features)
        X[place[first]], X[place[second]] = centre + step, centre - step
    return list(WORDS), X.astype(dtype)


def keyed(words, X):
    """Make gensim's object of words and vectors."""
    made = KeyedVectors(X.shape[1], dtype=X.dtype)
    made.add_vectors(list(words), X)
    return made


def google_news(real_data):
    """Read the real vectors, or skip."""
    path = real_data / "embeddings" / "googlenews_subset_300d.bin.gz"
    if not path.exists():
        pytest.skip(f"no {path.name}")
    return KeyedVectors.load_word2vec_format(str(path), binary=True)


def unit(X):
    """Bring vectors to unit length."""
    return X / np.linalg.norm(X, axis=-1, keepdims=True)
