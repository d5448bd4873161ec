"""The direction against scikit-learn's PCA, the biases against the paper's formulas."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_privfair.metrics import (
    MissingWordsWarning,
    bias_direction,
    bias_projection,
    direct_bias,
    indirect_bias,
)

WORDS = [f"w{i}" for i in range(12)]
PAIRS = [("w0", "w1"), ("w2", "w3"), ("w4", "w5")]


@pytest.fixture
def array():
    rng = np.random.default_rng(0)
    array = rng.normal(size=(12, 5))
    array[:6:2, 0] += 3
    array[1:6:2, 0] -= 3
    return array


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_direction_is_the_first_component(array):
    rows = unit(array)
    centred = []
    for i in (0, 2, 4):
        centre = (rows[i] + rows[i + 1]) / 2
        centred += [rows[i] - centre, rows[i + 1] - centre]
    expected = PCA(1).fit(centred).components_[0]
    direction = bias_direction((WORDS, array), PAIRS)
    assert abs(direction @ expected) == pytest.approx(1)
    assert np.linalg.norm(direction) == pytest.approx(1)
    assert direction[0] > 0  # to the first words of the pairs
    turned = bias_direction((WORDS, array), [pair[::-1] for pair in PAIRS])
    np.testing.assert_allclose(turned, -direction)
    one = bias_direction((WORDS, array), PAIRS[:1])
    np.testing.assert_allclose(one, unit(rows[0] - rows[1]))


def test_missing_pairs(array):
    expected = bias_direction((WORDS, array), PAIRS)
    with pytest.warns(MissingWordsWarning, match="pairs lacks 'gone'"):
        found = bias_direction((WORDS, array), [*PAIRS, ("w6", "gone")])
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r"needs at least 1 tuples.*'gone'"):
        bias_direction((WORDS, array), [("w6", "gone")])
    with pytest.raises(ValueError, match="have the same direction"):
        bias_direction((WORDS, array), [("w6", "w6")])
    with pytest.raises(ValueError, match=r"tuples of 2 words; it holds 'ab'"):
        bias_direction((WORDS, array), ["ab"])


@pytest.mark.parametrize("kind", ["array", "pair", "pairs", "long"])
def test_projection_is_a_cosine(array, kind):
    given = {
        "array": np.eye(5)[0],
        "pair": ("w0", "w1"),
        "pairs": PAIRS,
        "long": (7 * np.eye(5)[0]).tolist(),
    }[kind]
    g = {
        "pair": unit(unit(array[0]) - unit(array[1])),
        "pairs": bias_direction((WORDS, array), PAIRS),
    }.get(kind, np.eye(5)[0])
    expected = [row @ g / np.linalg.norm(row) for row in array]
    projection = bias_projection((WORDS, array), given)
    assert projection.index.tolist() == WORDS
    np.testing.assert_allclose(projection, expected)
    some = bias_projection((WORDS, array), given, ["w7", "w3"])
    np.testing.assert_allclose(some, [expected[7], expected[3]])
    assert direct_bias((WORDS, array), WORDS, given) == pytest.approx(np.mean(np.abs(expected)))
    strict = direct_bias((WORDS, array), WORDS, given, strictness=0.5)
    assert strict == pytest.approx(np.mean(np.abs(expected) ** 0.5))


def test_projection_of_a_large_vocabulary_goes_by_blocks(monkeypatch):
    from sklearn_privfair.metrics import _bias_direction

    rng = np.random.default_rng(0)
    array = rng.normal(size=(100, 4)).astype(np.float32)
    array[17] = 0
    words = [f"w{i}" for i in range(100)]
    whole = bias_projection((words, array), np.ones(4))
    monkeypatch.setattr(_bias_direction, "_BLOCK", 28)
    np.testing.assert_array_equal(bias_projection((words, array), np.ones(4)), whole)
    assert whole["w17"] == 0
    with pytest.raises(ValueError, match="'w17' are zero"):
        bias_projection((words, array), np.ones(4), ["w17"])


def test_direct_bias_of_a_subspace(array):
    """Components that are neither orthogonal nor of length 1 span the same subspace."""
    subspace = np.array([[2.0, 0, 0, 0, 0], [1.0, 1, 0, 0, 0]])
    expected = [np.linalg.norm(row[:2]) / np.linalg.norm(row) for row in array]
    assert direct_bias((WORDS, array), WORDS, subspace) == pytest.approx(np.mean(expected))
    with pytest.raises(ValueError, match="2 components; pass one"):
        bias_projection((WORDS, array), subspace)
    with pytest.raises(ValueError, match="depend on each other"):
        direct_bias((WORDS, array), WORDS, [[1.0, 0, 0, 0, 0], [2.0, 0, 0, 0, 0]])
    with pytest.raises(ValueError, match="zero vectors"):
        direct_bias((WORDS, array), WORDS, np.zeros(5))
    with pytest.raises(ValueError, match="direction has 4 features and the word vectors have 5"):
        direct_bias((WORDS, array), WORDS, np.ones(4))


def test_direct_bias_is_0_once_the_direction_is_gone(array):
    g = bias_direction((WORDS, array), PAIRS)
    gone = array - np.outer(array @ g, g)
    assert direct_bias((WORDS, gone), WORDS, g) < 1e-15
    assert direct_bias((WORDS, array), WORDS, g) > 0.1


def test_indirect_bias(array):
    g = bias_direction((WORDS, array), PAIRS)
    table = indirect_bias((WORDS, array), "w6", ["w7", "w8"], PAIRS)
    w = unit(array[6])
    for word, row in (("w7", array[7]), ("w8", array[8])):
        v = unit(row)
        w_left, v_left = w - (w @ g) * g, v - (v @ g) * g
        without = w_left @ v_left / np.linalg.norm(w_left) / np.linalg.norm(v_left)
        assert table.loc[word, "similarity"] == pytest.approx(w @ v)
        assert table.loc[word, "indirect_bias"] == pytest.approx((w @ v - without) / (w @ v))


def test_indirect_bias_where_it_is_not_defined():
    vectors = {"a": [1.0, 0.0, 0.0], "b": [0.0, 1.0, 0.0], "c": [1.0, 1.0, 0.0]}
    with pytest.warns(UndefinedMetricWarning, match="NaN for 'b': the similarity to 'a' is 0"):
        table = indirect_bias(vectors, "a", ["b", "c"], [0.0, 0.0, 1.0])
    assert np.isnan(table.loc["b", "indirect_bias"])
    assert table.loc["c", "indirect_bias"] == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="word needs at least 1"):
        indirect_bias(vectors, "gone", ["b"], [0.0, 0.0, 1.0])
    with pytest.warns(MissingWordsWarning, match="words lacks 'gone'"):
        indirect_bias(vectors, "a", ["c", "gone"], [0.0, 0.0, 1.0])


def test_professions_of_google_news(google_news, word_list):
    """The paper has .08 for its professions; 0.073 without those of one gender by definition."""
    professions = [profession[0] for profession in word_list("professions.json")]
    specific = set(word_list("gender_specific_full.json"))
    pairs = word_list("definitional_pairs.json")
    assert direct_bias(google_news, professions, pairs) == pytest.approx(0.0805, abs=1e-4)
    neutral = [word for word in professions if word not in specific]
    assert direct_bias(google_news, neutral, pairs) == pytest.approx(0.0731, abs=1e-4)
