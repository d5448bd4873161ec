"""Dependence of predictions on a continuous sensitive feature: correlation.

Komiyama et al., "Nonconvex optimization for regression with fairness constraints" (2018), bound it;
Calders et al., "Controlling attribute effect in linear regression" (2013), for two groups.
"""

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils._param_validation import validate_params

from ._fairness_inputs import LABELS, same_length, warn_undefined
from ._validation import check_weights


@validate_params(LABELS | {"y_true": ["array-like", None]}, prefer_skip_nested_validation=True)
def sensitive_correlation(
    y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None
):
    """Largest absolute correlation of the predictions with continuous sensitive features.

    For features, such as age, that divide the rows into no groups. It sees linear dependence only:
    0 is not yet independence. Cut into groups, by :func:`pandas.qcut` for instance, a feature
    suits all other metrics.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or None
        Not used; there so that all metrics are called alike.

    y_pred : array-like of shape (n_samples,)
        Predicted values, scores, or labels.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        Numbers, none of them missing. Rows are matched by position.

    pos_label : bool, int, float or str, default=None
        For labels: the one whose prediction is meant, against all others. `None`: `y_pred` is
        taken as numbers.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    correlation : float
        Between 0 and 1; 0 is best. Constant predictions depend on nothing: 0. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if a sensitive feature is constant.

    Raises
    ------
    ValueError
        If lengths differ, a number is missing or infinite, or something is no number.

    See Also
    --------
    mean_prediction_difference : For groups.

    References
    ----------
    .. [1] J. Komiyama, A. Takeda, J. Honda, H. Shimao, "Nonconvex Optimization for Regression with
       Fairness Constraints", ICML 2018.

    Examples
    --------
    >>> from sklearn_privfair.metrics import sensitive_correlation
    >>> predicted, age = [1.0, 2.0, 2.5, 4.0], [60, 40, 35, 20]
    >>> round(sensitive_correlation(None, predicted, sensitive_features=age), 3)
    0.979
    """
    if pos_label is not None:
        y_pred = (np.asarray(y_pred) == pos_label).astype(float)
    y_pred = _numbers(y_pred, "y_pred", " or give pos_label, if they are labels")
    if y_pred.shape[1] != 1:
        raise ValueError(f"y_pred has shape {y_pred.shape}; pass one number per row.")
    features = _numbers(sensitive_features, "sensitive_features", "")
    same_length(
        y_true=y_pred if y_true is None else y_true, y_pred=y_pred, sensitive_features=features
    )
    weights = check_weights(sample_weight, y_pred)
    centred = [a - np.average(a, axis=0, weights=weights) for a in (y_pred, features)]
    # no rounding: what is constant where there is weight has no spread
    spread = [np.ptp(a[weights > 0], axis=0) > 0 for a in (y_pred, features)]
    if not spread[1].all():
        warn_undefined("The sensitive correlation is NaN: a sensitive feature is constant.", 3)
        return float("nan")
    if not spread[0].all():
        return 0.0
    size = [np.sqrt(weights @ a**2) for a in centred]
    correlation = (weights * centred[0][:, 0]) @ centred[1] / (size[0] * size[1])
    return float(min(np.abs(correlation).max(), 1.0))


def _numbers(values, name, remedy):
    if isinstance(values, dict):
        values = pd.DataFrame(values)
    try:
        array = check_array(values, dtype=np.float64, ensure_2d=False, input_name=name)
    except (TypeError, ValueError) as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(f"{name} must be numbers{remedy}: {error}") from error
    return array.reshape(len(array), -1)
