"""Documents as means of the vectors of their words."""

import warnings
from collections import Counter

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
    clone,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair._stored import StoredState
from sklearn_privfair.metrics._word_vectors import split_vectors


class EmbeddingVectorizer(
    StoredState, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Turn documents into the mean of their words' vectors, plain or weighted by idf.

    Parameters
    ----------
    word_vectors : KeyedVectors, gensim model, (words, array), mapping or DataFrame
        The vectors of words. They are not copied, by `clone` neither, and never changed.
    weighting : {"mean", "idf"}, default="mean"
        "idf": words count by how rare they are in the documents of `fit`,
        ``log((1 + n) / (1 + df)) + 1`` as in
        :class:`~sklearn.feature_extraction.text.TfidfTransformer`.
    debias : estimator, default=None
        Debiasing of the word vectors before means are taken, such as :class:`HardDebias`; it is
        cloned and fitted to them in `fit`, with ``copy=True``, for they are shared. None: they are
        taken as they are. A grid of these compares debiasings.
    lowercase : bool, default=False
        Whether documents are brought to lower case first. If not, a word that has no vector as it
        is written is sought in lower case.
    token_pattern : str, default=r"(?u)\b\w\w+\b"
        Regular expression of a word.
    analyzer : "word" or callable, default="word"
        A callable gives the list of words of a document, which may be of any type then.

    Attributes
    ----------
    idf_ : dict of str to float
        Weights of the words of `fit`; of "idf" only. A word that was in none of its documents
        weighs as much as one with ``df = 0``.
    n_documents_ : int
        Documents seen in `fit`.
    debias_ : estimator
        The fitted debiasing, if there is one.

    See Also
    --------
    HardDebias : Debiasing of the word vectors.
    ConceptErasure : Erasure of a concept from the vectors of documents.

    Notes
    -----
    Counts of words are a sparse matrix, whose product with the vectors of the words that occur
    gives all means at once. Words without a vector do not count; fastText's vectors have one for
    any word. A document of which no word counts becomes zero, and there is a warning.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.embeddings import EmbeddingVectorizer
    >>> vectors = (["cats", "sleep"], np.array([[1.0, 0.0], [0.0, 2.0]]))
    >>> EmbeddingVectorizer(vectors).fit_transform(["Cats sleep.", "Sleep, sleep, cats!"])
    array([[0.5       , 1.        ],
           [0.33333333, 1.33333333]])
    """

    _parameter_constraints: dict = {
        "word_vectors": "no_validation",
        "weighting": [StrOptions({"mean", "idf"})],
        "debias": [HasMethods(["fit", "transform"]), None],
        "lowercase": ["boolean"],
        "token_pattern": [str],
        "analyzer": [StrOptions({"word"}), callable],
    }

    def __init__(
        self,
        word_vectors,
        *,
        weighting="mean",
        debias=None,
        lowercase=False,
        token_pattern=r"(?u)\b\w\w+\b",  # noqa: S107
        analyzer="word",
    ):
        self.word_vectors = word_vectors
        self.weighting = weighting
        self.debias = debias
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self.analyzer = analyzer

    def __sklearn_clone__(self):
        """Share the word vectors: a copy for each candidate of a search would fill the memory."""
        params = self.get_params(deep=False)
        vectors = params.pop("word_vectors")
        new = type(self)(vectors, **{k: clone(v, safe=False) for k, v in params.items()})
        if hasattr(self, "_sklearn_output_config"):
            new._sklearn_output_config = dict(self._sklearn_output_config)
        return new

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, raw_documents, y=None):
        """Learn how rare words are, and debias the word vectors if asked to.

        Parameters
        ----------
        raw_documents : iterable of str
            Documents, or whatever `analyzer` takes.
        y : None
            Ignored.

        Returns
        -------
        self : EmbeddingVectorizer
            Fitted.
        """
        vectors = self.word_vectors
        if self.debias is not None:
            self.debias_ = _copying(clone(self.debias)).fit(vectors)
            vectors = self.debias_.transform(vectors)
        self._vectors = vectors
        self._n_features_out = split_vectors(vectors, "word_vectors").matrix.shape[1]
        documents = self._words_of(raw_documents)
        self.n_documents_ = len(documents)
        if self.weighting == "idf":
            n_with = Counter(word for counts in documents for word in counts)
            self.idf_ = {word: self._idf(df) for word, df in n_with.items()}
        return self

    def fit_transform(self, raw_documents, y=None):
        """Fit, and take the means of the words of the same documents.

        Parameters
        ----------
        raw_documents : iterable of str
            Documents, or whatever `analyzer` takes.
        y : None
            Ignored.

        Returns
        -------
        X : ndarray of shape (n_documents, n_features)
            Of the dtype of the word vectors.
        """
        if not isinstance(raw_documents, str):
            raw_documents = list(raw_documents)  # which are gone through twice
        return self.fit(raw_documents, y).transform(raw_documents)

    def _idf(self, df):
        return float(np.log((1 + self.n_documents_) / (1 + df)) + 1)

    def transform(self, raw_documents):
        """Take the means of the words of documents.

        Parameters
        ----------
        raw_documents : iterable of str
            Documents, or whatever `analyzer` takes.

        Returns
        -------
        X : ndarray of shape (n_documents, n_features)
            Of the dtype of the word vectors.
        """
        check_is_fitted(self)
        documents = self._words_of(raw_documents)
        words = list(dict.fromkeys(word for counts in documents for word in counts))
        rows = self._rows(words)
        place = {word: i for i, word in enumerate(words)}
        weight = np.ones(len(words), dtype=rows.dtype)
        if self.weighting == "idf":
            unseen = self._idf(0)
            weight = np.array([self.idf_.get(word, unseen) for word in words], dtype=rows.dtype)
        ends = np.cumsum([0, *map(len, documents)])
        columns = np.array([place[w] for counts in documents for w in counts], dtype=np.intp)
        counts = np.array([n for counts in documents for n in counts.values()], dtype=rows.dtype)
        shape = (len(documents), len(words))
        table = sparse.csr_array((counts * weight[columns], columns, ends), shape=shape)
        total = np.asarray(table.sum(axis=1)).reshape(-1, 1)
        empty = int(np.sum(total == 0))
        if empty:
            warnings.warn(
                f"{empty} of {len(documents)} documents have no word with a vector, and become 0.",
                UserWarning,
                stacklevel=2,
            )
        return (table @ rows / np.where(total == 0, 1, total)).astype(rows.dtype)

    def _words_of(self, raw_documents):
        """Count the words of each document that have a vector, as the vectors write them."""
        if isinstance(raw_documents, str):
            raise ValueError(
                f"raw_documents is a string, {raw_documents[:20]!r}; pass a list of them."
            )
        analyze = CountVectorizer(
            lowercase=self.lowercase, token_pattern=self.token_pattern, analyzer=self.analyzer
        ).build_analyzer()
        place = split_vectors(self._vectors, "word_vectors").place
        any_word = getattr(getattr(self._vectors, "wv", self._vectors), "bucket", 0) > 0

        def known(word):
            if word in place:
                return word
            lower = word.lower() if isinstance(word, str) else word
            return lower if lower in place else word if any_word else None

        counted = [Counter(map(known, analyze(document))) for document in raw_documents]
        for counts in counted:
            counts.pop(None, None)
        return counted

    def _rows(self, words):
        """Give the vectors of words; of words that only fastText knows, what it makes of them."""
        table = split_vectors(self._vectors, "word_vectors")
        rows = table.matrix[[table.place.get(word, 0) for word in words]]
        keyed = getattr(self._vectors, "wv", self._vectors)
        for i, word in enumerate(words):
            if word not in table.place:
                rows[i] = keyed.get_vector(word)
        return rows

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags


def _copying(debias):
    """Let a debiasing, and those within it, leave the vectors that it is given as they are."""
    names = [name for name in debias.get_params() if name.split("__")[-1] == "copy"]
    return debias.set_params(**dict.fromkeys(names, True))
