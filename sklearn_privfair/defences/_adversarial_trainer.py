"""What all adversarial trainings share: what is averaged, validated, warmed up and begun from."""

import copy
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.defences._base import BaseDefence
from sklearn_privfair.defences._training_run import TrainingRun
from sklearn_privfair.differentiable import as_module
from sklearn_privfair.differentiable._skorch_training import is_net


class AdversarialTrainer(BaseDefence):
    """A defence that trains a net on what an attack makes of each batch.

    A subclass stores its parameters, those of `_parameter_constraints` here included, and writes
    `_step(run)`: what one training step does.
    """

    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "averaging": [StrOptions({"ema", "swa"}), None],
        "ema_decay": [Interval(Real, 0, 1, closed="left")],
        "swa_start": [Interval(Real, 0, 1, closed="both")],
        "early_stopping": ["boolean"],
        "validation_attack": [BaseAttack, None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "fine_tune": ["boolean"],
    }

    eps_warmup = 0
    _needs_eps = True

    def _repeats(self):
        """Give how often each batch is trained on."""
        return 1

    def _watch(self, run, X, codes, seed):
        """Give what else looks at the net after each epoch, or None."""
        return

    def _close(self, run):
        """Set what else there is to be told of a training."""

    @abstractmethod
    def _step(self, run):
        """Give ``step(x, y, **fit_params)``; see :meth:`TrainingRun.hooks`."""

    def _train(self, X, codes, seed, progress):
        if self._net is None:
            raise TypeError(
                f"estimator={self._bare!r} is no skorch net; adversarial training attacks the net "
                "in every step of its training. Use AdversarialAugmentationClassifier, which takes "
                "any classifier."
            )
        if self.attack.eps is None and (self._needs_eps or self.eps_warmup):
            what = type(self).__name__ if self._needs_eps else f"eps_warmup={self.eps_warmup}"
            raise ValueError(
                f"{what} needs a budget, and attack={self.attack!r} has no eps; use an attack that "
                "has one, as PGDAttack."
            )
        judge = self.validation_attack or self.attack
        if self.early_stopping and judge.eps is None:
            raise ValueError(
                f"early_stopping=True judges by what resists within a budget, and {judge!r} has no "
                "eps; give validation_attack=PGDAttack(eps=...) or another attack with one."
            )
        model = self._begin(X, codes, progress)
        net, before = model, None
        if not is_net(model):
            net = model[-1]
            before = as_module(model[:-1]) if len(model) > 1 else None
        run = TrainingRun(self, net, before, X, codes, seed)
        with self._stage(progress, "adversarial training"), run.hooks(self._step(run)):
            (net.partial_fit if self.fine_tune else net.fit)(run.X, run.codes)
        self.history_ = {name: np.array(values) for name, values in run.history.items()}
        self.__dict__.pop("best_epoch_", None)
        if run.validation is not None and run.validation.best_epoch is not None:
            self.best_epoch_ = run.validation.best_epoch
        self._close(run)
        return model

    def _begin(self, X, codes, progress):
        """Give the net that the training begins with, behind the fitted steps before it."""
        if self.fine_tune and isinstance(self.estimator, FrozenEstimator):
            check_is_fitted(self._bare)
            return copy.deepcopy(self._bare)
        if self.fine_tune:
            with self._stage(progress, "plain training"):
                return self._fresh().fit(self._table(X), codes)
        model = self._fresh()
        if not is_net(model):
            model = Pipeline(model.steps)  # fitted as far as the net
            table = self._table(X)
            for _, step in model.steps[:-1]:
                if step is not None and step != "passthrough":
                    table = step.fit_transform(table, codes)
        return model
