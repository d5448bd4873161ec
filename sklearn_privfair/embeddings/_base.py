"""What all debiasing shares: containers in and out, words that are there, the bias subspace."""

from abc import ABC, abstractmethod
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from sklearn_privfair._stored import StoredState, add_functions, add_package
from sklearn_privfair.metrics._word_vectors import WordVectors

from ._bias_subspace import bias_subspace
from ._shrinking import shrink, unit
from ._tables import give_back, has_words, read
from ._word_sets import as_sets, as_words, known_sets, warn_missing

add_package("gensim.models")  # word vectors
add_functions("gensim.utils", ("call_on_class_only",))


class BaseDebias(StoredState, OneToOneFeatureMixin, TransformerMixin, BaseEstimator, ABC):
    """A transformer of vectors; a subclass writes `_debias` and `_project`."""

    _parameter_constraints: dict = {"copy": ["boolean"]}

    @abstractmethod
    def _debias(self, X, table, out):
        """Write to `out` what becomes of the matrix of `table`, which may be the same array.

        An error if there is NaN or infinity must come before anything is written.
        """

    @abstractmethod
    def _project(self, matrix, out):
        """Debias vectors that are of no word."""

    def _read(self, X, reset, finite=True):
        """Return words and a matrix of floats, checked as scikit-learn checks any array."""
        checks = {"dtype": FLOAT_DTYPES, "reset": reset, "ensure_min_samples": 1 + reset}
        checks |= {"ensure_all_finite": finite}
        if has_words(X):
            table = read(X)
            return table._replace(matrix=validate_data(self, table.matrix, **checks))
        matrix = validate_data(self, X, **checks)
        table = read(X if isinstance(X, pd.DataFrame) else matrix)
        return WordVectors(table.words, matrix, table.place)

    def transform(self, X):
        """Take the bias out of vectors.

        Parameters
        ----------
        X : array, DataFrame, KeyedVectors, gensim model, (words, array) or mapping
            Vectors, of shape (n_samples, n_features) where they come without words.

        Returns
        -------
        X_debiased : ndarray, DataFrame, KeyedVectors, (words, array) or dict
            Of the kind, the dtype and the keys of `X`. A fresh object, unless ``copy=False``.
        """
        check_is_fitted(self)
        table = self._read(X, reset=False, finite=False)
        matrix = table.matrix
        if not self.copy and not matrix.flags.writeable:
            raise ValueError("copy=False, and the vectors of X are read-only; pass copy=True.")
        out = np.empty(matrix.shape, dtype=matrix.dtype) if self.copy else matrix
        self._debias(X, table, out)
        return give_back(X, table, out, self, self._project)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "float16"]
        return tags


class BaseWordDebias(BaseDebias):
    """A transformer of word vectors; a subclass writes `_learn` and `_debias`."""

    _parameter_constraints: dict = {
        **BaseDebias._parameter_constraints,
        "definitional_sets": [str, list, tuple],
        "specific_words": [str, list, tuple, set, None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "normalize": ["boolean"],
    }

    @abstractmethod
    def _learn(self, table, sets):
        """Learn from the vectors and from the definitional sets that are among them."""

    def _fit(self, X):
        """Read the words, find the bias subspace, and let the subclass learn the rest."""
        table = self._read(X, reset=True)
        self.missing_words_: dict[str, list] = {}
        sets = self._known_sets("definitional_sets", table)
        if not sets:
            missing = self.missing_words_["definitional_sets"]
            raise ValueError(
                f"definitional_sets: none has two words with a vector; missing are {missing[:10]}. "
                "Pass sets of words of this vocabulary."
            )
        warn_missing("definitional_sets", self.missing_words_["definitional_sets"])
        self.specific_words_ = as_words(self.specific_words, "specific_words")
        self.missing_words_["specific_words"] = [
            word for word in self.specific_words_ if word not in table.place
        ]
        self._learn(table, sets)
        return self

    def _known_sets(self, name, table):
        sets, missing = known_sets(as_sets(getattr(self, name), name), table.place)
        self.missing_words_[name] = missing
        return sets

    def _find_subspace(self, table, sets):
        self.components_, self.explained_variance_ratio_ = bias_subspace(
            [self._vectors(table, words) for words in sets], self.n_components
        )

    def _vectors(self, table, words):
        """Give the vectors of words in float64, of unit length where the method works on these."""
        rows = table.matrix[[table.place[word] for word in words]].astype(np.float64)
        return unit(rows) if self.normalize else rows

    def _keep(self, X, table):
        """Rows of words that keep their bias; a bare array does not say which words it holds."""
        named = has_words(X) or isinstance(X, pd.DataFrame)
        words = self.specific_words_ if named else []
        return [table.place[word] for word in words if word in table.place]

    def _shrink(self, matrix, out, keep=()):
        shares = getattr(self, "shares_", np.ones(len(self.components_)))
        shrink(matrix, out, self.components_, shares, normalize=self.normalize, keep=keep)

    def _project(self, matrix, out):
        """Debias vectors that are of no word, and leave their length alone."""
        shares = getattr(self, "shares_", np.ones(len(self.components_)))
        shrink(matrix, out, self.components_, shares, normalize=False)
