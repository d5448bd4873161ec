"""Which converter a subclass gets: its parent's, or none where it computes something else."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair.attacks import AutoAttack
from sklearn_privfair.differentiable import NotDifferentiableError, as_module

X = np.random.default_rng(0).standard_normal((60, 3))
Y = (X[:, 0] > np.median(X[:, 0])).astype(int)


class Renamed(StandardScaler):
    """Computes what its parent does."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X)


class Squared(StandardScaler):
    def transform(self, X, copy=None):
        return super().transform(X) ** 2


class Grandchild(Squared):
    pass


class Doubtful(LogisticRegression):
    def predict_proba(self, X):
        return 1 - super().predict_proba(X)


def test_a_subclass_that_computes_the_same_is_converted():
    scaler = Renamed().fit(X)
    np.testing.assert_allclose(as_module(scaler)(torch.tensor(X)), scaler.transform(X))


@pytest.mark.parametrize("step", [Squared().fit(X), Grandchild().fit(X), Doubtful().fit(X, Y)])
def test_one_that_computes_something_else_is_not(step):
    with pytest.raises(NotDifferentiableError, match=r"has a (transform|predict_proba) of its own"):
        as_module(step)


def test_it_is_named_inside_a_pipeline_and_attacked_without_gradients():
    model = make_pipeline(Squared(), LogisticRegression()).fit(X, Y)
    with pytest.raises(NotDifferentiableError, match="Squared has a transform of its own"):
        as_module(model)
    attack = AutoAttack(eps=0.1, bounds=None, n_queries=20, random_state=0).fit(model)
    assert (attack.generate(X[:5]).n_backward == 0).all()


def test_with_a_converter_of_its_own():
    class Cubed(StandardScaler):
        def transform(self, X, copy=None):
            return super().transform(X) ** 3

    @as_module.register(Cubed)
    def _(model):
        scaled = as_module.dispatch(StandardScaler)(model)
        return torch.nn.Sequential(scaled, _Cube()).eval()

    assert Cubed in as_module.registry  # as functools has it, and Sphinx reads it
    scaler = Cubed().fit(X)
    np.testing.assert_allclose(as_module(scaler)(torch.tensor(X)), scaler.transform(X))


class _Cube(torch.nn.Module):
    def forward(self, X):
        return X**3
