"""Hard debiasing of word vectors, for two groups and for more.

Bolukbasi et al., "Man is to computer programmer as woman is to homemaker? Debiasing word
embeddings" (2016); Manzini et al. (2019) for concepts of more than two groups.
"""

from sklearn.base import _fit_context

from ._base import BaseWordDebias
from ._equalizing import equalize, plan_equalizing
from ._word_sets import as_sets, check_disjoint, known_sets, warn_missing, with_cases


class HardDebias(BaseWordDebias):
    """Take a bias out of word vectors: neutralize all words, and equalize sets of words.

    The bias subspace is that of the first principal components of the sets of words that define
    it. Every word loses its part in it, save those that have the bias by definition; sets of words
    that are to differ in the bias alone are put at one point, from which they differ by it, all
    equally far from any neutral word.

    Parameters
    ----------
    definitional_sets : str or list of tuples of str, default="gender_definitional"
        Sets of words that differ in the concept, such as ("she", "he"); with more than two groups
        ("judaism", "christianity", "islam"). Or the name of a list, see
        :func:`~sklearn_privfair.embeddings.word_list_names`.
    equalize_sets : str, list of tuples of str or None, default="gender_equalize"
        Sets that are to differ in the concept alone; no word may be in two of them. None: none.
    specific_words : str, list of str or None, default="gender_specific"
        Words that are what they are by definition, and keep their part of the bias ("queen").
        None: none; words of the equalized sets need not be among them.
    n_components : int, default=None
        Dimension of the bias subspace, at least 1. None: one less than the words of the largest
        definitional set, which is 1 for pairs.
    normalize : bool, default=True
        Whether all vectors are brought to unit length, before and after, as in the paper. False:
        neutral words become shorter by what they lose, other lengths stay.
    case_variants : bool, default=True
        Whether each of the `equalize_sets` is there in lower case, Title case and UPPER case too,
        where all its words have vectors.
    copy : bool, default=True
        False: the array in `X` is changed, and gensim's object returned; for millions of words.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal basis of the bias subspace, float64. The first words of the definitional sets
        lie, taken together, on the positive side of each.
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
    SoftDebias : Keeps more of the lengths and angles between words.
    DoubleHardDebias : Takes a direction of word frequency out first.
    ConceptErasure : For vectors of any kind that have labels.

    Notes
    -----
    What is zero afterwards is the part along `components_`. Words that had a bias still lie next
    to each other, and a classifier can find it again from that (Gonen & Goldberg 2019).

    Sides in an equalized set are taken from the vectors as they were. Where the vectors are not of
    unit length, the 1 of the paper's equation is the mean squared length of the set, so that there
    is never a root of a negative number.

    Of gensim's `FastTextKeyedVectors` the n-grams are neutralized too, and with them words out of
    vocabulary; what is saved and loaded again is debiased. A fresh object comes out because
    gensim keeps the norms of the vectors that it had.

    References
    ----------
    T. Bolukbasi, K.-W. Chang, J. Zou, V. Saligrama, A. Kalai, "Man is to computer programmer as
    woman is to homemaker? Debiasing word embeddings", NIPS 2016, sections 5 and 6.

    T. Manzini, Y. C. Lim, A. W. Black, Y. Tsvetkov, "Black is to criminal as Caucasian is to
    police: detecting and removing multiclass bias in word embeddings", NAACL 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.embeddings import HardDebias
    >>> words = ["he", "she", "king", "queen", "nurse"]
    >>> X = np.array([[1, 0, 1], [-1, 0, 1], [1, 2, 1], [-1, 2, 1], [-1, 1, 3.0]])
    >>> debias = HardDebias([("she", "he")], [("king", "queen")], ["she", "he"])
    >>> _, X_debiased = debias.fit_transform((words, X))
    >>> X_debiased.round(3) + 0.0
    array([[ 0.707,  0.   ,  0.707],
           [-0.707,  0.   ,  0.707],
           [ 0.   ,  0.894,  0.447],
           [ 0.   ,  0.894,  0.447],
           [ 0.   ,  0.316,  0.949]])
    """

    _parameter_constraints: dict = {
        **BaseWordDebias._parameter_constraints,
        "equalize_sets": [str, list, tuple, None],
        "case_variants": ["boolean"],
    }

    def __init__(
        self,
        definitional_sets="gender_definitional",
        equalize_sets="gender_equalize",
        specific_words="gender_specific",
        *,
        n_components=None,
        normalize=True,
        case_variants=True,
        copy=True,
    ):
        self.definitional_sets = definitional_sets
        self.equalize_sets = equalize_sets
        self.specific_words = specific_words
        self.n_components = n_components
        self.normalize = normalize
        self.case_variants = case_variants
        self.copy = copy

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find the bias subspace, and the words that are there.

        Parameters
        ----------
        X : KeyedVectors, gensim model, (words, array), mapping, DataFrame or array
            Word vectors; a data frame has words as its index. In a bare array of shape
            (n_words, n_features) a word is the number of its row.
        y : None
            Ignored.

        Returns
        -------
        self : HardDebias
            Fitted.
        """
        return self._fit(X)

    def _learn(self, table, sets):
        self._find_subspace(table, sets)
        check_disjoint(as_sets(self.equalize_sets, "equalize_sets"), "equalize_sets")
        found = self._known_sets("equalize_sets", table)
        warn_missing("equalize_sets", self.missing_words_["equalize_sets"])
        self.equalize_sets_ = with_cases(found, table.place) if self.case_variants else found

    def _debias(self, X, table, out):
        plans = [self._plan(table, words) for words in self._sets_in(table)]
        self._shrink(table.matrix, out, self._keep(X, table))
        for plan in plans:
            equalize(out, plan, self.components_)

    def _sets_in(self, table):
        """Find the sets in these vectors, which may lack words that those of fit had."""
        present = [s for s in self.equalize_sets_ if any(word in table.place for word in s)]
        sets, missing = known_sets(present, table.place)
        warn_missing("equalize_sets", missing, stacklevel=5)
        return sets

    def _plan(self, table, words):
        rows = [table.place[word] for word in words]
        return plan_equalizing(words, rows, self._vectors(table, words), self.components_)
