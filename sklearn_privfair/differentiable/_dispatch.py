"""The open function that turns a fitted model, or one of its steps, into a torch module."""

from functools import singledispatch, wraps
from typing import Any

# What a converter stands for, and the packages whose own subclasses converters know.
_STANDS_FOR = ("transform", "decision_function", "predict_proba")
_KNOWN = ("sklearn", "skorch", "torch", "sklearn_privfair")


class NotDifferentiableError(TypeError):
    """A step of the model has no derivative, so no gradient can pass through it.

    Parameters
    ----------
    step : object
        The estimator that stopped the conversion.
    reason : str, default=None
        Why this step, whose kind is known, cannot be converted.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_privfair.differentiable import as_module
    >>> as_module(DecisionTreeClassifier())
    Traceback (most recent call last):
        ...
    sklearn_privfair.differentiable._dispatch.NotDifferentiableError: DecisionTreeClassifier() ...
    """

    def __init__(self, step, reason=None):
        self.step = step
        self.reason = reason
        why = reason or f"no converter is registered for {type(step).__name__}"
        super().__init__(
            f"{step!r} cannot be differentiated: {why}. Register a converter with "
            f"`@as_module.register({type(step).__name__})`, or use an attack that needs no "
            "gradient: AutoAttack, SquareAttack, HopSkipJumpAttack, RandomSearchAttack, or "
            "TransferAttack through a model that has one."
        )

    def __reduce__(self):
        return type(self), (self.step, self.reason)


def _open(function) -> Any:
    """Make a `singledispatch` function, which refuses what its converters do not know."""
    convert = singledispatch(function)

    @wraps(function)
    def call(model):
        _check_nothing_is_redefined(model, convert.registry)
        return convert(model)

    for name in ("register", "dispatch", "registry"):
        setattr(call, name, getattr(convert, name))
    return call


def _check_nothing_is_redefined(model, registry):
    """Raise where a subclass would get the converter of a class whose computation it replaces."""
    classes = type(model).__mro__
    known = next(cls for cls in classes if cls in registry)
    if known.__module__.split(".")[0] != "sklearn":
        return  # object, which converts nothing; nets, which are what their modules compute
    for cls in classes[: classes.index(known)]:
        redefined = [name for name in _STANDS_FOR if name in vars(cls)]
        if redefined and cls.__module__.split(".")[0] not in _KNOWN:
            raise NotDifferentiableError(
                model,
                f"{cls.__name__} has a {redefined[0]} of its own, of which the converter of "
                f"{known.__name__} knows nothing",
            )


@_open
def as_module(model):
    """Turn a fitted model into one `torch.nn.Module` from raw features to logits.

    The module takes a tensor whose rows are samples as the model's own `predict` takes them, in
    raw units, and returns `(n_samples, n_classes)` scores whose largest column is the predicted
    class. Columns follow `model.classes_`. A transformer becomes the module of its `transform`.

    The function is a :func:`functools.singledispatch`: a converter for a class of your own is
    registered with ``@as_module.register(MyStep)``. A subclass has its parent's converter, unless
    it redefines `transform`, `decision_function` or `predict_proba`: then it needs its own.

    Parameters
    ----------
    model : object
        A fitted skorch classifier, a `torch.nn.Module` that gives logits (or ends in softmax), a
        scikit-learn classifier or transformer with a known derivative, a `Pipeline` or
        `ColumnTransformer` of these, a fitted search, or a `FrozenEstimator` around any of these.

    Returns
    -------
    module : torch.nn.Module
        A copy of the model as it is now, in eval mode, its parameters frozen: a gradient can only
        flow to the input, and nothing that is done with it reaches the model. Its outputs do not
        depend on the other rows of the batch.

    Raises
    ------
    NotDifferentiableError
        When a step has no derivative, or redefines what its parent's converter stands for; the
        message names it.
    sklearn.exceptions.NotFittedError
        When the model is a scikit-learn estimator that is not fitted.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_privfair.differentiable import as_module
    >>> X, y = load_iris(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    >>> logits = as_module(pipeline)(torch.tensor(X))
    >>> bool((logits.argmax(1).numpy() == pipeline.predict(X)).all())
    True
    """
    raise NotDifferentiableError(model)
