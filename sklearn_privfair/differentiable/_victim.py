"""One fitted classifier as attacks and audits see it: its labels, its predictions, its module."""

from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._classification_threshold import BaseThresholdClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from torch import nn

from sklearn_privfair.differentiable._dispatch import as_module
from sklearn_privfair.differentiable._net_answers import log_of, net_scores
from sklearn_privfair.differentiable._rowwise import dtype_of
from sklearn_privfair.differentiable._seeds import generators_as_found


def is_model(obj):
    """Tell whether `obj` is a classifier to attack, and not data."""
    # a data frame may have a column of that name
    return isinstance(obj, nn.Module) or callable(getattr(obj, "predict", None))


class Victim:
    """A fitted classifier, read only.

    Parameters
    ----------
    model : classifier, skorch net or torch.nn.Module
        Fitted. See :func:`as_module` for what has gradients; what has none still predicts.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or None
        The labels, in the order of the logits; None for a net, whose labels are the numbers of
        its outputs.
    net : torch.nn.Module or None
        The torch module in which the model ends.
    dtype : torch.dtype
        The precision in which the model computes.
    device : torch.device
        Where the model computes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.differentiable import Victim
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> words = y.map({0: "se", 1: "ve", 2: "vi"})
    >>> victim = Victim(LogisticRegression(max_iter=1000).fit(X, words))
    >>> victim.predict(X[::60])
    array([0, 1, 2])
    >>> victim.decode(victim.predict(X[::60]))
    array(['se', 've', 'vi'], dtype=object)
    """

    def __init__(self, model):
        self.model = model
        if not isinstance(model, nn.Module):
            check_is_fitted(model)
        last = last_step(model)
        if not (isinstance(last, nn.Module) or is_classifier(last)):
            raise TypeError(
                f"{last!r} is no classifier: attacks and audits change the class that a model "
                "predicts. Give a classifier, a skorch NeuralNetClassifier, or a torch module "
                "that gives logits."
            )
        self.net = _net_of(last)
        self._frames = self.net is None or _has_steps(model)  # skorch would unpack a frame
        self.classes_ = None if self.net is not None else np.asarray(last.classes_)
        # a meta-estimator has labels of its own, and computes as the net in it does
        within = _net_of(getattr(last, "estimator_", None))
        self._inner = within if self.net is None else self.net
        weight = next(self._inner.parameters(), None) if self._inner is not None else None
        self.dtype = torch.float64 if self._inner is None else dtype_of(self._inner, torch.float32)
        self.device = torch.device("cpu") if weight is None else weight.device

    @cached_property
    def module(self):
        """The model as a frozen module from raw features to logits."""
        return as_module(self.model).to(self.device)

    def logits(self, X, batch_size=1024):
        """Give the logits of rows, without gradients.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Raw features.
        batch_size : int, default=1024
            Rows that go through the module together.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes)
        """
        X = np.require(X, requirements=["C", "W"])  # torch wants to be able to write
        with torch.no_grad():
            return np.concatenate(
                [
                    self.module(torch.as_tensor(X[i : i + batch_size]).to(self.device))
                    .cpu()
                    .numpy()
                    for i in range(0, len(X), batch_size)
                ]
            )

    def predict(self, X):
        """Ask the real model for the class of each row, as a number of a column of the logits.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Raw features. Nets get them in their own precision.

        Returns
        -------
        codes : ndarray of shape (n_samples,) and dtype int64
        """
        if len(X) == 0:
            return np.zeros(0, dtype=np.int64)
        X = self._cast(X)
        if isinstance(self.model, nn.Module):
            return self.logits(X).argmax(axis=1).astype(np.int64)
        with _as_found(self._inner):
            return self.encode(self.model.predict(X))

    def scores(self, X):
        """Ask the real model for scores, one for each class: the largest is the class predicted.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Raw features.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes) and dtype float64
            Of `decision_function`, which does not saturate, or where there is none that gives one
            score a class the logarithms of `predict_proba`; the logits of a torch module. Where
            `predict` does not follow its own scores (a threshold that was tuned), the class
            predicted is put first.

        Raises
        ------
        TypeError
            If the model has neither.
        """
        if isinstance(self.model, nn.Module):
            return self.logits(self._cast(X)).astype(np.float64)
        scores = None
        if self.classes_ is not None:
            with _as_found(self._inner):
                scores = _decisions(self.model, X, len(self.classes_))
        if scores is None:
            if not hasattr(self.model, "predict_proba"):
                raise TypeError(
                    f"{self.model!r} has no scores, neither decision_function nor "
                    "predict_proba; use an attack that asks for decisions alone, as "
                    "HopSkipJumpAttack."
                )
            proba, last = self.proba(X).astype(np.float64), last_step(self.model)
            scores = net_scores(last, proba) if self.net is not None else log_of(proba)
        if self._thresholded:
            rows = np.arange(len(scores))
            scores[rows, self.predict(X)] = scores.max(axis=1) + 1e-9
        return scores

    def proba(self, X):
        """Ask the real model for probabilities.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Raw features. Nets get them in their own precision.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes) and dtype float32 or float64
            Of `predict_proba`; from a torch module the softmax of its logits, and from a model
            that has neither 1 for the class predicted.
        """
        X = self._cast(X)
        if isinstance(self.model, nn.Module):
            return softmax(self.logits(X), axis=1)
        if hasattr(self.model, "predict_proba"):
            with _as_found(self._inner):
                return np.asarray(self.model.predict_proba(X))
        return np.eye(len(self.classes_))[self.predict(X)]  # type: ignore[arg-type]

    def n_outputs(self, X):
        """Count the columns of scores: the classes, or the outputs that a net has for a row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Raw features; a net, whose labels may not have been all of its outputs, is asked about
            the first row.

        Returns
        -------
        n_outputs : int
        """
        return self.proba(X[:1]).shape[1] if self.classes_ is None else len(self.classes_)

    @property
    def has_scores(self):
        """Whether the model has scores, and not decisions alone."""
        names = ("decision_function", "predict_proba")
        return isinstance(self.model, nn.Module) or any(hasattr(self.model, n) for n in names)

    @cached_property
    def _thresholded(self):
        return isinstance(last_step(self.model), BaseThresholdClassifier)

    def _cast(self, X):
        """Give rows to a net in its own precision."""
        if self.net is None:
            return X
        return cast_floats(X, np.dtype(str(self.dtype).removeprefix("torch.")), self._frames)

    def encode(self, y, name="y"):
        """Turn labels into numbers of columns of the logits.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels.
        name : str, default="y"
            What errors call them.

        Returns
        -------
        codes : ndarray of shape (n_samples,) and dtype int64

        Raises
        ------
        ValueError
            When a label is not one of the model's.
        """
        y = np.asarray(y)
        if self.classes_ is None:
            return net_labels(y, name)
        codes = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = self.classes_[codes] != y
        if unknown.any():
            raise ValueError(
                f"{name} holds {_few(np.unique(y[unknown]))}, which the model does not know: its "
                f"classes are {_few(self.classes_)}."
            )
        return codes.astype(np.int64)

    def check_outputs(self, codes, n_outputs, name="y"):
        """Raise if a code is beyond the outputs of the net.

        Parameters
        ----------
        codes : int ndarray of shape (n_samples,)
            Numbers of columns.
        n_outputs : int
            How many there are.
        name : str, default="y"
            What errors call the labels.
        """
        if codes.size and codes.max() >= n_outputs:
            raise ValueError(
                f"{name} holds {codes.max()}, but the net has {n_outputs} outputs: its labels are "
                f"0 to {n_outputs - 1}."
            )

    def decode(self, codes):
        """Turn numbers of columns of the logits into labels.

        Parameters
        ----------
        codes : int ndarray of shape (n_samples,)
            Numbers of columns.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return codes if self.classes_ is None else self.classes_[codes]


def _decisions(model, X, n_classes):
    """Scores of `decision_function`, one column a class, or None."""
    if not hasattr(model, "decision_function"):
        return None
    scores = np.asarray(model.decision_function(X), dtype=np.float64)
    if scores.ndim == 1:
        return np.stack([-scores, scores], axis=1) / 2
    # SVC may give a score for each pair of classes
    pairs = getattr(last_step(model), "decision_function_shape", "ovr") == "ovo"
    return None if scores.shape[1] != n_classes or pairs else scores


def net_labels(y, name="y"):
    """Give the labels of a net as int64, or raise if they are not numbers of outputs."""
    y = np.asarray(y)
    if y.dtype.kind not in "biuf" or not (np.isfinite(y) & (y >= 0) & (y == np.floor(y))).all():
        raise ValueError(
            f"{name} holds {_few(np.unique(y))}; the labels of a net are the numbers of its "
            "outputs, 0, 1, ...: encode them, for example with LabelEncoder."
        )
    return y.astype(np.int64)


@contextmanager
def _as_found(net):
    """Undo what skorch's `predict` does: it leaves eval mode, and its data loader draws a seed."""
    modes = [] if net is None else [(part, part.training) for part in net.modules()]
    with generators_as_found(devices=False):
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training


def last_step(model):
    """Give the classifier in which pipelines, searches and frozen estimators end."""
    while True:
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif isinstance(model, BaseSearchCV):
            model = model.best_estimator_
        elif isinstance(model, Pipeline):
            model = model.steps[-1][1]
        else:
            return model


def _has_steps(model):
    while isinstance(model, (FrozenEstimator, BaseSearchCV)):
        frozen = isinstance(model, FrozenEstimator)
        model = model.estimator if frozen else model.best_estimator_
    return isinstance(model, Pipeline)


def _net_of(model):
    if isinstance(model, nn.Module):
        return model
    return model.module_ if isinstance(model, NeuralNet) else None


def cast_floats(X, dtype, frames):
    """Give rows in a floating precision; a data frame stays one if `frames`."""
    if frames and hasattr(X, "iloc"):
        floats = [name for name, kind in X.dtypes.items() if kind.kind == "f"]
        return X.astype(dict.fromkeys(floats, dtype))
    X = np.asarray(X)
    return np.require(X.astype(dtype, copy=False), requirements=["W"])  # torch wants to write


def _few(values):
    shown = ", ".join(repr(v) for v in values[:5].tolist())
    return f"[{shown}, ...]" if len(values) > 5 else f"[{shown}]"
