"""Ratios between groups: demographic parity, equal opportunity, equalized odds.

Feldman et al., "Certifying and removing disparate impact" (2015): the four-fifths rule.
"""

from sklearn.utils._param_validation import validate_params

from ._fairness_gaps import measure
from ._fairness_inputs import LABELS


@validate_params(LABELS, prefer_skip_nested_validation=True)
def demographic_parity_ratio(
    y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None
):
    """Smallest ratio between groups of how often they are predicted positive.

    The lowest rate over the highest. The four-fifths rule of employment law asks for at least 0.8.

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
    ratio : float
        Between 0 and 1; 1 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group or
        nobody is predicted positive.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    demographic_parity_difference : The same as a difference.
    fairness_report : All measures, with confidence intervals and the groups that are worst off.
    group_rates : The rates themselves.

    References
    ----------
    .. [1] M. Feldman, S. A. Friedler, J. Moeller, C. Scheidegger, S. Venkatasubramanian,
       "Certifying and Removing Disparate Impact", KDD 2015.

    Examples
    --------
    >>> from sklearn_privfair.metrics import demographic_parity_ratio
    >>> y_true = ["good", "bad", "good", "bad", "good", "bad"]
    >>> y_pred = ["good", "bad", "bad", "bad", "good", "good"]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> ratio = demographic_parity_ratio(
    ...     y_true, y_pred, sensitive_features=sex, pos_label="good"
    ... )
    >>> round(ratio, 3)
    0.5
    """
    return measure(
        "demographic_parity_ratio", y_true, y_pred, sensitive_features, pos_label, sample_weight
    )


@validate_params(LABELS, prefer_skip_nested_validation=True)
def equal_opportunity_ratio(
    y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None
):
    """Smallest ratio between groups of their true-positive rates.

    The lowest rate over the highest.

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
    ratio : float
        Between 0 and 1; 1 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group, a
        group has no positive row, or there is no true positive.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    equal_opportunity_difference : The same as a difference.
    fairness_report : All measures, with confidence intervals and the groups that are worst off.
    group_rates : The rates themselves.

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning",
       NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import equal_opportunity_ratio
    >>> y_true = ["good", "bad", "good", "bad", "good", "bad"]
    >>> y_pred = ["good", "bad", "bad", "bad", "good", "good"]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> ratio = equal_opportunity_ratio(
    ...     y_true, y_pred, sensitive_features=sex, pos_label="good"
    ... )
    >>> round(ratio, 3)
    0.5
    """
    return measure(
        "equal_opportunity_ratio", y_true, y_pred, sensitive_features, pos_label, sample_weight
    )


@validate_params(LABELS, prefer_skip_nested_validation=True)
def equalized_odds_ratio(y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None):
    """Smaller of the ratios between groups of true- and of false-positive rates.

    Each is the lowest rate over the highest.

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
    ratio : float
        Between 0 and 1; 1 is best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is only one group, a
        group lacks positive rows or others, or a rate is 0 in every group.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    equalized_odds_difference : The same as a difference.
    fairness_report : All measures, with confidence intervals and the groups that are worst off.
    group_rates : The rates themselves.

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning",
       NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import equalized_odds_ratio
    >>> y_true = ["good", "bad", "good", "bad", "good", "bad"]
    >>> y_pred = ["good", "bad", "bad", "bad", "good", "good"]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> ratio = equalized_odds_ratio(
    ...     y_true, y_pred, sensitive_features=sex, pos_label="good"
    ... )
    >>> round(ratio, 3)
    0.0
    """
    return measure(
        "equalized_odds_ratio", y_true, y_pred, sensitive_features, pos_label, sample_weight
    )
