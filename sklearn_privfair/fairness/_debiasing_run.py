"""One debiasing training: hooks in a net's own loop, an adversary or a penalty beside it.

Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning", AIES.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from skorch.callbacks import LRScheduler

from sklearn_privfair.differentiable._array_batches import ArrayRows, by_arrays
from sklearn_privfair.differentiable._indexed_batches import IndexedBatches
from sklearn_privfair.differentiable._skorch_training import hooked
from sklearn_privfair.fairness._projection import put_gradients
from sklearn_privfair.fairness._tasks import row_losses


class NumberedBatch(list):
    """A batch ``[X, y]``, as callbacks know it, that also knows the numbers of its rows."""

    def __init__(self, parts, places):
        super().__init__(parts)
        self.places = places


class NumberedBatches(IndexedBatches):
    """Batches that know which rows they hold."""

    def __iter__(self):
        for places in self.places():
            parts = [self.X.index_select(0, places), self.y.index_select(0, places)]
            yield NumberedBatch(parts, places)


@dataclass
class Rows:
    """What a training or a validation is on.

    Parameters
    ----------
    X, y : ndarray of shape (n_samples, ...)
        As the net takes them.
    labels : ndarray of shape (n_samples,)
        Codes of classes, or numbers.
    targets : list of Target
    weight : ndarray of shape (n_samples,) or None
    """

    X: np.ndarray
    y: np.ndarray
    labels: np.ndarray
    targets: list
    weight: np.ndarray | None

    def take(self, rows):
        """Give some of the rows."""
        parts = (self.X[rows], self.y[rows], self.labels[rows])
        weight = None if self.weight is None else self.weight[rows]
        return Rows(*parts, [target.take(rows) for target in self.targets], weight)


class DebiasingRun:
    """The state of one training.

    Parameters
    ----------
    debiaser : BaseDebiasing
        Whose parameters these are.
    net : skorch.NeuralNet
        To be trained.
    task : ClassTask or NumberTask
    rows : Rows
    opponent : Adversaries or GapPenalty
    alpha : callable
        From the epoch to how much the opponent counts; ``look(gap)`` tells it what came of it.
    history : dict of str to list
        Gets one value for each epoch.
    validation : Validation or None, default=None
        On rows held out.
    earlier : int or None, default=None
        Epochs trained before, of which this is the next and only one, without pretraining and
        falling learning rate. None: this is a whole training.
    """

    def __init__(
        self, debiaser, net, task, rows, opponent, alpha, history, validation=None, earlier=None
    ):
        self.debiaser, self.net, self.task, self.rows = debiaser, net, task, rows
        self.opponent, self.alpha, self.history = opponent, alpha, history
        self.multipliers = debiaser._multipliers
        self.validation, self.one_epoch = validation, earlier is not None
        self.pretraining = 0 if self.one_epoch else debiaser.pretrain_epochs
        self.earlier = (earlier or 0) - self.pretraining
        self.epoch, self.step, self.sums, self.faced = 0, 0, np.zeros(3), False
        weight = rows.weight
        self.weight = None if weight is None else weight / weight.mean()

    @property
    def counted(self):
        """The epoch since the opponent is there, from 0, over all calls."""
        return max(self.earlier + self.epoch, 0)

    def train(self):
        """Train."""
        with self._hooks():
            self.net.partial_fit(self.rows.X, self.rows.y)
        if self.validation is not None and self.validation.best_state is not None:
            self.net.module_.load_state_dict(self.validation.best_state)

    @contextmanager
    def _hooks(self):
        """Let the net's loop train against the opponent."""
        net, kind = self.net, _kind(self.net)

        def fit_loop(X, y=None, **params):
            n_epochs = 1 if self.one_epoch else self.pretraining + net.max_epochs
            return kind.fit_loop(net, X, y, **params | {"epochs": n_epochs})

        def get_iterator(dataset, training=False):
            loader = kind.get_iterator(net, dataset, training=training)
            return self._numbered(loader) if training else by_arrays(loader)

        def train_step_single(batch, **fit_params):
            x, y, places = (part.to(net.device) for part in (*batch, batch.places))
            net._set_training(True)
            answer = net.infer(x, **fit_params)
            self._face(answer)
            loss = self._loss(answer, y, x, places)
            guessed = self._backward(loss, answer, y, places)
            self.sums += (loss.item() * len(x), guessed * len(x), len(x))
            return {"loss": loss.detach(), "y_pred": answer.detach()}

        def on_epoch_begin(_, **kwargs):
            if self.validation is not None and self.validation.enough(self.epoch - 1):
                raise KeyboardInterrupt  # as skorch's own early stopping does
            self._begin_epoch()
            kind.on_epoch_begin(net, net, **kwargs)

        def on_epoch_end(_, **kwargs):
            self._end_epoch()
            kind.on_epoch_end(net, net, **kwargs)

        methods: dict[str, Any] = {
            "fit_loop": fit_loop,
            "get_iterator": get_iterator,
            "train_step_single": train_step_single,
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
        }
        with hooked(net, **methods):
            yield

    def _numbered(self, loader):
        loader = by_arrays(loader)
        if not isinstance(loader.dataset, ArrayRows):
            raise ValueError(
                "A debiasing has to know which rows a batch holds, and cannot tell with this net's "
                "iterator_train, dataset, collate_fn or num_workers; leave these at skorch's "
                "defaults."
            )
        return NumberedBatches(loader, torch.device(self.net.device or "cpu"))

    def _face(self, answer):
        """Let the opponent see the rows, when the net's answers are known."""
        if self.faced:
            return
        self.faced = True
        self.debiaser._check_width(self.task.width(self.net, answer))
        self.task.meet(self.net, self.rows.y, self.weight)
        targets, device = self.rows.targets, answer.device
        self.opponent.face(self.task, targets, self.weight, device, answer.dtype)
        self.opponent.begin_epoch(self.counted)
        if self.multipliers is not None:
            values, weight = self.opponent.values, self.opponent.weight
            self.multipliers.face(self.task, targets, values, weight, self._n_batches())
        if self.weight is not None:
            self.shares = torch.as_tensor(self.weight).to(device, answer.dtype)

    def _loss(self, answer, y, x, places):
        """Give the predictor's loss; rows weigh the same in whichever batch they are."""
        if self.weight is None:
            return self.net.get_loss(answer, y, X=x, training=True)
        losses, class_weight = row_losses(self.net, answer, y, x)
        total = len(x) if class_weight is None else (self.shares[places] * class_weight).sum()
        return (losses * self.shares[places]).sum() / total

    def _backward(self, loss, answer, y, places):
        """Put gradients in place; give the opponent's loss."""
        net = self.net
        net._zero_grad_optimizer()
        weights = [p for p in net.module_.parameters() if p.requires_grad]
        if self.epoch < self.pretraining:
            torch.autograd.backward(loss, inputs=weights)
            return np.nan
        weight = None if self.weight is None else self.shares[places]
        seen, opponent = self.task.seen(net, answer, y, weight), self.opponent
        opponent.teach(seen.detach(), y, places)
        guessed = opponent.loss(seen, y, places)
        if self.multipliers is not None:
            loss = loss + self.multipliers.push(seen, y, places)
        aim = -opponent.sign * self.task.unit * guessed
        put_gradients(weights, loss, aim, self._strength(), self.debiaser.projection)
        return guessed.item()

    def _strength(self):
        """Give how much the opponent counts in this step, in a whole training little at first."""
        alpha, share = self.alpha(self.counted), self.debiaser.warm_up
        if share == 0 or self.one_epoch or callable(self.debiaser.alpha):
            return alpha
        self.step += 1
        return alpha * min(1.0, self.step / (share * self.net.max_epochs * self._n_batches()))

    def _n_batches(self):
        n, size = len(self.rows.X), self.net.batch_size
        return -(-n // size) if size > 0 else 1

    def _begin_epoch(self):
        """Take learning rates; before the first epoch against adversaries, pretrain these."""
        debiaser, net = self.debiaser, self.net
        own = any(isinstance(callback, LRScheduler) for _, callback in net.callbacks_)
        if debiaser.lr_decay is not None and not own and not self.one_epoch:
            done = max(self.epoch - self.pretraining, 0) / net.max_epochs
            for group in net.optimizer_.param_groups:
                group["initial_lr"] = group.get("initial_lr", group["lr"])
                group["lr"] = group["initial_lr"] * (1 + np.cos(np.pi * done)) / 2
        if self.epoch == self.pretraining and not self.one_epoch:
            self._teach_alone(debiaser.pretrain_adversary_epochs)
        if self.faced:
            self.opponent.begin_epoch(self.counted)

    def _teach_alone(self, n_epochs):
        """Let the adversaries learn from the net as it is, before it learns to mislead them."""
        if n_epochs == 0 or self.debiaser.method != "adversary":
            return
        net = self.net
        x = torch.as_tensor(self.rows.X)
        net._set_training(False)
        with torch.no_grad():
            answer = torch.cat([net.infer(part) for part in x.split(8192)])
        self._face(answer)
        weight = None if self.weight is None else self.shares
        y = torch.as_tensor(self.rows.y).to(answer.device)
        seen = self.task.seen(net, answer, y, weight)
        size = net.batch_size if net.batch_size > 0 else len(x)
        for _ in range(n_epochs):
            for places in torch.randperm(len(x)).to(answer.device).split(size):
                self.opponent.teach(seen[places], y[places], places)

    def _end_epoch(self):
        rows, task = self.rows, self.task
        predicted = task.predicted(self.net, rows.X)
        gap = self._gap(predicted, rows)
        opposed = self.epoch >= self.pretraining
        values = {
            "predictor_loss": self.sums[0] / self.sums[2],
            self.opponent.curve: self.sums[1] / self.sums[2],
            "gap": gap,
            "alpha": self.alpha(self.counted) if opposed else 0.0,
        }
        if self.multipliers is not None:
            values["multiplier"] = self.multipliers.largest()
        if self.validation is not None:
            held_out = self.validation.rows
            predicted = task.predicted(self.net, held_out.X)
            score = task.score(predicted, held_out.labels, held_out.weight)
            values |= {"valid_score": score, "valid_gap": self._gap(predicted, held_out)}
            self.validation.judge(score, values["valid_gap"], self.net.module_, self.epoch)
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))
            if name != "predictor_loss":  # skorch has it as train_loss
                self.net.history.record(name, float(value))
        if opposed:
            self.alpha.look(gap)
        self.sums[:] = 0
        self.epoch += 1

    def _gap(self, predicted, rows):
        return max(self.task.gap(predicted, rows.labels, t, rows.weight) for t in rows.targets)


def _kind(net) -> Any:
    return type(net)
