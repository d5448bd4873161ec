"""A model's answers to records: probabilities, for the classes and the queries that are asked."""

from contextlib import nullcontext
from threading import RLock

import numpy as np
import pandas as pd
from torch import nn

from sklearn_privfair.differentiable import Victim
from sklearn_privfair.differentiable._skorch_training import is_net

# Nets draw from torch's global generator, of which a process has one: threads take turns.
_TURN = RLock()


def turn(model):
    """Give the context in which a model is trained or asked, so that threads do not mix draws."""
    return _TURN if _has_net(model) else nullcontext()


def _has_net(model):
    """Tell whether a net is the model, or somewhere in it."""
    if isinstance(model, nn.Module) or is_net(model):
        return True
    known = hasattr(model, "get_params") and not isinstance(model, type)
    return known and any(_has_net(part) for part in model.get_params().values())


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
    with turn(model):
        answers = [victim.proba(query) for query in queries]
    return np.stack([_in_order(proba, victim.classes_, labels) for proba in answers])


def _in_order(proba, classes, labels):
    """Give the columns in the order of `labels`; a class that the model does not know has none."""
    if classes is None:  # a net's outputs are numbers of labels, see `fit_in_place`
        proba = proba[:, : len(labels)]
        classes = labels[: proba.shape[1]]
    place = pd.Index(labels).get_indexer(classes)
    known = place >= 0
    ordered = np.zeros((len(proba), len(labels)), dtype=proba.dtype)
    ordered[:, place[known]] = proba[:, known]
    return ordered
