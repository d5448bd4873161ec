"""Scalers: a fitted number or four for each feature."""

from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.differentiable._dispatch import as_module
from sklearn_privfair.differentiable._numbers import Numbers


class Scaler(Numbers):
    """Subtract, divide, multiply, add and clip, in this order; what is None is left out."""

    def __init__(self, subtract=None, divide=None, multiply=None, add=None, clip=None):
        super().__init__(subtract=subtract, divide=divide, multiply=multiply, add=add)
        self.clip = clip

    def forward(self, x):
        """Scale rows `x`."""
        x = self.cast(x)
        if self.subtract is not None:
            x = x - self.subtract
        if self.divide is not None:
            x = x / self.divide
        if self.multiply is not None:
            x = x * self.multiply
        if self.add is not None:
            x = x + self.add
        return x if self.clip is None else x.clamp(*self.clip)


@as_module.register(StandardScaler)
def _(model):
    check_is_fitted(model)
    return Scaler(
        subtract=model.mean_ if model.with_mean else None,
        divide=model.scale_ if model.with_std else None,
    ).eval()


@as_module.register(RobustScaler)
def _(model):
    check_is_fitted(model)
    return Scaler(
        subtract=model.center_ if model.with_centering else None,
        divide=model.scale_ if model.with_scaling else None,
    ).eval()


@as_module.register(MinMaxScaler)
def _(model):
    check_is_fitted(model)
    clip = tuple(map(float, model.feature_range)) if model.clip else None
    return Scaler(multiply=model.scale_, add=model.min_, clip=clip).eval()


@as_module.register(MaxAbsScaler)
def _(model):
    check_is_fitted(model)
    return Scaler(divide=model.scale_, clip=(-1.0, 1.0) if model.clip else None).eval()
