"""One adversarial training: hooks in a net's own loop, and what they keep.

The loop stays skorch's: callbacks, schedulers, history and splits go on working. What one step
does to the weights is the defence's; what is averaged, validated and stopped is common to all.
"""

from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from sklearn_privfair.attacks._training import Surroundings, ascend, perturb
from sklearn_privfair.defences._base import own_attack
from sklearn_privfair.defences._robust_validation import RobustValidation
from sklearn_privfair.defences._weight_averaging import WeightAverage
from sklearn_privfair.differentiable._array_batches import by_arrays
from sklearn_privfair.differentiable._skorch_training import LiveModule, hooked, rows_and_targets

HISTORY = ("train_loss", "train_robust_accuracy", "valid_accuracy", "valid_robust_accuracy")


class TrainingRun:
    """The state of one training.

    Parameters
    ----------
    defence : AdversarialTrainer
        Whose parameters and classes these are.
    net : skorch.NeuralNet
        To be trained.
    before : torch.nn.Module or None
        From raw rows to those that the net takes.
    X : ndarray of shape (n_samples, ...)
        All rows, raw, in the net's precision.
    codes : ndarray of shape (n_samples,)
        Class codes.
    seed : int

    Attributes
    ----------
    X, codes : ndarray
        The rows to train on.
    history : dict of str to list
        One entry for each epoch; NaN where nothing was held out.
    """

    def __init__(self, defence, net, before, X, codes, seed):
        self.defence, self.net, self.before = defence, net, before
        self.attack = own_attack(defence.attack, seed)
        self.module = LiveModule(net, before)
        others = defence._without_label
        everywhere = X if others is None else np.concatenate([X, others])
        self.around = Surroundings(self.attack, everywhere, defence._names())
        self.generator = torch.Generator().manual_seed(seed)
        self.target = _target_code(self.attack.target, defence.classes_)
        self.history: dict[str, list] = {name: [] for name in HISTORY}
        self.first_epoch: int | None = None
        self.average, self.validation = None, None
        self.n_right, self.n_seen, self.loss = 0, 0, 0.0
        self.X, self.codes = X, codes
        if defence.early_stopping:
            self._hold_out(seed)
        self.watch = defence._watch(self, self.X, self.codes.astype(np.int64), seed)

    def _hold_out(self, seed):
        defence = self.defence
        rows = train_test_split(
            np.arange(len(self.X)),
            test_size=defence.validation_fraction,
            stratify=self.codes,
            random_state=seed,
        )
        (X, X_val), (y, y_val) = ([part[i] for i in rows] for part in (self.X, self.codes))
        attack = self.judging_attack(defence.validation_attack or defence.attack, seed)
        patience = defence.n_iter_no_change
        self.validation = RobustValidation(attack, X, X_val, y_val.astype(np.int64), patience)
        self.X, self.codes = X, y

    def judging_attack(self, attack, seed):
        """Clone an attack to judge the net with, after an epoch: in the names of no columns."""
        attack = own_attack(attack, seed)
        if attack.constraints is not None:
            attack.set_params(constraints=self.around.constraints)
        return attack

    @property
    def epoch(self):
        """The epoch that runs, from 0."""
        return len(self.net.history) - (self.first_epoch or len(self.net.history))

    @contextmanager
    def hooks(self, step):
        """Let the net's loop take ``step(x, y)``, which gives the loss and the answers it is of.

        Parameters
        ----------
        step : callable
            From the rows and targets of a batch, on the net's device, to skorch's dict of a
            training step; the gradients of the weights are there when it returns.
        """
        net, kind = self.net, _kind(self.net)

        def train_step_single(batch, **fit_params):
            x, y = rows_and_targets(net, batch)
            if self.first_epoch is None:
                self._begin(x)
            done = step(x, y, **fit_params)
            self._count(done, y)
            return done

        def train_step(batch, **fit_params):
            for _ in range(self.defence._repeats()):
                done = kind.train_step(net, batch, **fit_params)
                if self.average is not None:
                    self.average.after_step(net.module_)
            return done

        def on_epoch_begin(_, **kwargs):
            if self._is_enough():
                raise KeyboardInterrupt  # as skorch's own early stopping does
            kind.on_epoch_begin(net, net, **kwargs)

        def on_epoch_end(_, **kwargs):
            self._end_epoch()
            kind.on_epoch_end(net, net, **kwargs)

        def get_iterator(dataset, training=False):
            return by_arrays(kind.get_iterator(net, dataset, training=training))

        methods: dict[str, Any] = {
            "get_iterator": get_iterator,
            "train_step_single": train_step_single,
            "train_step": train_step,
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
        }
        if self.before is not None:  # the loop's rows are raw, in training and in validation
            methods["infer"] = lambda x, **kw: kind.infer(net, self.prepared(x), **kw)
        with hooked(net, **methods):
            yield
        self._take_over()

    def prepared(self, x):
        """Give rows as the net takes them."""
        x = x.to(self.net.device)
        return x if self.before is None else self.before(x).to(x.dtype)

    def _begin(self, x):
        """Look at the net, which exists by now."""
        defence, net = self.defence, self.net
        self.first_epoch = len(net.history)
        module = self.module()
        defence._check_outputs(module(x[:1]).shape[1])
        if defence.averaging is not None:
            start = int(defence.swa_start * net.max_epochs)
            self.average = WeightAverage(
                net.module_, defence.averaging, defence.ema_decay, min(start, net.max_epochs - 1)
            )

    def _count(self, done, y):
        with torch.no_grad():
            answer = done["y_pred"]
            wide = answer.ndim == 2 and answer.shape[1] > 1
            codes = answer.argmax(1) if wide else answer.reshape(-1) > self._middle()
            self.n_right += int((codes == y).sum())
            self.n_seen += len(y)
            self.loss += float(done["loss"]) * len(y)

    def _middle(self):
        """Give the answer of a net with one output from which on it says the second class."""
        return 0.5 if isinstance(self.net.criterion_, torch.nn.BCELoss) else 0.0

    def _end_epoch(self):
        net, weights = self.net, self.net.module_
        if self.average is not None:
            self.average.after_epoch(weights, self.epoch)
            weights = self.average.module or weights
        scores = (np.nan, np.nan)
        if self.validation is not None:
            scores = self.validation.judge(self.module(weights), weights, self.epoch)
            net.history.record("valid_robust_accuracy", scores[1])
        share, loss = self.n_right / self.n_seen, self.loss / self.n_seen
        self.n_right, self.n_seen, self.loss = 0, 0, 0.0
        net.history.record("train_robust_accuracy", share)
        if self.watch is not None:
            self.watch.judge(self.module(), weights, share)  # of the weights that were trained
        for name, value in zip(HISTORY, (loss, share, *scores), strict=True):
            self.history[name].append(value)

    def _is_enough(self):
        last = len(self.history["train_loss"]) - 1
        if self.watch is not None and self.watch.stops:
            return True
        return self.validation is not None and last >= 0 and self.validation.enough(last)

    def _take_over(self):
        """Put the best, or the averaged, weights into the net."""
        if self.validation is not None and self.validation.best_state is not None:
            self.net.module_.load_state_dict(self.validation.best_state)
        elif self.watch is not None and self.watch.stops:
            self.net.module_.load_state_dict(self.watch.best_state)
        elif self.average is not None and self.average.module is not None:
            self.net.module_.load_state_dict(self.average.module.state_dict())

    def adversarial(self, x, y, attack=None, diverging=False):
        """Move the rows of a batch by the attack, or another, with the weights of the moment."""
        module, attack = self.module(), attack or self.attack
        self._warm_up()
        target = self._targets(module, x, y)
        x_adv = perturb(attack, module, x, y.long(), self.around, self.generator, target, diverging)
        return x_adv if target is None else torch.where(_like(target == y, x), x, x_adv)

    def step_up(self, x, x_adv, gradient):
        """Move rows one step of the budget up a gradient, and into ball and box."""
        attack, quantile = self.attack, getattr(self.attack, "quantile", 0.99)
        module = self.module.whole  # only to know how it rounds
        return ascend(module, x, x_adv, gradient, self.around, attack.norm, attack.eps, quantile)

    def _warm_up(self):
        """Set the attack's budget for the epoch that runs."""
        defence = self.defence
        if defence.eps_warmup:
            part = min(1.0, (self.epoch + 1) / defence.eps_warmup)
            self.attack.set_params(eps=defence.attack.eps * part)

    def _targets(self, module, x, y):
        if self.target is None:
            return None
        if self.target == "least_likely":
            with torch.no_grad():
                return module(x).argmin(dim=1)
        return torch.full_like(y.long(), self.target)

    def clean_part(self, x, share):
        """Draw the rows of a batch, a share of them, that are left as they are: bool, like x."""
        leave = torch.zeros(len(x), dtype=torch.bool)
        n_clean = round(share * len(x))
        leave[torch.randperm(len(x), generator=self.generator)[:n_clean]] = True
        return _like(leave.to(x.device), x)


def _kind(net) -> Any:
    return type(net)


def _like(mask, x):
    return mask.reshape(-1, *[1] * (x.ndim - 1))


def _target_code(target, classes):
    """Give the number of a target class; what is no label, as it is."""
    if target is None or (isinstance(target, str) and target not in classes):
        if target in (None, "least_likely"):
            return target
    elif np.ndim(target) == 0 and target in classes:
        return int(np.flatnonzero(classes == target)[0])
    raise ValueError(
        f"attack.target={target!r}: in training it is None, 'least_likely' or one of the labels "
        f"{classes.tolist()}."
    )
