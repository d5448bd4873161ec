"""Which skorch nets the tight training loop takes, and why it does not take the others."""

from copy import copy

import numpy as np
from skorch.callbacks import BatchScoring, Callback, EpochScoring, LRScheduler
from skorch.dataset import Dataset
from skorch.history import History
from torch.utils.data import DataLoader, default_collate

EVENTS = ("on_batch_begin", "on_grad_computed", "on_batch_end")
WALK = ("run_single_epoch", "notify")  # over the batches of an epoch
STEPS = ("train_step", "train_step_single", "get_train_step_accumulator", "_set_training")


def fast_path_refuses(net, X=None, y=None):
    """Tell why the tight loop does not take a net, or None if it does.

    Such a net is trained all the same, by skorch's own loop and to the same weights.

    Parameters
    ----------
    net : skorch.NeuralNet
        Fitted or not.
    X, y : array-like, default=None
        What it would be trained on; not looked at if None.

    Returns
    -------
    reason : str or None
        A sentence without its beginning: "trained by skorch's own loop, since ...".
    """
    if changed := overridden(net, *WALK, *STEPS, *EVENTS):
        return f"{type(net).__name__} has a {changed[0]} of its own"
    if type(net.history) not in (History, type(None)):
        return f"its history is a {type(net.history).__name__}"
    if net.compile:
        return "it is compiled (compile=True)"
    for name, callback in callbacks_of(net):
        if events := batch_events(callback, training=True):
            return f"its callback {name!r} acts at every batch ({events[0]})"
    return _why_no_arrays(net) or _why_not_these(X=X, y=y)


def overridden(net, *names):
    """Give those of the methods that are not skorch's own, of the class or the instance."""
    return [
        name
        for name in names
        if name in vars(net)
        or getattr(type(net), name).__module__ not in ("skorch.net", "skorch.classifier")
    ]


def batch_events(callback, training):
    """Give the events of single batches at which a callback does something."""
    if type(callback) is LRScheduler and not (training and callback.step_every == "batch"):
        return []
    if type(callback) in (EpochScoring, BatchScoring) and callback.on_train != training:
        return []
    return [
        event
        for event in EVENTS
        if getattr(getattr(callback, event), "__func__", None) is not getattr(Callback, event)
    ]


def callbacks_of(net):
    """Name the callbacks of a net, fitted or not, and change none."""
    if net.initialized_:
        yield from net.callbacks_
    elif net.callbacks != "disable":
        for name, given in net._uniquely_named_callbacks():
            callback = getattr(net, f"callbacks__{name}", given)
            params = net.get_params_for(f"callbacks__{name}")
            if isinstance(callback, type):
                yield name, callback(**params)
            elif callback is not None:
                callback = copy(callback)
                callback.set_params(**params)
                yield name, callback


def _why_no_arrays(net):
    """Tell why a net's batches are not taken from arrays, or None."""
    if net.iterator_train is not DataLoader:
        return "its iterator_train is not torch's DataLoader"
    params = net.get_params_for("iterator_train")
    if params.get("num_workers", 0) != 0:
        return (
            f"its batches come from workers (iterator_train__num_workers={params['num_workers']})"
        )
    if params.get("collate_fn") not in (None, default_collate):
        return "it has an iterator_train__collate_fn"
    if net.dataset is not Dataset or net.get_params_for("dataset"):
        return "its dataset is not skorch's plain Dataset"
    return None


def _why_not_these(**data):
    for name, values in data.items():
        if values is None:
            continue
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
            return f"{name} is not an array of numbers"
        if not values.flags.writeable:
            return f"{name} is read-only, which torch does not take as it is"
    return None
