"""A model's answers to records: probabilities, for the classes and the queries that are asked."""

from contextlib import nullcontext
from threading import RLock

import numpy as np
import pandas as pd
from torch import nn

from sklearn_privfair.differentiable import Victim
from sklearn_privfair.differentiable._skorch_training import is_net
from sklearn_privfair.differentiable._victim import last_step

# Nets draw from torch's global generator, of which a process has one: threads take turns.
_TURN = RLock()


def turn(model):
    """Give the context in which a model is trained or asked, so that threads do not mix draws."""
    return nullcontext() if next(nets_in(model), None) is None else _TURN


def nets_in(model):
    """Find the nets, of skorch or of torch, that are the model or somewhere in it."""
    if isinstance(model, nn.Module) or is_net(model):
        yield model
    elif hasattr(model, "get_params") and not isinstance(model, type):
        for part in model.get_params().values():
            yield from nets_in(part)


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

    Raises
    ------
    ValueError
        If an answer is no number, or an augmentation gives other than one row for each.
    """
    victim = Victim(model)
    queries = [X, *(view(change, X) for change in augmentations)]
    with turn(model):
        answers = [victim.proba(query) for query in queries]
    _check_numbers(model, answers)
    return np.stack([_in_order(proba, victim.classes_, labels) for proba in answers])


def view(change, X):
    """Give another view of each row."""
    changed = change(X)
    if len(changed) != len(X):
        raise ValueError(
            f"{change!r} of augmentations gives {len(changed)} rows for {len(X)}; it must give "
            "another view of each row, in their order."
        )
    return changed


def _check_numbers(model, answers):
    lost = sum(np.sum(~np.isfinite(proba).all(axis=1)) for proba in answers)
    if lost:
        raise ValueError(
            f"A {type(last_step(model)).__name__} answers {lost} of {sum(map(len, answers))} "
            "queries by probabilities that are no numbers, as nets do whose training has diverged; "
            "train it with a lower learning rate, or look for rows that it cannot take."
        )


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
