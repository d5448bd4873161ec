"""One training by DP-SGD: what a net's own loop is given in place of its batches and its step.

Abadi et al. 2016, algorithm 1: each row's gradient is clipped, noise is added to the sum, and the
net's own optimizer takes it from there. Callbacks, schedules and history go on as they are.
"""

import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from sklearn_privfair.differentiable._skorch_training import hooked, rows_and_targets
from sklearn_privfair.privacy import _dp_checks as checks
from sklearn_privfair.privacy._dp_accounting import epsilon_spent, noise_for
from sklearn_privfair.privacy._dp_clipping import (
    ghost_sums,
    per_sample_sums,
    trainable,
    why_no_ghost,
)
from sklearn_privfair.privacy._dp_sampling import Noise, PoissonBatches, poisson_loader

# Numbers that the gradients of some rows may take, where they are computed one a row.
MOST_NUMBERS = 2**22


class DPTraining:
    """The state of one training.

    Parameters
    ----------
    owner : DPSGDClassifier
        Whose parameters these are.
    net : skorch.NeuralNet
        To be trained.
    seed : int or None
        Of coins and noise; None: fresh entropy.

    Attributes
    ----------
    n_steps : int
        Steps taken.
    noise_multiplier, sample_rate, delta : float
    clipping : {"ghost", "per_sample"}
    """

    def __init__(self, owner, net, seed):
        self.owner, self.net = owner, net
        coins, noise = np.random.SeedSequence(seed).spawn(2)
        self.coins, self.noise = np.random.default_rng(coins), Noise(noise)
        self.n_steps = 0
        self._taken = False

    @contextmanager
    def hooks(self):
        """Let the net's loop train by DP-SGD."""
        net: Any = self.net
        kind: Any = type(net)

        def get_iterator(dataset, training=False):
            if not training:
                return kind.get_iterator(net, dataset, training=False)
            return self._begin(dataset)

        def train_step(batch, **fit_params):
            self._taken = False
            return kind.train_step(net, batch, **fit_params)

        def on_epoch_end(_, **kwargs):
            _weigh_empty_epoch(net.history)
            kind.on_epoch_end(net, net, **kwargs)

        with hooked(
            net,
            get_iterator=get_iterator,
            train_step=train_step,
            train_step_single=self._step,
            on_epoch_end=on_epoch_end,
        ):
            yield
        net.optimizer_.zero_grad(set_to_none=True)

    def epsilon(self):
        """Give what the steps taken have spent."""
        return epsilon_spent(
            self.noise_multiplier, self.sample_rate, self.n_steps, self.delta, self.owner.accountant
        )

    def _begin(self, dataset):
        """Look at the net, which exists by now, find the noise, and give the batches."""
        owner, net, n_rows = self.owner, self.net, len(dataset)
        checks.check_net(net)
        checks.check_layers(net)
        x, y = checks.rows_apart(dataset, net)
        checks.check_rows_stay_apart(net, x)
        with torch.no_grad(), torch.random.fork_rng():
            self._no_answers = net.infer(x)[:0]
        self.clipping = self._choose_clipping(x, y)
        batch_size = net.get_params_for("iterator_train").get("batch_size", net.batch_size)
        batch_size = n_rows if batch_size == -1 else min(batch_size, n_rows)
        batches = PoissonBatches(n_rows, batch_size, self.coins)
        self.sample_rate = batches.sample_rate
        self.delta = n_rows**-1.1 if owner.delta is None else owner.delta
        if self.delta > 1 / n_rows:
            warnings.warn(
                f"delta={self.delta} is above 1/n_rows={1 / n_rows:.2g}: to give away a row at "
                "random would keep to it. Use a smaller delta.",
                UserWarning,
                stacklevel=2,
            )
        self.noise_multiplier = owner.noise_multiplier
        if owner.noise_multiplier is None:
            n_steps = net.max_epochs * len(batches)
            self.noise_multiplier = noise_for(
                owner.epsilon, self.sample_rate, n_steps, self.delta, owner.accountant
            )
        # a sum is divided by what is expected: how many came is private
        mean = net.criterion_.reduction == "mean"
        self._divisor = batch_size if mean else 1
        return poisson_loader(dataset, batches)

    def _choose_clipping(self, x, y):
        owner, net = self.owner, self.net
        if owner.clipping == "per_sample":
            return "per_sample"
        with torch.random.fork_rng():
            reason = why_no_ghost(net, x, y, owner.max_grad_norm)
        if reason is not None and owner.clipping == "ghost":
            raise ValueError(
                f"clipping='ghost' cannot be used for the net's module: {reason}. Use 'auto' or "
                "'per_sample'."
            )
        return "ghost" if reason is None else "per_sample"

    def _n_together(self, n_rows):
        """Give how many rows go through the net together."""
        if self.owner.physical_batch_size is not None:
            return self.owner.physical_batch_size
        if self.clipping == "ghost":
            return max(1, n_rows)
        return max(1, MOST_NUMBERS // max(1, sum(w.numel() for w in trainable(self.net))))

    def _step(self, batch, **fit_params):
        """Compute the noisy gradient of a batch, as skorch's step computes the plain one."""
        net, norm = self.net, self.owner.max_grad_norm
        if self._taken:
            raise ValueError(
                f"{type(net.optimizer_).__name__} asks for the loss of one batch many times, and "
                "the accounting of DP-SGD is of one answer for each batch drawn; use SGD, Adam or "
                "another optimizer that asks once."
            )
        self._taken = True
        self.n_steps += 1
        net._set_training(True)
        x, y = rows_and_targets(net, batch)
        sums_of = ghost_sums if self.clipping == "ghost" else per_sample_sums
        weights = trainable(net)
        whole = [torch.zeros_like(weight) for weight in weights]
        losses, answers = [x.new_zeros(0)], [self._no_answers]
        n_together = self._n_together(len(x))
        for start in range(0, len(x), n_together):
            rows = slice(start, start + n_together)
            sums, loss, answer = sums_of(net, x[rows], y[rows], norm)
            for total, part in zip(whole, sums, strict=True):
                total += part
            losses.append(loss)
            answers.append(answer)
        for weight, total in zip(weights, whole, strict=True):
            total.add_(self.noise.like(total), alpha=self.noise_multiplier * norm)
            weight.grad = total / self._divisor
        loss = torch.cat(losses)
        mean = net.criterion_.reduction == "mean"
        return {
            "loss": loss.sum() / max(1, len(loss)) if mean else loss.sum(),
            "y_pred": torch.cat(answers),
        }


def _weigh_empty_epoch(history):
    """Let skorch take its means over an epoch in which no row was drawn."""
    batches = history[-1]["batches"]
    if not any(batch["train_batch_size"] for batch in batches):
        batches[0]["train_batch_size"], batches[0]["train_loss"] = 1, np.nan
