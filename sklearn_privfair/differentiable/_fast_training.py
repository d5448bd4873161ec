"""Training of one skorch net at the speed of a bare torch loop, with the weights of `net.fit`.

skorch goes on doing everything that happens once a fit or once an epoch. What is replaced, on the
instance and for the time of a fit, is the walk over the batches: rows are taken from arrays by
index, on the net's device, and where nobody acts at single batches nobody is told of them. The
order of all random draws is kept, so that the weights are the same bit by bit.
"""

from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet
from torch import nn, optim

from sklearn_privfair.differentiable._bfloat16 import bfloat16_infer
from sklearn_privfair.differentiable._fast_path import (
    WALK,
    batch_events,
    fast_path_refuses,
    overridden,
)
from sklearn_privfair.differentiable._indexed_batches import indexed
from sklearn_privfair.differentiable._skorch_training import hooked

# they ask for gradients once, before they do anything else: that can be done before they are called
ASK_ONCE = (
    optim.SGD,
    optim.Adam,
    optim.AdamW,
    optim.RMSprop,
    optim.Adagrad,
    optim.Adadelta,
    optim.Adamax,
    optim.NAdam,
    optim.RAdam,
)


def fit_net(net, X, y, precision=None):
    """Train a skorch net as ``net.fit(X, y)`` does, in less time.

    Parameters
    ----------
    net : skorch.NeuralNet
        Fitted in place, from scratch unless it has `warm_start`.
    X : ndarray of shape (n_samples, ...)
    y : ndarray of shape (n_samples,)
        Both of the types that the net takes, see `net_inputs`.
    precision : {None, "bfloat16"}, default=None
        None: the weights are those of ``net.fit``, bit by bit on a CPU. "bfloat16": see
        :func:`tight_loop`.

    Returns
    -------
    net : skorch.NeuralNet

    Examples
    --------
    >>> import numpy as np
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_privfair.differentiable._fast_training import fit_net
    >>> X = np.eye(2, dtype=np.float32).repeat(20, axis=0)
    >>> net = NeuralNetClassifier(nn.Sequential(nn.Linear(2, 2), nn.Softmax(-1)), lr=1.0, verbose=0)
    >>> fit_net(net, X, X.argmax(axis=1)).predict(np.eye(2, dtype=np.float32))
    array([0, 1])
    """
    with tight_loop(net, precision):
        return net.fit(X, y)


@contextmanager
def tight_loop(net, precision=None):
    """Let `fit` and `partial_fit` of a skorch net take less time.

    Parameters
    ----------
    net : skorch.NeuralNet
        If :func:`fast_path_refuses` has a reason, skorch's own loop trains it, with batches by
        index where there are arrays. In training on another device than the CPU, callbacks that
        act at single batches get them on that device.
    precision : {None, "bfloat16"}, default=None
        None: as the net computes. "bfloat16": matrix products and convolutions in bfloat16, half
        the bits; weights, optimizer, softmax, loss and validation stay in float32. It pays for
        wide layers and large batches, and costs time with small ones.

    Raises
    ------
    ValueError
        If `precision` is not known, or is "bfloat16" and the net is refused or not float32.
    """
    if precision not in (None, "bfloat16"):
        raise ValueError(f"precision is {precision!r}; it is None or 'bfloat16'.")
    reason = fast_path_refuses(net)
    if precision is not None and reason is not None:
        raise ValueError(f"precision={precision!r} does not go with this net, since {reason}.")
    if overridden(net, *WALK):
        yield
        return
    kind: Any = type(net)
    known: dict = {}

    def run_single_epoch(iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        loader, batches = known.get(id(iterator), (None, None))
        if loader is not iterator:  # one per fit
            batches = indexed(iterator, torch.device(net.device or "cpu"))
            known[id(iterator)] = iterator, batches
        quiet = reason is None and not any(batch_events(c, training) for _, c in net.callbacks_)
        if training and quiet and step_fn == net.train_step and batches is not iterator:
            infer = _infer(net, batches) if precision is None else bfloat16_infer(net)
            _tight_epoch(net, batches, prefix, infer, fit_params)
        elif training and precision is not None:
            raise ValueError(f"precision={precision!r} needs X and y to be writeable arrays.")
        else:
            kind.run_single_epoch(net, batches, training, prefix, step_fn, **fit_params)

    with hooked(net, run_single_epoch=run_single_epoch):
        yield


def _tight_epoch(net, batches, prefix, infer, fit_params):
    """Train for one epoch, and write what skorch would into the history."""
    history = net.history
    rows: list[dict] = []
    mode_moves = bool(overridden(net, "infer", "get_loss"))  # for all that we know
    kinds = [type(getattr(net, f"{name}_")) for name in net._optimizers]
    loss_of = _loss(net, batches)
    step = _plain_step if len(kinds) == 1 and kinds[0] in ASK_ONCE else _closure_step

    def backward(x, y):
        net._zero_grad_optimizer()
        if mode_moves:
            net._set_training(True)
        loss = loss_of(infer(x, **fit_params), y, X=x, training=True)
        loss.backward()
        return loss

    net._set_training(True)
    try:
        for batch in batches:
            rows.append({})
            history[-1]["batches"].append(rows[-1])
            loss = step(net, batch, backward)
            # that of a GPU is waited for when the epoch is over
            rows[-1][prefix + "_loss"] = loss.item() if loss.is_cpu else loss.detach()
            rows[-1][prefix + "_batch_size"] = len(batch[0])
            del batch, loss  # the next batch takes their memory, which is in the cache
    finally:
        for row in rows:
            if prefix + "_loss" in row:  # not in that of a batch that was interrupted
                row[prefix + "_loss"] = float(row[prefix + "_loss"])
    history.record(prefix + "_batch_count", len(rows))


def _infer(net, batches):
    """Give `net.infer`, or the module itself where it would only move rows that are in place."""
    own = overridden(net, "infer") or type(net).infer is not NeuralNet.infer
    return net.infer if own or not _in_place(net, batches) else net.module_


def _loss(net, batches):
    """Give `net.get_loss`, or the criterion itself where it would only move labels."""
    own = overridden(net, "get_loss") or isinstance(net.criterion_, nn.NLLLoss)
    if own or not _in_place(net, batches):
        return net.get_loss
    return lambda y_pred, y, **_: net.criterion_(y_pred, y)


def _in_place(net, batches):
    return batches.device == torch.device(net.device or "cpu")


def _plain_step(net, batch, backward):
    loss = backward(*batch)
    net._step_optimizer(None)
    return loss


def _closure_step(net, batch, backward):
    """Let the optimizer ask for loss and gradients as often as it likes; give the first loss."""
    losses = []

    def closure():
        loss = backward(*batch)
        losses.append(loss.detach())
        return loss

    net._step_optimizer(closure)
    return losses[0]
