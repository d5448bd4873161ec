"""RND, MAC, ECT, RIPA and RNSB against loops over words, written down from the papers."""

import math

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression

from sklearn_privfair.metrics import (
    MissingWordsWarning,
    embedding_coherence_test,
    mean_average_cosine,
    relative_negative_sentiment_bias,
    relative_norm_distance,
    ripa,
)

WORDS = [f"w{i}" for i in range(30)]
F, M, NEUTRAL, A, B = WORDS[:4], WORDS[4:7], WORDS[7:15], WORDS[15:21], WORDS[21:29]


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    return dict(zip(WORDS, rng.normal(size=(30, 6)), strict=True))


def norm(v):
    return math.sqrt(sum(x * x for x in v))


def cosine(v, w):
    return sum(x * y for x, y in zip(v, w, strict=True)) / norm(v) / norm(w)


def mean_of(vectors, words, unit=False):
    rows = [vectors[w] / norm(vectors[w]) if unit else vectors[w] for w in words]
    return sum(rows) / len(rows)


def ranks(values):
    return [sum(v < other for v in values) for other in values]


def test_relative_norm_distance(vectors):
    first, second = (mean_of(vectors, group, unit=True) for group in (F, M))
    by_word = []
    for word in NEUTRAL:
        w = vectors[word] / norm(vectors[word])
        by_word.append(norm(w - first) - norm(w - second))
    value, table = relative_norm_distance(vectors, [F, M], NEUTRAL, return_words=True)
    assert value == pytest.approx(sum(by_word) / len(by_word))
    assert table.tolist() == pytest.approx(by_word)
    assert table.index.tolist() == NEUTRAL
    assert relative_norm_distance(vectors, [M, F], NEUTRAL) == pytest.approx(-value)
    expected = [cosine(vectors[w], second) - cosine(vectors[w], first) for w in NEUTRAL]
    by_cosine = relative_norm_distance(vectors, {"f": F, "m": M}, NEUTRAL, distance="cosine")
    assert by_cosine == pytest.approx(sum(expected) / len(expected))


def test_relative_norm_distance_has_one_sign_in_both_distances():
    """Negative is nearer to the first group; a peer's cosine turns it round."""
    vectors = {"she": [0.0, 1.0], "he": [1.0, 0.0], "nurse": [0.1, 3.0]}
    for distance in ("euclidean", "cosine"):
        assert relative_norm_distance(vectors, [["she"], ["he"]], ["nurse"], distance=distance) < 0


def test_mean_average_cosine(vectors):
    by_set = [
        [sum(1 - cosine(vectors[t], vectors[a]) for a in words) / len(words) for words in (A, B)]
        for t in F
    ]
    value, table = mean_average_cosine(vectors, F, {"a": A, "b": B}, return_words=True)
    np.testing.assert_allclose(table, by_set)
    assert table.columns.tolist() == ["a", "b"]
    assert value == pytest.approx(sum(map(sum, by_set)) / (2 * len(F)))
    assert mean_average_cosine(vectors, F[:1], [F[:1]]) == pytest.approx(0, abs=1e-12)


def test_embedding_coherence(vectors):
    cosines = [[cosine(vectors[w], mean_of(vectors, group)) for w in NEUTRAL] for group in (F, M)]
    first, second = map(ranks, cosines)
    n = len(NEUTRAL)
    squares = sum((r - s) ** 2 for r, s in zip(first, second, strict=True))
    expected = 1 - 6 * squares / (n * (n * n - 1))
    assert embedding_coherence_test(vectors, [F, M], NEUTRAL) == pytest.approx(expected)
    assert abs(expected) < 0.95
    assert embedding_coherence_test(vectors, [F, F], NEUTRAL) == 1.0
    flat = {"she": [0.0, 1.0], "he": [1.0, 0.0]}
    flat |= {"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [3.0, 3.0]}
    with pytest.warns(UndefinedMetricWarning, match="as near to all"):
        assert np.isnan(embedding_coherence_test(flat, [["she"], ["he"]], ["a", "b", "c"]))
    opposite = {"she": [0.0, 1.0], "he": [0.0, -1.0], "a": [1.0, 0.0], "b": [1.0, 1], "c": [0.0, 1]}
    with pytest.raises(ValueError, match="zero and has no direction"):
        embedding_coherence_test(opposite, [["she", "he"], ["he"]], ["a", "b", "c"])


def test_ripa(vectors):
    pairs = list(zip(F, M, strict=False))
    table = ripa(vectors, pairs, NEUTRAL)
    for word in NEUTRAL:
        scores = []
        for x, y in pairs:
            difference = vectors[x] - vectors[y]
            scores.append(sum(vectors[word] * difference) / norm(difference))
        mean = sum(scores) / 3
        assert table.loc[word, "mean"] == pytest.approx(mean)
        spread = math.sqrt(sum((s - mean) ** 2 for s in scores) / 3)
        assert table.loc[word, "std"] == pytest.approx(spread)
    longer = vectors | {"w7": 3 * vectors["w7"]}  # the length of a word counts
    assert ripa(longer, pairs, ["w7"])["mean"]["w7"] == pytest.approx(3 * table["mean"]["w7"])
    with pytest.warns(MissingWordsWarning, match="pairs lacks 'gone'"):
        with_missing = ripa(vectors, [*pairs, ("w0", "gone")], NEUTRAL)
    np.testing.assert_array_equal(with_missing, table)
    with pytest.raises(ValueError, match=r"\('w0', 'w0'\).* same vector"):
        ripa(vectors, [("w0", "w0")], NEUTRAL)


def test_relative_negative_sentiment_bias(vectors):
    rng = np.random.default_rng(1)
    vectors |= {w: rng.normal(size=6) + 2 * np.eye(6)[0] for w in B}  # negative words
    unit = {w: v / norm(v) for w, v in vectors.items()}
    model = LogisticRegression().fit([unit[w] for w in A + B], [0] * len(A) + [1] * len(B))
    negative = []
    for word in NEUTRAL:
        z = sum(model.coef_[0] * unit[word]) + model.intercept_[0]
        negative.append(1 / (1 + math.exp(-z)))
    share = [p / sum(negative) for p in negative]
    expected = sum(p * math.log(p * len(share)) for p in share)
    result = relative_negative_sentiment_bias(vectors, NEUTRAL, [A, B], random_state=0)
    assert result.divergence == pytest.approx(expected)
    assert result.divergence > 1e-3
    assert result.words["share"].tolist() == pytest.approx(share)
    assert result.words["probability"].tolist() == pytest.approx(negative)
    assert result.accuracy > 0.7
    turned = relative_negative_sentiment_bias(vectors, NEUTRAL, [B, A], random_state=0)
    assert turned.words["probability"].tolist() == pytest.approx([1 - p for p in negative])


def test_sentiment_that_cannot_be_told_is_said_to_be():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(300)]
    array = rng.normal(size=(300, 4))
    result = relative_negative_sentiment_bias(
        (words, array), words[:5], [words[5:150], words[150:]], random_state=0
    )
    assert 0.35 < result.accuracy < 0.65


CALLS = {
    "rnd": lambda v, lost, **kw: relative_norm_distance(v, [[*F, *lost], M], NEUTRAL, **kw),
    "mac": lambda v, lost, **kw: mean_average_cosine(v, [*F, *lost], [A, B], **kw),
    "ect": lambda v, lost, **kw: embedding_coherence_test(v, [F, M], [*NEUTRAL, *lost], **kw),
    "ripa": lambda v, lost, **kw: ripa(v, [(F[0], M[0])], [*A, *lost], **kw)["mean"].mean(),
    "rnsb": lambda v, lost, **kw: (
        relative_negative_sentiment_bias(
            v, NEUTRAL, [[*A, *lost], B], random_state=0, **kw
        ).divergence
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_missing_words(vectors, name):
    call = CALLS[name]
    value = call(vectors, [])
    assert np.isfinite(value)
    with pytest.warns(MissingWordsWarning, match="'gone'"):
        assert call(vectors, ["gone"]) == value
    assert call(vectors, ["gone"], missing="ignore") == value
    with pytest.raises(ValueError, match=r"Words without a vector: .*'gone'.*missing='warn'"):
        call(vectors, ["gone"], missing="raise")
    with pytest.raises(ValueError, match="needs at least"):
        call({"elsewhere": np.ones(6)}, [])
