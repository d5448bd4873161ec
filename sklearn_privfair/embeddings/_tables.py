"""Word vectors in, and the same kind out: gensim's objects, pairs, mappings, frames, arrays."""

import copy
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils._set_output import _get_output_config

from sklearn_privfair.metrics._word_vectors import WordVectors, is_gensim, is_pair, split_vectors


def has_words(X):
    """Tell whether these vectors come with their words, and are no bare array or frame."""
    if sparse.issparse(X):  # some of these are dicts
        return False
    return is_gensim(X) or is_pair(X) or isinstance(X, Mapping)


def read(X):
    """Return words and matrix; of a bare array the words are the numbers of its rows."""
    if has_words(X) or isinstance(X, pd.DataFrame):
        return split_vectors(X, "X")
    return WordVectors(range(len(X)), X, _Numbers(len(X)))


class _Numbers(Mapping):
    """The place of row i is i."""

    def __init__(self, n):
        self.numbers = range(n)

    def __getitem__(self, key):
        if isinstance(key, (int, np.integer)) and 0 <= key < len(self.numbers):
            return int(key)
        raise KeyError(key)

    def __iter__(self):
        return iter(self.numbers)

    def __len__(self):
        return len(self.numbers)


def give_back(X, table, matrix, estimator, project):
    """Put a new matrix into a container like `X`.

    Parameters
    ----------
    X : KeyedVectors, gensim model, pair, mapping, frame or array
        What came in.
    table : WordVectors
        What :func:`read` made of it.
    matrix : ndarray of shape (n_words, n_features)
        The new vectors; where it is the old array, gensim's object is changed and returned.
    estimator : estimator
        Whose ``set_output`` counts.
    project : callable
        ``project(old, new)`` debiases vectors that are of no word: fastText's n-grams.
    """
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame(matrix, index=X.index, columns=X.columns)
    if has_words(X) and _get_output_config("transform", estimator)["dense"] == "pandas":
        return pd.DataFrame(matrix, index=list(table.words))
    if is_gensim(X):
        return _keyed_vectors(getattr(X, "wv", X), matrix, project)
    if is_pair(X):
        return X[0], matrix
    return dict(zip(table.words, matrix, strict=True)) if isinstance(X, Mapping) else matrix


def _keyed_vectors(keyed, matrix, project):
    """Return gensim's object with other vectors, a fresh one unless they are its own, changed.

    A fresh one shares nothing that gensim changes when words are added, and has no norms yet: it
    keeps those of the old vectors otherwise, and `most_similar` divides by them.
    """
    in_place = np.shares_memory(keyed.vectors, matrix)
    new = keyed if in_place else copy.copy(keyed)
    new.norms = None
    if not in_place:
        new.index_to_key = list(keyed.index_to_key[: len(matrix)])
        new.key_to_index = dict(keyed.key_to_index)
        new.expandos = {name: values.copy() for name, values in keyed.expandos.items()}
        new.vectors = matrix
        if hasattr(keyed, "vectors_vocab"):
            new.vectors_ngrams = np.array(keyed.vectors_ngrams)
            new.buckets_word = None if keyed.buckets_word is None else list(keyed.buckets_word)
    if hasattr(keyed, "vectors_vocab"):
        _fasttext(new, project)
    return new


def _fasttext(keyed, project):
    """Debias the n-grams, of which words out of vocabulary are made.

    gensim saves no `vectors`: on loading it makes them anew, each the mean of a word's own vector
    and of its n-grams. The own vectors become those from which the debiased ones come out.
    """
    if keyed.bucket == 0:
        keyed.vectors_vocab = keyed.vectors
        return
    project(keyed.vectors_ngrams, keyed.vectors_ngrams)
    lengths = np.array([len(buckets) for buckets in keyed.buckets_word])
    places = np.concatenate(([0], np.cumsum(lengths)))
    members = np.concatenate([np.asarray(b, dtype=np.intp) for b in keyed.buckets_word])
    ones = np.ones(len(members), dtype=keyed.vectors.dtype)
    of_words = sparse.csr_array(
        (ones, members, places), shape=(len(lengths), len(keyed.vectors_ngrams))
    )
    own = of_words @ keyed.vectors_ngrams
    keyed.vectors_vocab = keyed.vectors * (lengths[:, None] + 1).astype(own.dtype) - own
