"""Probabilities hidden in part, so that they tell less of the rows trained on: a weak defence.

Top-k and rounding as in Shokri, Stronati, Song and Shmatikov 2017, section VIII.
"""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair._stored import StoredState
from sklearn_privfair.differentiable import as_module
from sklearn_privfair.differentiable._skorch_training import check_classifies, is_net, net_inputs
from sklearn_privfair.differentiable._victim import net_labels


def _has_proba(self):
    getattr(getattr(self, "estimator_", self.estimator), "predict_proba")  # noqa: B009
    return True


class ConfidenceMaskingClassifier(StoredState, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Wrap a classifier so that it tells its probabilities only in part.

    The label predicted never changes, and probabilities add up to one. It is no protection worth
    the name: the label alone tells an attacker whether the classifier is right, which it is more
    often on the rows it was trained on, and attacks that go by labels find how far a row is from
    the boundary. What bounds an attack is :class:`DPSGDClassifier`.

    Parameters
    ----------
    estimator : classifier
        With `predict_proba`, or there is nothing to hide. A fitted one goes in a `FrozenEstimator`.
    top_k : int or None, default=None
        How many probabilities, the largest, are told; the others share the rest evenly. None: all.
        Of two classes, one tells both.
    decimals : int or None, default=None
        To how many decimals probabilities are rounded, after `top_k`, each up or down so that they
        add up to one, and the largest stays so. 0 tells the label alone. None: they are not
        rounded.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier, which hides nothing.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Features seen in `fit`, where the classifier tells.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    DPSGDClassifier : A defence with a guarantee.

    Notes
    -----
    There is no `decision_function`: it would tell what is hidden.

    References
    ----------
    R. Shokri, M. Stronati, C. Song, V. Shmatikov, "Membership inference attacks against machine
    learning models", S&P 2017.

    L. Song, P. Mittal, "Systematic evaluation of privacy risks of machine learning models", USENIX
    Security 2021.

    C. A. Choquette-Choo, F. Tramèr, N. Carlini, N. Papernot, "Label-only membership inference
    attacks", ICML 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.privacy import ConfidenceMaskingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> open_ = LogisticRegression(max_iter=1000).fit(X, y)
    >>> open_.predict_proba(X[:1]).round(3)
    array([[0.982, 0.018, 0.   ]])
    >>> masked = ConfidenceMaskingClassifier(FrozenEstimator(open_), decimals=1).fit(X, y)
    >>> masked.predict_proba(X[:1])
    array([[1., 0., 0.]])
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "top_k": [Interval(Integral, 1, None, closed="left"), None],
        "decimals": [Interval(Integral, 0, 10, closed="both"), None],
    }

    def __init__(self, estimator, *, top_k=None, decimals=None):
        self.estimator = estimator
        self.top_k = top_k
        self.decimals = decimals

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Fit the classifier; a frozen one is left as it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        self : object
        """
        estimator = clone(self.estimator)
        if is_net(estimator):
            check_classifies(estimator)
            X, y = net_inputs(estimator, np.asarray(X), net_labels(y))
        self.estimator_ = estimator.fit(X, y)
        self.classes_ = np.asarray(self.estimator_.classes_)
        if self.top_k is not None and self.top_k > len(self.classes_):
            raise ValueError(
                f"top_k={self.top_k} is more than the {len(self.classes_)} classes; None tells all."
            )
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict(self, X):
        """Predict labels, as the classifier itself does.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.estimator_.predict(self._rows(X))

    @available_if(_has_proba)
    def predict_proba(self, X):
        """Predict the probability of each class, masked.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`.
        """
        check_is_fitted(self)
        proba = np.asarray(self.estimator_.predict_proba(self._rows(X)), dtype=np.float64)
        if self.top_k is not None and self.top_k < proba.shape[1]:
            proba = keep_largest(proba, self.top_k)
        return proba if self.decimals is None else round_rows(proba, self.decimals)

    def _rows(self, X):
        inner = self.estimator_
        while isinstance(inner, FrozenEstimator):
            inner = inner.estimator
        return net_inputs(inner, np.asarray(X)) if is_net(inner) else X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags, tags.classifier_tags = inner.input_tags, inner.classifier_tags
        return tags


@as_module.register(ConfidenceMaskingClassifier)
def _(model):
    check_is_fitted(model)
    return as_module(model.estimator_)


def keep_largest(proba, k):
    """Keep the k largest numbers of each row; the others share the rest evenly.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        Rows that add up to one.
    k : int
        Less than n_classes. Of equal numbers the first are kept.

    Returns
    -------
    masked : ndarray of shape (n_rows, n_classes)
    """
    order = np.argsort(-proba, axis=1, kind="stable")
    kept = np.take_along_axis(proba, order[:, :k], axis=1)
    share = (1 - kept.sum(axis=1, keepdims=True)) / (proba.shape[1] - k)
    share = np.clip(share, 0, kept[:, -1:])  # rounding would put it above, where all are equal
    masked = np.repeat(share, proba.shape[1], axis=1)
    np.put_along_axis(masked, order[:, :k], kept, axis=1)
    return masked


def round_rows(proba, decimals):
    """Round each row so that it adds up to one and its largest number stays the largest.

    Rounded down, what is missing goes, unit by unit, to the largest remainders; where another class
    comes to stand level with the largest, it gives it one unit.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        Rows that add up to one.
    decimals : int
        At most 10.

    Returns
    -------
    rounded : ndarray of shape (n_rows, n_classes)
    """
    one, rows = 10**decimals, np.arange(len(proba))
    top = proba.argmax(axis=1)
    scaled = proba / proba.sum(axis=1, keepdims=True) * one
    units = np.floor(scaled)
    places = np.argsort(np.argsort(units - scaled, axis=1, kind="stable"), axis=1)
    units += places < one - units.sum(axis=1, keepdims=True)
    level = units.argmax(axis=1)
    units[rows, level] -= level != top
    units[rows, top] += level != top
    return units / one
