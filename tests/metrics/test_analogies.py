"""Analogies against gensim's, one by one and by section, and against a loop over all words."""

import gzip

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.test.utils import datapath

from sklearn_privfair.metrics import (
    _analogy_search,
    analogy_accuracy,
    bias_projection,
    compute_analogies,
    compute_analogy,
)

WORDS = [f"w{i}" for i in range(60)]


@pytest.fixture
def keyed():
    rng = np.random.default_rng(0)
    keyed = KeyedVectors(8, dtype=np.float32)
    keyed.add_vectors(WORDS, rng.normal(size=(60, 8)).astype(np.float32))
    return keyed


def make_questions(n, seed=0):
    rng = np.random.default_rng(seed)
    return [tuple(rng.choice(WORDS, 4, replace=False)) for _ in range(n)]


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning:gensim")
@pytest.mark.parametrize(
    ("method", "peer"), [("3cosadd", "most_similar"), ("3cosmul", "most_similar_cosmul")]
)
def test_answers_are_those_of_gensim(keyed, method, peer):
    for a, b, c, _ in make_questions(20):
        expected = getattr(keyed, peer)(positive=[b, c], negative=[a], topn=5)
        found = compute_analogy(keyed, a, b, c, n_words=5, method=method)
        assert [word for word, _ in found] == [word for word, _ in expected]
        scores = [score for _, score in found], [score for _, score in expected]
        np.testing.assert_allclose(*scores, rtol=1e-5)


def test_answers_with_the_words_asked_for_and_among_the_first(keyed):
    unit = {word: keyed[word] / np.linalg.norm(keyed[word]) for word in WORDS}
    a, b, c, _ = make_questions(1, seed=3)[0]
    wanted = unit[b] - unit[a] + unit[c]
    cosine = {word: unit[word] @ wanted / np.linalg.norm(wanted) for word in WORDS}
    by_cosine = sorted(WORDS, key=cosine.get, reverse=True)
    found = compute_analogy(keyed, a, b, c, n_words=4, allow_inputs=True)
    assert [word for word, _ in found] == by_cosine[:4]
    assert {b, c} & {word for word, _ in found}
    assert found[0][1] == pytest.approx(cosine[by_cosine[0]], rel=1e-5)
    others = [word for word in by_cosine if word in WORDS[:30] and word not in (a, b, c)]
    found = compute_analogy(keyed, a, b, c, n_words=3, first=30)
    assert [word for word, _ in found] == others[:3]
    everything = compute_analogy(keyed, a, b, c, n_words=len(others), first=30)
    assert [word for word, _ in everything] == others
    with pytest.raises(ValueError, match=f"n_words={len(others) + 1} .* there are {len(others)}"):
        compute_analogy(keyed, a, b, c, n_words=len(others) + 1, first=30)


@pytest.mark.parametrize("options", [{}, {"n_words": 3, "method": "3cosmul", "first": 50}])
def test_many_at_once_are_those_one_by_one(keyed, options):
    triples = [question[:3] for question in make_questions(9)]
    answers = compute_analogies(keyed, triples, **options)
    for triple, found in zip(triples, answers, strict=True):
        expected = compute_analogy(keyed, *triple, **options)
        assert [word for word, _ in found] == [word for word, _ in expected]
        assert [s for _, s in found] == pytest.approx([s for _, s in expected], rel=1e-5)
    with pytest.raises(ValueError, match="triples lacks 'gone'"):
        compute_analogies(keyed, [*triples, ("w1", "gone", "w2")])
    with pytest.raises(ValueError, match="tuples of 3 words; it holds"):
        compute_analogies(keyed, [("w1", "w2")])


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_tiles_do_not_matter(keyed, monkeypatch, method):
    triples = [question[:3] for question in make_questions(9)]
    whole = compute_analogies(keyed, triples, n_words=8, method=method)
    monkeypatch.setattr(_analogy_search, "_QUESTIONS", 4)
    monkeypatch.setattr(_analogy_search, "_WORDS", 5)
    tiled = compute_analogies(keyed, triples, n_words=8, method=method)
    for one, other in zip(whole, tiled, strict=True):
        assert [word for word, _ in one] == [word for word, _ in other]
        assert [s for _, s in one] == pytest.approx([s for _, s in other], rel=1e-5)


def test_norms_that_gensim_keeps_do_not_count(keyed):
    """They go stale when vectors are written to."""
    a, b, c, d = make_questions(1)[0]
    keyed.fill_norms()
    before = keyed.most_similar(positive=[b, c], negative=[a], topn=1)[0][0]
    row = keyed.key_to_index[d]
    unit = keyed.get_normed_vectors()
    keyed.vectors[row] = 1e-3 * (unit[[keyed.key_to_index[w] for w in (b, c)]].sum(axis=0))
    keyed.vectors[row] -= 1e-3 * unit[keyed.key_to_index[a]]
    assert before != d
    assert compute_analogy(keyed, a, b, c)[0] == (d, pytest.approx(1.0))
    assert bias_projection(keyed, keyed[d], [d])[d] == pytest.approx(1.0)


def test_a_zero_vector_is_no_answer_and_no_nan():
    vectors = {"a": [1.0, 0], "b": [1.0, 1], "c": [1.0, 0.1], "zero": [0.0, 0], "d": [0.9, 1.2]}
    for method in ("3cosadd", "3cosmul"):
        assert compute_analogy(vectors, "a", "b", "c", method=method)[0][0] == "d"
    assert np.isfinite(compute_analogy(vectors, "a", "b", "zero")[0][1])
    with pytest.raises(ValueError, match=r"b needs at least 1 .*missing: 'gone'"):
        compute_analogy(vectors, "a", "gone", "c")


@pytest.mark.parametrize("block", [None, 11])
@pytest.mark.parametrize("first", [None, 40])
def test_accuracy_by_section_is_that_of_gensim(keyed, tmp_path, monkeypatch, first, block):
    if block is not None:
        monkeypatch.setattr(_analogy_search, "_QUESTIONS", 7)
        monkeypatch.setattr(_analogy_search, "_WORDS", block)
    solved = []
    for a, b, c, _ in make_questions(25, seed=1):  # with answers, so that some are right
        best = keyed.most_similar(positive=[b, c], negative=[a], topn=1, restrict_vocab=first)
        solved.append((a, b, c, best[0][0]))
    sections = {
        "one": solved[:15] + make_questions(20, seed=2),
        "two words": solved[15:],
        "none": [("w1", "w2", "w3", "gone")],
    }
    path = tmp_path / "questions.txt.gz"
    with gzip.open(path, "wt") as file:
        for name, questions in sections.items():
            file.write("\n".join([f": {name}", *(" ".join(q) for q in questions), ""]))
    plain = tmp_path / "questions.txt"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    table = analogy_accuracy(keyed, path, first=first)
    total, by_section = keyed.evaluate_word_analogies(
        str(plain), restrict_vocab=first or 60, case_insensitive=False
    )
    for line in by_section[:-1]:
        right, wrong = len(line["correct"]), len(line["incorrect"])
        assert table.loc[line["section"], ["correct", "asked"]].tolist() == [right, right + wrong]
    assert 0.2 < table.loc["total", "accuracy"] < 0.95
    assert table.loc["total", "accuracy"] == total
    assert np.isnan(table.loc["none", "accuracy"])
    assert table.loc["none", "left_out"] == 1
    assert (table["asked"] + table["left_out"]).tolist() == [35, 10, 1, 46]
    again = analogy_accuracy(keyed, sections, first=first)
    assert again.equals(table)


def test_case():
    vectors = {"Man": [1, 0, 0], "man": [1, 0, 0.1], "woman": [0, 1, 0], "KING": [1, 0, 1]}
    vectors |= {"Queen": [0, 1, 1], "queen": [0, 1, 0.9], "door": [0.1, 0, 1]}
    question = [("man", "king", "woman", "queen")]
    with pytest.raises(ValueError, match="none of which all four words"):
        analogy_accuracy(vectors, question)
    assert analogy_accuracy(vectors, question, case_sensitive=False)["accuracy"]["total"] == 1
    question = [("man", "KING", "woman", "Queen")]
    assert analogy_accuracy(vectors, question)["accuracy"]["total"] == 0  # it finds "queen"
    assert analogy_accuracy(vectors, question, case_sensitive=False)["accuracy"]["total"] == 1


def test_files_are_checked(keyed, tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text(": one\nw1 w2 w3 w4\nw1 w2 w3\n")
    with pytest.raises(ValueError, match="line 3, has 3 words in place of 4"):
        analogy_accuracy(keyed, path)
    with pytest.raises(ValueError, match="tuples of 4 words; it holds"):
        analogy_accuracy(keyed, {"one": [("w1", "w2", "w3")]})
    with pytest.raises(ValueError, match="a section 'total'"):
        analogy_accuracy(keyed, {"total": [("w1", "w2", "w3", "w4")]})


def test_the_file_that_gensim_ships():
    sections = datapath("questions-words.txt")
    words = ["Athens", "Greece", "Baghdad", "Iraq"]
    array = [[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1]]
    table = analogy_accuracy((words, array), sections)
    assert len(table) == 15
    assert table["left_out"]["total"] + table["asked"]["total"] == 19_544
    assert table["asked"]["capital-common-countries"] == 2
    assert table["accuracy"]["total"] == 1


def test_google_news(google_news, real_data):
    path = real_data / "embeddings" / "wordlists" / "questions-words.txt.gz"
    table = analogy_accuracy(google_news, path)
    assert table.loc["total", ["correct", "asked"]].tolist() == [5361, 7004]
    assert table.loc["family", ["correct", "asked"]].tolist() == [412, 462]
