"""What fair classifiers and regressors share: parameters, rows, trainings and their parts."""

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight

from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.differentiable._skorch_training import fresh_net, is_net, seeded
from sklearn_privfair.fairness._alpha import Fixed, Rising
from sklearn_privfair.fairness._columns import SensitiveColumnsMixin
from sklearn_privfair.fairness._debiasing_run import DebiasingRun, Rows
from sklearn_privfair.fairness._multipliers import Multipliers
from sklearn_privfair.fairness._opponents import Adversaries, GapPenalty
from sklearn_privfair.fairness._sensitive import SensitiveEncoder
from sklearn_privfair.fairness._validation import Validation


class BaseDebiasing(SensitiveColumnsMixin, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator):
    """A net trained against an adversary; see :class:`AdversarialDebiasingClassifier`.

    A subclass says what y is (`_labels`), how the net takes it (`_net_rows`), and which task it is
    (`_make_task`).
    """

    # asked for without being told to: there is no fair fit without them
    __metadata_request__fit = {"sensitive_features": True}
    __metadata_request__partial_fit = {"sensitive_features": True}
    _alphas = {"adversary": 1.0, "penalty": 5.0}  # where none is given

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "sensitive_features": [str, Integral, list, None],
        "drop_sensitive": ["boolean"],
        "continuous_features": [StrOptions({"auto"}), list],
        "groups": [StrOptions({"joint", "separate"})],
        "method": [StrOptions({"adversary", "penalty"})],
        "tolerance": [Interval(Real, 0, 1, closed="neither"), None],
        "alpha": [Interval(Real, 0, None, closed="left"), callable, None],
        "warm_up": [Interval(Real, 0, 1, closed="both")],
        "projection": ["boolean"],
        "adversary": ["array-like", callable],
        "adversary_steps": [Interval(Integral, 1, None, closed="left")],
        "adversary_optimizer": [callable, None],
        "adversary_lr": [Interval(Real, 0, None, closed="neither"), callable],
        "balance": ["boolean"],
        "lr_decay": [StrOptions({"cosine"}), None],
        "pretrain_epochs": [Interval(Integral, 0, None, closed="left")],
        "pretrain_adversary_epochs": [Interval(Integral, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _check_net(self, net):
        """Raise if a net is not of the kind wanted."""

    @abstractmethod
    def _labels(self, y, net, start, classes):
        """Check y, and give codes of classes or numbers."""

    @abstractmethod
    def _net_rows(self, net, X, labels):
        """Give rows and targets as the net takes them."""

    @abstractmethod
    def _make_task(self, labels, weight):
        """Give the task."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sensitive_features=None, sample_weight=None):
        """Train the net against the adversary.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows. The net gets them in its own precision.
        y : array-like of shape (n_samples,)
            What is to be predicted.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, k), default=None
            In place of columns of `X`: names of groups, or numbers. Rows belong together by their
            place. Through pipelines and searches it comes by metadata routing.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for net, adversary and gap; a row of weight 0 is left out.

        Returns
        -------
        self : object

        Raises
        ------
        TypeError
            If `estimator` is no skorch net of the right kind.
        ValueError
            If there are no sensitive features, or one group alone.
        """
        net = self._bare_net()
        rows = self._rows(X, y, sensitive_features, sample_weight, net, start=True)
        progress = self._init_callback_context(max_subtasks=None)
        progress.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self._start(net, rows)
        rows, validation = self._hold_out(rows)
        self._warn_of_undefined_rates(rows, "training rows")
        if validation is not None:
            self._warn_of_undefined_rates(validation.rows, "rows held out")
        run = self._run(rows, validation=validation)
        with seeded(self._seed):
            run.train()
        self._finish(run)
        if validation is not None:
            self.best_epoch_ = validation.best_epoch
        progress.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _partial_fit(self, X, y, sensitive_features, sample_weight, classes=None):
        """Train for one epoch; see the subclasses."""
        if self.early_stopping:
            raise ValueError(
                "early_stopping=True holds rows out of a whole training, and partial_fit has a "
                "part of it; use early_stopping=False."
            )
        start = not hasattr(self, "estimator_")
        net = self._bare_net() if start else self.estimator_
        rows = self._rows(X, y, sensitive_features, sample_weight, net, start, classes)
        if start:
            self._start(net, rows)
        run = self._run(rows, earlier=self._n_opposed)
        with seeded(self._seed + len(self.history_.get("gap", ()))):
            run.train()
        self._finish(run)
        return self

    def _warn_of_undefined_rates(self, rows, which):
        for target in rows.targets:
            groups = self._task.without_rate(rows.labels, target)
            if groups:
                warnings.warn(
                    f"Of the groups of {target.name!r}, {groups[:5]} have no rate that "
                    f"constraint={self.constraint!r} speaks of among the {which}, for want of "
                    "rows; they are left out of the gap.",
                    UserWarning,
                    stacklevel=3,
                )

    def _bare_net(self):
        net = self.estimator
        net = net.estimator if isinstance(net, FrozenEstimator) else net
        if not is_net(net):
            raise TypeError(
                f"estimator={net!r} is no skorch net, and what is trained here against an "
                "adversary is a net. Give one of skorch's; steps before it, as a scaler, go in "
                "front: make_pipeline(scaler, debiasing)."
            )
        self._check_net(net)
        return net

    def _rows(self, X, y, sensitive_features, sample_weight, net, start, classes=None):
        """Check what came, and give it as a training takes it."""
        X, y, frame = self._take_apart(X, y, sensitive_features, reset=start)
        labels = self._labels(y, net, start, classes)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
            weight = weight.astype(np.float64)
            kept = weight > 0
            if not kept.any():
                raise ValueError("sample_weight is 0 for all rows; there is nothing to train on.")
            frame, X, labels = frame[kept].reset_index(drop=True), X[kept], labels[kept]
            weight = weight[kept]
        if start:
            encoder = SensitiveEncoder(self.groups, self.continuous_features)
            self._encoder = encoder.fit(frame, weight)
        targets = self._encoder.transform(frame)
        X, y = self._net_rows(net, X, labels)
        return Rows(X, y, labels, targets, weight)

    def _start(self, net, rows):
        """Make a net and its opponent, for a training from scratch."""
        self._seed = draw_seed(self.random_state)
        with seeded(self._seed):
            self.estimator_ = fresh_net(net)
        self._task = self._make_task(rows.labels, rows.weight)
        self._opponent = (
            GapPenalty()
            if self.method == "penalty"
            else Adversaries(
                self.adversary,
                self.adversary_optimizer or _nimble_adam,
                self.adversary_lr,
                self.adversary_steps,
                self.balance,
                self._seed,
            )
        )
        alpha = self._alphas[self.method] if self.alpha is None else self.alpha
        self._alpha: Fixed | Rising = Fixed(alpha)
        self._multipliers = None
        if self.tolerance is not None:
            self._keep_tolerance(alpha)
        self._n_opposed, self.history_ = 0, {}
        self.__dict__.pop("best_epoch_", None)

    def _keep_tolerance(self, alpha):
        """Let the opponent count for more while the gap is too wide, and multipliers rise."""
        if callable(alpha):
            raise ValueError(
                "alpha is a schedule, and with a tolerance alpha is found; give tolerance=None."
            )
        classes = self._task.n_classes is not None
        factor, least = (1.05, alpha) if classes else (1.2, 0.0)
        self._alpha = Rising(self.tolerance, alpha, factor, least)
        if classes:
            self._multipliers = Multipliers(self.tolerance)

    def _hold_out(self, rows):
        if not self.early_stopping:
            return rows, None
        labels = rows.labels if self._task.n_classes is not None else None
        kept, held_out = train_test_split(
            np.arange(len(rows.X)),
            test_size=self.validation_fraction,
            stratify=labels,
            random_state=self._seed,
        )
        first = self.pretrain_epochs
        watch = Validation(rows.take(held_out), self.tolerance, self.n_iter_no_change, first)
        return rows.take(kept), watch

    def _run(self, rows, **parts):
        history = {name: values.tolist() for name, values in self.history_.items()}
        return DebiasingRun(
            self, self.estimator_, self._task, rows, self._opponent, self._alpha, history, **parts
        )

    def _finish(self, run):
        self.history_ = {name: np.array(values) for name, values in run.history.items()}
        self._n_opposed = run.counted
        self._opponent.forget()
        if self._multipliers is not None:
            self._multipliers.forget()
        self.adversaries_ = self._opponent.modules
        self.alpha_ = float(self._alpha(self._n_opposed))

    def _check_width(self, n_outputs):
        """Raise if a net's outputs are not what is predicted."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _nimble_adam(weights, lr):
    """Make an Adam that forgets soon: an adversary that lags behind the net swings with it."""
    return torch.optim.Adam(weights, lr=lr, betas=(0.5, 0.9))
