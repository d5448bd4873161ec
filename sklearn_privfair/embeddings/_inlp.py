"""Iterative nullspace projection: what a linear probe finds is projected away, again and again.

Ravfogel et al., "Null it out: guarding protected attributes by iterative nullspace projection"
(2020).
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils._param_validation import HasMethods, Interval

from ._concepts import check_varies
from ._erasing import BaseErasure

NOTHING = 1e-6  # part of a weight vector outside the directions found, that counts as none


class INLP(BaseErasure):
    """Project vectors onto the nullspaces of linear classifiers, one after the other.

    A linear classifier is trained to find the concept; the vectors lose their part along its
    weights; the next is trained on what is left, until one does no better than the most frequent
    category.

    Parameters
    ----------
    estimator : estimator, default=None
        A linear classifier with `coef_` after `fit`, for concepts that are numbers a regressor.
        None: :class:`~sklearn.linear_model.LogisticRegression`, or for numbers
        :class:`~sklearn.linear_model.Ridge`, with its defaults.
    n_steps : int, default=35
        At least 1: how many classifiers at most.
    tol : float, default=0.01
        At least 0. How much better than without looking at the vectors a classifier has to be, in
        its score on the rows of `fit`, for its weights to be projected away.
    copy : bool, default=True
        False: `transform` changes the array that it is given.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal basis of what is taken away.
    scores_ : ndarray of shape (n_probes,)
        Score of each classifier on the vectors that were left to it; of several concepts the
        highest. The last one is of the classifier that was not better, if one came to that.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    ConceptErasure : Takes k - 1 directions for k categories, and no classifier is trained.

    Notes
    -----
    The final projection is that on the intersection of all nullspaces. Other classifiers than the
    one trained may still find the concept, though what is taken away is more than
    :class:`ConceptErasure` needs, where there it is provably enough for all linear ones.

    References
    ----------
    S. Ravfogel, Y. Elazar, H. Gonen, M. Twiton, Y. Goldberg, "Null it out: guarding protected
    attributes by iterative nullspace projection", ACL 2020, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.embeddings import INLP
    >>> rng = np.random.default_rng(0)
    >>> sex = np.array(["f", "m"] * 100)
    >>> X = rng.normal(size=(200, 5)) + (sex == "f")[:, None]
    >>> inlp = INLP().fit(X, sex)
    >>> inlp.scores_.round(2), inlp.components_.shape
    (array([0.89, 0.62, 0.47]), (2, 5))
    """

    _parameter_constraints: dict = {
        **BaseErasure._parameter_constraints,
        "estimator": [HasMethods(["fit", "score"]), None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, estimator=None, *, n_steps=35, tol=0.01, copy=True):
        self.estimator = estimator
        self.n_steps = n_steps
        self.tol = tol
        self.copy = copy

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sensitive_features=None):
        """Train classifiers, each on what those before it left.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Vectors.
        y : array-like of shape (n_samples,) or (n_samples, n_concepts)
            The concept: strings, integers and booleans are categories, floats are numbers. Several
            columns are several concepts, with a classifier for each.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_concepts)
            The concept, where `y` is something else, as in a pipeline in front of a classifier.

        Returns
        -------
        self : INLP
            Fitted.
        """
        table, columns = self._rows_and_concept(X, y, sensitive_features, reset=True)
        check_varies(columns)
        rows = table.matrix.astype(np.float64)
        basis = np.zeros((0, rows.shape[1]))
        scores = []
        for _ in range(self.n_steps):
            probes = [self._probe(rows, column) for column in columns.values()]
            scores.append(max(score for score, _, _ in probes))
            weights = [coef for score, chance, coef in probes if score > chance + self.tol]
            basis_of_step = _new_directions(weights, basis)
            if not len(basis_of_step):
                break
            basis = np.concatenate([basis, basis_of_step])
            rows -= (rows @ basis_of_step.T) @ basis_of_step
        self.components_ = basis
        self.scores_ = np.array(scores)
        return self

    def _probe(self, rows, column):
        """Train one classifier; give its score, that without looking, and its weights."""
        numbers = column.categories is None
        default = Ridge() if numbers else LogisticRegression()
        probe = clone(default if self.estimator is None else self.estimator)
        probe.fit(rows, column.values)
        chance = 0.0 if numbers else np.bincount(column.values).max() / len(rows)
        return probe.score(rows, column.values), chance, np.atleast_2d(probe.coef_)


def _new_directions(weights, basis):
    """Give an orthonormal basis of what weights span beyond a basis; twice is enough."""
    if not weights:
        return basis[:0]
    weights = np.concatenate(weights).astype(np.float64)
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    weights = weights / np.where(lengths > 0, lengths, 1)
    for _ in range(2):
        weights = weights - (weights @ basis.T) @ basis
    _, singular, directions = np.linalg.svd(weights, full_matrices=False)
    found = directions[singular > NOTHING]
    return found - (found @ basis.T) @ basis
