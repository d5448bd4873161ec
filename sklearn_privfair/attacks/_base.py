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
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_privfair.attacks import _engine
from sklearn_privfair.attacks._bounds import check_bounds, resolve_bounds
from sklearn_privfair.attacks._containers import check_numeric, container_like
from sklearn_privfair.attacks._masking import warn_if_masked
from sklearn_privfair.attacks._norms import distances
from sklearn_privfair.attacks._random import draw_seed
from sklearn_privfair.attacks._result import AttackResult
from sklearn_privfair.attacks._rows import Problem
from sklearn_privfair.attacks._targets import resolve_target
from sklearn_privfair.differentiable import Victim
from sklearn_privfair.differentiable._skorch_training import fit_on_data
from sklearn_privfair.differentiable._victim import is_model

_FLOATS = (np.float64, np.float32)


class BaseAttack(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
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

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["predict"]), torch.nn.Module, None],
        "target": [None, str, Integral, "array-like"],
        "bounds": [None, StrOptions({"auto"}), tuple, list],
        "constraints": ["no_validation"],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _members(self):
        """Give the attacks of which this one is made, in the order in which they run."""
        return (self,)

    @abstractmethod
    def _attack(self, rows):
        """Move `rows` until they are done; the engine keeps what is found."""

    def _polish(self, rows):
        """Bring rows found by an attack without a budget still nearer."""

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
        check_numeric(X)
        frozen = isinstance(self.estimator, (FrozenEstimator, torch.nn.Module))
        check_y = {} if frozen and y is None else {"y": y, "multi_output": False}
        checked = validate_data(self, X, dtype=_FLOATS, allow_nd=True, **check_y)
        data = checked if frozen and y is None else checked[0]
        self.estimator_ = (
            self.estimator
            if frozen
            else fit_on_data(self.estimator, X, y, draw_seed(self.random_state))
        )
        Victim(self.estimator_)  # raises if it is no classifier
        self._given_model = False
        self.bounds_ = resolve_bounds(self.bounds, data)
        return self

    def _fit_model(self, model):
        self.estimator_, self._given_model = model, True
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
        check_numeric(X)
        if hasattr(self, "n_features_in_"):
            rows = validate_data(self, X, dtype=_FLOATS, allow_nd=True, reset=False)
        else:  # a net, which has never heard of features or their names
            rows = check_array(X, dtype=_FLOATS, allow_nd=True, estimator=self, input_name="X")
        rows = np.require(rows, requirements=["C", "W"])  # torch wants to be able to write
        victim = Victim(self.estimator_)  # anew: the model may have been trained further
        lower, upper = self._box(rows)

        def predict(array, index=None):
            return victim.predict(container_like(array, X, index))

        before = predict(rows)
        label = before if y is None else victim.encode(_check_labels(y, rows))
        victim.check_outputs(label, rows)
        target = resolve_target(self.target, victim, rows, before)
        attacked = (before == label) & (True if target is None else target != label)

        def is_adversarial(codes, index):
            return codes != label[index] if target is None else codes == target[index]

        def constrain(array, index):
            low, high = (b if b is None or len(b) == 1 else b[index] for b in (lower, upper))
            return _engine.fit_into(array, rows[index], low, high, self.eps, self.norm)

        index = np.flatnonzero(attacked)
        problem = self._problem(victim, rows, label, target, lower, upper).take(
            torch.as_tensor(index)
        )
        seed = draw_seed(self.random_state)
        parts = _engine.run(self, victim.module, problem, seed, victim.device, return_trace)

        candidates, reached = rows.copy(), np.zeros(len(rows), dtype=bool)
        passes = np.zeros((2, len(rows)), dtype=np.int64)
        if parts:
            moved = torch.cat([part.x for part in parts])
            # what was not moved is as it came, not as the model's precision has it
            candidates[index] = np.where(moved == problem.x, rows[index], moved)
            reached[index] = torch.cat([part.distance for part in parts]).isfinite().numpy()
            passes[0, index] = torch.cat([part.n_forward for part in parts]).numpy()
            passes[1, index] = torch.cat([part.n_backward for part in parts]).numpy()
        X_adv, success, after = _engine.prove(
            predict, is_adversarial, candidates, rows, reached, constrain
        )
        after = np.where(success | ~reached, after, before)
        flat = np.zeros(len(rows), dtype=bool)
        if parts:
            flat[index] = torch.cat([part.flat for part in parts]).numpy()
        warn_if_masked(flat & ~success, attacked)
        distance = {
            name: np.where(attacked, np.where(success, values, np.inf), 0.0)
            for name, values in distances(rows, X_adv).items()
        }
        return AttackResult(
            X=X,
            X_adv=container_like(X_adv, X),
            y=victim.decode(label),
            y_pred=victim.decode(before),
            y_pred_adv=victim.decode(after),
            attacked=attacked,
            success=success,
            distance=distance,
            n_forward=passes[0],
            n_backward=passes[1],
            trace=_gather_traces(parts, index, len(rows)) if return_trace else None,
        )

    def _box(self, rows):
        """Give the bounds of rows, as the parameter says now."""
        auto = isinstance(self.bounds, str)
        if not auto:
            bounds = resolve_bounds(self.bounds, None)
        elif isinstance(self.bounds_, str):  # fitted on a model, from which nothing is learned
            bounds = resolve_bounds("auto", rows, model=True)
        else:
            bounds = self.bounds_
        return check_bounds(bounds, rows, widen=auto)

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

    def _problem(self, victim, rows, label, target, lower, upper):
        dtype = torch.promote_types(victim.dtype, torch.float32)
        if rows.dtype == np.float32:
            dtype = torch.float32

        def tensor(array):
            return None if array is None else torch.as_tensor(array, dtype=dtype)

        eps = None if self.eps is None else torch.full((len(rows),), self.eps, dtype=dtype)
        return Problem(
            x=torch.as_tensor(rows, dtype=dtype),
            label=torch.as_tensor(label),
            target=None if target is None else torch.as_tensor(target),
            lower=tensor(lower),
            upper=tensor(upper),
            eps=eps,
            norm=self.norm,
        )

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


def _check_labels(y, rows):
    y = column_or_1d(y)
    check_consistent_length(rows, y)
    return y


def _gather_traces(parts, index, n):
    """Put the traces of all batches side by side: NaN where a row had left."""
    n_steps = max((len(part.trace["distance"]) for part in parts), default=0)
    traces = {name: np.full((n, n_steps), np.nan) for name in ("loss", "distance")}
    for name, out in traces.items():
        start = 0
        for part in parts:
            batch = index[start : start + len(part.x)]
            for step, values in enumerate(part.trace[name]):
                out[batch, step] = values.numpy()
            start += len(part.x)
    return traces
