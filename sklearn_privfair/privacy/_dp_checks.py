"""What a net must be for the guarantee of DP-SGD to hold of it, or the reason why it is not."""

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Checkpoint, EarlyStopping, LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, default_collate

from sklearn_privfair.differentiable._skorch_training import rows_and_targets
from sklearn_privfair.privacy._dp_clipping import trainable
from sklearn_privfair.privacy._dp_opacus import opacus

N_ROWS = 4


def check_net(net):
    """Raise if what an initialised net is told to do breaks the accounting, or cannot be kept."""
    for name in ("train_step", "train_step_single", "run_single_epoch"):
        if getattr(type(net), name) is not getattr(NeuralNet, name):
            raise TypeError(
                f"The net's class {type(net).__name__} has its own {name}, in whose place DP-SGD "
                "puts another; use a net that trains as skorch's do."
            )
    loading = net.get_params_for("iterator_train")
    own = [name for name in ("sampler", "batch_sampler", "collate_fn") if loading.get(name)]
    if net.iterator_train is not DataLoader or own:
        what = f"iterator_train__{own[0]}" if own else f"iterator_train={net.iterator_train!r}"
        raise ValueError(
            f"The net has {what}, and the accounting of DP-SGD holds for rows drawn each by its "
            "own coin: batches are drawn so here. Leave it out."
        )
    if net.compile:
        raise ValueError("The net has compile=True, which hides its layers; set it to False.")
    if getattr(net.criterion_, "reduction", None) not in ("mean", "sum"):
        raise ValueError(
            f"criterion={net.criterion!r} has no reduction 'mean' or 'sum', and DP-SGD needs the "
            "loss of each row, which its reduction='none' gives; use a criterion of torch.nn, or "
            "one with such a parameter."
        )
    weights = {id(weight) for weight in trainable(net)}
    if any(id(w) not in weights for _, w in net.get_all_learnable_params() if w.requires_grad):
        raise ValueError(
            "The net learns more weights than those of its module (of its criterion, for "
            "instance), and DP-SGD protects those of its module alone."
        )
    for _, callback in net.callbacks_:
        _check_callback(callback)


def _check_callback(callback):
    plateau = (ReduceLROnPlateau, ReduceLROnPlateau.__name__)
    if (
        isinstance(callback, EarlyStopping)
        or (isinstance(callback, Checkpoint) and callback.load_best)
        or (isinstance(callback, LRScheduler) and callback.policy in plateau)
    ):
        raise ValueError(
            f"The net's callback {type(callback).__name__} acts on losses or scores, which are "
            "computed on private rows without noise: what it decides is not accounted for. Leave "
            "it out; fix max_epochs and the schedule of lr beforehand."
        )


def check_layers(net):
    """Raise if a layer cannot be trained by DP-SGD, by Opacus' rules."""
    validator = opacus().validators.ModuleValidator
    for name, layer in net.module_.named_modules():
        check = validator.VALIDATORS.get(type(layer))
        mine = any(weight.requires_grad for weight in layer.parameters(recurse=False))
        if not mine or check is None or not check(layer):
            continue
        fix = validator.FIXERS.get(type(layer))
        remedy = "" if fix is None else f" Use {_described(fix(layer))} in its place."
        why = str(check(layer)[0]).split(". ")[0]
        raise ValueError(
            f"Layer {name!r} of the net's module is a {type(layer).__name__}, which DP-SGD cannot "
            f"train: {why}.{remedy} (opacus.validators.ModuleValidator.fix does so for a whole "
            "module.)"
        )


def _described(layer):
    return (
        layer if isinstance(layer, torch.nn.GroupNorm) else f"opacus.layers.{type(layer).__name__}"
    )


def rows_apart(dataset, net):
    """Give a few rows of a dataset, from first to last, and their targets, on the net's device."""
    chosen = np.unique(np.linspace(0, len(dataset) - 1, N_ROWS).astype(int))
    return rows_and_targets(net, default_collate([dataset[i] for i in chosen]))


def check_rows_stay_apart(net, x):
    """Raise if, in training, what a net says of a row depends on other rows, or it keeps some.

    Opacus knows its own list of layers. Any other that mixes rows, or that writes to a buffer,
    would let a row act on more than its own clipped gradient.

    Parameters
    ----------
    net : skorch.NeuralNet
    x : torch.Tensor of shape (n_rows, ...)
        A few rows, which differ.
    """
    before = [buffer.clone() for buffer in net.module_.buffers()]
    net._set_training(True)
    answers = []
    with torch.no_grad(), torch.random.fork_rng():
        for rows in (x, x[:1].expand_as(x)):
            torch.manual_seed(0)  # drops the same units
            answers.append(net.infer(rows))
    if not torch.is_tensor(answers[0]):
        raise TypeError(
            f"The net's module gives a {type(answers[0]).__name__}; DP-SGD here takes those that "
            "give one tensor."
        )
    answers = [answer[0] for answer in answers]
    error = (answers[0] - answers[1]).abs().max()
    if error > 1e-4 * answers[0].abs().max():
        raise ValueError(
            "What the net's module says of a row depends on the other rows of its batch (as with "
            "BatchNorm, or a mean over rows), so that clipping each row's gradient does not bound "
            "what a row does. Use layers that treat each row by itself, as GroupNorm or LayerNorm."
        )
    kept = zip(before, net.module_.buffers(), strict=True)
    if not all(torch.equal(old, new) for old, new in kept):
        raise ValueError(
            "The net's module writes to its buffers in training (as running statistics are), and "
            "no noise is added to them: they would hold private rows. Use layers without, as "
            "GroupNorm or LayerNorm."
        )
