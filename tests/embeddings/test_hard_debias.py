"""Hard debiasing is what the papers' equations say, word by word; and no bug of its peers."""

import numpy as np
import pytest

from sklearn_privfair.embeddings import HardDebias, load_word_list
from sklearn_privfair.metrics import MissingWordsWarning

from ._vectors import DEFINITIONAL, EQUALIZE, LISTS, NEUTRAL, SPECIFIC, google_news, made, unit

SETS_OF_THREE = [("she", "he", "job0"), ("woman", "man", "job1"), ("her", "his", "job2")]


def by_the_paper(words, X, definitional, equalize, specific, k=1):
    """Neutralize and equalize as Bolukbasi et al. write it, by covariances and loops."""
    W = {word: unit(x) for word, x in zip(words, X.astype(np.float64), strict=True)}
    C = np.zeros((X.shape[1], X.shape[1]))
    for D in definitional:
        mean = np.mean([W[w] for w in D], axis=0)
        for w in D:
            C += np.outer(W[w] - mean, W[w] - mean) / len(D)
    B = np.linalg.eigh(C)[1][:, ::-1][:, :k]

    def part(w):
        return B @ (B.T @ w)

    new = {w: W[w] if w in specific else unit(W[w] - part(W[w])) for w in words}
    for E in equalize:
        nu = np.mean([new[w] - part(new[w]) for w in E], axis=0)
        mean = np.mean([W[w] for w in E], axis=0)
        for w in E:
            new[w] = nu + np.sqrt(1 - nu @ nu) * unit(part(W[w] - mean))
    return np.array([new[w] for w in words])


@pytest.mark.parametrize(("dtype", "tol"), [(np.float64, 1e-13), (np.float32, 5e-7)])
def test_pairs_as_the_paper_has_it(dtype, tol):
    words, X = made(dtype)
    new_words, new = HardDebias(**LISTS).fit_transform((words, X))
    expected = by_the_paper(words, X, DEFINITIONAL, EQUALIZE, SPECIFIC)
    assert new_words == words
    assert new.dtype == dtype
    np.testing.assert_allclose(new, expected, atol=tol)


def test_three_groups_as_the_paper_has_it():
    words, X = made()
    equalize = [("queen", "king", "job7"), ("mother", "father", "job8")]
    debias = HardDebias(SETS_OF_THREE, equalize, ["she", "job0"])
    _, new = debias.fit_transform((words, X))
    assert debias.components_.shape == (2, 12)
    expected = by_the_paper(words, X, SETS_OF_THREE, equalize, ["she", "job0"], k=2)
    np.testing.assert_allclose(new, expected, atol=1e-13)


def test_neutral_words_have_no_bias_and_pairs_are_equally_far_from_them():
    words, X = made()
    debias = HardDebias(**LISTS).fit((words, X))
    new = dict(zip(*debias.transform((words, X)), strict=True))
    bias = debias.components_[0]
    for word in NEUTRAL:
        assert abs(new[word] @ bias) < 1e-14
        for first, second in EQUALIZE:
            assert new[first] @ new[word] == pytest.approx(new[second] @ new[word], abs=1e-14)


def test_the_first_words_lie_on_the_positive_side():
    words, X = made()
    debias = HardDebias(**LISTS).fit((words, X))
    flipped = HardDebias([s[::-1] for s in DEFINITIONAL], None, None).fit((words, X))
    assert unit(X[0]) @ debias.components_[0] > unit(X[1]) @ debias.components_[0]
    np.testing.assert_allclose(flipped.components_, -debias.components_, atol=1e-13)
    assert debias.explained_variance_ratio_[0] > 0.5


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("specific", [SPECIFIC, []], ids=["kept", "neutralized first"])
def test_each_word_of_a_pair_stays_on_its_side_at_unit_length(dtype, specific):
    """A pair outside the list of specific words has been neutralized: its sign is in the past."""
    words, X = made(dtype)
    debias = HardDebias(**LISTS | {"specific_words": specific}).fit((words, X))
    new = dict(zip(*debias.transform((words, X)), strict=True))
    for first, second in EQUALIZE:
        sides = [new[w].astype(float) @ debias.components_[0] for w in (first, second)]
        assert sides[0] > 0.05
        assert sides[1] == pytest.approx(-sides[0], abs=2e-3)
        assert np.linalg.norm(new[first].astype(float)) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("scale", [0.01, 3.0, 1000.0])
def test_vectors_that_are_not_of_unit_length_give_no_nan(scale):
    words, X = made()
    debias = HardDebias(**LISTS, normalize=False)
    _, new = debias.fit_transform((words, X * scale))
    assert np.isfinite(new).all()
    _, at_one = debias.fit_transform((words, X))
    np.testing.assert_allclose(new / scale, at_one, atol=1e-12)
    place = {word: i for i, word in enumerate(words)}
    for pair in EQUALIZE:  # lengths: equal, and of the mean square that they had
        rows = [place[w] for w in pair]
        lengths = np.linalg.norm(at_one[rows], axis=1)
        np.testing.assert_allclose(lengths, np.sqrt(np.mean(np.sum(X[rows] ** 2, axis=1))))
    neutral = [place[w] for w in NEUTRAL]
    bias = debias.components_[0]
    np.testing.assert_allclose(at_one[neutral], X[neutral] - np.outer(X[neutral] @ bias, bias))


def test_zero_rows_and_words_that_are_all_bias_become_zero():
    words, X = made(np.float32)
    debias = HardDebias(**LISTS).fit((words, X))
    rows = np.stack([np.zeros(12), debias.components_[0], 7 * debias.components_[0]])
    new = debias.transform(rows.astype(np.float32))
    np.testing.assert_array_equal(new, 0)


@pytest.mark.parametrize("scale", [1e-38, 1e-24, 1e-15, 1e15, 1e24, 1e37])
def test_lengths_whose_squares_are_beyond_single_precision(scale):
    words, X = made(np.float32)
    debias = HardDebias(**LISTS).fit((words, X))
    _, expected = debias.transform((words, X))
    rows = X.copy()
    rows[::2] *= np.float32(scale)  # words that keep their bias, and others
    _, new = HardDebias(**LISTS | {"equalize_sets": None}).fit((words, X)).transform((words, rows))
    unequalized = [i for i, word in enumerate(words) if word not in np.ravel(EQUALIZE)]
    np.testing.assert_allclose(new[unequalized], expected[unequalized], atol=2e-7, rtol=1e-5)


def test_a_row_that_is_nearly_all_bias_is_still_debiased_exactly():
    words, X = made(np.float32)
    debias = HardDebias(**LISTS).fit((words, X))
    row = debias.components_[0] + 0.01 * unit(X[20])
    new = debias.transform(row[None].astype(np.float32))[0]
    assert abs(new @ debias.components_[0]) < 1e-6
    assert np.linalg.norm(new) == pytest.approx(1, abs=1e-6)


def test_cases_of_equalized_pairs():
    words, X = made()
    more = ["Queen", "King", "QUEEN", "KING", "Mother", "Catholic_priest", "nun", "Nun"]
    rng = np.random.default_rng(3)
    vectors = (words + more, np.concatenate([X, rng.normal(size=(8, 12))]))
    lists = LISTS | {"equalize_sets": [*EQUALIZE, ("Catholic_priest", "nun")]}
    found = HardDebias(**lists).fit(vectors).equalize_sets_
    assert found[:3] == lists["equalize_sets"]  # as given, even where lower case would differ
    assert set(found[3:]) == {("Queen", "King"), ("QUEEN", "KING")}
    assert len(HardDebias(**lists, case_variants=False).fit(vectors).equalize_sets_) == 3


def test_missing_words_are_told():
    words, X = made()
    lists = LISTS | {"equalize_sets": [*EQUALIZE, ("nun", "monk")], "specific_words": ["she", "x"]}
    debias = HardDebias(**lists)
    with pytest.warns(MissingWordsWarning, match=r"equalize_sets: 2 words .*'nun', 'monk'"):
        debias.fit((words, X))
    assert debias.missing_words_ == {
        "definitional_sets": [],
        "equalize_sets": ["nun", "monk"],
        "specific_words": ["x"],
    }
    with pytest.warns(MissingWordsWarning, match="definitional_sets: 1 words .*'herself'"):
        HardDebias([*DEFINITIONAL, ("herself", "he")], None, None).fit((words, X))
    with pytest.raises(ValueError, match="definitional_sets: none has two words"):
        HardDebias([("herself", "he")], None, None).fit((words, X))
    debias = HardDebias(**LISTS).fit((words, X))
    with pytest.warns(MissingWordsWarning, match="equalize_sets: 1 words .*'king'"):
        debias.transform((["queen", "job0"], X[:2]))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"definitional_sets": ["she", "he"]}, "definitional_sets must hold sets .*'she'"),
        ({"definitional_sets": [("she", "she")]}, "two different words"),
        ({"definitional_sets": "gender"}, "definitional_sets: name='gender' is no word list"),
        ({"equalize_sets": [("king", "queen"), ("king", "job1")]}, "'king' in several sets"),
        ({"equalize_sets": [("job1", "same")]}, "'job1', 'same' cannot be told apart"),
        ({"n_components": 5}, "differ along 4 directions, and n_components=5"),
        ({"specific_words": [("she", "he")]}, "specific_words must hold words"),
    ],
)
def test_what_is_refused(params, message):
    words, X = made()
    vectors = ([*words, "same"], np.concatenate([X, X[[words.index("job1")]]]))
    with pytest.raises(ValueError, match=message):
        HardDebias(**LISTS | params).fit_transform(vectors)


def test_real_vectors_as_the_paper_has_it(real_data):
    kv = google_news(real_data)
    debias = HardDebias().fit(kv)
    new = debias.transform(kv)
    assert not any(debias.missing_words_.values())
    expected = by_the_paper(
        kv.index_to_key,
        kv.vectors,
        load_word_list("gender_definitional"),
        debias.equalize_sets_,
        set(load_word_list("gender_specific")),
    )
    np.testing.assert_allclose(new.vectors, expected, atol=2e-7)
    sides = [new[a] @ debias.components_[0] for a, _ in debias.equalize_sets_]
    raw = [unit(kv[a]) - unit(kv[b]) for a, b in debias.equalize_sets_]
    assert np.array_equal(np.sign(sides), np.sign(np.array(raw) @ debias.components_[0]))
