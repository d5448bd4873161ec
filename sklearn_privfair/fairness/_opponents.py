"""What a predictor is trained against: adversaries that learn, or a penalty that needs none.

Zhang, Lemoine & Mitchell (2018) train one adversary; here each target has one of its own. The
penalty is the squared gap between the groups' mean scores, as of a regularised fit.
"""

import torch

from sklearn_privfair._stored import StoredState
from sklearn_privfair.fairness._adversary import Adversary, guess_loss


class _Opponent(StoredState):
    """Knows the targets and weights of the rows in training, and which rows a constraint means."""

    def face(self, task, targets, weight, device, dtype):
        """Take the rows of a training, to be asked of by their numbers."""
        self.task, self.targets = task, targets
        self.values = [torch.as_tensor(t.values).to(device) for t in targets]
        self.weight = None if weight is None else torch.as_tensor(weight).to(device, dtype)

    def forget(self):
        """Forget the rows, which are no part of the model."""
        for name in ("targets", "values", "weight"):
            vars(self).pop(name, None)

    def _parts(self, y, places):
        """Give the rows of a batch that count, for each target its values there, and weights."""
        rows = self.task.rows(y)
        values = [known[places][rows] for known in self.values]
        return rows, values, None if self.weight is None else self.weight[places][rows]


class Adversaries(_Opponent):
    """One adversary for each target, trained together.

    Parameters
    ----------
    body, optimizer, lr, n_steps, balance
        `adversary`, `adversary_optimizer`, `adversary_lr`, `adversary_steps` and `balance` of the
        estimator.
    seed : int
        Of the weights.
    """

    curve, sign = "adversary_loss", -1.0  # the predictor wants it to be high

    def __init__(self, body, optimizer, lr, n_steps, balance, seed):
        self.body, self.kind, self.lr = body, optimizer, lr
        self.n_steps, self.balance, self.seed = n_steps, balance, seed
        self.modules: list = []

    def face(self, task, targets, weight, device, dtype):
        super().face(task, targets, weight, device, dtype)
        if self.modules:
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.modules = [
                Adversary(task.n_outputs, task.n_classes, task.sees_label, t.width, self.body)
                for t in targets
            ]
        for module in self.modules:
            module.to(device, dtype)
        weights = [p for module in self.modules for p in module.parameters() if p.requires_grad]
        self.optimizer = self.kind(weights, lr=self._lr(0))

    def begin_epoch(self, epoch):
        """Take the learning rate of an epoch."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr(epoch)

    def _lr(self, epoch):
        return float(self.lr(epoch) if callable(self.lr) else self.lr)

    def teach(self, seen, y, places):
        """Let the adversaries learn from what the predictor says of a batch."""
        for _ in range(self.n_steps):
            self.optimizer.zero_grad()
            self.loss(seen, y, places).backward()
            self.optimizer.step()

    def loss(self, seen, y, places):
        """Give the sum of the adversaries' losses."""
        rows, values, weight = self._parts(y, places)
        total = 0.0 * (seen.sum() + sum(m.sharpness for m in self.modules))
        if not rows.any():
            return total
        y = y[rows]
        for module, value, target in zip(self.modules, values, self.targets, strict=True):
            cells = None
            if self.balance and target.groups is not None:
                cells = self.task.cells(value, y, len(target.groups))
            guess = module(seen[rows], self.task.shown(y))
            total = total + guess_loss(guess, value, target.groups, cells, weight)
        return total


class GapPenalty(_Opponent):
    """The squared gap between the mean scores of groups, or covariance with numbers.

    Of several groups, twice the sum of squared distances of their means from the middle, which for
    two is the squared difference.
    """

    curve, sign = "penalty", 1.0
    modules: list = []

    def begin_epoch(self, epoch):
        """Do nothing."""

    def teach(self, seen, y, places):
        """Learn nothing."""

    def loss(self, seen, y, places):
        """Give the sum over targets; of equalized odds, over the classes too."""
        rows, values, weight = self._parts(y, places)
        score, y = self.task.scores(seen[rows]), y[rows]
        weight = score.new_ones(len(score)) if weight is None else weight
        total = 0.0 * seen.sum()
        for value, target in zip(values, self.targets, strict=True):
            for mask, part in self.task.strata(score, y):
                total = total + _squared_gap(part, value[mask], weight[mask], target.groups)
        return total


def _squared_gap(score, value, weight, groups):
    """Give the squared gap in the columns of scores (n, k), summed over them."""
    if groups is None:
        total = weight.sum().clamp_min(1e-12)
        share = (weight / total)[:, None]
        value = value.to(score.dtype)[:, None]
        value = value - (share * value).sum(0)
        return (share * value * score).sum(0).square().sum()
    size = score.new_zeros(len(groups)).index_add(0, value, weight)
    sums = score.new_zeros(len(groups), score.shape[1]).index_add(0, value, weight[:, None] * score)
    present = size > 0
    if present.sum() < 2:
        return 0.0 * score.sum()
    means = sums[present] / size[present][:, None]
    return 2 * (means - means.mean(0)).square().sum()
