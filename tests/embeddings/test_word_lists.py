"""The word lists that are shipped: whole, each with its source, and the caller's own."""

import gzip
import json
from collections import Counter

import pytest

from sklearn_privfair.embeddings import load_word_list, word_list_names

NAMES = list(word_list_names().index)


def flat(content):
    """Give every word of a list, whatever its kind."""
    if isinstance(content, str):
        return [content]
    if isinstance(content, dict) and not isinstance(next(iter(content.values())), (dict, list)):
        return list(content)
    parts = content.values() if isinstance(content, dict) else content
    return [word for part in parts for word in flat(part)]


@pytest.mark.parametrize("name", NAMES)
def test_every_list_says_where_it_is_from(name):
    row = word_list_names().loc[name]
    assert row[["description", "paper", "file", "licence"]].str.len().min() >= 3
    assert row["size"] > 0
    assert row["kind"] in {"words", "sets", "named sets", "scores"}


@pytest.mark.parametrize("name", [n for n in NAMES if n != "profession_scores"])
def test_words_are_words_and_none_is_twice_in_a_set(name):
    content = load_word_list(name)
    kind = word_list_names().loc[name, "kind"]
    sets = {
        "words": lambda: [content],
        "sets": lambda: content,
        "named sets": lambda: [words for side in content.values() for words in side.values()],
    }[kind]()
    for words in sets:
        assert max(Counter(words).values()) == 1
        assert all(isinstance(word, str) and word == word.strip() != "" for word in words)


def test_sizes_that_the_papers_state():
    sizes = word_list_names()["size"]
    assert sizes["gender_definitional"] == 10
    assert sizes["gender_specific_seed"] == 218
    assert sizes["professions"] == sizes["profession_scores"] == 320
    assert sorted(load_word_list("professions")) == sorted(load_word_list("profession_scores"))


def test_scores_run_from_female_to_male():
    scores = load_word_list("profession_scores")
    assert scores["actress"][0] == -1
    assert all(-1 <= x <= 1 for pair in scores.values() for x in pair)


@pytest.mark.parametrize("number", range(1, 11))
def test_association_tests_have_two_sets_of_one_size_on_each_side(number):
    test = load_word_list(f"weat_{number}")
    assert list(test) == ["targets", "attributes"]
    for side in test.values():
        first, second = side.values()
        assert len(first) == len(second)
        assert not set(first) & set(second)


@pytest.mark.parametrize("concept", ["gender", "race", "religion"])
def test_equalize_sets_share_no_word(concept):
    counts = Counter(w for words in load_word_list(f"{concept}_equalize") for w in words)
    assert max(counts.values()) == 1


def test_what_is_loaded_is_the_callers_own():
    load_word_list("professions").clear()
    assert len(load_word_list("professions")) == 320


def test_an_unknown_name_is_refused_with_those_known():
    with pytest.raises(ValueError, match=r"name='gender' is no word list; .*gender_definitional"):
        load_word_list("gender")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("gender_definitional", "definitional_pairs"),
        ("gender_equalize", "equalize_pairs"),
        ("gender_specific", "gender_specific_full"),
    ],
)
def test_as_their_authors_published_them(real_data, name, file):
    path = real_data / "embeddings" / "wordlists" / f"{file}.json"
    if not path.exists():
        pytest.skip(f"no {path.name}")
    published = json.loads(path.read_text())
    ours = load_word_list(name)
    assert [list(x) if isinstance(x, tuple) else x for x in ours] == published


def test_google_news_knows_nearly_all_words(real_data):
    path = real_data / "embeddings" / "googlenews_subset_300d.bin.gz"
    if not path.exists():
        pytest.skip(f"no {path.name}")
    with gzip.open(path) as file:
        blob = file.read()
    lacking = [
        word
        for name in ("gender_definitional", "gender_equalize", "weat_6", "weat_7", "weat_8")
        for word in flat(load_word_list(name))
        if f"{word} ".encode() not in blob
    ]
    assert lacking == []
