"""Scorers of fairness for scikit-learn's searches, that get the sensitive features to where it is.

Built on scikit-learn's own base of scorers, so that several of them share one prediction.
"""

from functools import partial
from numbers import Integral

from sklearn.metrics._scorer import _BaseScorer, _cached_call
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import StrOptions, validate_params
from sklearn.utils.metadata_routing import MetadataRequest

from . import (
    _fairness_correlation,
    _fairness_differences,
    _fairness_ratios,
    _fairness_regression,
)
from ._fairness_gaps import MEASURES
from ._fairness_inputs import LABELS

_OF_NUMBERS = (
    "mean_prediction_difference",
    "sensitive_correlation",
    "statistical_parity_difference",
)
METRICS = {
    name: getattr(module, name)
    for module in (
        _fairness_correlation,
        _fairness_differences,
        _fairness_ratios,
        _fairness_regression,
    )
    for name in (*MEASURES, *_OF_NUMBERS)
    if hasattr(module, name)
}
COLUMNS = [str, Integral, list, tuple, None]


class RoutedScorer(_BaseScorer):
    """A scorer that asks for `sensitive_features`, or takes them out of X."""

    def __init__(self, score_func, sign, kwargs, response_method, sensitive_features):
        super().__init__(score_func, sign, kwargs, response_method)
        self._columns = sensitive_features

    def __call__(self, estimator, X, y_true, *, sensitive_features=None, sample_weight=None):
        """Score a fitted estimator."""
        given = {"sensitive_features": sensitive_features, "sample_weight": sample_weight}
        given = {key: value for key, value in given.items() if value is not None}
        return self._score(partial(_cached_call, None), estimator, X, y_true, **given)

    def groups_of(self, X, given):
        """Give the sensitive features: those given, or the columns of X."""
        if self._columns is not None:
            if given is not None:
                raise ValueError(
                    f"sensitive_features were passed to {self!r}, which takes them from X; make "
                    "the scorer without them, or do not pass any."
                )
            columns = self._columns
            columns = list(columns) if isinstance(columns, tuple) else columns
            return _safe_indexing(X, columns, axis=1)
        if given is None:
            raise ValueError(
                f"{self!r} needs sensitive_features. Pass them to the call; in a search or "
                "cross-validation to fit, or in params, after "
                "sklearn.set_config(enable_metadata_routing=True); or name columns of X when the "
                "scorer is made, sensitive_features='sex'."
            )
        return given

    def _accept_sample_weight(self):
        return True

    def set_score_request(self, **kwargs):
        """Set which metadata the scorer asks for, beside what it asks for already."""
        request = self._get_metadata_request()
        for name, alias in kwargs.items():
            request.score.add_request(param=name, alias=alias)
        self._metadata_request = request
        return self

    def _get_metadata_request(self):
        if hasattr(self, "_metadata_request"):
            return super()._get_metadata_request()
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sensitive_features", alias=self._columns is None)
        request.score.add_request(param="sample_weight", alias=None)
        return request

    def _repr_options(self, **options):
        """List what is not at its default, in the order given."""
        options |= {"sensitive_features": self._columns}
        given = [f", {key}={value!r}" for key, value in options.items() if value is not None]
        return "".join(given)


class FairnessScorer(RoutedScorer):
    """Scores by one of METRICS; greater is better."""

    def __init__(self, metric, pos_label, response_method, sensitive_features):
        self.metric = metric
        sign = 1 if metric.endswith("_ratio") else -1
        kwargs = {} if pos_label is None else {"pos_label": pos_label}
        super().__init__(METRICS[metric], sign, kwargs, response_method, sensitive_features)

    def _score(
        self, method_caller, estimator, X, y_true, *, sensitive_features=None, sample_weight=None
    ):
        groups = self.groups_of(X, sensitive_features)
        return self.compare(method_caller, estimator, X, y_true, groups, sample_weight)

    def compare(self, method_caller, estimator, X, y_true, groups, sample_weight=None):
        """Score, with the groups at hand."""
        method, kwargs = self._response_method, self._kwargs
        of_numbers = self.metric in _OF_NUMBERS
        pos_label = kwargs.get("pos_label") if of_numbers and method != "predict" else None
        y_pred = method_caller(estimator, method, X, pos_label=pos_label)
        if of_numbers:
            y_true = None
            labels = self.metric == "sensitive_correlation" and method == "predict"
            kwargs = kwargs if labels else {}
        return self._sign * self._score_func(
            y_true, y_pred, sensitive_features=groups, sample_weight=sample_weight, **kwargs
        )

    def __repr__(self):
        method = None if self._response_method == "predict" else self._response_method
        options = self._repr_options(
            pos_label=self._kwargs.get("pos_label"), response_method=method
        )
        return f"make_fairness_scorer({self.metric!r}{options})"


@validate_params(
    {
        "metric": [StrOptions(set(METRICS))],
        "pos_label": LABELS["pos_label"],
        "response_method": [StrOptions({"predict", "predict_proba", "decision_function"})],
        "sensitive_features": COLUMNS,
    },
    prefer_skip_nested_validation=True,
)
def make_fairness_scorer(
    metric, *, pos_label=None, response_method="predict", sensitive_features=None
):
    """Make a scorer of fairness, for searches and cross-validation.

    Greater is better, as scikit-learn has it: a difference comes out negated, a ratio as it is.

    The sensitive features reach the scorer by scikit-learn's metadata routing, which it asks for
    them without being told to: ``search.fit(X, y, sensitive_features=s)`` after
    ``sklearn.set_config(enable_metadata_routing=True)``. Or they are columns of X, named here;
    then nothing needs routing.

    Parameters
    ----------
    metric : str
        Name of one of the functions: "demographic_parity_difference",
        "demographic_parity_ratio", "equal_opportunity_difference", "equal_opportunity_ratio",
        "equalized_odds_difference", "equalized_odds_ratio"; for regressors and scores
        "mean_prediction_difference" or "statistical_parity_difference"; for continuous sensitive
        features "sensitive_correlation".

    pos_label : bool, int, float or str, default=None
        The label that counts as positive, as in :func:`group_rates`; for scores, the class whose
        scores are meant, by default the last one.

    response_method : {"predict", "predict_proba", "decision_function"}, default="predict"
        What is compared. The first six metrics, of labels, need "predict".

    sensitive_features : str, int or list of them, default=None
        Columns of X, names of a data frame's or places in an array. X is what the search is
        given, before any step of a pipeline. `None`: they come by metadata routing.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, sensitive_features=s)``, without `sensitive_features`
        if they are columns of X, and optionally with `sample_weight`; returns a float, NaN where
        the metric is undefined. ``set_score_request(sample_weight=True)`` makes it ask for
        weights, too.

    Raises
    ------
    ValueError
        If labels are to be compared, but the response is none; on the call, if sensitive features
        are missing, or given twice.

    See Also
    --------
    make_constrained_scorer : Accuracy, or any other score, subject to such a metric.
    make_constrained_refit : The same, judged by the mean over folds.

    Notes
    -----
    A measure is NaN in a fold where one group lacks the rows for it, and so is the mean over the
    folds. Small groups are best merged beforehand, or folds stratified by group and label.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn_privfair.metrics import make_fairness_scorer
    >>> X, y = make_classification(random_state=0)
    >>> X[:, 1] = X[:, 1] > 0  # a group
    >>> scoring = {
    ...     "accuracy": "accuracy",
    ...     "gap": make_fairness_scorer("demographic_parity_difference", sensitive_features=1),
    ... }
    >>> scores = cross_validate(LogisticRegression(), X, y, scoring=scoring)
    >>> scores["test_gap"].round(2)
    array([-0.23, -0.1 , -0.55, -0.1 , -0.32])
    """
    if metric not in _OF_NUMBERS and response_method != "predict":
        raise ValueError(
            f"{metric} compares labels: response_method must be 'predict', got "
            f"{response_method!r}. For scores there are {', '.join(_OF_NUMBERS)}."
        )
    return FairnessScorer(metric, pos_label, response_method, sensitive_features)
