"""Rates by group: selection, true positives, false positives, accuracy.

Hardt, Price & Srebro, "Equality of opportunity in supervised learning" (2016), section 2.
"""

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import validate_params

from ._fairness_counts import RATES, count_cells, rates_of, warn_of_undefined_rates
from ._fairness_inputs import LABELS


@validate_params(LABELS, prefer_skip_nested_validation=True)
def group_rates(y_true, y_pred, *, sensitive_features, pos_label=None, sample_weight=None):
    """Tabulate a classifier's rates, one line for each group.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any type.

    y_pred : array-like of shape (n_samples,)
        Predicted labels.

    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features), data frame \
            or mapping of str to array-like
        What divides the rows into groups, such as sex; of several columns, each combination that
        occurs is a group. Rows are matched by position, whatever the index of a data frame. A
        missing value is a group of its own. A continuous feature must be cut into groups first,
        for instance by :func:`pandas.qcut`.

    pos_label : bool, int, float or str, default=None
        The label that counts as positive: to be selected. `None`: 1 or True of labels in {0, 1},
        {-1, 1} or bool; of three labels and more each in turn, against the rest; of any other two
        labels it must be given.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    rates : pandas.DataFrame
        One line for each group, indexed by its values of the sensitive features; of three labels
        and more without `pos_label`, one for each group and ``class``. Columns: ``count``, the
        number of rows; ``selection_rate``, the share that is predicted positive;
        ``true_positive_rate``, that share among rows whose label is positive;
        ``false_positive_rate``, among the others; ``accuracy``, the share of rows that are
        labelled right, whatever is positive. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where a group has no such row.

    Raises
    ------
    ValueError
        If lengths differ, labels are missing, continuous or of two kinds, `pos_label` is none of
        them or is needed, or a sensitive feature is continuous.

    See Also
    --------
    group_rates_interval : The same with bootstrap confidence intervals.
    fairness_report : The differences between groups.
    group_means : For regressors and scores.
    sklearn_privfair.inspection.GroupRatesDisplay : The picture.

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning",
       NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import group_rates
    >>> y_true = ["good", "bad", "good", "bad", "good", "bad"]
    >>> y_pred = ["good", "bad", "bad", "bad", "good", "good"]
    >>> sex = ["f", "f", "f", "m", "m", "m"]
    >>> rates = group_rates(
    ...     y_true, y_pred, sensitive_features={"sex": sex}, pos_label="good"
    ... )
    >>> rates.T.round(2)
    sex                     f     m
    count                3.00  3.00
    selection_rate       0.33  0.67
    true_positive_rate   0.50  1.00
    false_positive_rate  0.00  0.50
    accuracy             0.67  0.67
    """
    cells = count_cells(y_true, y_pred, sensitive_features, pos_label, sample_weight)
    rates = rates_of(cells.sums())
    warn_of_undefined_rates(cells, rates, RATES, stacklevel=3)
    return rates_frame(cells, dict(zip(RATES, np.moveaxis(rates, 1, 0), strict=True)))


def rates_frame(cells, columns):
    """Make the table from columns of shape (n_groups, n_classes)."""
    n_classes = len(cells.classes)
    n_rows = np.bincount(cells.group, weights=cells.n_rows, minlength=len(cells.groups))
    columns = {"count": np.repeat(n_rows.astype(int), n_classes)} | {
        name: values.ravel() for name, values in columns.items()
    }
    index = cells.groups
    if n_classes > 1:
        levels = [index.get_level_values(i).repeat(n_classes) for i in range(index.nlevels)]
        levels.append(pd.Index(cells.classes * len(index), name="class"))
        index = pd.MultiIndex.from_arrays(levels)
    return pd.DataFrame(columns, index=index)
