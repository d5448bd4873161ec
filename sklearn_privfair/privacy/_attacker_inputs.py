"""What the user hands to membership inference: records, class labels, and a victim; or an error."""

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    column_or_1d,
)
from torch import nn

from sklearn_privfair.differentiable import Victim


def victim_is_fitted(attack):
    """Tell whether there is a victim; raise, with the remedy, if it is not fitted."""
    if isinstance(attack.estimator, nn.Module):
        return True
    try:
        check_is_fitted(attack.estimator)
    except NotFittedError as error:
        raise NotFittedError(
            f"estimator={attack.estimator!r} is not fitted, so that there is no model whose "
            "members could be told; give the fitted model, in a FrozenEstimator if this attack is "
            "to be cloned. Without one, score(X, y) judges the attack on a model that stands in."
        ) from error
    return True


def check_records(attack, X, y, reset):
    """Look at records and labels, and give the labels as an array."""
    if issparse(X):
        raise TypeError(
            "X is sparse, and sparse data are not supported here: records are told apart by "
            "their rows; give X.toarray()."
        )
    check_consistent_length(X, y)
    _check_feature_names(attack, X, reset=reset)
    _check_n_features(attack, X, reset=reset)
    y = column_or_1d(y, warn=True)
    if len(y) == 0:
        raise ValueError("Found array with 0 sample(s): X and y hold no record; give one or more.")
    if pd.isna(y).any():
        raise ValueError(
            f"y holds {pd.isna(y).sum()} missing values; every record needs its class label: leave "
            "out those that have none."
        )
    check_classification_targets(y)
    return y


def check_audit(audit):
    """Give the records to be judged and their labels; raise if it is no such pair."""
    if not isinstance(audit, (tuple, list)) or len(audit) != 2:
        size = f" of length {len(audit)}" if hasattr(audit, "__len__") else ""
        raise ValueError(
            f"audit is a {type(audit).__name__}{size}; give a pair, the records to be judged and "
            "their class labels: fit(X, y, audit=(X_audit, y_audit))."
        )
    return audit


def check_augmentations(augmentations):
    """Raise if there is something that cannot be called."""
    for change in augmentations:
        if not callable(change):
            raise TypeError(
                f"augmentations holds {change!r}; give functions from rows to as many rows."
            )


def all_labels(attack, X, y):
    """Give the classes: the victim's, if it is there; of a net the numbers of its outputs."""
    try:
        victim_is_fitted(attack)
    except NotFittedError:
        return np.unique(y)
    victim = Victim(attack.estimator)
    if victim.classes_ is not None:
        return np.asarray(victim.classes_)
    return np.arange(victim.proba(_safe_indexing(X, [0])).shape[1])


def check_several(labels):
    """Raise if there is one class alone."""
    if len(labels) < 2:
        raise ValueError(
            f"There is one class alone, {labels.tolist()}: a model answers it at probability 1, "
            "to members and to others. Give records of two classes or more, and a victim that "
            "tells them apart."
        )


def encode(labels, y, name="y"):
    """Give the numbers of labels; raise if there are others."""
    codes = pd.Index(labels).get_indexer(y)
    if (codes < 0).any():
        unknown = list(dict.fromkeys(y[codes < 0].tolist()))
        raise ValueError(
            f"{name} holds {unknown[:5]}, which are not among the classes, "
            f"{labels[:10].tolist()}: those of the victim, of a net the numbers of its "
            "outputs, or if it is not fitted, those of the y given to fit."
        )
    return codes
