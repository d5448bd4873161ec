"""Fairlearn's classifiers in scikit-learn's pipelines and searches.

Reductions: Agarwal et al. (2018), "A reductions approach to fair classification", ICML.
Thresholds: Hardt, Price & Srebro (2016), "Equality of opportunity in supervised learning", NeurIPS.
"""

import inspect
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_y,
    check_array,
    check_is_fitted,
    column_or_1d,
)

from sklearn_privfair._stored import StoredState, add_package
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.fairness._columns import SensitiveColumnsMixin
from sklearn_privfair.fairness._sensitive import as_frame, places_of

add_package("fairlearn")  # reductions keep tables, moments and every classifier that they trained


class FairlearnClassifier(
    StoredState, SensitiveColumnsMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    """Let one of Fairlearn's classifiers route its sensitive features, and take any labels.

    Reductions hide `sensitive_features` in the keywords of their `fit`, where metadata routing does
    not find it; the threshold optimizer wants it to predict, where scorers pass none; both want
    labels 0 and 1. Behind this they stand in one search with
    :class:`AdversarialDebiasingClassifier`.

    Parameters
    ----------
    estimator : estimator
        Of Fairlearn: an ``ExponentiatedGradient``, a ``GridSearch``, a ``ThresholdOptimizer``, an
        ``AdversarialFairnessClassifier``; or whatever has
        ``fit(X, y, sensitive_features=...)`` and ``predict(X)``.
    sensitive_features : str, int, list of these or None, default=None
        Columns of `X` that are sensitive, by name or number. None: they are given to `fit`, and to
        `predict` if the estimator wants them there.
    drop_sensitive : bool, default=False
        Whether these columns are hidden from the estimator.
    random_state : int, RandomState instance or None, default=None
        Decides predictions that are drawn, as those of reductions and thresholds; drawn alike in
        every call of `predict`. The estimator's own `random_state`, if it has one, is its own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    estimator_ : estimator
        The fitted one, which knows labels by their number.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where the data have names.

    See Also
    --------
    AdversarialDebiasingClassifier : Trains a net that needs no sensitive feature to predict.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn.reductions import DemographicParity, ExponentiatedGradient
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.fairness import FairlearnClassifier
    >>> from sklearn_privfair.metrics import demographic_parity_difference
    >>> X, y = make_classification(1000, 5, n_redundant=0, random_state=0)
    >>> group = np.where(X[:, 0] + np.random.RandomState(0).randn(1000) > 0, "a", "b")
    >>> y = np.where(y, "yes", "no")
    >>> reduction = ExponentiatedGradient(LogisticRegression(), DemographicParity())
    >>> fair = FairlearnClassifier(reduction, random_state=0)
    >>> fair = fair.fit(X, y, sensitive_features=group)
    >>> predicted = fair.predict(X)
    >>> gap = demographic_parity_difference(y, predicted, sensitive_features=group, pos_label="yes")
    >>> gap < 0.05
    True
    """

    __metadata_request__fit = {"sensitive_features": True}
    __metadata_request__predict = {"sensitive_features": True}

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "sensitive_features": [str, Integral, list, None],
        "drop_sensitive": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator, *, sensitive_features=None, drop_sensitive=False, random_state=None
    ):
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.drop_sensitive = drop_sensitive
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sensitive_features=None):
        """Fit the estimator.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows; a data frame reaches the estimator as one.
        y : array-like of shape (n_samples,)
            Labels.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, k), default=None
            In place of columns of `X`. Rows belong together by their place.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If there are no sensitive features, or they come twice.
        """
        self._check_given(sensitive_features)
        X = self._rows(X, reset=True)
        y = _check_y(column_or_1d(y, warn=True), estimator=self)
        check_classification_targets(y)
        if len(y) != len(X):
            raise ValueError(f"X has {len(X)} rows, and y has {len(y)}.")
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class alone, {self.classes_[0]!r}; give two or more.")
        self._seed = draw_seed(self.random_state)
        if self.drop_sensitive:
            self._hidden = places_of(self.sensitive_features, X)
        frame = self._sensitive(X, sensitive_features)
        self.estimator_ = clone(self.estimator)
        self.estimator_.fit(self._kept(X), codes, sensitive_features=frame)
        return self

    def predict(self, X, sensitive_features=None):
        """Predict labels.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, k), default=None
            If `fit` was given them, and the estimator wants them to predict.

        Returns
        -------
        y : ndarray of shape (n_samples,)

        Raises
        ------
        ValueError
            If the estimator wants sensitive features, and there are none.
        """
        check_is_fitted(self)
        X = self._rows(X, reset=False)
        wanted, options = inspect.signature(self.estimator_.predict).parameters, {}
        if "random_state" in wanted:
            options["random_state"] = self._seed
        if "sensitive_features" in wanted:
            if self.sensitive_features is None and sensitive_features is None:
                raise ValueError(
                    f"{type(self.estimator_).__name__} wants sensitive_features to predict; name "
                    "columns of X in the constructor, sensitive_features=..., which serves scorers "
                    "too, or give them: predict(X, sensitive_features=...)."
                )
            options["sensitive_features"] = self._sensitive(X, sensitive_features)
        codes = np.asarray(self.estimator_.predict(self._kept(X), **options))
        return self.classes_[codes.reshape(len(X)).astype(np.int64)]

    def _rows(self, X, reset):
        """Check rows; a data frame stays one, and gaps stay: there may be a pipeline inside."""
        _check_feature_names(self, X, reset=reset)
        options = {"dtype": None, "ensure_all_finite": False, "estimator": self}
        framed = hasattr(X, "columns")  # of any dtypes, which have no common one
        checked = check_array(np.zeros(X.shape) if framed else X, input_name="X", **options)
        X = X if framed else checked
        _check_n_features(self, X, reset=reset)
        return X

    def _sensitive(self, X, given):
        if self.sensitive_features is not None:
            return self._named(X)
        return as_frame(given, len(X))

    def _kept(self, X):
        return self._visible(X) if self.drop_sensitive else X
