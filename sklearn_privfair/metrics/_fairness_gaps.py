"""How far groups are apart: the measures of fairness, each a gap between rates of the groups.

Demographic parity, equal opportunity and equalized odds as in Hardt, Price & Srebro, "Equality of
opportunity in supervised learning" (2016); over more than two groups or classes, the worst of them.
"""

import numpy as np

from ._fairness_counts import RATES, count_cells, rates_of, warn_of_undefined_rates
from ._fairness_inputs import group_name, warn_undefined

_NOTIONS = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
}
MEASURES = {  # their names are those of the public functions
    f"{notion}_{kind}": (kind, rates)
    for notion, rates in _NOTIONS.items()
    for kind in ("difference", "ratio")
}


def measure(name, y_true, y_pred, sensitive_features, pos_label, sample_weight):
    """Compute one measure, for a public function that calls this at once."""
    kind, names = MEASURES[name]
    cells = count_cells(y_true, y_pred, sensitive_features, pos_label, sample_weight)
    if only_one_group(cells.groups, name, stacklevel=4):
        return float("nan")
    rates = choose(rates_of(cells.sums()), names)
    warn_of_undefined_rates(cells, rates, names, stacklevel=4)
    return gap_of(rates.reshape(len(rates), -1), kind, name, stacklevel=4)


def only_one_group(groups, name, stacklevel):
    """Tell, with a warning, whether there is nothing to compare."""
    if len(groups) == 1:
        warn_undefined(
            f"The {name.replace('_', ' ')} is NaN: all rows are of one group, "
            f"{group_name(groups, 0)!r}, and there is no other to compare it with.",
            stacklevel + 1,
        )
    return len(groups) == 1


def choose(rates, names):
    """Take the named rates out of (..., 4, n_classes)."""
    return rates[..., [RATES.index(name) for name in names], :]


def gap_of(rates, kind, name, stacklevel):
    """Give the worst gap among the columns of rates (n_groups, n_columns); NaN if any is."""
    high, low = rates.max(axis=0), rates.min(axis=0)
    if kind == "difference":
        return float(np.max(high - low))
    if (high == 0).any():
        warn_undefined(
            f"The {name.replace('_', ' ')} is NaN: a rate is 0 in every group.", stacklevel + 1
        )
    with np.errstate(invalid="ignore"):
        return float(np.min(low / high))
