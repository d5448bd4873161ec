"""The base of every attack: parameters, fitting, labels, bounds; one hook for the update rule."""

import warnings
from abc import abstractmethod
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_y, check_is_fitted

from sklearn_privfair._stored import StoredState
from sklearn_privfair.attacks import _engine
from sklearn_privfair.attacks._bounds import resolve_bounds
from sklearn_privfair.attacks._constraints import Constraints
from sklearn_privfair.attacks._evaluation import Evaluation, read
from sklearn_privfair.attacks._space import Learned
from sklearn_privfair.differentiable import Victim
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.differentiable._skorch_training import fit_on_data
from sklearn_privfair.differentiable._victim import is_model


class BaseAttack(StoredState, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """An evasion attack as a transformer from rows to adversarial rows.

    A subclass stores its parameters, extends `_parameter_constraints`, and writes `_attack(rows)`:
    its update rule over the :class:`~sklearn_privfair.attacks._rows.Rows` still active.
    """

    n_restarts = 1
    norm = 2
    eps: Any = None  # no budget
    constraints: Any = None
    confidence = 0.0
    keeps_budget = True  # whether every point that it asks about lies within eps
    asks = "gradient"  # what it asks of the model: or "scores", or "decisions"
    n_queries: Any = None  # no limit
    _learned: Any = None  # what data told, if it was fitted on data

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["predict"]), torch.nn.Module, None],
        "target": [None, str, Integral, "array-like"],
        "bounds": [None, StrOptions({"auto"}), tuple, list],
        "constraints": [Constraints, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _members(self, job):
        """Give the attacks of which this one is made, in the order in which they run.

        `job` is the :class:`~sklearn_privfair.attacks._evaluation.Evaluation`.
        """
        return (self,)

    @property
    def _takes_missing(self):
        """Whether rows may lack numbers: not where gradients are followed."""
        return self.asks != "gradient"

    def _learn_inside(self, outer, X, y):
        """Learn from the data of the attack outside; give what is to be set on a copy of this."""
        return {}

    @abstractmethod
    def _attack(self, rows):
        """Move `rows` until they are done; the engine keeps what is found."""

    def _polish(self, rows):
        """Bring rows found by an attack without a budget still nearer."""

    def _validate_params(self):
        if isinstance(self.estimator, BaseAttack):  # has no predict, but that says little
            inner = type(self.estimator).__name__
            raise TypeError(
                f"{type(self).__name__} was given the attack {inner} as its estimator, which is "
                f"the model to be attacked. An attack inside another goes by name, attack={inner}"
                "(...), where there is such a parameter."
            )
        super()._validate_params()

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Take a fitted model to attack, or fit `estimator` on data and attack that.

        Parameters
        ----------
        X : fitted model, or array-like of shape (n_samples, ...)
            A model, anything that :func:`~sklearn_privfair.differentiable.as_module` takes, is
            attacked as it is, and never changed. Of data, a clone of `estimator` is fitted on it
            (a `FrozenEstimator` is not), and the range of each feature is learned for
            ``bounds="auto"``.
        y : array-like of shape (n_samples,), default=None
            Labels, when X is data and `estimator` is to be fitted.

        Returns
        -------
        self : object
        """
        if is_model(X):
            return self._fit_model(X)
        if self.estimator is None:
            raise ValueError(
                f"{type(self).__name__} has no model to attack: fit it on a fitted model, "
                "attack.fit(model); or give one to fit on the data, estimator=model; or one that "
                "is fitted already, estimator=FrozenEstimator(model), as in a pipeline."
            )
        frozen = isinstance(self.estimator, (FrozenEstimator, torch.nn.Module))
        table = read(self, X, reset=True)
        if not (frozen and y is None):
            if y is None:
                raise ValueError(
                    f"This {type(self).__name__} estimator requires y to be passed, but the target "
                    "y is None: its estimator is to be fitted."
                )
            check_consistent_length(table, _check_y(y, estimator=self))
        self.estimator_ = (
            self.estimator
            if frozen
            else fit_on_data(self.estimator, X, y, draw_seed(self.random_state))
        )
        Victim(self.estimator_)  # raises if it is no classifier
        self._given_model = False
        names = list(X.columns) if hasattr(X, "columns") else None
        self._learned = Learned(table, names, self.constraints)
        self.bounds_ = resolve_bounds(self.bounds, table, self._learned)
        return self

    def _fit_model(self, model):
        self.estimator_, self._given_model, self._learned = model, True, None
        Victim(model)  # raises if it is not fitted
        auto = isinstance(self.bounds, str)
        self.bounds_ = self.bounds if auto else resolve_bounds(self.bounds, None)
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        return self

    def transform(self, X, y=None):
        """Give the adversarial rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows within the bounds, in the units that the model takes.
        y : array-like of shape (n_samples,), default=None
            True labels: rows that the model gets wrong already are left as they are. Without them
            it is the model's own predictions that are attacked.

        Returns
        -------
        X_adv : ndarray or data frame of shape (n_samples, ...)
            In the container and floating dtype of X (integers become float64). A row on which the
            attack failed is returned unchanged.
        """
        return self.generate(X, y).X_adv

    def generate(self, X, y=None, return_trace=False):
        """Attack the rows and tell all about it.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            See :meth:`transform`.
        y : array-like of shape (n_samples,), default=None
            See :meth:`transform`.
        return_trace : bool, default=False
            Whether to record loss and distance at every step.

        Returns
        -------
        result : AttackResult
        """
        check_is_fitted(self)
        self._validate_params()  # they may have been set after fit
        job = Evaluation(self, X, y)
        problem = job.problem()
        members = self._members(job)
        views = {asks: job.view(asks) for asks in dict.fromkeys(m.asks for m in members)}
        seed, device = draw_seed(self.random_state), job.victim.device
        parts = _engine.run(self, members, views, problem, seed, device, return_trace)
        return job.result(parts, problem, members, return_trace)

    def _box(self, space, rows):
        """Give the box of rows, as the parameter says now."""
        auto = isinstance(self.bounds, str)
        if auto and isinstance(self.bounds_, str):  # fitted on a model, which tells nothing
            return space.box(rows, space.unit_box(rows), widen=True)
        bounds = space.expand(self.bounds_ if auto else resolve_bounds(self.bounds, None))
        return space.box(rows, space.unranged(bounds) if auto else bounds, widen=auto)

    def score(self, X, y):
        """Give the success rate over the rows that the model classifies correctly.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows to attack.
        y : array-like of shape (n_samples,)
            True labels.

        Returns
        -------
        rate : float
            In [0, 1]; NaN if no row could be attacked.
        """
        result = self.generate(X, y)
        if not result.attacked.any():
            warnings.warn(
                "The success rate is undefined: the model classifies no row correctly.",
                UndefinedMetricWarning,
                stacklevel=2,
            )
            return np.nan
        return float(result.success[result.attacked].mean())

    def __sklearn_clone__(self):
        twin = super().__sklearn_clone__()
        if getattr(self, "_given_model", False):
            bare = isinstance(self.estimator_, torch.nn.Module)  # no estimator, never fitted
            twin.estimator = self.estimator_ if bare else FrozenEstimator(self.estimator_)
        return twin

    def get_feature_names_out(self, input_features=None):
        """Give the names of the features, those of the input.

        Parameters
        ----------
        input_features : array-like of str of shape (`n_features_in_`,), default=None
            None: `feature_names_in_`, or x0, x1, ... where there are none. An attack fitted on a
            net, which does not know how many features it takes, has to be told.

        Returns
        -------
        names : ndarray of str objects of shape (`n_features_in_`,)
        """
        check_is_fitted(self)
        if hasattr(self, "n_features_in_"):
            return super().get_feature_names_out(input_features)
        if input_features is None:
            raise AttributeError(
                f"{type(self).__name__}, fitted on a net, does not provide get_feature_names_out "
                "unless it is given input_features."
            )
        return np.asarray(input_features, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = not isinstance(
            self.estimator, (FrozenEstimator, torch.nn.Module)
        )
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.three_d_array = True
        return tags
