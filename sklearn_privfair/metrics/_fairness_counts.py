"""What the fairness metrics of labels are made of: sums of weights by group, and their rates.

True- and false-positive rates by group as in Hardt, Price & Srebro, "Equality of opportunity in
supervised learning" (2016).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._fairness_inputs import (
    distinct,
    encode_groups,
    encode_labels,
    group_name,
    positive_classes,
    warn_undefined,
)
from ._validation import check_weights

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
_LACKING = {
    "selection_rate": "row",
    "true_positive_rate": "row of the positive class",
    "false_positive_rate": "row of another class than the positive one",
    "accuracy": "row",
}


@dataclass
class Cells:
    """Rows alike in group, label and prediction (and weight, where asked), taken together."""

    groups: pd.Index
    classes: list  # the labels that count as positive, each against the rest
    group: np.ndarray  # of each cell, its place in `groups`
    n_rows: np.ndarray
    weight: np.ndarray  # of all its rows together
    indicator: np.ndarray  # (n_cells, 1 + 4 * n_classes): the sums that its weight goes into

    def sums(self, weight=None):
        """Add up the weights, by group: (n_groups, 1 + 4 * n_classes)."""
        weight = self.weight if weight is None else weight
        total = np.zeros((len(self.groups), self.indicator.shape[1]))
        np.add.at(total, self.group, weight[:, None] * self.indicator)
        return total


def count_cells(y_true, y_pred, sensitive_features, pos_label, sample_weight, *, by_weight=False):
    """Count the rows; `by_weight`: rows of different weight are in different cells."""
    labels, true, pred = encode_labels(y_true, y_pred)
    classes = positive_classes(labels, pos_label)
    groups, group = encode_groups(sensitive_features, len(true))
    weights = check_weights(sample_weight, true)
    code = (group * len(labels) + true) * len(labels) + pred
    if by_weight:
        value, different = pd.factorize(weights)
        code = code * len(different) + value
    cell, row = distinct(code)
    true, pred = true[row], pred[row]
    columns = [true == pred]
    for label in classes:
        place = labels.index(label) if label in labels else -1
        positive, selected = true == place, pred == place
        columns += [positive, positive & selected, ~positive, ~positive & selected]
    return Cells(
        groups,
        classes,
        group[row],
        np.bincount(cell),
        np.bincount(cell, weights=weights),
        np.column_stack(columns).astype(float),
    )


def rates_of(sums):
    """Turn sums (..., 1 + 4 * n_classes) into rates (..., 4, n_classes), in the order of RATES.

    NaN where a denominator is 0: what is not there is added to no sum, so 0 is exact.
    """
    right, of_class = sums[..., :1], sums[..., 1:].reshape(*sums.shape[:-1], -1, 4)
    positive, found, negative, false = np.moveaxis(of_class, -1, 0)
    total = positive + negative
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = np.stack(
            [(found + false) / total, found / positive, false / negative, right / total], axis=-2
        )
    return np.minimum(rates, 1.0)  # weights may add up to a little more in another order


def denominators_of(sums):
    """Give the denominators of the rates, in the same shape."""
    of_class = sums[..., 1:].reshape(*sums.shape[:-1], -1, 4)
    positive, negative = of_class[..., 0], of_class[..., 2]
    total = positive + negative
    return np.stack([total, positive, negative, total], axis=-2)


def warn_of_undefined_rates(cells, rates, names, stacklevel):
    """Warn of each NaN among the rates, (n_groups, n_names, n_classes): which, and why."""
    for j, name in enumerate(names):
        lacking = np.isnan(rates[:, j])
        if lacking.any():
            groups = ", ".join(
                repr(group_name(cells.groups, i)) for i in np.flatnonzero(lacking.any(axis=1))
            )
            classes = [cells.classes[k] for k in np.flatnonzero(lacking.any(axis=0))]
            which = f", for class {', '.join(map(repr, classes))}" if len(cells.classes) > 1 else ""
            warn_undefined(
                f"The {name.replace('_', ' ')} is NaN for group {groups}{which}: there is no "
                f"{_LACKING[name]} with positive weight.",
                stacklevel + 1,
            )
