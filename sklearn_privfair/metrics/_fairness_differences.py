"""Differences between groups: demographic parity, equal opportunity, equalized odds.

Hardt, Price & Srebro, "Equality of opportunity in supervised learning" (2016), definitions 2.1-2.2.
"""

from sklearn.utils._param_validation import validate_params

from ._fairness_gaps import measure
from ._fairness_inputs import LABELS


@validate_params(LABELS, prefer_skip_nested_validation=True)
def demographic_parity_difference(
    y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None
):
    """Largest difference between groups in how often they are predicted positive.

    The classifier has demographic parity if every group is selected at the same rate, whatever
    the true labels are.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any type. They are not compared with, and tell only which labels there are.

    y_pred : array-like of shape (n_samples,)
        Predicted labels.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        What divides the rows into groups; of several columns, each combination that occurs is a
        group, and missing values are a group of their own. Rows are matched by position.

    pos_label : bool, int, float or str, default=None
        The label that counts as positive. `None`: 1 or True of labels in {0, 1}, {-1, 1} or
        bool; of three labels and more each in turn, against the rest, and the worst is returned;
        of any other two labels it must be given.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    difference : float
        Between 0 and 1; 0 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    demographic_parity_ratio : The same as a ratio.
    statistical_parity_difference : The same for scores and regressors.
    fairness_report : All measures, with confidence intervals and the groups that are worst off.
    group_rates : The rates themselves.

    References
    ----------
    .. [1] T. Calders, F. Kamiran, M. Pechenizkiy, "Building Classifiers with Independency
       Constraints", IEEE International Conference on Data Mining Workshops, 2009.

    Examples
    --------
    >>> from sklearn_privfair.metrics import demographic_parity_difference
    >>> y_true = ["good", "bad", "good", "bad", "good", "bad"]
    >>> y_pred = ["good", "bad", "bad", "bad", "good", "good"]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> difference = demographic_parity_difference(
    ...     y_true, y_pred, sensitive_features=sex, pos_label="good"
    ... )
    >>> round(difference, 3)
    0.333
    """
    return measure(
        "demographic_parity_difference",
        y_true,
        y_pred,
        sensitive_features,
        pos_label,
        sample_weight,
    )


@validate_params(LABELS, prefer_skip_nested_validation=True)
def equal_opportunity_difference(
    y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None
):
    """Largest difference between groups in their true-positive rates.

    There is equal opportunity if rows whose label is positive are predicted positive at the same
    rate in every group.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any type.

    y_pred : array-like of shape (n_samples,)
        Predicted labels.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        What divides the rows into groups; of several columns, each combination that occurs is a
        group, and missing values are a group of their own. Rows are matched by position.

    pos_label : bool, int, float or str, default=None
        The label that counts as positive. `None`: 1 or True of labels in {0, 1}, {-1, 1} or
        bool; of three labels and more each in turn, against the rest, and the worst is returned;
        of any other two labels it must be given.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    difference : float
        Between 0 and 1; 0 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group or
        a group has no positive row.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    equal_opportunity_ratio : The same as a ratio.
    equalized_odds_difference : Where the other rows count too.
    fairness_report : All measures, with confidence intervals and the groups that are worst off.
    group_rates : The rates themselves.

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning",
       NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import equal_opportunity_difference
    >>> y_true = ["good", "bad", "good", "bad", "good", "bad"]
    >>> y_pred = ["good", "bad", "bad", "bad", "good", "good"]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> difference = equal_opportunity_difference(
    ...     y_true, y_pred, sensitive_features=sex, pos_label="good"
    ... )
    >>> round(difference, 3)
    0.5
    """
    return measure(
        "equal_opportunity_difference",
        y_true,
        y_pred,
        sensitive_features,
        pos_label,
        sample_weight,
    )


@validate_params(LABELS, prefer_skip_nested_validation=True)
def equalized_odds_difference(
    y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None
):
    """Larger of the differences between groups in true- and in false-positive rates.

    Odds are equalized if, among rows with the same label, every group is predicted positive at
    the same rate.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any type.

    y_pred : array-like of shape (n_samples,)
        Predicted labels.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        What divides the rows into groups; of several columns, each combination that occurs is a
        group, and missing values are a group of their own. Rows are matched by position.

    pos_label : bool, int, float or str, default=None
        The label that counts as positive. `None`: 1 or True of labels in {0, 1}, {-1, 1} or
        bool; of three labels and more each in turn, against the rest, and the worst is returned;
        of any other two labels it must be given.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    difference : float
        Between 0 and 1; 0 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group or
        a group lacks positive rows, or others.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    equalized_odds_ratio : The same as a ratio.
    equal_opportunity_difference : True positives only.
    fairness_report : All measures, with confidence intervals and the groups that are worst off.
    group_rates : The rates themselves.

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning",
       NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import equalized_odds_difference
    >>> y_true = ["good", "bad", "good", "bad", "good", "bad"]
    >>> y_pred = ["good", "bad", "bad", "bad", "good", "good"]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> difference = equalized_odds_difference(
    ...     y_true, y_pred, sensitive_features=sex, pos_label="good"
    ... )
    >>> round(difference, 3)
    0.5
    """
    return measure(
        "equalized_odds_difference",
        y_true,
        y_pred,
        sensitive_features,
        pos_label,
        sample_weight,
    )
