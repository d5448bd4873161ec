"""Fairness of regressors and scores: means by group, and how far their distributions are apart.

Agarwal, Dudík & Wu, "Fair regression: quantitative definitions and reduction-based algorithms"
(2019): statistical parity. Calders et al., "Controlling attribute effect in linear regression"
(2013): differences of means.
"""

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils._param_validation import validate_params

from ._fairness_gaps import only_one_group
from ._fairness_inputs import GROUPS, encode_groups, group_name, same_length, warn_undefined
from ._validation import check_weights

_NUMBERS = {"y_true": ["array-like", None], "y_pred": ["array-like"]} | GROUPS


def _check_numbers(y_true, y_pred, sensitive_features, sample_weight):
    """Return both as float vectors (or None and a vector), groups, each row's, and weights."""
    vectors = {"y_true": y_true, "y_pred": y_pred}
    for name, values in vectors.items():
        if values is None:
            continue
        vectors[name] = check_array(values, dtype=np.float64, ensure_2d=False, input_name=name)
        if vectors[name].ndim != 1:
            raise ValueError(
                f"{name} has shape {vectors[name].shape}; pass one number per row. Of "
                "predict_proba take the column of one class; of several outputs, one at a time."
            )
    same_length(**{name: values for name, values in vectors.items() if values is not None})
    y_pred = vectors["y_pred"]
    groups, group = encode_groups(sensitive_features, len(y_pred))
    return vectors["y_true"], y_pred, groups, group, check_weights(sample_weight, y_pred)


def _total_weights(groups, group, weights, what, stacklevel):
    total = np.bincount(group, weights=weights)
    if (total == 0).any():
        names = ", ".join(repr(group_name(groups, i)) for i in np.flatnonzero(total == 0))
        warn_undefined(
            f"{what} NaN for group {names}: there is no row with positive weight.", stacklevel + 1
        )
    return np.where(total == 0, np.nan, total)


@validate_params(_NUMBERS, prefer_skip_nested_validation=True)
def group_means(y_true, y_pred, *, sensitive_features, sample_weight=None):
    """Tabulate the means of a regressor's predictions, or of scores, one line for each group.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or None
        True values. `None`: there are none, and their columns are left out.

    y_pred : array-like of shape (n_samples,)
        Predicted values, or scores such as the probability of one class.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        What divides the rows into groups; of several columns, each combination that occurs is a
        group, and missing values are a group of their own. Rows are matched by position.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    means : pandas.DataFrame
        One line for each group, indexed by its values of the sensitive features. Columns, in the
        units of y: ``count``, the number of rows; ``mean_prediction``; ``mean_target``;
        ``mean_error``, predicted minus true; ``root_mean_squared_error``. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where a group's weights are all 0.

    Raises
    ------
    ValueError
        If lengths differ, or a number is missing or infinite.

    See Also
    --------
    mean_prediction_difference : The largest difference of the mean predictions.
    group_rates : For labels.

    References
    ----------
    .. [1] T. Calders, A. Karim, F. Kamiran, W. Ali, X. Zhang, "Controlling Attribute Effect in
       Linear Regression", ICDM 2013.

    Examples
    --------
    >>> from sklearn_privfair.metrics import group_means
    >>> salary, predicted = [3.0, 5.0, 4.0, 6.0], [3.0, 4.0, 5.0, 6.0]
    >>> means = group_means(salary, predicted, sensitive_features=["f", "f", "m", "m"])
    >>> means.T.round(2)
    group                       f     m
    count                    2.00  2.00
    mean_prediction          3.50  5.50
    mean_target              4.00  5.00
    mean_error              -0.50  0.50
    root_mean_squared_error  0.71  0.71
    """
    y_true, y_pred, groups, group, weights = _check_numbers(
        y_true, y_pred, sensitive_features, sample_weight
    )
    total = _total_weights(groups, group, weights, "The means are", stacklevel=3)

    def mean(values):
        return np.bincount(group, weights=weights * values) / total

    columns = {"count": np.bincount(group), "mean_prediction": mean(y_pred)}
    if y_true is not None:
        error = y_pred - y_true
        columns |= {"mean_target": mean(y_true), "mean_error": mean(error)}
        columns["root_mean_squared_error"] = np.sqrt(mean(error**2))
    return pd.DataFrame(columns, index=groups)


@validate_params(_NUMBERS, prefer_skip_nested_validation=True)
def mean_prediction_difference(y_true, y_pred, *, sensitive_features, sample_weight=None):
    """Largest difference between groups of their mean predictions.

    Demographic parity in the mean, for regressors and scores; of predictions 0 and 1 it is the
    :func:`demographic_parity_difference`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or None
        Not used; there so that all metrics are called alike.

    y_pred : array-like of shape (n_samples,)
        Predicted values, or scores such as the probability of one class.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        What divides the rows into groups, as in :func:`group_means`.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    difference : float
        0 or more, in the units of `y_pred`; 0 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group or a
        group's weights are all 0.

    Raises
    ------
    ValueError
        If lengths differ, or a number is missing or infinite.

    See Also
    --------
    statistical_parity_difference : Sees any difference of the distributions, not of means alone.
    group_means : The means themselves.

    References
    ----------
    .. [1] T. Calders, A. Karim, F. Kamiran, W. Ali, X. Zhang, "Controlling Attribute Effect in
       Linear Regression", ICDM 2013.

    Examples
    --------
    >>> from sklearn_privfair.metrics import mean_prediction_difference
    >>> predicted, sex = [3.0, 4.0, 5.0, 6.0], ["f", "f", "m", "m"]
    >>> mean_prediction_difference(None, predicted, sensitive_features=sex)
    2.0
    """
    _, y_pred, groups, group, weights = _check_numbers(
        y_true, y_pred, sensitive_features, sample_weight
    )
    if only_one_group(groups, "mean_prediction_difference", stacklevel=3):
        return float("nan")
    what = "The mean prediction difference is"
    total = _total_weights(groups, group, weights, what, stacklevel=3)
    return float(np.ptp(np.bincount(group, weights=weights * y_pred) / total))


@validate_params(_NUMBERS, prefer_skip_nested_validation=True)
def statistical_parity_difference(y_true, y_pred, *, sensitive_features, sample_weight=None):
    """Largest difference between groups in how often predictions exceed any one threshold.

    The distance of Kolmogorov and Smirnov between the distributions of the predictions of two
    groups, of those two that are the furthest apart. It is 0 only if all distributions are the
    same, so that no threshold treats groups differently; of predictions 0 and 1 it is the
    :func:`demographic_parity_difference`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or None
        Not used; there so that all metrics are called alike.

    y_pred : array-like of shape (n_samples,)
        Predicted values, or scores such as the probability of one class.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        What divides the rows into groups, as in :func:`group_means`.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    difference : float
        Between 0 and 1; 0 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group or a
        group's weights are all 0.

    Raises
    ------
    ValueError
        If lengths differ, or a number is missing or infinite.

    See Also
    --------
    mean_prediction_difference : In the units of y.
    demographic_parity_difference : For labels.

    Notes
    -----
    Between groups that are treated alike it is not 0 either: of n rows each it is about
    ``1.2 / sqrt(n)`` on average.

    References
    ----------
    .. [1] A. Agarwal, M. Dudík, Z. S. Wu, "Fair Regression: Quantitative Definitions and
       Reduction-Based Algorithms", ICML 2019 (there, of each group against all).

    Examples
    --------
    >>> from sklearn_privfair.metrics import statistical_parity_difference
    >>> predicted, sex = [3.0, 4.0, 4.5, 6.0, 3.0, 7.0], ["f", "f", "f", "m", "m", "m"]
    >>> round(statistical_parity_difference(None, predicted, sensitive_features=sex), 3)
    0.667
    """
    _, y_pred, groups, group, weights = _check_numbers(
        y_true, y_pred, sensitive_features, sample_weight
    )
    if only_one_group(groups, "statistical_parity_difference", stacklevel=3):
        return float("nan")
    what = "The statistical parity difference is"
    total = _total_weights(groups, group, weights, what, stacklevel=3)
    order = np.argsort(y_pred)
    ends = np.flatnonzero(np.diff(y_pred[order]))  # of each run of equal predictions but the last
    highest, lowest = np.zeros(len(ends)), np.ones(len(ends))
    for i in range(len(groups)):
        share = np.cumsum(np.where(group[order] == i, weights[order], 0.0))[ends] / total[i]
        highest, lowest = np.maximum(highest, share), np.minimum(lowest, share)
    gap = np.max(highest - lowest, initial=0.0)
    return float(np.nan if np.isnan(total).any() else gap)
