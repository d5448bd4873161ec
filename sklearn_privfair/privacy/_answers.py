"""A model's answers to records: probabilities, for the classes and the queries that are asked."""

import numpy as np

from sklearn_privfair.differentiable import Victim


def ask(model, X, labels, augmentations=()):
    """Ask a fitted model for the probabilities of records.

    Parameters
    ----------
    model : classifier, skorch net or torch.nn.Module
        Fitted. What has no `predict_proba` answers with its class, at probability 1.
    X : array-like or data frame of shape (n_records, ...)
    labels : ndarray of shape (n_classes,)
        The classes, in the order wanted.
    augmentations : sequence of callable, default=()
        From rows to rows: further queries.

    Returns
    -------
    proba : ndarray of shape (1 + n_augmentations, n_records, n_classes)
        float32 or float64, as the model answers.
    """
    victim = Victim(model)
    queries = [X, *(change(X) for change in augmentations)]
    return np.stack([_in_order(victim.proba(query), victim.classes_, labels) for query in queries])


def _in_order(proba, classes, labels):
    """Give the columns in the order of `labels`; a class that the model does not know has none."""
    classes = np.arange(proba.shape[1]) if classes is None else classes
    place = np.searchsorted(labels, classes).clip(max=len(labels) - 1)
    known = labels[place] == classes
    ordered = np.zeros((len(proba), len(labels)), dtype=proba.dtype)
    ordered[:, place[known]] = proba[:, known]
    return ordered
