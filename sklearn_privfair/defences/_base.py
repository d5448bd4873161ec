"""What all defences share: validation, labels, precision, seeds; one hook for the training."""

from abc import abstractmethod
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._table import without_numbers
from sklearn_privfair.differentiable import Victim, as_module
from sklearn_privfair.differentiable._net_classifier import NetClassifierMixin
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.differentiable._skorch_training import (
    check_classifies,
    fresh_net,
    is_net,
    net_inputs,
    seeded,
)


def own_attack(attack, seed):
    """Clone an attack, to be used in training; one without a seed gets that of the training."""
    attack = clone(attack)
    attack._validate_params()  # in training it is never fitted
    return attack if attack.random_state is not None else attack.set_params(random_state=seed)


def _steps(pipeline):
    """List the named steps of a pipeline, those of a pipeline at its end in its place."""
    name, last = pipeline.steps[-1]
    if not isinstance(last, Pipeline):
        return list(pipeline.steps)
    return [*pipeline.steps[:-1], *((f"{name}-{inner}", step) for inner, step in _steps(last))]


def _check_columns(X):
    """Raise if a data frame has columns that hold no numbers."""
    names = [X.columns[i] for i in without_numbers(X)]
    if names:
        raise ValueError(
            f"Columns {names[:5]} of X hold no numbers, and a net is trained here on what "
            "gradients can move. Encode them before (by OneHotEncoder or OrdinalEncoder), fit "
            "the defence on the codes, and name them in the attack's Constraints, one_hot or "
            "immutable."
        )


class BaseDefence(CallbackSupportMixin, MetaEstimatorMixin, NetClassifierMixin, BaseEstimator):
    """A classifier that trains another so that it resists attacks.

    A subclass stores its parameters, extends `_parameter_constraints`, and writes
    `_train(X, codes, seed, progress)`, which gives the fitted estimator.
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "attack": [BaseAttack],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _train(self, X, codes, seed, progress):
        """Train on rows and class codes, and give the fitted estimator."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Train the defended classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows, in the units in which the attack's `eps` is given. A net gets them in its own
            precision.
        y : array-like of shape (n_samples,)
            Labels of any kind.

        Returns
        -------
        self : object
        """
        self._columns = X.columns if hasattr(X, "columns") else None
        _check_columns(X)
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], allow_nd=True)
        missing = self._unlabelled(y)
        others = None if missing is None else X[missing]
        X, y = (X, y) if missing is None else (X[~missing], y[~missing])
        check_classification_targets(y)
        codes = self._encode(y, self._bare)
        seed = draw_seed(self.random_state)
        net = self._net
        if net is not None:
            check_classifies(net)
            X, codes = net_inputs(net, X, codes)
            others = None if others is None else net_inputs(net, others)
        progress = self._init_callback_context(max_subtasks=None)
        progress.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self._without_label = others
        try:
            with seeded(seed):
                self.estimator_ = self._train(X, codes, seed, progress)
        finally:
            del self._without_label  # data, and no part of the model
        if net is not None:
            self._check_outputs(Victim(self.estimator_).n_outputs(self._table(X[:1])))
        progress.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    @property
    def _bare(self):
        """The estimator, out of its `FrozenEstimator`."""
        inner = self.estimator
        return inner.estimator if isinstance(inner, FrozenEstimator) else inner

    @property
    def _net(self):
        """The skorch net that the estimator is or ends in; None if it is or has none."""
        last = self._bare
        while isinstance(last, Pipeline):
            last = last.steps[-1][1]
        return last if is_net(last) else None

    def _fresh(self):
        if self._net is None:
            return clone(self._bare)
        if is_net(self._bare):
            return fresh_net(self._bare)
        steps = [(name, clone(step, safe=False)) for name, step in _steps(self._bare)[:-1]]
        return Pipeline([*steps, (_steps(self._bare)[-1][0], fresh_net(self._net))])

    def _unlabelled(self, y):
        """Tell which rows have no label; None: all have one, or are taken to have."""
        return

    def _names(self):
        """Give the names of the columns, where they have names."""
        return None if self._columns is None else list(self._columns)

    def _table(self, X):
        return super()._table(X) if self._net is not None and not is_net(self._bare) else X

    @contextmanager
    def _stage(self, progress, name):
        """Tell scikit-learn's callbacks that a part of the training begins and ends."""
        stage = progress.subcontext(task_name=name)
        stage.call_on_fit_task_begin(estimator=self)
        yield
        stage.call_on_fit_task_end(estimator=self)


@as_module.register(BaseDefence)
def _(model):
    check_is_fitted(model)
    return as_module(model.estimator_)
