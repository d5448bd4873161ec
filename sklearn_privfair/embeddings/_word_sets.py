"""Words and sets of words that a debiasing asks for: by the name of a list, or the user's own."""

import warnings
from collections.abc import Hashable, Iterable

from sklearn_privfair.metrics import MissingWordsWarning
from sklearn_privfair.metrics._word_vectors import some_of

from ._word_lists import load_word_list

CASES = (str.lower, str.title, str.upper)


def as_words(words, name):
    """Return words as a list: of a list by its name, of the user's own, or none."""
    if words is None:
        return []
    if isinstance(words, str):
        words = _by_name(words, name)
    words = list(words)
    for word in words:
        if not isinstance(word, Hashable) or isinstance(word, tuple):
            raise ValueError(f"{name} must hold words; it holds {word!r}.")
    return words


def as_sets(sets, name):
    """Return sets of two words or more, as a list of tuples."""
    if sets is None:
        return []
    if isinstance(sets, str):
        sets = _by_name(sets, name)
    sets = [words if isinstance(words, str) else tuple(words) for words in _iterated(sets, name)]
    for words in sets:
        if isinstance(words, str) or len(set(words)) < max(2, len(words)):
            raise ValueError(
                f"{name} must hold sets of two different words or more; it holds {words!r}."
            )
    return sets


def _by_name(words, name):
    try:
        return load_word_list(words)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _iterated(sets, name):
    for words in sets:
        if not isinstance(words, Iterable):
            raise ValueError(f"{name} must hold sets of words; it holds {words!r}.")
        yield words


def known_sets(sets, place):
    """Leave out words that have no vector, and sets of which one word is left; tell which."""
    left = [tuple(word for word in words if word in place) for words in sets]
    missing = list(dict.fromkeys(w for words in sets for w in words if w not in place))
    return [words for words in left if len(words) > 1], missing


def with_cases(sets, place):
    """Add each set in lower, Title and UPPER case, where all its words have vectors.

    A set as given comes before any variant, and a word stays in the set that has it first.
    """
    taken = {word for words in sets for word in words}
    found = list(sets)
    for words in sets:
        if not all(isinstance(word, str) for word in words):
            continue
        for case in CASES:
            variant = tuple(case(word) for word in words)
            if taken.isdisjoint(variant) and all(word in place for word in variant):
                found.append(variant)
                taken.update(variant)
    return found


def check_disjoint(sets, name):
    """Raise if a word is in several sets: it cannot be equalized in each of them."""
    seen: set = set()
    for words in sets:
        twice = [word for word in words if word in seen]
        if twice:
            raise ValueError(f"{name}: {some_of(twice)} in several sets; leave it in one of them.")
        seen.update(words)


def warn_missing(name, missing, stacklevel=5):
    """Warn of words that have no vector."""
    if missing:
        warnings.warn(
            f"{name}: {len(missing)} words have no vector and are left out, {some_of(missing)}.",
            MissingWordsWarning,
            stacklevel=stacklevel,
        )
