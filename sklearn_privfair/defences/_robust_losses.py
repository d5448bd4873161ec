"""What a training that is to resist attacks makes small: one loss for each school.

Each takes a net in training, rows as they are and as the attack has moved them, and targets; and
gives the loss of the batch and the net's answers at the moved rows.
"""

import torch
from skorch import NeuralNet
from torch import nn
from torch.nn import functional

from sklearn_privfair.differentiable._net_answers import log_proba


def madry_loss(net, x, x_adv, y, beta):  # noqa: ARG001  (what all losses are given)
    """Give the net's own criterion at the moved rows.

    Madry et al. (2018), equation 2.1.
    """
    answer = net.infer(x_adv)
    return net.get_loss(answer, y, X=x_adv, training=True), answer


def trades_loss(net, x, x_adv, y, beta):
    """Give the criterion at the rows as they are, and how far the answer moves with the attack.

    Zhang et al. (2019), equation 5, with the Kullback-Leibler divergence, as in their experiments.
    Rows beyond the targets have no label, and count in the second term alone.
    """
    clean, moved = net.infer(x), net.infer(x_adv)
    natural = net.get_loss(clean[: len(y)], y, X=x[: len(y)], training=True)
    before, after = log_proba(net, clean), log_proba(net, moved)
    robust = functional.kl_div(after, before, reduction="batchmean", log_target=True)
    return natural + beta * robust, moved[: len(y)]


def mart_loss(net, x, x_adv, y, beta):
    """Give the boosted cross-entropy at the moved rows, and the divergence by how wrong a row is.

    Wang et al. (2020), equations 8 to 11: a row that is wrong before the attack counts more.
    """
    clean, moved = net.infer(x), net.infer(x_adv)
    before, after, label = log_proba(net, clean), log_proba(net, moved), y.long()[:, None]
    best_other = after.scatter(1, label, -torch.inf).amax(1)
    second = -torch.log1p(-best_other.exp().clamp_max(1 - 1e-6))
    boosted = net.get_loss(moved, y, X=x_adv, training=True) + second.mean()
    divergence = functional.kl_div(after, before, reduction="none", log_target=True).sum(1)
    unsure = 1 - before.exp().gather(1, label).squeeze(1)
    return boosted + beta * (divergence * unsure).mean(), moved


ROBUST_LOSSES = {"madry": madry_loss, "trades": trades_loss, "mart": mart_loss}


def check_loss(loss, net):
    """Raise if a loss cannot be had of a net, because of its criterion or its training step."""
    if loss == "madry":
        return
    known = (nn.CrossEntropyLoss, nn.NLLLoss, nn.BCEWithLogitsLoss)
    criterion = net.criterion if isinstance(net.criterion, type) else type(net.criterion)
    if not issubclass(criterion, known):
        raise ValueError(
            f"loss={loss!r} compares predicted distributions, and what the net gives is not known "
            f"for criterion={criterion.__name__}; use CrossEntropyLoss, NLLLoss or "
            "BCEWithLogitsLoss, or loss='madry'."
        )
    reduction = net.get_params_for("criterion").get("reduction", "mean")
    if reduction != "mean":
        raise ValueError(
            f"loss={loss!r} adds a mean over rows, weighted by beta, to the net's criterion, which "
            f"has reduction={reduction!r}; use criterion__reduction='mean'."
        )
    check_own_step(f"loss={loss!r}", net)


def check_own_step(what, net):
    """Raise if a net has a training step of its own, which would have to be replaced."""
    if type(net).train_step_single is not NeuralNet.train_step_single:
        raise ValueError(
            f"{what} replaces the training step, and {type(net).__name__} has one of its own; use "
            "AdversarialTrainingClassifier with loss='madry', which keeps it."
        )
