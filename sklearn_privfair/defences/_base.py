"""What all defences share: validation, labels, precision, seeds; one hook for the training."""

from abc import abstractmethod
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._table import categorical_columns
from sklearn_privfair.differentiable import Victim, as_module
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.differentiable._skorch_training import (
    check_classifies,
    fresh_net,
    is_net,
    net_inputs,
    seeded,
)
from sklearn_privfair.differentiable._victim import last_step


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
    names = [X.columns[i] for i in categorical_columns(X)]
    if names:
        raise ValueError(
            f"Columns {names[:5]} of X hold no numbers, and a net is trained here on what "
            "gradients can move. Encode them before (by OneHotEncoder or OrdinalEncoder), fit "
            "the defence on the codes, and name them in the attack's Constraints, one_hot or "
            "immutable."
        )


class BaseDefence(CallbackSupportMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
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
        check_classification_targets(y)
        missing = self._unlabelled(y)
        others = None if missing is None else X[missing]
        X, y = (X, y) if missing is None else (X[~missing], y[~missing])
        codes = self._encode(y)
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
            self._check_outputs(Victim(self.estimator_).logits(X[:1]).shape[1])
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
        """Give rows as the steps of a pipeline want them: as a frame, if that is what came."""
        if self._columns is None or self._net is None or is_net(self._bare):
            return X
        return pd.DataFrame(X, columns=self._columns)

    @contextmanager
    def _stage(self, progress, name):
        """Tell scikit-learn's callbacks that a part of the training begins and ends."""
        stage = progress.subcontext(task_name=name)
        stage.call_on_fit_task_begin(estimator=self)
        yield
        stage.call_on_fit_task_end(estimator=self)

    def _encode(self, y):
        """Turn labels into codes; the net's own `classes`, where given, say which there are."""
        classes = getattr(self._bare, "classes", None)
        named = classes is not None and len(classes) > 0  # to skorch [] says: none
        encoder = LabelEncoder().fit(np.asarray(classes) if named else y)
        self.classes_ = encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes; y holds only one class, "
                f"{self.classes_.tolist()[0]!r}."
            )
        return encoder.transform(y).astype(np.int64)

    def _check_outputs(self, n_outputs):
        """Raise if a net's outputs are not the classes."""
        if n_outputs != len(self.classes_):
            raise ValueError(
                f"The net has {n_outputs} outputs for {len(self.classes_)} classes; give its "
                "module as many outputs as there are classes, or name all classes, "
                "classes=[...], in the net."
            )

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        codes = self._ask("predict", X)
        return self.classes_[codes.astype(np.int64)]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`.
        """
        return self._ask("predict_proba", X)

    def _ask(self, method, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], allow_nd=True, reset=False)
        X = X if self._net is None else net_inputs(last_step(self.estimator_), X)
        X = self._table(X)
        with torch.random.fork_rng(devices=[]):  # skorch's data loaders draw a seed
            return np.asarray(getattr(self.estimator_, method)(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@as_module.register(BaseDefence)
def _(model):
    check_is_fitted(model)
    return as_module(model.estimator_)
