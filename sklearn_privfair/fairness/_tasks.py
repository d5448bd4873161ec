"""What is predicted, and what a constraint asks of it: of classes, and of numbers.

Hardt, Price & Srebro (2016), "Equality of opportunity in supervised learning": the constraints.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sklearn_privfair.differentiable._net_answers import log_proba
from sklearn_privfair.fairness._gap import group_gap, number_gap

ROWS_AT_ONCE = 8192


def in_batches(net, X, read):
    """Read a net's answers to rows, in large batches, without its loader and in eval mode."""
    found = [
        read(net.evaluation_step((x, None))).cpu() for x in torch.as_tensor(X).split(ROWS_AT_ONCE)
    ]
    return torch.cat(found).numpy()


class ClassTask:
    """Classes, by their codes.

    Parameters
    ----------
    n_classes : int
    constraint : {"demographic_parity", "equal_opportunity", "equalized_odds"}
    positive : int
        Code of the class that equal opportunity speaks of.
    """

    unit = 1.0

    def __init__(self, n_classes, constraint, positive):
        self.n_classes, self.constraint, self.positive = n_classes, constraint, positive
        self.n_outputs = 1 if n_classes == 2 else n_classes
        self.sees_label = constraint == "equalized_odds"

    def meet(self, net, y, weight):
        """Learn nothing of a net."""

    def shown(self, y):
        """Give labels as an adversary sees them: as they are."""
        return y

    def width(self, net, answer):
        """Tell how many classes a net answers for."""
        return log_proba(net, answer).shape[1]

    def seen(self, net, answer, y=None, weight=None):
        """Give what the net's answers stand for: one logit for two classes, or one a class."""
        log_p = log_proba(net, answer)
        return (log_p[:, 1:] - log_p[:, :1]) if self.n_classes == 2 else log_p

    def scores(self, seen):
        """Give probabilities: of the second class of two, or of each."""
        return seen.sigmoid() if self.n_classes == 2 else seen.softmax(1)

    def decided(self, seen):
        """Give what is decided in the form of scores: 0 or 1."""
        if self.n_classes == 2:
            return (seen > 0).to(seen.dtype)
        return functional.one_hot(seen.argmax(1), self.n_classes).to(seen.dtype)

    def rows(self, y):
        """Tell which rows the constraint speaks of."""
        if self.constraint == "equal_opportunity":
            return y.long() == self.positive
        return torch.ones_like(y, dtype=torch.bool)

    def cells(self, value, y, n_groups):
        """Give a number to what weighs alike: groups, or for equalized odds those of a class."""
        return value + n_groups * y.long() if self.sees_label else value

    def strata(self, score, y):
        """Give the parts whose means are to be equal: a mask of the rows, and their scores."""
        if not self.sees_label:
            yield slice(None), score
            return
        for code in range(self.n_classes):
            mask = y.long() == code
            if mask.any():
                yield mask, score[mask]

    def predicted(self, net, X):
        """Predict codes as the net would."""
        threshold = getattr(net, "threshold", None)  # of skorch's binary classifiers

        def code(answer):
            log_p = log_proba(net, answer)
            return (log_p.argmax(1) if threshold is None else log_p[:, 1].exp() > threshold).long()

        return in_batches(net, X, code)

    def gap(self, predicted, labels, target, weight):
        """Give the widest gap."""
        return group_gap(predicted, labels, target, self.constraint, self.positive, weight)

    def without_rate(self, labels, target):
        """Name the groups that have no row of a class that the constraint speaks of."""
        if target.groups is None:
            return []
        everybody, positive = np.ones(len(labels), dtype=bool), labels == self.positive
        parts = {"demographic_parity": [everybody], "equal_opportunity": [positive]}.get(
            self.constraint, [labels == code for code in range(self.n_classes)]
        )
        found = [np.bincount(target.values[part], minlength=len(target.groups)) for part in parts]
        return [target.groups[i] for i in np.flatnonzero(np.min(found, axis=0) == 0)]

    def score(self, predicted, labels, weight):
        """Give the accuracy."""
        return float(np.average(predicted == labels, weights=weight))


class NumberTask:
    """Numbers; the adversary sees them in units of y's standard deviation.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        The first rows' y.
    constraint : {"demographic_parity", "equalized_odds"}
    weight : ndarray of shape (n_samples,) or None

    Attributes
    ----------
    unit : float
        In which the adversary counts: the loss of a constant prediction, so that alpha does not
        depend on the units of y.
    """

    n_classes, n_outputs = None, 1

    def __init__(self, labels, constraint, weight):
        self.constraint = constraint
        self.sees_label = constraint == "equalized_odds"
        self.mean = float(np.average(labels, weights=weight))
        spread = float(np.sqrt(np.average((labels - self.mean) ** 2, weights=weight)))
        self.scale = spread if spread > 0 else 1.0
        self.unit = None

    def meet(self, net, y, weight):
        """Ask the net's criterion for the unit, the first time."""
        if self.unit is not None:
            return
        y = torch.as_tensor(y).to(net.device)
        constant = torch.full_like(y, self.mean)
        with torch.no_grad():
            if weight is None:
                unit = float(net.get_loss(constant, y, training=True))
            else:
                losses, _ = row_losses(net, constant, y, y)
                unit = float(np.average(losses.cpu().numpy(), weights=weight))
        self.unit = unit if np.isfinite(unit) and unit > 0 else 1.0

    def width(self, net, answer):
        """Tell how many columns a net's answer has."""
        return answer.shape[1] if answer.ndim == 2 else 0

    def shown(self, y):
        """Give labels as an adversary sees them, standardised."""
        return (y.reshape(-1) - self.mean) / self.scale

    def seen(self, net, answer, y, weight=None):
        """Give the predictions of a batch, standardised, weighted.

        In units of y a net misleads an adversary that lags behind by larger and larger numbers.
        For equalized odds it is what is left of them after a line through y, which the adversary
        sees beside it: the same to one that is linear, and sooner learnt.
        """
        answer = answer.reshape(-1, 1)
        weight = answer.new_ones(len(answer)) if weight is None else weight
        share = (weight / weight.sum())[:, None]
        left = answer - (share * answer).sum()
        if self.sees_label:
            y = y.reshape(-1, 1).to(answer.dtype)
            y = y - (share * y).sum()
            left = left - (share * y * left).sum() / (share * y * y).sum().clamp_min(1e-12) * y
        spread = (share * left.square()).sum()
        return left / (spread + (1e-6 * self.scale) ** 2).sqrt()

    def scores(self, seen):
        """Give them as they are."""
        return seen

    def rows(self, y):
        """Tell which rows the constraint speaks of: all."""
        return torch.ones(len(y), dtype=torch.bool, device=y.device)

    def cells(self, value, y, n_groups):
        """Give a number to what is to weigh alike: groups."""
        return value

    def strata(self, score, y):
        """Give the parts whose means are to be equal: all."""
        yield slice(None), score

    def predicted(self, net, X):
        """Predict numbers as the net would."""
        return in_batches(net, X, lambda answer: answer.reshape(-1)).astype(np.float64)

    def gap(self, predicted, labels, target, weight):
        """Give the gap of means, in standard deviations of y, or the correlation."""
        return number_gap(predicted, labels, target, self.sees_label, self.scale, weight)

    def without_rate(self, labels, target):
        """Name no group: all have a mean."""
        return []

    def score(self, predicted, labels, weight):
        """Give the coefficient of determination."""
        error = np.average((predicted - labels) ** 2, weights=weight)
        mean = np.average(labels, weights=weight)
        return float(1 - error / max(np.average((labels - mean) ** 2, weights=weight), 1e-300))


def row_losses(net, answer, y, x):
    """Give the loss of each row by the net's own criterion, and how it weighs classes; or raise.

    Returns
    -------
    losses : torch.Tensor of shape (n,)
    class_weight : torch.Tensor of shape (n,) or None
        By which the criterion multiplied each, and whose sum it would divide by.
    """
    criterion = net.criterion_
    if getattr(criterion, "reduction", None) != "mean":
        raise ValueError(
            f"sample_weight needs the loss of each row, and criterion {type(criterion).__name__} "
            "gives none: it has no reduction='mean', as torch's losses do, to be set to 'none'."
        )
    criterion.reduction = "none"
    try:
        losses = net.get_loss(answer, y, X=x, training=True)
    finally:
        criterion.reduction = "mean"
    losses = losses.reshape(len(x), -1).mean(1)
    weighs = (
        isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss)) and criterion.weight is not None
    )
    return losses, criterion.weight[y] if weighs else None
