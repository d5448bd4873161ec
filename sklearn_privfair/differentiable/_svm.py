"""Support vector classifiers with kernels, decided one against one as libsvm's votes decide.

Of K > 2 classes, libsvm lets each pair of classes decide for one of the two; most votes win, of
equal votes the first class (with ``break_ties=True`` the larger sum of decision values). Votes are
steps, so they have no gradient. But "class k wins" is a monotone formula of the signs of the
decision values d_kj (positive: k rather than j), made of *and* and *or*: there is a number of votes
t that k reaches, and nobody else does better. Reading *and* as the minimum and *or* as the maximum
of the values themselves gives logits that are continuous, piecewise as smooth as the kernel, and
positive for the winner alone: the winner's is the least change of decision values that unseats it
(the smallest of its d_kj, where it wins them all); another's is, below zero, a change that is at
least needed to make it win (of three classes, the very change).
"""

import numpy as np
import torch
from sklearn.svm import SVC, NuSVC
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._linear_models import Linear
from sklearn_privfair.differentiable._numbers import Numbers, binary_columns, dense
from sklearn_privfair.differentiable._rowwise import rowwise_linear


class Kernel(Numbers):
    """The kernel between rows and support vectors."""

    def __init__(self, vectors, kind, gamma, coef0, degree):
        super().__init__(vectors=vectors)
        self.kind, self.gamma, self.coef0, self.degree = kind, gamma, coef0, degree

    def forward(self, x):
        """Compare rows `x` with each support vector."""
        x = self.cast(x)
        if self.kind == "rbf":
            # by differences, as libsvm does: products lose the digits of near rows far from zero
            exact = "donot_use_mm_for_euclid_dist"
            distance = torch.cdist(x, self.vectors, compute_mode=exact)
            return torch.exp(-self.gamma * distance * distance)
        inner = self.gamma * rowwise_linear(x, self.vectors) + self.coef0
        return inner**self.degree if self.kind == "poly" else inner.tanh()


class Duels(nn.Module):
    """The decision of each pair of classes as an antisymmetric table, (n_samples, K, K)."""

    upper: torch.Tensor

    def __init__(self, pairs, n_classes):
        super().__init__()
        self.pairs = pairs
        self.n_classes = n_classes
        self.register_buffer("upper", torch.triu_indices(n_classes, n_classes, 1))

    def forward(self, x):
        """Let the classes of rows `x` duel."""
        decisions = self.pairs(x)
        table = decisions.new_zeros(len(x), self.n_classes, self.n_classes)
        first, second = self.upper
        table[:, first, second] = decisions
        table[:, second, first] = -decisions
        return table


class VoteLogits(nn.Module):
    """The logits of votes: see the top of this file."""

    def __init__(self, duels, break_ties):
        super().__init__()
        self.duels = duels
        self.break_ties = break_ties

    def forward(self, x):
        """Give the logits of rows `x`."""
        table = self.duels(x)
        n_classes = table.shape[1]
        # reached[:, k, t - 1] > 0: class k has at least t votes, as its t-th largest value says
        itself = torch.eye(n_classes, dtype=torch.bool, device=x.device)
        ranked = table.masked_fill(itself, -torch.inf).sort(dim=2, descending=True).values
        reached = ranked[:, :, :-1]
        below = -reached  # fewer than t votes
        at_most = -ranked[:, :, 1:]  # t votes at most; the last is no condition, infinity
        if self.break_ties:
            total = table.sum(dim=2)
            ahead = (total.unsqueeze(2) - total.unsqueeze(1)).unsqueeze(3)
            beaten = torch.maximum(
                below.unsqueeze(1), torch.minimum(at_most.unsqueeze(1), ahead)
            )  # (n_samples, k, j, t): at t votes, k stands before j
            others = beaten.masked_fill(itself[:, :, None], torch.inf).amin(dim=2)
        else:
            # classes before k must stay below its t votes, those behind it may have as many
            before = nn.functional.pad(below.cummin(dim=1).values, (0, 0, 1, 0), value=torch.inf)
            behind = nn.functional.pad(
                at_most.flip(1).cummin(dim=1).values.flip(1), (0, 0, 0, 1), value=torch.inf
            )
            others = torch.minimum(before[:, :-1], behind[:, 1:])
        wins = torch.minimum(reached, others)
        return wins.masked_fill(self._too_few(n_classes, x.device), -torch.inf).amax(dim=2)

    def _too_few(self, n_classes, device):
        """Tell of each class and number of votes whether nobody wins with so few.

        There are as many votes as duels; they must all go somewhere without anyone doing better.
        """
        votes = torch.arange(1, n_classes, device=device)
        index = torch.arange(n_classes, device=device).unsqueeze(1)
        most = n_classes * votes - (0 if self.break_ties else index)
        return (2 * most < n_classes * (n_classes - 1)).expand(n_classes, -1)


class VoteDecision(nn.Module):
    """The decision function of shape "ovr": votes, and the sum of decision values within them."""

    def __init__(self, duels):
        super().__init__()
        self.duels = duels

    def forward(self, x):
        """Give the decision values of rows `x`."""
        table = self.duels(x)
        first, second = self.duels.upper
        votes = torch.zeros_like(table)
        votes[:, first, second] = (table[:, first, second] >= 0).to(table.dtype)
        votes[:, second, first] = (table[:, second, first] > 0).to(table.dtype)
        total = table.sum(dim=2)
        return votes.sum(dim=2) + total / (3 * (total.abs() + 1))


class BinaryLogits(nn.Module):
    """The columns ``[0, z]`` of a module that gives one value z."""

    def __init__(self, decision):
        super().__init__()
        self.decision = decision

    def forward(self, x):
        """Give the logits of rows `x`."""
        return binary_columns(self.decision(x))


def _pair_weights(model):
    """Give the weight of each support vector in each duel, (n_duels, n_vectors)."""
    coefficients = dense(model.dual_coef_)
    n_classes = len(model.classes_)
    if n_classes == 2:
        return coefficients
    # of a vector of class i, row j - 1 holds the weight against class j > i, row j that of j < i
    ends = np.cumsum(model.n_support_)
    spans = [slice(end - n, end) for end, n in zip(ends, model.n_support_, strict=True)]
    weights = []
    for i in range(n_classes):
        for j in range(i + 1, n_classes):
            row = np.zeros(coefficients.shape[1])
            row[spans[i]] = coefficients[j - 1, spans[i]]
            row[spans[j]] = coefficients[i, spans[j]]
            weights.append(row)
    return np.stack(weights)


def pair_decisions(model):
    """Give the module of the decision values of all pairs, (n_samples, n_duels)."""
    check_is_fitted(model)
    if model.kernel not in ("linear", "rbf", "poly", "sigmoid"):
        raise NotDifferentiableError(
            model, f"of its kernel, {model.kernel!r}, only values are known, not the derivative"
        )
    vectors, weights = dense(model.support_vectors_), _pair_weights(model)
    if model.kernel == "linear":
        return Linear(weights @ vectors, model.intercept_)
    kernel = Kernel(vectors, model.kernel, float(model._gamma), model.coef0, model.degree)
    return nn.Sequential(kernel, Linear(weights, model.intercept_))


@as_module.register(SVC)
@as_module.register(NuSVC)
def _(model):
    pairs = pair_decisions(model)
    n_classes = len(model.classes_)
    if n_classes == 2:
        return BinaryLogits(pairs).eval()
    break_ties = model.break_ties and model.decision_function_shape == "ovr"
    return VoteLogits(Duels(pairs, n_classes), break_ties).eval()
