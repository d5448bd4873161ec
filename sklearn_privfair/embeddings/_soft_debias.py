"""Soft debiasing of word vectors: less bias, traded against the geometry of all words.

Bolukbasi et al., "Man is to computer programmer as woman is to homemaker? Debiasing word
embeddings" (2016), section 6, step 2b.
"""

from numbers import Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from ._base import BaseWordDebias
from ._blocks import block_slices
from ._shrinking import unit
from ._soft_problem import solve_soft

UNCHANGED = 1e-8  # eigenvalues of A closer to 1 than this are 1


class SoftDebias(BaseWordDebias):
    r"""Make word vectors less biased, and keep the inner products between all of them.

    One linear map T of all vectors, the solution of

    .. math:: \min_T \; \operatorname{mean}_{v, w \in W} \left(\langle Tv, Tw \rangle
        - \langle v, w \rangle\right)^2 + \lambda \operatorname{mean}_{n \in N} \sum_{b}
        \langle Tn, Tb \rangle^2

    over all words W, neutral words N and an orthonormal basis b of the bias subspace.

    Parameters
    ----------
    definitional_sets : str or list of tuples of str, default="gender_definitional"
        Sets of words that differ in the concept, or the name of a list, as in
        :class:`HardDebias`.
    specific_words : str, list of str or None, default="gender_specific"
        Words that are not neutral. They are mapped like all others. None: all are neutral.
    bias_weight : float, default=0.2
        :math:`\lambda`, at least 0: 0 changes nothing, and the larger, the less bias is left.
        Because there are means where the paper has sums, it does not depend on how many words
        there are: the paper's is this times :math:`|W|^2 / |N|`.
    n_components : int, default=None
        Dimension of the bias subspace, at least 1. None: one less than the words of the largest
        definitional set.
    normalize : bool, default=True
        Whether all vectors are brought to unit length, before and after, as in the paper.
    copy : bool, default=True
        False: the array in `X` is changed, and gensim's object returned.

    Attributes
    ----------
    components_ : ndarray of shape (n_directions, n_features)
        Orthonormal directions that T changes, those first that it changes most: of the bias, and
        such as are correlated with it. There are at most twice as many as `n_components`, if T has
        a closed form.
    shares_ : ndarray of shape (n_directions,)
        Which share of a vector's part along each is taken away; below 0 it becomes longer.
    bias_components_ : ndarray of shape (n_components, n_features)
        Orthonormal basis of the bias subspace.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        Share of the variance within the definitional sets, for each component of the bias.
    n_iter_ : int
        Iterations of the solver; 0 where there was a closed form.
    specific_words_ : list of str
        Words that are not neutral.
    missing_words_ : dict of str to list of str
        For each parameter with words, those that have no vector.
    n_features_in_ : int
        Length of a vector.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, of a data frame whose columns have names.

    See Also
    --------
    HardDebias : Takes all of the bias out of neutral words.

    Notes
    -----
    The problem is convex in :math:`A = T^\top T`, and T is its symmetric root, of all roots the one
    closest to the identity. A is found by one system of linear equations where that gives a
    positive semi-definite matrix, which is always so if all words are neutral; else by ADMM, to
    within rounding. No descent on T, whose result depends on its start, and no solver for
    semi-definite programs in general. T differs from the identity in few directions, so that it
    costs no more than hard debiasing to apply.

    References
    ----------
    T. Bolukbasi, K.-W. Chang, J. Zou, V. Saligrama, A. Kalai, "Man is to computer programmer as
    woman is to homemaker? Debiasing word embeddings", NIPS 2016, section 6 and appendix.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.embeddings import SoftDebias
    >>> words = ["he", "she", "king", "queen", "nurse"]
    >>> X = np.array([[1, 0, 1], [-1, 0, 1], [1, 2, 1], [-1, 2, 1], [-1, 1, 3.0]])
    >>> for weight in (0, 0.2, 10):
    ...     soft = SoftDebias([("she", "he")], None, bias_weight=weight).fit((words, X))
    ...     print(soft.transform((words, X))[1][-1].round(2))
    [-0.3  0.3  0.9]
    [-0.24  0.3   0.92]
    [-0.05  0.31  0.95]
    """

    _parameter_constraints: dict = {
        **BaseWordDebias._parameter_constraints,
        "bias_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        definitional_sets="gender_definitional",
        specific_words="gender_specific",
        *,
        bias_weight=0.2,
        n_components=None,
        normalize=True,
        copy=True,
    ):
        self.definitional_sets = definitional_sets
        self.specific_words = specific_words
        self.bias_weight = bias_weight
        self.n_components = n_components
        self.normalize = normalize
        self.copy = copy

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find the bias subspace, and solve for T.

        Parameters
        ----------
        X : KeyedVectors, gensim model, (words, array), mapping, DataFrame or array
            Word vectors; a data frame has words as its index. In a bare array of shape
            (n_words, n_features) a word is the number of its row.
        y : None
            Ignored.

        Returns
        -------
        self : SoftDebias
            Fitted.
        """
        return self._fit(X)

    def _learn(self, table, sets):
        self._find_subspace(table, sets)
        self.bias_components_ = self.components_
        everyone = _second_moments(table.matrix, self.normalize)
        specific = self._vectors(table, [w for w in self.specific_words_ if w in table.place])
        n_neutral = len(table.matrix) - len(specific)
        if n_neutral == 0:
            raise ValueError("specific_words: all words are specific; leave some that are neutral.")
        neutral = (everyone - specific.T @ specific) / n_neutral
        A, self.n_iter_ = solve_soft(
            everyone / len(table.matrix), neutral, self.bias_components_, self.bias_weight
        )
        values, vectors = np.linalg.eigh(A)
        order = np.argsort(-np.abs(values - 1), kind="stable")
        order = order[np.abs(values - 1)[order] > UNCHANGED]
        self.components_ = vectors.T[order]
        self.shares_ = 1 - np.sqrt(np.maximum(values[order], 0))

    def _debias(self, X, table, out):
        self._shrink(table.matrix, out)


def _second_moments(matrix, normalize):
    """Sum of outer products of all rows with themselves, in float64."""
    total = np.zeros((matrix.shape[1],) * 2)
    for rows in block_slices(len(matrix), 8 * matrix.shape[1]):
        block = matrix[rows].astype(np.float64)
        block = unit(block) if normalize else block
        total += block.T @ block
    return total
