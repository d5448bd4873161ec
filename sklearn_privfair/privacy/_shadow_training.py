"""Training of shadow models, each on its own half, in parallel, and kept if the user wants."""

import copy
from contextlib import nullcontext

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.ensemble._base import _set_random_states
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_memory
from torch import nn

from sklearn_privfair.differentiable._fast_training import tight_loop
from sklearn_privfair.differentiable._skorch_training import (
    check_classifies,
    fresh_net,
    is_net,
    net_inputs,
    net_rows,
    seeded,
    step_to_fit,
)
from sklearn_privfair.differentiable._stacked_training import fit_nets_stacked, stacking_refuses
from sklearn_privfair.privacy._answers import ask, turn


def train_shadows(
    estimator,
    X,
    codes,
    members,
    labels,
    *,
    strategy,
    seed,
    precision,
    augmentations,
    memory,
    n_jobs,
    verbose,
):
    """Train shadow models, and ask each of them about all records.

    Parameters
    ----------
    estimator : classifier
        What is trained; with ``strategy="finetune"`` fitted, and trained further; with ``"reuse"``
        fitted, and left as it is.
    X : array-like or data frame of shape (n_records, ...)
    codes : int ndarray of shape (n_records,)
    members : bool ndarray of shape (n_models, n_records)
        Which records each model is trained on.
    labels : ndarray of shape (n_classes,)
        What the codes stand for.
    strategy : {"train", "finetune", "reuse"}
    seed : int
    precision : {None, "bfloat16"}
        In what nets are trained.
    augmentations : sequence of callable
    memory : None, str or joblib.Memory
        Where trained models are kept, one by one.
    n_jobs : int or None
    verbose : int

    Returns
    -------
    trained : list of (classifier, ndarray of shape (n_queries, n_records, n_classes))
        Each model, and its answers.
    """
    memory = check_memory(memory)
    module = getattr(step_to_fit(bare(estimator)), "module", None)
    if strategy == "train" and not isinstance(module, nn.Module):
        estimator = clone(bare(estimator))  # whatever it was fitted on, the same shadows are kept
    together = (estimator, X, codes, members, labels, seed, tuple(augmentations))
    if strategy == "train" and precision is None and stacks(estimator, members):
        return memory.cache(_train_together)(*together)
    train = memory.cache(_train)
    return Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(train)(
            estimator, X, codes, rows, labels, strategy, seed + k, precision, tuple(augmentations)
        )
        for k, rows in enumerate(map(np.ascontiguousarray, members))  # strides count in the cache
    )


def stacks(estimator, members):
    """Tell whether shadow models are nets better trained as one: on a GPU, and of a kind."""
    net = bare(estimator)
    return (
        is_net(net)
        and torch.device(net.device or "cpu").type != "cpu"
        and len(members) > 1
        and len(set(members.sum(axis=1))) == 1
        and stacking_refuses(net) is None
    )


def _train_together(estimator, X, codes, members, labels, seed, augmentations):
    nets = []
    for k in range(len(members)):
        with seeded(seed + k):
            nets.append(fresh_net(bare(estimator)))
        check_classifies(nets[-1])
    data = [net_inputs(nets[0], _safe_indexing(X, np.flatnonzero(m)), codes[m]) for m in members]
    fit_nets_stacked(nets, data, [seed + k for k in range(len(nets))])
    return [(net, ask(net, X, labels, augmentations)) for net in nets]


def bare(estimator):
    """Give an estimator out of its `FrozenEstimator`."""
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator


def _train(estimator, X, codes, rows, labels, strategy, seed, precision, augmentations):
    chosen = _safe_indexing(X, np.flatnonzero(rows))
    with turn(estimator):
        model = _STRATEGIES[strategy](estimator, chosen, codes[rows], labels, seed, precision)
    return model, ask(model, X, labels, augmentations)


def fit_anew(estimator, X, codes, labels, seed, precision=None):
    """Fit an unfitted clone of an estimator, whatever it was fitted on.

    Parameters
    ----------
    estimator : classifier
    X : array-like or data frame of shape (n_records, ...)
    codes : int ndarray of shape (n_records,)
    labels : ndarray of shape (n_classes,)
        What the codes stand for.
    seed : int
        Of all its random numbers, in place of its own.
    precision : {None, "bfloat16"}, default=None

    Returns
    -------
    model : classifier
    """
    with turn(estimator), seeded(seed):
        model = _unfitted(bare(estimator))
    _set_random_states(model, seed)
    return fit_in_place(model, "fit", X, codes, labels, seed, precision)


def _unfitted(estimator):
    """Clone an estimator; of the net in which it may end, weights given as such are drawn anew."""
    if is_net(estimator):
        return fresh_net(estimator)
    model = clone(estimator)
    if isinstance(estimator, Pipeline) and is_net(estimator.steps[-1][1]):
        name, net = estimator.steps[-1]
        model.steps[-1] = name, fresh_net(net)
    return model


def _fit_further(estimator, X, codes, labels, seed, precision):
    plain = bare(estimator)
    if not hasattr(plain, "partial_fit"):
        raise TypeError(
            f"shadow_strategy='finetune' goes on training the victim, and {plain!r} has no "
            "partial_fit; use shadow_strategy='train', or a skorch net."
        )
    return fit_in_place(copy.deepcopy(plain), "partial_fit", X, codes, labels, seed, precision)


def _leave(estimator, *_):
    return estimator


_STRATEGIES = {"train": fit_anew, "finetune": _fit_further, "reuse": _leave}


def fit_in_place(model, how, X, codes, labels, seed, precision=None):
    """Train a model, in place and seeded: a net on the numbers of classes, others on labels.

    Parameters
    ----------
    model : classifier
    how : {"fit", "partial_fit"}
    X, codes, labels, seed, precision
        See :func:`fit_anew`.
    """
    last = step_to_fit(model)
    y = labels[codes]
    if is_net(last):
        check_classifies(last)
        X, y = net_inputs(last, X, codes) if last is model else (net_rows(last, X), codes)
    with seeded(seed), tight_loop(last, precision) if is_net(last) else nullcontext():
        return getattr(model, how)(X, y)
