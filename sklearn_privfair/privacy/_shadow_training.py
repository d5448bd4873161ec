"""Training of shadow models, each on its own half, in parallel, and kept if the user wants."""

import copy
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import joblib
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
from sklearn_privfair.privacy._answers import ask, turn, view


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
        Where trained models are kept, one by one (those trained as one, on a GPU, together), and
        their answers to the records as they are.
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
    known = joblib.hash(X) if getattr(memory, "location", True) else None  # once, and not each time
    way = partial(_Way, estimator, known, codes, labels, strategy, precision)
    ways = [way(np.ascontiguousarray(rows), seed + k) for k, rows in enumerate(members)]
    models = [None] * len(ways)
    if strategy == "train" and precision is None and stacks(estimator, members):
        models = memory.cache(_train_together, ignore=["X"])(X, ways)
    return Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_train_and_ask)(memory, model, X, way, tuple(augmentations))
        for model, way in zip(models, ways, strict=True)
    )


class _Way(NamedTuple):
    """How a shadow model is trained: all that decides what comes out."""

    estimator: Any
    known: str | None  # the records' hash
    codes: np.ndarray
    labels: np.ndarray
    strategy: str
    precision: str | None
    rows: np.ndarray  # contiguous: strides count in the hash
    seed: int


def _train_and_ask(memory, model, X, way, augmentations):
    """Train a model, unless it was already, and ask it; both are kept, each for itself."""
    if model is None:
        model = memory.cache(_train, ignore=["X"])(X, way)
    answers = memory.cache(_answers, ignore=["model", "X"])(model, X, way)
    # not kept: of a function in a notebook, nothing tells that it was changed
    more = [ask(model, view(change, X), way.labels) for change in augmentations]
    return model, np.concatenate([answers, *more])


def _answers(model, X, way):
    return ask(model, X, way.labels)


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


def _train_together(X, ways):
    nets, data = [], []
    for way in ways:
        with seeded(way.seed):
            nets.append(fresh_net(bare(way.estimator)))
        check_classifies(nets[-1])
        chosen = _safe_indexing(X, np.flatnonzero(way.rows))
        data.append(net_inputs(nets[0], chosen, way.codes[way.rows]))
    return fit_nets_stacked(nets, data, [way.seed for way in ways])


def bare(estimator):
    """Give an estimator out of its `FrozenEstimator`."""
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator


def _train(X, way):
    chosen, fit = _safe_indexing(X, np.flatnonzero(way.rows)), _STRATEGIES[way.strategy]
    with turn(way.estimator):
        return fit(way.estimator, chosen, way.codes[way.rows], way.labels, way.seed, way.precision)


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
