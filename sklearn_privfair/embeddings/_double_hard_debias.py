"""Double-hard debiasing: a direction of word frequency goes first, then the bias.

Wang et al., "Double-hard debias: tailoring word embeddings for gender bias mitigation" (2020).
"""

from numbers import Integral

import numpy as np
from sklearn.base import _fit_context
from sklearn.cluster import KMeans
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils._param_validation import Interval

from ._bias_subspace import bias_subspace
from ._blocks import in_blocks
from ._hard_debias import HardDebias
from ._moments import Moments
from ._shrinking import shrink, unit


class DoubleHardDebias(HardDebias):
    """Take the principal component out that hides a bias, and then the bias as hard debiasing does.

    Word vectors hold how frequent a word is, and that twists the direction of the bias. Each of
    the first principal components is tried: taken out, with the bias, of the words most biased to
    either side. The one is chosen after which two clusters of these words agree least with the
    sides that they came from.

    Parameters
    ----------
    definitional_sets : str or list of tuples of str, default="gender_definitional"
        Pairs of words that differ in the concept, or larger sets, of which the first component
        says which words are biased; as in :class:`HardDebias`.
    equalize_sets : str, list of tuples of str or None, default="gender_equalize"
        Sets that are to differ in the concept alone.
    specific_words : str, list of str or None, default="gender_specific"
        Words that keep their part of the bias; they lose the principal component too.
    n_candidates : int, default=20
        At least 1: how many principal components are tried.
    n_biased_words : int, default=500
        At least 2: how many of the most biased words are taken on each side; of smaller
        vocabularies half the words. Names, and all that is written with capitals, do not count:
        their clusters are others.
    n_frequent : int, default=50000
        Of how many first words these are; vocabularies are sorted by frequency.
    n_components : int, default=None
        Dimension of the bias subspace, at least 1. None: one less than the words of the largest
        definitional set.
    normalize : bool, default=True
        Whether all vectors are brought to unit length, before and after.
    case_variants : bool, default=True
        Whether each of the `equalize_sets` is there in lower, Title and UPPER case too.
    copy : bool, default=True
        False: the array in `X` is changed, and gensim's object returned.
    random_state : int, RandomState instance or None, default=None
        Where the clusters start.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of all vectors, which is subtracted.
    frequency_component_ : ndarray of shape (n_features,)
        The principal component that is taken out, of unit length.
    alignments_ : ndarray of shape (n_candidates,)
        For each candidate, the share of words whose cluster agrees with their side: from .5,
        nothing can be told, to 1.
    baseline_alignment_ : float
        The same with the bias taken out alone.
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal basis of the bias subspace of what is left.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        Share of the variance within the definitional sets, for each component.
    equalize_sets_ : list of tuple of str
        The sets that are equalized, in all cases found.
    specific_words_ : list of str
        Words that keep their bias.
    missing_words_ : dict of str to list of str
        For each parameter with words, those that have no vector.
    n_features_in_ : int
        Length of a vector.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, of a data frame whose columns have names.

    See Also
    --------
    HardDebias : The second step alone.

    Notes
    -----
    The paper subtracts a word's part along the component as it was before the mean was subtracted;
    here it is that of the centred vector, so that nothing is left along the component. The bias
    subspace is found anew in what is left. Of fastText's n-grams the component and the bias are
    projected out, while the mean, which is one of vectors of unit length, stays.

    References
    ----------
    T. Wang, X. V. Lin, N. F. Rajani, B. McCann, V. Ordonez, C. Xiong, "Double-hard debias:
    tailoring word embeddings for gender bias mitigation", ACL 2020, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.embeddings import DoubleHardDebias
    >>> rng = np.random.default_rng(0)
    >>> words = ["she", "he", "woman", "man", *(f"word{i}" for i in range(96))]
    >>> X = rng.normal(size=(100, 10))
    >>> debias = DoubleHardDebias([("she", "he"), ("woman", "man")], None, None, random_state=0)
    >>> _, X_debiased = debias.fit_transform((words, X))
    >>> float(abs(X_debiased @ debias.components_.T).max().round(6))
    0.0
    """

    _parameter_constraints: dict = {
        **HardDebias._parameter_constraints,
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "n_biased_words": [Interval(Integral, 2, None, closed="left")],
        "n_frequent": [Interval(Integral, 4, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        definitional_sets="gender_definitional",
        equalize_sets="gender_equalize",
        specific_words="gender_specific",
        *,
        n_candidates=20,
        n_biased_words=500,
        n_frequent=50_000,
        n_components=None,
        normalize=True,
        case_variants=True,
        copy=True,
        random_state=None,
    ):
        super().__init__(
            definitional_sets,
            equalize_sets,
            specific_words,
            n_components=n_components,
            normalize=normalize,
            case_variants=case_variants,
            copy=copy,
        )
        self.n_candidates = n_candidates
        self.n_biased_words = n_biased_words
        self.n_frequent = n_frequent
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Choose the principal component, and find the bias subspace.

        Parameters
        ----------
        X : KeyedVectors, gensim model, (words, array), mapping, DataFrame or array
            Word vectors, the most frequent words first; a data frame has words as its index. In a
            bare array of shape (n_words, n_features) a word is the number of its row.
        y : None
            Ignored.

        Returns
        -------
        self : DoubleHardDebias
            Fitted.
        """
        return self._fit(X)

    def _learn(self, table, sets):
        super()._learn(table, sets)  # the bias as it is, and which sets there are
        self._find_principal(table.matrix)
        biased, sides = self._biased_rows(table)
        rows = self._lengths(table.matrix[biased].astype(np.float64)) - self.mean_
        vectors = [self._vectors(table, words) - self.mean_ for words in sets]
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        tried = [self._try(u, rows, vectors, sides, seed) for u in [None, *self._candidates]]
        alignments = np.array([alignment for alignment, _, _ in tried])
        self.baseline_alignment_, self.alignments_ = float(alignments[0]), alignments[1:]
        best = 1 + int(self.alignments_.argmin())
        self.frequency_component_ = self._candidates[best - 1]
        _, self.components_, self.explained_variance_ratio_ = tried[best]
        del self._candidates

    def _find_principal(self, matrix):
        """Find the mean and the first principal components of all vectors."""
        moments = Moments(matrix)
        for start in range(0, len(matrix), 4096):
            moments.add(self._lengths(matrix[start : start + 4096]), {})
        self.mean_ = moments.mean
        _, vectors = np.linalg.eigh(moments.covariance())
        self._candidates = vectors.T[::-1][: self.n_candidates]

    def _lengths(self, rows):
        return unit(rows) if self.normalize else rows

    def _biased_rows(self, table):
        """Rows of the words most biased to either side, and which side that is."""
        specific = set(self.specific_words_)
        first = enumerate(table.words[: self.n_frequent])
        neutral = [i for i, word in first if word not in specific and _is_lower(word)]
        n = min(self.n_biased_words, len(neutral) // 2)
        if n < 2:
            raise ValueError(
                f"{len(neutral)} of the first n_frequent={self.n_frequent} words are neutral and "
                "in lower case, and 4 are needed; pass more word vectors, or fewer specific_words."
            )
        along = self._lengths(table.matrix[neutral].astype(np.float64)) @ self.components_[0]
        order = np.asarray(neutral)[np.argsort(along, kind="stable")]
        return np.concatenate([order[:n], order[-n:]]), np.repeat([0, 1], n)

    def _try(self, u, rows, sets, sides, seed):
        """Take a component and the bias out; tell how well clusters agree with sides."""
        out = [rows, *sets] if u is None else [x - np.outer(x @ u, u) for x in (rows, *sets)]
        components, ratio = bias_subspace(out[1:], len(self.components_))
        left = self._lengths(out[0] - (out[0] @ components.T) @ components)
        clusters = KMeans(2, n_init=10, random_state=seed).fit_predict(left)
        agree = np.mean(clusters == sides)
        return max(agree, 1 - agree), components, ratio

    def _debias(self, X, table, out):
        assert_all_finite(table.matrix, input_name="X")
        u = self.frequency_component_

        def change(block, _):
            block[...] = self._lengths(block)
            block -= self.mean_.astype(block.dtype)
            block -= np.outer(block @ u.astype(block.dtype), u.astype(block.dtype))

        in_blocks(table.matrix, out, change)
        super()._debias(X, table._replace(matrix=out), out)

    def _project(self, matrix, out):
        basis = np.concatenate([self.frequency_component_[None], self.components_])
        shrink(matrix, out, basis, np.ones(len(basis)), normalize=False)


def _is_lower(word):
    return not isinstance(word, str) or word == word.lower()
