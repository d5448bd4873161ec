"""Projection along the differences between the means of groups.

Haghighatkhah et al., "Better hit the nail on the head than beat around the bush: removing protected
attributes with a single projection" (2022).
"""

from numbers import Integral

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from ._concepts import check_varies
from ._erasing import BaseErasure
from ._moments import Moments

NOTHING = 1e-10  # multiple of the largest singular value that counts as none


class MeanProjection(BaseErasure):
    """Project vectors orthogonally to the subspace in which the means of groups differ.

    Afterwards all groups have one mean, so that no linear model finds the concept on the rows of
    `fit`. The projection is orthogonal and keeps the origin, as with the bias subspaces of word
    vectors; :class:`ConceptErasure` moves the rows less.

    Parameters
    ----------
    n_components : int, default=None
        At least 1: how many directions are taken away, those first in which the means differ most.
        None: all, one less than there are groups.
    copy : bool, default=True
        False: `transform` changes the array that it is given.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal directions that are taken away, the most important one first.
    singular_values_ : ndarray of shape (n_components,)
        How far the means are apart along each: singular values of the covariance of rows with the
        concepts, of which each category, or number, has variance 1.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    ConceptErasure : Moves the rows least of all.
    INLP : Projects along the weights of classifiers, one after the other.

    References
    ----------
    P. Haghighatkhah, A. Fokkens, P. Sommerauer, B. Speckmann, K. Verbeek, "Better hit the nail on
    the head than beat around the bush: removing protected attributes with a single projection",
    EMNLP 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.embeddings import MeanProjection
    >>> X = np.array([[1.0, 2], [3, 2], [1, 5], [3, 5]])
    >>> projection = MeanProjection().fit(X, ["a", "a", "b", "b"])
    >>> abs(projection.components_).round(6)
    array([[0., 1.]])
    >>> projection.transform(X)[:2]
    array([[1., 0.],
           [3., 0.]])
    """

    _parameter_constraints: dict = {
        **BaseErasure._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, n_components=None, *, copy=True):
        self.n_components = n_components
        self.copy = copy

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sensitive_features=None):
        """Find the directions in which the means differ.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Vectors.
        y : array-like of shape (n_samples,) or (n_samples, n_concepts)
            The groups: strings, integers and booleans; of floats, the direction of the covariance
            with them is taken away. Several columns are several concepts.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_concepts)
            The groups, where `y` is something else, as in a pipeline in front of a classifier.

        Returns
        -------
        self : MeanProjection
            Fitted.
        """
        table, columns = self._rows_and_concept(X, y, sensitive_features, reset=True)
        check_varies(columns)
        moments = Moments(table.matrix, squares=False)
        moments.add(table.matrix, columns)
        cross = moments.cross_covariance()
        directions, singular, _ = np.linalg.svd(cross, full_matrices=False)
        size = np.abs(table.matrix).max() * len(cross) ** 0.5  # of which differences are rounded
        floor = max(NOTHING * singular.max(initial=0.0), 1e-15 * size)
        rank = int(np.sum(singular > floor))
        if self.n_components is not None and self.n_components > rank:
            raise ValueError(
                f"n_components={self.n_components}, and the means differ in {rank} directions, of "
                f"vectors with n_features={len(cross)}; ask for fewer."
            )
        kept = rank if self.n_components is None else self.n_components
        self.components_ = directions[:, :kept].T
        self.singular_values_ = singular[:kept]
        return self
