"""The words that a metric asks for, found among word vectors; those that are missing are named.

Peers drop them in silence, or return NaN. Here they are an error, or a warning as long as enough
are left to measure with.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.utils._param_validation import StrOptions

from ._word_vectors import MissingWordsWarning, some_of, split_vectors

MISSING: dict = {"missing": [StrOptions({"warn", "raise", "ignore"})]}


class Lookup:
    """Look words up, and remember which were missing.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping
        The word vectors. gensim's of FastText have one for any word, made of its parts.
    missing : {"warn", "raise", "ignore"}
        What :meth:`report` does.
    """

    def __init__(self, vectors, missing="warn"):
        self.words, self.matrix, self.place = split_vectors(vectors)
        keyed = getattr(vectors, "wv", vectors)
        self._from_parts: Any = keyed if hasattr(keyed, "vectors_ngrams") else None
        self.missing = missing
        self.lost: dict = {}
        # what rounding of the vectors leaves in a difference of cosines
        kind = self.matrix.dtype if self.matrix.dtype.kind == "f" else np.float64
        self.rounding = 4 * float(np.finfo(kind).eps)

    def has(self, word):
        """Tell whether there is a vector of this word."""
        return word in self.place or (self._from_parts is not None and word in self._from_parts)

    def find(self, words, name, at_least=1):
        """Return those of a list of words that have a vector; an error, if they are too few."""
        words = word_list(words, name)
        found = [word for word in words if self.has(word)]
        if len(found) < len(words):
            self.lost[name] = [word for word in words if not self.has(word)]
        self._check(found, len(words), name, at_least, "words")
        return found

    def find_tuples(self, tuples, name, at_least=1, length=2):
        """Return those of a list of pairs (or longer tuples) of which every word has a vector."""
        tuples = tuple_list(tuples, name, length)
        found = [t for t in tuples if all(map(self.has, t))]
        if len(found) < len(tuples):
            words = dict.fromkeys(w for t in tuples for w in t if not self.has(w))
            self.lost[name] = list(words)
        self._check(found, len(tuples), name, at_least, "tuples of words")
        return found

    def _check(self, found, n_asked, name, at_least, kind):
        if len(found) >= at_least:
            return
        lost = f", missing: {some_of(self.lost[name])}" if name in self.lost else ""
        raise ValueError(
            f"{name} needs at least {at_least} {kind} that have a vector, and of its {n_asked} "
            f"only {len(found)} are there{lost}. Pass other words, or write them as the "
            "vocabulary does (upper and lower case differ)."
        )

    def rows(self, words):
        """Return the vectors of words that are there, in float64."""
        if all(word in self.place for word in words):
            rows = self.matrix[[self.place[word] for word in words]].astype(np.float64)
        else:
            rows = np.array([self._from_parts.get_vector(word) for word in words], dtype=np.float64)
        if not np.isfinite(rows).all():
            bad = [w for w, row in zip(words, rows, strict=True) if not np.isfinite(row).all()]
            raise ValueError(f"The vectors of {some_of(bad)} hold NaN or infinity.")
        return rows

    def units(self, words):
        """Return the vectors of words that are there at length 1, in float64."""
        rows = self.rows(words)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if (norms == 0).any():
            zero = [word for word, norm in zip(words, norms, strict=True) if norm == 0]
            raise ValueError(f"The vectors of {some_of(zero)} are zero and have no direction.")
        return rows / norms

    def report(self, stacklevel=3):
        """Warn of the words that were missing, or raise, as `missing` has it.

        Parameters
        ----------
        stacklevel : int, default=3
            As in :func:`warnings.warn`; 3 is the caller of the validated function that calls this.
        """
        if not self.lost or self.missing == "ignore":
            return
        parts = [f"{name} lacks {some_of(words)}" for name, words in self.lost.items()]
        text = f"Words without a vector: {'; '.join(parts)}."
        if self.missing == "raise":
            raise ValueError(f"{text} Leave them out, or pass missing='warn'.")
        warnings.warn(f"{text} They are left out.", MissingWordsWarning, stacklevel=stacklevel + 1)


def word_list(words, name):
    """Return words as a list of str, none of them twice."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise TypeError(f"{name} must be a list of words; got {words!r}.")
    words = [str(word) if isinstance(word, np.str_) else word for word in words]
    wrong = [word for word in words if not isinstance(word, str)]
    if wrong:
        raise TypeError(f"{name} must hold words, of type str; it holds {wrong[0]!r}.")
    twice = [word for word, count in Counter(words).items() if count > 1]
    if twice:
        raise ValueError(f"{name} holds {some_of(twice)} more than once; each word counts once.")
    return words


def tuple_list(tuples, name, length):
    """Return tuples of words as a list, all of one length."""
    if isinstance(tuples, str) or not isinstance(tuples, Iterable):
        raise TypeError(f"{name} must be a list of tuples of {length} words; got {tuples!r}.")
    tuples = [t if isinstance(t, str) else tuple(t) for t in tuples]
    for t in tuples:
        if isinstance(t, str) or len(t) != length or not all(isinstance(w, str) for w in t):
            raise ValueError(f"{name} must hold tuples of {length} words; it holds {t!r}.")
    return tuples


def named_sets(sets, name, n_sets=None):
    """Return several sets of words by name: those of a mapping, else numbered ones."""
    if isinstance(sets, Mapping):
        named = {str(key): words for key, words in sets.items()}
    elif isinstance(sets, str) or not isinstance(sets, Iterable):
        raise TypeError(f"{name} must hold lists of words, or map names to them; got {sets!r}.")
    else:
        sets = list(sets)
        if any(isinstance(words, str) for words in sets):
            raise TypeError(
                f"{name} must hold lists of words, one for each set; it holds the word "
                f"{next(words for words in sets if isinstance(words, str))!r}."
            )
        named = {f"{name}[{i}]": words for i, words in enumerate(sets)}
    if n_sets is not None and len(named) != n_sets:
        raise ValueError(f"{name} must be {n_sets} sets of words; got {len(named)}.")
    if not named:
        raise ValueError(f"{name} is empty; at least one set of words is needed.")
    return named


def find_grouped(lookup, words, groups):
    """Return the words that are there and their groups, at least two of two words each."""
    words, groups = word_list(words, "words"), np.asarray(groups)
    if groups.shape != (len(words),):
        raise ValueError(
            f"groups must have one entry for each of the {len(words)} words; its shape is "
            f"{groups.shape}."
        )
    found = set(lookup.find(words, "words", at_least=4))
    kept = [word in found for word in words]
    words, groups = [word for word in words if word in found], groups[kept]
    names, counts = np.unique(groups, return_counts=True)
    if len(names) < 2 or counts.min() < 2:
        sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
        raise ValueError(
            f"groups must be two or more, of two words with a vector at least; they are {sizes}."
        )
    return words, groups
