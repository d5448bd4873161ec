"""Scalers give scikit-learn's own numbers to the last bit, and their gradient."""

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from ._harness import Case, contract


def _on_the_bounds(model, X):
    return np.stack([X.min(axis=0), X.max(axis=0), -X.max(axis=0)])


@contract(
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    Case(StandardScaler(with_mean=False, with_std=False)),
    RobustScaler(),
    RobustScaler(with_centering=False),
    RobustScaler(with_scaling=False, quantile_range=(10, 90)),
    MinMaxScaler(),
    MinMaxScaler(feature_range=(-2, 3)),
    Case(MinMaxScaler(clip=True), edges=_on_the_bounds),
    MaxAbsScaler(),
    Case(MaxAbsScaler(clip=True), edges=_on_the_bounds),
)
def test_scalers(case, check):
    check(case)
    np.testing.assert_array_equal(case.logits(case.everywhere), case.expected(case.everywhere))
