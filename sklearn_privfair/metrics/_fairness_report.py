"""Tables with bootstrap confidence intervals: rates of the groups, and gaps between them."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from ._fairness_bootstrap import (
    effective_rows,
    rate_intervals,
    resample_rates,
    widest_gap_interval,
)
from ._fairness_counts import RATES, count_cells, rates_of, warn_of_undefined_rates
from ._fairness_gaps import MEASURES, choose, gap_of, only_one_group
from ._fairness_inputs import LABELS, group_name
from ._fairness_rates import rates_frame

_BOOTSTRAP = LABELS | {
    "confidence": [Interval(Real, 0, 1, closed="neither")],
    "n_resamples": [Interval(Integral, 2, None, closed="left")],
    "random_state": ["random_state"],
}


@validate_params(_BOOTSTRAP, prefer_skip_nested_validation=True)
def group_rates_interval(
    y_true,
    y_pred,
    *,
    sensitive_features,
    pos_label=None,
    sample_weight=None,
    confidence=0.95,
    n_resamples=1000,
    random_state=None,
):
    """Tabulate a classifier's rates by group, with bootstrap confidence intervals.

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
        bool; of three labels and more each in turn, against the rest; of any other two labels it
        must be given.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same. Weights are not counts here: a row
        of weight 2 says less than two rows.

    confidence : float, default=0.95
        Confidence of the intervals, in (0, 1).

    n_resamples : int, default=1000
        How many times the rows are drawn afresh, 2 or more.

    random_state : int, RandomState instance or None, default=None
        Decides the draws. Pass an int for the same intervals every time.

    Returns
    -------
    rates : pandas.DataFrame
        As :func:`group_rates`, and after each rate the bounds of its interval, as
        ``selection_rate_low`` and ``selection_rate_high``. NaN where the rate is.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    fairness_report : The gaps between groups, with theirs.
    sklearn_privfair.inspection.GroupRatesDisplay : The picture.

    Notes
    -----
    Rows are drawn with replacement within each group, with their weights, so that every resample
    has groups of the sizes that the data have; the bounds are percentiles of the resampled rates
    (those that are defined). A rate of exactly 0 or 1 is the same in every resample, however few
    the rows: there the open side is the exact bound of Clopper and Pearson, for as many rows as
    the weights are worth. Intervals of rates that rest on a handful of rows are rough.

    Each interval is for itself: of twenty groups, one is missed by its interval on average.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993.

    Examples
    --------
    >>> from sklearn_privfair.metrics import group_rates_interval
    >>> y_true = [1, 0, 1, 0] * 30
    >>> y_pred = [1, 0, 0, 0] * 15 + [1, 0, 1, 1] * 15
    >>> sex = ["f"] * 60 + ["m"] * 60
    >>> rates = group_rates_interval(y_true, y_pred, sensitive_features=sex, random_state=0)
    >>> rates.filter(like="true_positive_rate").T.round(2)
    group                       f     m
    true_positive_rate       0.50  1.00
    true_positive_rate_low   0.33  0.88
    true_positive_rate_high  0.68  1.00
    """
    cells, rates, _, (low, high) = _bootstrap(
        y_true,
        y_pred,
        sensitive_features,
        pos_label,
        sample_weight,
        confidence,
        n_resamples,
        random_state,
    )
    warn_of_undefined_rates(cells, rates, RATES, stacklevel=3)
    columns: dict[str, np.ndarray] = {}
    for i, name in enumerate(RATES):
        columns |= {name: rates[:, i], f"{name}_low": low[:, i], f"{name}_high": high[:, i]}
    return rates_frame(cells, columns)


def _bootstrap(
    y_true, y_pred, sensitive_features, pos_label, weight, confidence, n_resamples, random_state
):
    """Return cells, rates, their resamples and intervals."""
    cells = count_cells(y_true, y_pred, sensitive_features, pos_label, weight, by_weight=True)
    rates = rates_of(cells.sums())
    resampled = resample_rates(cells, n_resamples, check_random_state(random_state))
    intervals = rate_intervals(rates, resampled, effective_rows(cells), confidence)
    return cells, rates, resampled, intervals


@validate_params(_BOOTSTRAP, prefer_skip_nested_validation=True)
def fairness_report(
    y_true,
    y_pred,
    *,
    sensitive_features,
    pos_label=None,
    sample_weight=None,
    confidence=0.95,
    n_resamples=1000,
    random_state=None,
):
    """Tabulate all measures of fairness, with bootstrap confidence intervals.

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
        bool; of three labels and more each in turn, against the rest; of any other two labels it
        must be given.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same. Weights are not counts here: a row
        of weight 2 says less than two rows.

    confidence : float, default=0.95
        Confidence of the intervals, in (0, 1).

    n_resamples : int, default=1000
        How many times the rows are drawn afresh, 2 or more.

    random_state : int, RandomState instance or None, default=None
        Decides the draws. Pass an int for the same intervals every time.

    Returns
    -------
    report : pandas.DataFrame
        One line per measure, named as the function that computes it,
        ``demographic_parity_difference`` for instance. Columns: ``value``; ``low`` and ``high``,
        the bounds of its interval; ``rate``, which rate is the furthest apart; ``lowest`` and
        ``highest``, the groups that have its lowest and its highest value; and of three labels
        and more without `pos_label`, ``class``, the one of which that is so. NaN and None, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where the measure is undefined.

    Raises
    ------
    ValueError
        As :func:`group_rates`.

    See Also
    --------
    group_rates_interval : The rates that are compared.
    make_fairness_scorer : One of the measures as a scorer.

    Notes
    -----
    Rows are drawn with replacement within each group, as in :func:`group_rates_interval`. The
    largest of several differences is too large on average, and its resamples more so, so that
    their percentiles would never hold 0. The interval is made of those of all pairs of groups,
    widened so that they all hold the truth together: it is safe to read for any number of groups,
    and wide where one of them is small. Ratios are compared as logarithms, a rate of 0 as half a
    row.

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning",
       NeurIPS 2016.
    .. [2] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993.

    Examples
    --------
    >>> from sklearn_privfair.metrics import fairness_report
    >>> y_true = [1, 0, 1, 0] * 30
    >>> y_pred = [1, 0, 0, 0] * 15 + [1, 0, 1, 1] * 15
    >>> sex = ["f"] * 60 + ["m"] * 60
    >>> report = fairness_report(y_true, y_pred, sensitive_features=sex, random_state=0)
    >>> report["value"].round(2)
    measure
    demographic_parity_difference    0.50
    demographic_parity_ratio         0.33
    equal_opportunity_difference     0.50
    equal_opportunity_ratio          0.50
    equalized_odds_difference        0.50
    equalized_odds_ratio             0.00
    Name: value, dtype: float64
    """
    cells, rates, resampled, (low, high) = _bootstrap(
        y_true,
        y_pred,
        sensitive_features,
        pos_label,
        sample_weight,
        confidence,
        n_resamples,
        random_state,
    )
    alone = only_one_group(cells.groups, "fairness_report", stacklevel=3)
    if not alone:
        warn_of_undefined_rates(cells, rates, RATES[:3], stacklevel=3)
    lines = {}
    for name, (kind, names) in MEASURES.items():
        chosen = [_flat(choose(each, names)) for each in (rates, resampled, low, high)]
        value = np.nan if alone else gap_of(chosen[0], kind, name, stacklevel=3)
        line = {"value": value, "low": np.nan, "high": np.nan}
        line |= {"rate": None, "lowest": None, "highest": None, "class": None}
        if not np.isnan(value):
            half_row = 0.5 / _flat(choose(effective_rows(cells), names))
            line["low"], line["high"] = _interval(value, kind, chosen, half_row, confidence)
            line |= _who(chosen[0], kind, names, cells)
        lines[name] = line
    report = pd.DataFrame.from_dict(lines, orient="index")
    report.index.name = "measure"
    return report if len(cells.classes) > 1 else report.drop(columns="class")


def _flat(rates):
    return rates.reshape(*rates.shape[:-2], -1)


def _interval(value, kind, chosen, half_row, confidence):
    rates, resampled, low, high = chosen
    # a rate of 0 or 1 has no error among its resamples, but an interval with one open side
    certain = (rates == 0) | (rates == 1)
    if kind == "ratio":
        rates, resampled, low, high = (
            np.log(np.maximum(each, half_row)) for each in (rates, resampled, low, high)
        )
    slack = np.where(certain, high - low, 0.0)
    near, far = widest_gap_interval(rates, resampled, slack, confidence)
    if kind == "difference":
        return near, min(far, 1.0)
    return min(float(np.exp(-far)), value), float(np.exp(-near))


def _who(rates, kind, names, cells):
    high, low = rates.max(axis=0), rates.min(axis=0)
    worst = np.argmax(high - low) if kind == "difference" else np.argmin(low / high)
    rate, label = divmod(int(worst), len(cells.classes))
    return {
        "rate": names[rate],
        "lowest": group_name(cells.groups, rates[:, worst].argmin()),
        "highest": group_name(cells.groups, rates[:, worst].argmax()),
        "class": cells.classes[label],
    }
