"""LEACE: no linear probe finds the concept, and the vectors move as little as possible.

Belrose et al., "LEACE: perfect linear concept erasure in closed form" (2023).
"""

import warnings
from numbers import Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from ._concepts import check_varies
from ._erasing import BaseErasure
from ._moments import Moments

MANY = 10  # categories, as numbers have that were taken for such


class ConceptErasure(BaseErasure):
    r"""Erase a concept from vectors, so that no linear model finds it (LEACE).

    The transform of a row is

    .. math:: r(x) = x - W^{+} P W (x - \mu), \qquad W = \Sigma_{xx}^{-1/2}

    with P the orthogonal projection on the columns of :math:`W \Sigma_{xz}`, the whitened
    covariance of the rows with the concept. Afterwards that covariance is zero: on the rows of
    `fit` every linear classifier with a convex loss does best by ignoring them. Of all affine maps
    that achieve this, it moves the rows least, in every norm that comes of an inner product.

    Parameters
    ----------
    tol : float, default=1e-8
        In [0, 1). Multiple correlation of the rows with the concept that counts as none. It knows
        no scale, neither that of the features nor how rare a category is.
    copy : bool, default=True
        False: `transform` changes the array that it is given.

    Attributes
    ----------
    components_ : ndarray of shape (n_directions, n_features)
        The directions that are subtracted; for a concept of k categories k - 1 of them.
    weights_ : ndarray of shape (n_directions, n_features)
        How much of each: the row x loses ``(weights_ @ (x - mean_)) @ components_``.
    correlations_ : ndarray of shape (n_directions,)
        Singular values of the whitened covariance of rows with concepts, each of which has
        variance 1: for one number, or two categories, its multiple correlation with the rows.
    mean_ : ndarray of shape (n_features,)
        Mean of the rows, which stays.
    n_samples_seen_ : int
        Rows seen by `fit`, or by all calls of `partial_fit`.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    INLP : Iterative nullspace projection, which takes more away.
    MeanProjection : The orthogonal projection along differences of means.
    HardDebias : For word vectors and lists of words.

    Notes
    -----
    Only linear models are held off: others may still find the concept, and on other rows a linear
    one finds what the sample did not show.

    The map does not depend on the scale of the features. A small multiple of the features' own
    variances (1e-12, of float32 rows 1e-6, times their number) is added to the covariance, so that
    it has an inverse: the concept is erased also where features depend on each other or outnumber
    the rows, and only how little the rows move is less than perfect then.

    References
    ----------
    N. Belrose, D. Schneider-Joseph, S. Ravfogel, R. Cotterell, E. Raff, S. Biderman, "LEACE:
    perfect linear concept erasure in closed form", NeurIPS 2023, theorem 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.embeddings import ConceptErasure
    >>> rng = np.random.default_rng(0)
    >>> sex = np.array(["f", "m"] * 100)
    >>> X = rng.normal(size=(200, 5)) + (sex == "f")[:, None]
    >>> X_erased = ConceptErasure().fit_transform(X, sex)
    >>> for vectors in (X, X_erased):
    ...     print(LogisticRegression().fit(vectors, sex).score(vectors, sex))
    0.89
    0.5
    """

    _parameter_constraints: dict = {
        **BaseErasure._parameter_constraints,
        "tol": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(self, tol=1e-8, *, copy=True):
        self.tol = tol
        self.copy = copy

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sensitive_features=None):
        """Find what of the rows tells the concept.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Vectors.
        y : array-like of shape (n_samples,) or (n_samples, n_concepts)
            The concept: strings, integers and booleans are categories, floats are numbers. Several
            columns are several concepts, erased together.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_concepts)
            The concept, where `y` is something else: in a pipeline in front of a classifier `y` are
            its labels, and without `sensitive_features` these would be erased.

        Returns
        -------
        self : ConceptErasure
            Fitted.
        """
        table, columns = self._rows_and_concept(X, y, sensitive_features, reset=True)
        check_varies(columns)
        self._moments = Moments(table.matrix)
        return self._add(table.matrix, columns)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sensitive_features=None):
        """Learn from more rows, together with those of the calls before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A block of rows.
        y : array-like of shape (n_samples,) or (n_samples, n_concepts)
            As in `fit`; categories that are new may come.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_concepts)
            As in `fit`.

        Returns
        -------
        self : ConceptErasure
            Fitted to all rows so far, as `fit` would be.
        """
        first = not hasattr(self, "_moments")
        table, columns = self._rows_and_concept(X, y, sensitive_features, reset=first)
        if first:
            self._moments = Moments(table.matrix)
        return self._add(table.matrix, columns)

    def _map(self):
        return self.components_, self.weights_, self.mean_

    def _add(self, rows, columns):
        self._moments.add(rows, columns)
        self._solve(self._moments)
        return self

    def _solve(self, moments):
        """Find the map: on features of unit variance, which changes nothing but rounding."""
        covariance, cross = moments.covariance(), moments.cross_covariance()
        _check_squares(np.diag(covariance), cross, moments)
        scale = np.sqrt(np.diag(covariance).clip(0))
        scale[scale == 0] = 1
        values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
        roots = np.sqrt(np.maximum(values, 0) + moments.noise)
        whitened = vectors.T @ (cross / scale[:, None]) / roots[:, None]
        left, correlations, _ = np.linalg.svd(whitened, full_matrices=False)
        kept = correlations > self.tol
        if kept.sum() == len(scale) and cross.shape[1] >= MANY:
            warnings.warn(
                f"The concept has {cross.shape[1]} independent parts, and X has {len(scale)} "
                "features: every row becomes the mean, and nothing is left. Integers are taken for "
                "categories; if they are numbers, such as ages, pass them as floats.",
                UserWarning,
                stacklevel=4,
            )
        basis = left[:, kept].T
        self.correlations_ = correlations[kept]
        self.components_ = (basis * roots) @ vectors.T * scale
        self.weights_ = (basis / roots) @ vectors.T / scale
        self.mean_ = moments.mean
        self.n_samples_seen_ = moments.n


def _check_squares(variances, cross, moments):
    """Raise where features vary so little or so much that their squares cannot be told."""
    kind = np.finfo(moments.dtype)
    lost = (variances < kind.tiny / kind.eps) & cross.any(axis=1)
    lost |= ~(variances < kind.max * kind.eps)
    if lost.any():
        raise ValueError(
            f"The squares of features {np.flatnonzero(lost)[:5].tolist()} of X are too small or "
            f"too large for {kind.dtype}; scale these features, or pass float64."
        )
