"""What a tolerance asks for: Lagrange multipliers of the gaps in what is decided.

A. Cotter, H. Jiang, K. Sridharan, "Two-player games for efficient non-convex constrained
optimization" (ALT 2019): the multipliers rise by the gaps of decisions, which have no derivative;
the net follows the gaps of scores, which have one. Agarwal et al. (2018) ascend in the same way.
"""

import torch
from torch.nn import functional

from sklearn_privfair._stored import StoredState


class Multipliers(StoredState):
    """Push groups together as hard as it takes for their gap to come within a tolerance.

    There is one multiplier for each part of the rows whose rates are to be equal, each group in it
    and each column of scores. After every batch it rises by how far the group's rate lies outside
    the tolerance around the middle of all groups', and falls where it lies within. It does so in
    proportion to the share of rows in the smallest group, each of which feels it all the more.

    Parameters
    ----------
    tolerance : float
    rate : float, default=0.5
        How fast they rise, for each batch, each unit of the gap, and a group of all rows.
    sharpness : float, default=2.0
        Of the scores that stand for decisions in the gradient: probabilities of so many times the
        logits.
    """

    def __init__(self, tolerance, rate=0.5, sharpness=2.0):
        self.tolerance, self.rate, self.sharpness = tolerance, rate, sharpness
        self.states: dict = {}

    def face(self, task, targets, values, weight, n_batches):
        """Take the rows of a training, to be asked of by their numbers."""
        self.task, self.targets, self.values, self.weight = task, targets, values, weight
        self.keep = 1 - 1 / max(n_batches, 1)  # rates are those of about the last epoch

    def forget(self):
        """Forget the rows, which are no part of the model."""
        for name in ("targets", "values", "weight"):
            vars(self).pop(name, None)

    def largest(self):
        """Give the largest multiplier."""
        return max((float(s.value.abs().max()) for s in self.states.values()), default=0.0)

    def push(self, seen, y, places):
        """Learn from a batch; give what is to be added to the predictor's loss."""
        task, total = self.task, 0.0 * seen.sum()
        rows = task.rows(y)
        whole = len(y) if self.weight is None else self.weight[places].sum()
        if not rows.any():
            return total
        seen, y, places = seen[rows], y[rows], places[rows]
        weight = seen.new_ones(len(seen)) if self.weight is None else self.weight[places]
        hard = list(task.strata(task.decided(seen.detach()), y))
        soft = task.strata(task.scores(self.sharpness * seen), y)
        for (mask, decided), (_, score) in zip(hard, soft, strict=True):
            part = int(y[mask][0]) if task.sees_label else 0
            for i, (known, target) in enumerate(zip(self.values, self.targets, strict=True)):
                member, size = _members(known[places][mask], weight[mask], target.groups, score)
                unit = _spread(decided, weight[mask]) if target.groups is None else 1.0
                rule = self.states.setdefault(f"{i} {part}", _State(target.groups is None))
                pressure = rule.look(member.T @ (decided / unit), size, whole, self)
                total = total + (pressure * (member.T @ (score / unit)) / size[:, None]).sum()
        return total


def _members(value, weight, groups, score):
    """Give the weights (n, n_groups) of rows in the groups' sums, and the groups' sizes.

    Of numbers: values in standard units in place of weights, so that the sum over the size is a
    covariance.
    """
    if groups is None:
        value = value.to(score.dtype)[:, None]
        value = value - (weight[:, None] * value).sum(0) / weight.sum()
        value = value / _spread(value, weight)
        return weight[:, None] * value, weight.sum()[None]
    member = functional.one_hot(value, len(groups)).to(score.dtype) * weight[:, None]
    return member, member.sum(0).clamp_min(1e-12)


def _spread(columns, weight):
    """Give the standard deviations of columns, and 1 where there is none."""
    share = (weight / weight.sum())[:, None]
    square = (share * (columns - (share * columns).sum(0)).square()).sum(0)
    return torch.where(square > 0, square, 1.0).sqrt()


class _State(StoredState):
    """The multipliers of one part of the rows, and the rates of its groups of late."""

    def __init__(self, numbers):
        self.numbers = numbers
        zero = torch.zeros(())
        self.size, self.sums, self.whole, self.up, self.down = zero, zero, zero, zero, zero

    @property
    def value(self):
        return self.up - self.down

    def look(self, sums, size, whole, rule):
        """Take note of a batch's decisions; give the multipliers."""
        self.size = size + rule.keep * self.size
        self.sums = sums + rule.keep * self.sums
        self.whole = rule.keep * self.whole + whole
        rates, room = self.sums / self.size[:, None], rule.tolerance
        known = (self.size > 1e-6 * self.whole)[:, None]
        speed = rule.rate * self.size[known[:, 0]].min() / self.whole
        if not self.numbers:  # from the middle of the groups that there were
            low = rates.where(known, torch.inf).amin(0)
            high = rates.where(known, -torch.inf).amax(0)
            rates, room = (rates - (low + high) / 2).where(known, 0.0), room / 2
        self.up = (self.up + speed * (rates - room)).clamp_min(0)
        self.down = (self.down + speed * (-rates - room)).clamp_min(0)
        return self.value if self.numbers else self.value - self.value.mean(0)
