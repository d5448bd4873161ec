"""Similarity against gensim's and by ranks, SemBias by hand, and with its ties."""

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.test.utils import datapath
from scipy.stats import rankdata

from sklearn_privfair.metrics import sembias, word_similarity
from sklearn_privfair.metrics._word_files import read_choices, read_scored_pairs

WORDS = [f"w{i}" for i in range(30)]


@pytest.fixture
def keyed():
    rng = np.random.default_rng(0)
    keyed = KeyedVectors(6, dtype=np.float32)
    keyed.add_vectors(WORDS, rng.normal(size=(30, 6)).astype(np.float32))
    return keyed


def test_similarity_is_that_of_gensim(keyed, tmp_path):
    rng = np.random.default_rng(1)
    pairs = [(*map(str, rng.choice(WORDS, 2, replace=False)), float(i % 7)) for i in range(40)]
    pairs.append(("w1", "gone", 3.0))
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs))
    result = word_similarity(keyed, pairs)
    pearson, spearman, left_out = keyed.evaluate_word_pairs(str(path), case_insensitive=False)
    assert result.spearman == pytest.approx(spearman.statistic, rel=1e-6)
    assert result.pearson == pytest.approx(pearson.statistic, rel=1e-6)
    assert result.p_value == pytest.approx(spearman.pvalue, rel=1e-5)
    assert (result.n_pairs, result.n_left_out) == (40, 1)
    assert left_out == pytest.approx(100 / 41)
    ranks = rankdata(result.pairs["judgement"]), rankdata(result.pairs["cosine"])
    assert result.spearman == pytest.approx(np.corrcoef(*ranks)[0, 1])
    again = word_similarity(keyed, path)
    assert again.spearman == result.spearman


@pytest.mark.parametrize("name", ["wordsim353.tsv", "simlex999.txt"])
def test_files_that_gensim_ships(name):
    pairs = read_scored_pairs(datapath(name))
    assert len(pairs) == int(name[-7:-4])
    assert all(0 <= score <= 10 for _, _, score in pairs)


def test_similarity_of_other_case_and_bad_input(tmp_path):
    vectors = {"cup": [1, 0.2], "mug": [1, 0.3], "tea": [0.7, 0.7], "sky": [-0.2, 1]}
    pairs = [("Cup", "mug", 9), ("cup", "Tea", 6), ("cup", "SKY", 1)]
    with pytest.raises(ValueError, match="Of the 3 pairs 0 have vectors; 3 are needed"):
        word_similarity(vectors, pairs)
    assert word_similarity(vectors, pairs, case_sensitive=False).spearman == pytest.approx(1)
    same = [(a.lower(), b.lower(), 1) for a, b, _ in pairs]
    with pytest.raises(ValueError, match="are the same: there is no correlation"):
        word_similarity(vectors, same)
    with pytest.raises(ValueError, match="two words and a number"):
        word_similarity(vectors, [("cup", "mug", "9")])
    path = tmp_path / "pairs.csv"
    path.write_text("Word 1,Word 2,Human (mean)\ncup,mug,9\ncup,tea,6\ncup,sky,1\n")
    assert word_similarity(vectors, path).spearman == pytest.approx(1)
    path.write_text("cup mug 9\ncup tea\n")
    with pytest.raises(ValueError, match="line 2, is not two words and a number: 'cup tea'"):
        word_similarity(vectors, path)


VECTORS = {
    "he": [1.0, 0, 0], "she": [-1.0, 0, 0],
    "king": [1.0, 1, 0], "queen": [-1.0, 1, 0],
    "doctor": [0.2, 0, 1], "nurse": [-0.2, 0.5, 1],
    "cup": [0.0, 2, 1], "lid": [0.1, 1, 1],
    "pen": [0.0, 0, 2], "ink": [0.0, 1, 0],
}  # fmt: skip
QUESTION = [("king", "queen"), ("cup", "lid"), ("pen", "ink"), ("doctor", "nurse")]


def test_sembias():
    difference = np.array([np.subtract(VECTORS[a], VECTORS[b]) for a, b in QUESTION])
    expected = difference[:, 0] / np.linalg.norm(difference, axis=1)
    turned = [("lid", "cup"), ("queen", "king"), ("pen", "ink"), ("doctor", "nurse")]
    result = sembias(VECTORS, [QUESTION, turned, turned])
    np.testing.assert_allclose(result.questions.iloc[0, :4].astype(float), expected)
    assert result.definition == pytest.approx(1 / 3)
    assert result.stereotype == pytest.approx(2 / 3)
    assert result.none == 0
    assert result.questions["best"].tolist() == ["definition", "stereotype", "stereotype"]
    backwards = sembias(VECTORS, [QUESTION], pair=("she", "he"))
    assert backwards.none == 1


def test_ties_are_not_decided_by_rounding():
    """Without the direction all cosines are 0; a plain argmax would name the first pair."""
    rng = np.random.default_rng(0)
    noise = {w: 1e-9 * rng.normal() for w in VECTORS}
    flat = {w: [noise[w], *v[1:]] for w, v in VECTORS.items()} | {
        "he": [1, 0, 0],
        "she": [-1, 0, 0],
    }
    flat |= {"king": [0.0, 1, 1]}
    result = sembias(flat, [QUESTION])
    assert result.definition == result.stereotype == 0.25
    assert result.none == 0.5


def test_sembias_left_out_and_bad_input(tmp_path):
    path = tmp_path / "SemBias"
    lines = ["\t".join(":".join(pair) for pair in QUESTION), "a:b c:d e:f king:queen"]
    path.write_text("\n".join(lines))
    assert read_choices(path)[0] == QUESTION
    result = sembias(VECTORS, path)
    assert (result.n_questions, result.n_left_out) == (1, 1)
    with pytest.raises(ValueError, match="Of the 1 questions none has all"):
        sembias(VECTORS, read_choices(path)[1:])
    with pytest.raises(ValueError, match="must be four pairs of words"):
        sembias(VECTORS, [QUESTION[:3]])
    with pytest.raises(ValueError, match="have the same vector"):
        sembias(VECTORS, [QUESTION], pair=("he", "he"))
    with pytest.raises(ValueError, match="all pairs are of words with the same vector"):
        sembias(VECTORS, [[("king", "king")] * 4])
