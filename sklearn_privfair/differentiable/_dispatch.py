"""The open function that turns a fitted model, or one of its steps, into a torch module."""

from functools import singledispatch


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


@singledispatch
def as_module(model):
    """Turn a fitted model into one `torch.nn.Module` from raw features to logits.

    The module takes a tensor whose rows are samples as the model's own `predict` takes them, in
    raw units, and returns `(n_samples, n_classes)` scores whose largest column is the predicted
    class. Columns follow `model.classes_`. A transformer becomes the module of its `transform`.

    The function is a :func:`functools.singledispatch`: a converter for a class of your own is
    registered with ``@as_module.register(MyStep)``.

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
        When a step has no derivative; the message names it.
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
