"""Words and the matrix of their vectors, whatever holds them: gensim's objects, pairs, mappings.

Nothing is copied save what is no matrix yet, and gensim is not imported: its objects are known by
their attributes.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class MissingWordsWarning(UserWarning):
    """Words that were asked for have no vector, and a result is that of the others.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_privfair.metrics import MissingWordsWarning
    >>> warnings.simplefilter("error", MissingWordsWarning)  # no word is ever left out
    """


class WordVectors(NamedTuple):
    """Words, a matrix with one row for each, and the place of each word in them."""

    words: Sequence[Hashable]
    matrix: np.ndarray
    place: Mapping[Any, int]


def split_vectors(vectors, name="vectors"):
    """Return the words and the matrix of word vectors.

    Parameters
    ----------
    vectors : KeyedVectors, gensim model, (words, array), mapping or DataFrame
        gensim's `KeyedVectors`, or a model that has them as `wv`; a pair of words and an array of
        shape (n_words, n_features); a mapping from words to vectors; or a frame whose index holds
        the words.
    name : str, default="vectors"
        What to call it in errors.

    Returns
    -------
    word_vectors : WordVectors
        Its matrix is a view where there was a matrix; integers become float64.
    """
    if is_gensim(vectors):
        keyed = getattr(vectors, "wv", vectors)
        words, matrix = keyed.index_to_key, keyed.vectors
        n_words = len(keyed.key_to_index)
        if n_words < max(len(words), len(matrix)):  # gensim keeps room for words to come
            words, matrix = words[:n_words], matrix[:n_words]
        return WordVectors(words, matrix, keyed.key_to_index)
    if isinstance(vectors, pd.DataFrame):
        words, matrix = vectors.index.tolist(), vectors.to_numpy()
    elif isinstance(vectors, Mapping):
        words, matrix = list(vectors), np.asarray(list(vectors.values()))
    elif is_pair(vectors):
        words, matrix = np.asarray(vectors[0], dtype=object).tolist(), np.asarray(vectors[1])
    else:
        raise TypeError(
            f"{name} is of type {type(vectors).__name__}; pass gensim's KeyedVectors, a pair "
            "(words, array of shape (n_words, n_features)), or a mapping from words to vectors."
        )
    return _checked(words, matrix, name)


def _checked(words, matrix, name):
    """Return words and matrix as `WordVectors`, if they belong together."""
    if matrix.ndim != 2 or len(matrix) != len(words):
        raise ValueError(
            f"{name} has {len(words)} words and an array of shape {matrix.shape}; pass one row "
            "per word."
        )
    if matrix.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {matrix.dtype} in place of vectors; pass numbers.")
    if matrix.dtype.kind != "f":
        matrix = matrix.astype(np.float64)
    place = dict(zip(words, range(len(words)), strict=True))
    if len(place) < len(words):
        twice = pd.Series(words, dtype=object)
        twice = twice[twice.duplicated()].unique().tolist()
        raise ValueError(f"{name} has several rows for {some_of(twice)}; keep one of each word.")
    return WordVectors(words, matrix, place)


def is_gensim(vectors):
    """Tell whether this is a `KeyedVectors` of gensim, or a model that has one."""
    keyed = getattr(vectors, "wv", vectors)
    return all(hasattr(keyed, a) for a in ("index_to_key", "key_to_index", "vectors"))


def is_pair(vectors):
    """Tell whether this is a pair of words and an array, and not a matrix of two rows."""
    if not isinstance(vectors, (tuple, list)) or len(vectors) != 2:
        return False
    return np.ndim(vectors[1]) == 2 and np.ndim(np.asarray(vectors[0], dtype=object)) == 1


def some_of(words, n=5):
    """Name the first words, and how many more there are."""
    named = ", ".join(map(repr, words[:n]))
    return named if len(words) <= n else f"{named} and {len(words) - n} more"
