"""One debiasing training: hooks in a net's own loop, an adversary beside it.

Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning", AIES:
equation 1, the projected gradient, over all weights as one vector.
"""

from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from skorch.callbacks import LRScheduler
from torch.nn.utils import parameters_to_vector

from sklearn_privfair.differentiable._array_batches import by_arrays
from sklearn_privfair.differentiable._indexed_batches import IndexedBatches
from sklearn_privfair.differentiable._net_answers import log_proba
from sklearn_privfair.differentiable._skorch_training import hooked
from sklearn_privfair.fairness._adversary import Adversary, guess_loss
from sklearn_privfair.fairness._gap import group_gap

ROWS_AT_ONCE = 8192
HISTORY = ("predictor_loss", "adversary_loss", "gap", "alpha")


class NumberedBatches(IndexedBatches):
    """Batches ``[X, y, numbers of the rows]``."""

    def __iter__(self):
        for places in self.places():
            yield [self.X.index_select(0, places), self.y.index_select(0, places), places]


class DebiasingRun:
    """The state of one training.

    Parameters
    ----------
    debiaser : AdversarialDebiasingClassifier
        Whose parameters these are.
    net : skorch.NeuralNet
        To be trained.
    targets : list of Target
        What is not to be guessed.
    alpha : callable
        From the epoch to how much the adversary counts; ``look(gap)`` tells it what came of it.
    weight : ndarray of shape (n_samples,) or None
    seed : int
    """

    def __init__(self, debiaser, net, X, codes, targets, alpha, weight, seed):
        self.debiaser, self.net, self.alpha = debiaser, net, alpha
        self.X, self.codes, self.targets = X, codes, targets
        self.weight, self.seed = weight, seed
        self.history: dict[str, list] = {name: [] for name in HISTORY}
        self.sums = np.zeros(3)
        self.adversaries: list = []

    @property
    def epoch(self):
        return len(self.history["gap"])

    @contextmanager
    def hooks(self):
        """Let the net's loop train against the adversary."""
        net, kind = self.net, _kind(self.net)

        def get_iterator(dataset, training=False):
            loader = kind.get_iterator(net, dataset, training=training)
            if not training:
                return loader
            return NumberedBatches(by_arrays(loader), torch.device(net.device or "cpu"))

        def train_step_single(batch, **fit_params):
            x, y, places = (part.to(net.device) for part in batch)
            net._set_training(True)
            answer = net.infer(x, **fit_params)
            if not self.adversaries:
                self._begin(answer)
            loss = self._predictor_loss(answer, y, x, places)
            seen = logits(net, answer)
            self._teach(seen.detach(), y, places)
            guessed = self._guess_loss(seen, y, places)
            self._backward(loss, guessed)
            self.sums += (loss.item() * len(x), guessed.item() * len(x), len(x))
            return {"loss": loss.detach(), "y_pred": answer.detach()}

        def on_epoch_end(_, **kwargs):
            self._end_epoch()
            kind.on_epoch_end(net, net, **kwargs)

        def on_epoch_begin(_, **kwargs):
            self._decay()
            kind.on_epoch_begin(net, net, **kwargs)

        methods: dict[str, Any] = {
            "on_epoch_begin": on_epoch_begin,
            "get_iterator": get_iterator,
            "train_step_single": train_step_single,
            "on_epoch_end": on_epoch_end,
        }
        with hooked(net, **methods):
            yield

    def _decay(self):
        """Let the learning rate fall as a cosine, where the net has no schedule of its own."""
        net = self.net
        own = any(isinstance(callback, LRScheduler) for _, callback in net.callbacks_)
        if self.debiaser.lr_decay is None or own:
            return
        share = (1 + np.cos(np.pi * self.epoch / net.max_epochs)) / 2
        for group in net.optimizer_.param_groups:
            group["initial_lr"] = group.get("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * share

    def _begin(self, answer):
        """Make the adversaries, when the net's outputs are known."""
        debiaser, width = self.debiaser, logits(self.net, answer).shape[1]
        sees = debiaser.constraint == "equalized_odds"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.adversaries = [
                Adversary(
                    width, len(debiaser.classes_), sees, t.width, debiaser.adversary_hidden
                ).to(answer.device, answer.dtype)
                for t in self.targets
            ]
        weights = [p for adversary in self.adversaries for p in adversary.parameters()]
        self.adversary_optimizer = torch.optim.Adam(weights, lr=debiaser.adversary_lr)
        self.values = [torch.as_tensor(t.values).to(answer.device) for t in self.targets]
        self.shares = None
        if self.weight is not None:
            self.shares = torch.as_tensor(self.weight).to(answer.device, answer.dtype)

    def _predictor_loss(self, answer, y, x, places):
        if self.shares is None:
            return self.net.get_loss(answer, y, X=x, training=True)
        losses = _rowwise(self.net, answer, y)
        share = self.shares[places]
        return (losses * share).sum() / share.sum()

    def _guess_loss(self, seen, y, places):
        """Give the adversaries' loss, of the rows that the constraint speaks of."""
        constraint = self.debiaser.constraint
        shares = None if self.shares is None else self.shares[places]
        y = y.long()
        rows = torch.ones_like(y, dtype=torch.bool)
        if constraint == "equal_opportunity":
            rows = y == self.debiaser._positive
            if not rows.any():
                return 0.0 * seen.sum()
        total = 0.0
        for adversary, values, target in zip(
            self.adversaries, self.values, self.targets, strict=True
        ):
            value = values[places][rows]
            cells = None
            if self.debiaser.balance and target.groups is not None:
                cells = value if constraint != "equalized_odds" else value + len(target.groups) * y
            guess = adversary(seen[rows], y[rows])
            total = total + guess_loss(
                guess, value, target.groups, cells, None if shares is None else shares[rows]
            )
        return total

    def _teach(self, seen, y, places):
        for _ in range(self.debiaser.adversary_steps):
            self.adversary_optimizer.zero_grad()
            self._guess_loss(seen, y, places).backward()
            self.adversary_optimizer.step()

    def _backward(self, loss, guessed):
        """Put the net's gradients in place: its own, less what helps the adversary."""
        alpha, net = self.alpha(self.epoch), self.net
        net._zero_grad_optimizer()
        if not self.debiaser.projection:
            (loss - alpha * guessed).backward()
            return
        weights = [p for p in net.module_.parameters() if p.requires_grad]
        own, other = (
            parameters_to_vector(_gradients(value, weights, keep))
            for value, keep in ((loss, True), (guessed, False))
        )
        length = other.norm()
        unit = other / length if length > 0 else other
        step = own - (own @ unit) * unit - alpha * other
        start = 0
        for p in weights:
            p.grad = step[start : start + p.numel()].view_as(p).clone()
            start += p.numel()

    def _end_epoch(self):
        debiaser, n = self.debiaser, self.sums[2]
        predicted = self._predicted()
        gap = max(
            group_gap(
                predicted,
                self.codes,
                target,
                debiaser.constraint,
                debiaser._positive,
                self.weight,
            )
            for target in self.targets
        )
        values = (self.sums[0] / n, self.sums[1] / n, gap, self.alpha(self.epoch))
        for name, value in zip(HISTORY, values, strict=True):
            self.history[name].append(float(value))
        self.net.history.record("gap", float(gap))
        self.alpha.look(gap)
        self.sums[:] = 0

    def _predicted(self):
        """Predict the training rows as the net would, in large batches and without its loader."""
        net, found = self.net, []
        for rows in torch.as_tensor(self.X).split(ROWS_AT_ONCE):
            log_p = log_proba(net, net.evaluation_step((rows, None)))
            threshold = getattr(net, "threshold", None)  # of skorch's binary classifiers
            code = log_p.argmax(1) if threshold is None else log_p[:, 1].exp() > threshold
            found.append(code.long().cpu())
        return torch.cat(found).numpy()


def logits(net, answer):
    """Give what a net's answers stand for: one logit for two classes, or one a class."""
    log_p = log_proba(net, answer)
    return (log_p[:, 1:] - log_p[:, :1]) if log_p.shape[1] == 2 else log_p


def _gradients(value, weights, keep):
    found = torch.autograd.grad(value, weights, retain_graph=keep, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)]


def _rowwise(net, answer, y):
    """Give the cross-entropy of each row."""
    return -log_proba(net, answer).gather(1, y.long()[:, None])[:, 0]


def _kind(net) -> Any:
    return type(net)
