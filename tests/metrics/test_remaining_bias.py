"""Tests of what remains of a bias: they find what is hidden, and nothing where there is nothing."""

from itertools import permutations, product
from math import comb

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit
from sklearn.neighbors import NearestNeighbors

from sklearn_privfair.metrics import (
    MissingWordsWarning,
    bias_by_neighbors,
    bias_clustering,
    bias_probe,
    bias_projection,
    most_biased_words,
    remaining_bias,
)

N = 300
WORDS = ["".join(letters) for letters in product("abcdefg", repeat=3)][:N]


@pytest.fixture(scope="module")
def made():
    """Vectors with a gender along the first axis, and as they are hidden, erased, without any."""
    rng = np.random.default_rng(0)
    gender, noise = rng.normal(size=(N, 1)), rng.normal(size=(N, 10))
    before = np.hstack([3 * gender, noise])
    before[:, 1:4] += 2 * gender
    hidden = before * (np.arange(11) > 0)  # no direct bias, and all the rest of it
    none = np.hstack([np.zeros((N, 1)), rng.normal(size=(N, 10))])  # not the noise that chose words
    return {"before": before, "hidden": hidden, "none": none}


def test_most_biased_words():
    projection = pd.Series(
        {"far": -0.9, "Name": -0.8, "near": -0.2, "left": -0.5, "two_words": 0.9, "def": 0.7}
        | {"right": 0.6, "mid": 0.1, "rare": 0.8}
    )
    words, groups = most_biased_words(projection, 2, exclude=["def"], first=8)
    assert words == ["far", "left", "right", "mid"]
    assert groups.tolist() == [0, 0, 1, 1]
    words, _ = most_biased_words(projection, 2, first=None, lowercase=False)
    assert words == ["far", "Name", "two_words", "rare"]
    with pytest.raises(ValueError, match="n_words=4 of each side are asked for, and only 7"):
        most_biased_words(projection, 4)
    with pytest.raises(ValueError, match="must lie on both sides of 0"):
        most_biased_words(projection - 1, 3)


def test_clustering_is_matched_over_all_ways(made):
    words, groups = WORDS[:90], np.repeat(["a", "b", "c"], 30)
    rng = np.random.default_rng(0)
    array = rng.normal(size=(90, 4)) + 2.0 * (groups[:, None] == ["a", "b", "c", "d"])
    result = bias_clustering((words, array), words, groups, random_state=0)
    found = result.clusters.to_numpy()
    ways = [dict(zip("abc", way, strict=True)) for way in permutations(range(3))]
    best = max(np.mean([way[g] == c for g, c in zip(groups, found, strict=True)]) for way in ways)
    assert result.accuracy == best
    assert 0.6 < best < 1
    assert result.p_value == 1 / 1000
    assert 1 / 3 < result.chance < 0.45
    assert result.clusters.index.tolist() == words


@pytest.mark.parametrize("kind", ["hidden", "none"])
def test_all_tests_of_one_vectors(made, kind):
    projection = bias_projection((WORDS, made["before"]), np.eye(11)[0])
    words, groups = most_biased_words(projection, 80)
    vectors = (WORDS, made[kind])
    clusters = bias_clustering(vectors, words, groups, random_state=0)
    probe = bias_probe(vectors, words, groups, random_state=0)
    neighbors = bias_by_neighbors(vectors, words, projection, n_neighbors=15)
    if kind == "hidden":
        assert clusters.accuracy > 0.9
        assert probe.low > 0.85
        assert neighbors.correlation > 0.7
        assert max(clusters.p_value, probe.p_value, neighbors.p_value) <= 0.001
    else:
        assert clusters.accuracy < 0.6
        assert probe.low < 0.5 < probe.high
        assert abs(neighbors.correlation) < 0.3
        assert min(clusters.p_value, probe.p_value, neighbors.p_value) > 0.01


def test_probe_is_that_of_the_folds(made):
    words, groups = WORDS[:60], np.arange(60) % 3 % 2
    split = PredefinedSplit(np.arange(60) // 30)
    model = LogisticRegression()
    rows = made["before"][:60] / np.linalg.norm(made["before"][:60], axis=1, keepdims=True)
    first = model.fit(rows[30:], groups[30:]).predict(rows[:30])
    second = model.fit(rows[:30], groups[:30]).predict(rows[30:])
    right = np.r_[first, second] == groups
    vectors = (WORDS, made["before"])
    for cv in (split, list(split.split())):
        result = bias_probe(vectors, words, groups, estimator=model, cv=cv)
        assert result.accuracy == right.mean()
        assert result.words["word"].tolist() == words
        assert (result.words["group"] == result.words["predicted"]).tolist() == right.tolist()
    assert result.chance == 2 / 3
    n = int(right.sum())
    tail = [comb(60, k) * (2 / 3) ** k * (1 / 3) ** (60 - k) for k in range(n, 61)]
    assert result.p_value == pytest.approx(sum(tail))
    assert result.low < result.accuracy < result.high
    one_way = bias_probe(vectors, words, groups, estimator=model, cv=[(range(30), range(30, 60))])
    assert one_way.accuracy == right[30:].mean()


def test_lengths_count_if_they_are_to():
    """Groups that differ in nothing but the lengths of their vectors."""
    rng = np.random.default_rng(0)
    array = rng.normal(size=(N, 3))
    groups = np.arange(N) % 2
    array *= (1.0 + 9 * groups[:, None]) / np.linalg.norm(array, axis=1, keepdims=True)
    lengths = bias_probe((WORDS, array), WORDS, groups, normalize=False, random_state=0)
    assert lengths.accuracy > 0.95
    assert bias_probe((WORDS, array), WORDS, groups, random_state=0).accuracy < 0.6


def test_probe_learns_on_words_it_is_not_tested_on():
    """Random groups: a probe tested on its own words would know them all."""
    rng = np.random.default_rng(0)
    array = rng.normal(size=(N, 300))
    groups = rng.permutation(np.arange(N) % 2)
    result = bias_probe((WORDS, array), WORDS, groups, random_state=0)
    assert 0.4 < result.accuracy < 0.6


def test_neighbors_against_scikit_learn(made, monkeypatch):
    from sklearn_privfair.metrics import _bias_neighbors

    monkeypatch.setattr(_bias_neighbors, "_BLOCK", 1000)
    projection = bias_projection((WORDS, made["before"]), np.eye(11)[0])
    judged = WORDS[5:200:7]
    result = bias_by_neighbors((WORDS, made["hidden"]), judged, projection, n_neighbors=7)
    search = NearestNeighbors(n_neighbors=8, metric="cosine").fit(made["hidden"])
    places = [WORDS.index(word) for word in judged]
    nearest = search.kneighbors(made["hidden"][places], return_distance=False)[:, 1:]
    share = (projection.to_numpy()[nearest] > 0).mean(axis=1)
    np.testing.assert_allclose(result.words["share"], share)
    expected = np.corrcoef(projection[judged], share)[0, 1]
    assert result.correlation == pytest.approx(expected)
    same = bias_by_neighbors((WORDS, made["hidden"]), judged, projection.abs(), n_neighbors=7)
    assert (same.correlation, same.p_value) == (0.0, 1.0)


def test_remaining_bias_says_where_it_remains(made):
    after = {kind: (WORDS, made[kind]) for kind in ("hidden", "none")}
    given = {"n_words": 80, "n_neighbors": 15, "random_state": 0}
    table = remaining_bias((WORDS, made["before"]), after, np.eye(11)[0], **given)
    assert table.index.levels[0].tolist() == ["before", "hidden", "none"]
    tests = ["clusters", "SVM", "logistic", "neighbours"]
    assert table.loc["before", "remains"][tests].all()
    assert table.loc["hidden", "remains"][tests].all()  # be the direct bias 0
    assert not table.loc["none", "remains"][tests].any()
    direct = table["value"][:, "direct bias"]
    assert direct["before"] > 0.4
    assert direct["hidden"] == direct["none"] == 0
    assert table["remains"][:, "direct bias"].isna().all()
    assert table["remains"].dtype == "boolean"
    again = remaining_bias((WORDS, made["before"]), after, np.eye(11)[0], **given)
    pd.testing.assert_frame_equal(again, table)
    projection = bias_projection((WORDS, made["before"]), np.eye(11)[0])
    words, _ = most_biased_words(projection, 80)
    judged = bias_by_neighbors(after["hidden"], words, projection, n_neighbors=15)
    assert table.loc[("hidden", "neighbours"), "value"] == judged.correlation
    chance = bias_by_neighbors(after["none"], words, projection, n_neighbors=15)
    assert chance.correlation < 0  # the test is whether it is above
    assert table.loc[("none", "neighbours"), "p_value"] == 1 - chance.p_value / 2 > 0.5
    some = remaining_bias(
        (WORDS, made["before"]), after, np.eye(11)[0], words=WORDS[:50], **given
    )  # fmt: skip
    judged = bias_by_neighbors(after["hidden"], WORDS[:50], projection, n_neighbors=15)
    assert some.loc[("hidden", "neighbours"), "p_value"] == judged.p_value / 2
    assert some.loc[("hidden", "neighbours"), "value"] == judged.correlation


def test_missing_words(made):
    vectors, groups = (WORDS, made["before"]), np.arange(30) % 2
    projection = bias_projection(vectors, np.eye(11)[0])
    with pytest.warns(MissingWordsWarning, match="words lacks 'gone'"):
        probe = bias_probe(vectors, [*WORDS[:29], "gone"], groups, random_state=0)
    assert len(probe.words) == 29
    with pytest.warns(MissingWordsWarning, match="words lacks 'gone'"):
        clusters = bias_clustering(vectors, [*WORDS[:29], "gone"], groups, random_state=0)
    assert len(clusters.clusters) == 29
    with pytest.warns(MissingWordsWarning, match="words lacks 'gone'"):
        bias_by_neighbors(vectors, [*WORDS[:29], "gone"], projection, n_neighbors=5)
    with pytest.warns(MissingWordsWarning, match="words lacks 'gone'"):
        remaining_bias(
            vectors, {}, np.eye(11)[0], words=[*WORDS[:29], "gone"], n_words=40, random_state=0
        )
    with pytest.raises(ValueError, match="cv has places in words"):
        bias_probe(vectors, [*WORDS[:29], "gone"], groups, cv=[(range(9), range(9, 29))])
    with pytest.raises(ValueError, match="'gone'"):
        bias_clustering(vectors, [*WORDS[:29], "gone"], groups, missing="raise")


def test_bad_input(made):
    vectors = (WORDS, made["before"])
    projection = bias_projection(vectors, np.eye(11)[0])
    with pytest.raises(ValueError, match="one entry for each of the 4 words; its shape is"):
        bias_probe(vectors, WORDS[:4], [0, 1, 0])
    with pytest.raises(ValueError, match=r"two or more, of two words .*\{0: 3, 1: 1\}"):
        bias_clustering(vectors, WORDS[:4], [0, 1, 0, 0])
    with pytest.raises(ValueError, match="cv=5 folds, and a group has only 2 words"):
        bias_probe(vectors, WORDS[:4], [0, 1, 0, 1])
    with pytest.raises(TypeError, match="must be a classifier"):
        bias_probe(vectors, WORDS[:4], [0, 1, 0, 1], cv=2, estimator=Ridge())
    with pytest.raises(ValueError, match="projection lacks"):
        bias_by_neighbors(vectors, WORDS[:4], projection[4:], n_neighbors=3)
    with pytest.raises(ValueError, match="projection needs at least 301"):
        bias_by_neighbors(vectors, WORDS[:4], projection, n_neighbors=300)
    with pytest.raises(ValueError, match="named 'before'"):
        remaining_bias(vectors, {"before": vectors}, np.eye(11)[0])


def test_hard_debiased_google_news(google_news, word_list):
    """Gonen and Goldberg: clusters .925, SVM .889 where the direct bias is 0 (all GoogleNews)."""
    specific = word_list("gender_specific_full.json")
    pairs = word_list("definitional_pairs.json")
    words = google_news.index_to_key
    array = google_news.vectors / np.linalg.norm(google_news.vectors, axis=1, keepdims=True)
    projection = bias_projection((words, array), pairs)
    direction = np.linalg.lstsq(array.astype(float), projection.to_numpy(), rcond=None)[0]
    flat = array - np.outer(array @ direction, direction)
    table = remaining_bias(
        (words, array), {"flat": (words, flat)}, pairs, exclude=specific, first=8000,
        random_state=0,
    )  # fmt: skip
    assert table.loc[("flat", "direct bias"), "value"] < 1e-7
    assert table.loc[("flat", "clusters"), "value"] > 0.85
    assert table.loc[("flat", "SVM"), "value"] > 0.9
    assert table.loc["flat", "remains"].drop("direct bias").all()
