"""Checks that the metrics share: labels, distances, weights, and means that may be undefined."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import _check_sample_weight, check_array, check_consistent_length


def check_labels(**named):
    """Return the label vectors as 1-d arrays of one length and one kind of label."""
    arrays = {}
    for name, labels in named.items():
        array = np.asarray(labels)
        if array.ndim != 1:
            raise ValueError(
                f"{name} has shape {array.shape}; pass one label per row, as an array of shape "
                "(n_samples,)."
            )
        assert_all_finite(array, input_name=name)
        arrays[name] = array
    check_consistent_length(*arrays.values())
    if not all(map(len, arrays.values())):
        raise ValueError(f"{', '.join(named)} are empty; at least one row is needed.")
    try:
        unique_labels(*arrays.values())
    except ValueError as error:
        raise ValueError(f"{', '.join(named)} do not hold labels of one kind: {error}") from error
    return tuple(arrays.values())


def check_distances(distance):
    """Return distances as a float64 vector; inf (no adversarial example) is allowed, NaN not."""
    distance = check_array(
        distance,
        dtype=np.float64,
        ensure_2d=False,
        ensure_all_finite=False,
        ensure_min_samples=1,
        input_name="distance",
    )
    if distance.ndim != 1:
        raise ValueError(
            f"distance has shape {distance.shape}; pass one distance per row, for instance "
            "`result.distance['l2']`."
        )
    if np.isnan(distance).any():
        raise ValueError(
            "distance holds NaN; a row without an adversarial example has distance inf."
        )
    if (distance < 0).any():
        raise ValueError(f"distance holds {distance.min()!r}; distances are not negative.")
    return distance


def check_weights(sample_weight, reference):
    """Return the weights of the rows of `reference` as float64; ones where none are given."""
    return _check_sample_weight(
        sample_weight, reference, dtype=np.float64, ensure_non_negative=True
    )


def mean_or_nan(values, weights, reason):
    """Weighted mean; NaN, and a warning that gives the reason, where no weight is left."""
    total = weights.sum()
    if total == 0:
        warnings.warn(reason, UndefinedMetricWarning, stacklevel=4)
        return float("nan")
    return float(values @ weights / total)
