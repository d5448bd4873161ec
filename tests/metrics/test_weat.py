"""WEAT against loops from the paper, its p-value against all splits one by one."""

import math
from itertools import combinations

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_privfair.metrics import MissingWordsWarning, weat
from sklearn_privfair.metrics._word_splits import share_of_splits


def draw(seed, n_words=40, n_features=5, dtype=np.float64):
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(n_words)]
    return words, rng.normal(size=(n_words, n_features)).astype(dtype)


def cosine(v, w):
    return sum(v * w) / math.sqrt(sum(v * v)) / math.sqrt(sum(w * w))


def association(vector, A, B):
    return sum(cosine(vector, a) for a in A) / len(A) - sum(cosine(vector, b) for b in B) / len(B)


def sets_of(words, *sizes):
    """Cut a list of words into lists of these sizes."""
    ends = np.cumsum(sizes)
    return [words[end - size : end] for end, size in zip(ends, sizes, strict=True)]


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("sizes", [(4, 4, 3, 5), (3, 5, 2, 2), (2, 2, 1, 1)])
def test_against_loops(sizes, ddof):
    words, array = draw(0)
    vectors = dict(zip(words, array, strict=True))
    X, Y, A, B = sets_of(words, *sizes)
    result = weat(vectors, {"x": X, "y": Y}, [A, B], ddof=ddof)
    s = {
        w: association(vectors[w], [vectors[a] for a in A], [vectors[b] for b in B]) for w in X + Y
    }
    mean_x, mean_y = (sum(s[w] for w in side) / len(side) for side in (X, Y))
    mean = sum(s.values()) / len(s)
    spread = math.sqrt(sum((v - mean) ** 2 for v in s.values()) / (len(s) - ddof))
    assert result.effect_size == pytest.approx((mean_x - mean_y) / spread, rel=1e-12)
    assert result.statistic == pytest.approx(sum(s[w] for w in X) - sum(s[w] for w in Y), rel=1e-12)
    assert result.words["association"].tolist() == pytest.approx([s[w] for w in X + Y])
    assert result.words["targets"].tolist() == ["x"] * len(X) + ["y"] * len(Y)
    cosines = [cosine(vectors[X[0]], vectors[w]) for w in A + B]
    wefat = s[X[0]] / np.std(cosines, ddof=ddof)
    assert result.words["effect_size"][0] == pytest.approx(wefat)

    differences = []
    for chosen in combinations(X + Y, len(X)):
        others = [w for w in X + Y if w not in chosen]
        differences.append(
            sum(s[w] for w in chosen) / len(X) - sum(s[w] for w in others) / len(others)
        )
    observed = differences[0]  # combinations come in order, the first is X
    assert result.n_splits == len(differences)
    assert result.exact
    assert result.p_value == np.mean([d >= observed - 1e-12 for d in differences])
    two_sided = weat(vectors, [X, Y], [A, B], alternative="two-sided")
    assert two_sided.p_value == np.mean([abs(d) >= abs(observed) - 1e-12 for d in differences])


@pytest.mark.parametrize("n_chosen", [1, 4, 6, 7])
def test_exact_splits_with_ties(n_chosen):
    """Numbers of few values: sums tie, and ties count."""
    rng = np.random.default_rng(n_chosen)
    values = rng.integers(0, 3, 8) / 10
    common = {"n_resamples": 1, "rng": None, "method": "exact"}
    for two_sided in (False, True):
        share, n_splits, _ = share_of_splits(values, n_chosen, two_sided=two_sided, **common)
        sums = np.array([sum(c) for c in combinations(values - values.mean(), n_chosen)])
        sums = np.abs(sums) if two_sided else sums
        assert n_splits == len(sums) == math.comb(8, n_chosen)
        assert share == np.mean(sums >= sums[0] - 1e-12)
        sampled = {"n_resamples": 20_000, "rng": np.random.RandomState(0), "method": "sampled"}
        found = share_of_splits(values, n_chosen, two_sided=two_sided, **sampled)[0]
        assert abs(found - share) < 5 * math.sqrt(0.25 / 20_000)  # without ties it is further off


def test_closed_form_of_the_most_extreme_split():
    """Where X is nearer than all of Y, one split of all is as extreme."""
    words = [f"x{i}" for i in range(18)] + [f"y{i}" for i in range(18)] + ["a", "b"]
    angle = np.r_[np.linspace(0, 0.5, 18), np.linspace(0.9, 1.5, 18), 0, np.pi / 2]
    array = np.column_stack([np.cos(angle), np.sin(angle)])
    sides = [words[:18], words[18:36]]
    result = weat((words, array), sides, [["a"], ["b"]])
    assert result.exact
    assert result.n_splits == math.comb(36, 18)
    assert result.p_value == 1 / math.comb(36, 18)
    assert 1.5 < result.effect_size < 2
    turned = weat((words, array), sides[::-1], [["a"], ["b"]])
    assert turned.p_value == 1.0
    assert turned.effect_size == -result.effect_size
    assert weat(
        (words, array), sides, [["a"], ["b"]], alternative="two-sided"
    ).p_value == 2 / math.comb(36, 18)


def test_sampling_is_near_to_exact_and_seeded():
    words, array = draw(3)
    sets = sets_of(words, 8, 8, 4, 4)
    exact = weat((words, array), sets[:2], sets[2:])
    assert 0.05 < exact.p_value < 0.95
    common = {"method": "sampled", "n_resamples": 40_000}
    sampled = weat((words, array), sets[:2], sets[2:], random_state=0, **common)
    assert not sampled.exact
    assert sampled.n_splits == 40_000
    error = math.sqrt(exact.p_value * (1 - exact.p_value) / 40_000)
    assert 0 < abs(sampled.p_value - exact.p_value) < 5 * error
    again = weat((words, array), sets[:2], sets[2:], random_state=0, **common)
    assert again.p_value == sampled.p_value
    other = weat((words, array), sets[:2], sets[2:], random_state=1, **common)
    assert other.p_value != sampled.p_value


def test_many_words_are_sampled_and_never_0():
    words, array = draw(0, 130, 3)
    array[:30, 0] += 9
    result = weat(
        (words, array), [words[:30], words[30:60]], [words[:2], words[60:90]],
        n_resamples=999, random_state=0,
    )  # fmt: skip
    assert not result.exact
    assert result.p_value == 1 / 1000
    with pytest.raises(ValueError, match=r"2\*\*30 sums of 60 words.*method='sampled'"):
        weat((words, array), [words[:30], words[30:60]], [words[60:], words[:2]], method="exact")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_dtypes_and_containers(dtype):
    from gensim.models import KeyedVectors

    words, array = draw(5)
    array = (10 * array).astype(dtype)
    sets = sets_of(words, 4, 4, 3, 3)
    expected = weat(dict(zip(words, array.astype(float), strict=True)), sets[:2], sets[2:])
    result = weat((words, array), sets[:2], sets[2:])
    assert result.effect_size == expected.effect_size
    if dtype != np.int64:
        keyed = KeyedVectors(5, dtype=dtype)
        keyed.add_vectors(words, array)
        assert weat(keyed, sets[:2], sets[2:]).effect_size == expected.effect_size


def test_missing_words_are_never_silent():
    """A peer gives NaN for them, without a word."""
    words, array = draw(6)
    X, Y, A, B = sets_of(words, 4, 4, 3, 3)
    whole = weat((words, array), [X, Y], [A, B])
    with pytest.warns(MissingWordsWarning, match=r"x lacks 'gone'; attributes\[1\] lacks 'also'"):
        result = weat((words, array), {"x": [*X, "gone"], "y": Y}, [A, ["also", *B]])
    assert result.effect_size == whole.effect_size
    assert result.missing == {"x": ["gone"], "attributes[1]": ["also"]}
    assert whole.missing == {}
    with pytest.raises(ValueError, match="x lacks 'gone'"):
        weat((words, array), {"x": [*X, "gone"], "y": Y}, [A, B], missing="raise")
    result = weat((words, array), [[*X, "gone"], Y], [A, B], missing="ignore")
    assert result.missing == {"targets[0]": ["gone"]}
    with pytest.raises(ValueError, match=r"targets\[0\] needs at least 2 words.* 'gone', 'left'"):
        weat((words, array), [["w1", "gone", "left"], Y], [A, B], missing="ignore")
    with pytest.raises(ValueError, match=r"attributes\[0\] needs at least 1"):
        weat((words, array), [X, Y], [["gone"], B])


def test_no_difference_left_is_said():
    """Debiased vectors: what is left of the difference is rounding, and has no effect size."""
    rng = np.random.default_rng(0)
    array = rng.normal(size=(10, 4)).astype(np.float32)
    array[:8, 0] = 0  # neutral words; the attributes differ in the first feature alone
    array[8:] = [[1, 1, 1, 1], [-1, 1, 1, 1]]
    array /= np.linalg.norm(array, axis=1, keepdims=True)
    words = [f"w{i}" for i in range(8)] + ["she", "he"]
    with pytest.warns(UndefinedMetricWarning, match="up to rounding"):
        result = weat((words, array), [words[:4], words[4:8]], [["she"], ["he"]])
    assert np.isnan(result.effect_size)
    assert result.statistic == 0
    assert result.p_value == 1


@pytest.mark.parametrize(
    ("targets", "attributes", "error", "match"),
    [
        ([["w0", "w1"]], [["w4"], ["w5"]], ValueError, "targets must be 2 sets of words; got 1"),
        (["w0", "w1"], [["w4"], ["w5"]], TypeError, "holds the word 'w0'"),
        ([["w0", "w1"], "w2"], [["w4"], ["w5"]], TypeError, "holds the word 'w2'"),
        ([["w0", "w1"], ["w1", "w2"]], [["w4"], ["w5"]], ValueError, r"\['w1'\] are in both"),
        ([["w0", "w0"], ["w1", "w2"]], [["w4"], ["w5"]], ValueError, "'w0' more than once"),
        ([["w0", 3], ["w1", "w2"]], [["w4"], ["w5"]], TypeError, "it holds 3"),
        ([["w0", "w3"], ["w1", "w2"]], [["zero"], ["w5"]], ValueError, "'zero' are zero"),
        ([["w0", "w3"], ["w1", "nan"]], [["w4"], ["w5"]], ValueError, "'nan' hold NaN"),
    ],
)
def test_bad_input(targets, attributes, error, match):
    words, array = draw(0, 8)
    vectors = dict(zip(words, array, strict=True))
    vectors |= {"zero": np.zeros(5), "nan": np.full(5, np.nan)}
    with pytest.raises(error, match=match):
        weat(vectors, targets, attributes)


PUBLISHED = {  # effect sizes of word2vec, Caliskan et al., table 2; their lists are those here
    ("flowers", "insects", "pleasant_5", "unpleasant_5a"): 1.54,
    ("instruments", "weapons", "pleasant_5", "unpleasant_5a"): 1.63,
    ("european_american_names_5", "african_american_names_5", "pleasant_5", "unpleasant_5b"): 0.58,
    ("european_american_names_7", "african_american_names_7", "pleasant_9", "unpleasant_9"): 0.72,
    ("male_names", "female_names", "career", "family"): 1.89,
    ("math", "arts", "male_terms", "female_terms"): 0.97,
    ("science", "arts_2", "male_terms_2", "female_terms_2"): 1.24,
    ("mental_disease", "physical_disease", "temporary", "permanent"): 1.30,
}


@pytest.mark.parametrize(("names", "effect_size"), PUBLISHED.items(), ids=lambda v: str(v)[:20])
def test_published_effect_sizes(google_news, word_list, names, effect_size):
    """To two digits, which `ddof=0` misses in all eight."""
    sets = word_list("WEAT_wefe.json")
    X, Y, A, B = (sets[name] for name in names)
    result = weat(google_news, [X, Y], [A, B], missing="ignore", random_state=0)
    assert result.effect_size == pytest.approx(effect_size, abs=0.0051)
    assert result.p_value < 0.03
    biased = weat(google_news, [X, Y], [A, B], ddof=0, missing="ignore", random_state=0)
    assert biased.effect_size != pytest.approx(effect_size, abs=0.0051)
