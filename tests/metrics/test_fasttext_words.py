"""gensim's FastText vectors have a vector for any word, in the metrics too."""

import numpy as np
import pytest
from gensim.models.fasttext import FastTextKeyedVectors

from sklearn_privfair.metrics import (
    bias_projection,
    compute_analogy,
    direct_bias,
    ripa,
    weat,
    word_similarity,
)

WORDS = ["she", "he", "nurse", "boss", "nurses"]


@pytest.fixture
def keyed():
    rng = np.random.default_rng(0)
    keyed = FastTextKeyedVectors(4, min_n=2, max_n=3, bucket=40)
    keyed.add_vectors(WORDS, rng.normal(size=(5, 4)).astype(np.float32))
    keyed.vectors_ngrams = rng.normal(size=(40, 4)).astype(np.float32)
    return keyed


def test_words_out_of_vocabulary(keyed):
    words = ["nurse", "bosses", "nursing"]
    held = {word: keyed.get_vector(word) for word in [*WORDS, *words]}
    assert np.ptp([held["nursing"], held["nurse"]]) > 0.1
    pair = ("she", "he")
    expected = bias_projection(held, pair, words)
    np.testing.assert_allclose(bias_projection(keyed, pair, words), expected)
    assert direct_bias(keyed, words, pair) == direct_bias(held, words, pair)
    np.testing.assert_allclose(ripa(keyed, [pair], words), ripa(held, [pair], words))
    sets = [["nurse", "nursing"], ["boss", "bosses"]], [["she"], ["he"]]
    result = weat(keyed, *sets)
    assert result.effect_size == weat(held, *sets).effect_size
    assert result.missing == {}
    pairs = [("nurse", "nursing", 3), ("boss", "bosses", 4), ("boss", "nurse", 1)]
    assert word_similarity(keyed, pairs).pearson == word_similarity(held, pairs).pearson


def test_analogies_are_of_the_vocabulary(keyed):
    assert compute_analogy(keyed, "he", "boss", "she")[0][0] in {"nurse", "nurses"}
    with pytest.raises(ValueError, match="'bosses' are not in the vocabulary"):
        compute_analogy(keyed, "he", "bosses", "she")
