"""The other numbers a classifier gives: log probabilities, and values of `decision_function`.

Ensembles average the one or calibrate the other, so they need them as modules too, and not only
logits whose largest says the class.
"""

import math
from functools import singledispatch

import torch
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, NuSVC
from skorch import NeuralNet
from torch import nn
from torch.nn.functional import logsigmoid

from sklearn_privfair.differentiable._compose import peel
from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._svm import Duels, VoteDecision, pair_decisions


class LogSoftmax(nn.Module):
    """The log probabilities of logits."""

    def forward(self, logits):
        """Normalize rows of logits."""
        return logits.log_softmax(dim=1)


class LogShares(nn.Module):
    """Log probabilities from one independent log-odds a class, divided by their sum."""

    def forward(self, odds):
        """Normalize rows of log-odds."""
        logs = logsigmoid(odds)
        return logs - logs.logsumexp(dim=1, keepdim=True)


class Difference(nn.Module):
    """Of two columns the second less the first, as one column; more columns stay."""

    def forward(self, logits):
        """Take the difference of rows of two logits."""
        return logits[:, 1:] - logits[:, :1] if logits.shape[1] == 2 else logits


@singledispatch
def as_log_proba(model):
    """Turn a fitted classifier into the module of the logarithm of its `predict_proba`.

    Like :func:`as_module` it can be told of other classes: ``@as_log_proba.register(MyModel)``.

    Parameters
    ----------
    model : classifier
        Fitted; as for :func:`as_module`.

    Returns
    -------
    module : torch.nn.Module
        In eval mode. Stays finite where the probabilities themselves are rounded to 0.

    Raises
    ------
    NotDifferentiableError
        When the model's probabilities are not known as a differentiable function.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_privfair.differentiable import as_log_proba
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GaussianNB().fit(X, y)
    >>> log_proba = as_log_proba(model)(torch.tensor(X)).numpy()
    >>> np.allclose(log_proba, model.predict_log_proba(X))
    True
    """
    before, last = peel(model)
    if last is not model:
        return nn.Sequential(*before, as_log_proba(last)).eval()
    raise NotDifferentiableError(
        model,
        f"how {type(model).__name__} comes to its predict_proba is not known; tell it with "
        f"`@as_log_proba.register({type(model).__name__})`",
    )


@as_log_proba.register(LogisticRegression)
@as_log_proba.register(LinearDiscriminantAnalysis)
@as_log_proba.register(QuadraticDiscriminantAnalysis)
@as_log_proba.register(GaussianNB)
@as_log_proba.register(MLPClassifier)
def _(model):
    return nn.Sequential(as_module(model), LogSoftmax()).eval()


@as_log_proba.register(SGDClassifier)
def _(model):
    if model.loss != "log_loss":
        raise NotDifferentiableError(
            model, f"with loss={model.loss!r} its probabilities are cut off at 0 and 1, or are none"
        )
    normalize = LogSoftmax() if len(model.classes_) == 2 else LogShares()
    return nn.Sequential(as_module(model), normalize).eval()


@as_log_proba.register(NeuralNet)
def _(model):
    logits = as_module(model)
    logits.shift = 0.0  # a threshold moves predict, not predict_proba
    return nn.Sequential(logits, LogSoftmax()).eval()


class Exp(nn.Module):
    """Probabilities from their logarithms."""

    def forward(self, x):
        """Apply the exponential."""
        return x.exp()


@singledispatch
def as_decision(model):
    """Turn a fitted classifier into the module of its `decision_function`, in columns.

    One column for two classes, else one for each.
    """
    before, last = peel(model)
    if last is not model:
        return nn.Sequential(*before, as_decision(last)).eval()
    return nn.Sequential(as_module(model), Difference()).eval()


@as_decision.register(SVC)
@as_decision.register(NuSVC)
def _(model):
    pairs, n_classes = pair_decisions(model), len(model.classes_)
    if n_classes == 2:
        return pairs
    if model.decision_function_shape == "ovo":
        raise NotDifferentiableError(
            model, "of its duels, no one belongs to a class: take decision_function_shape='ovr'"
        )
    return VoteDecision(Duels(pairs, n_classes)).eval()


class Mixture(nn.Module):
    """The log probabilities of a weighted mean of probabilities."""

    def __init__(self, members, weights):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.log_weights = [math.log(weight / sum(weights)) for weight in weights]

    def forward(self, x):
        """Mix the members' opinions of rows `x`."""
        logs = [
            member(x) + log_weight
            for member, log_weight in zip(self.members, self.log_weights, strict=True)
        ]
        return torch.stack(logs).logsumexp(dim=0)
