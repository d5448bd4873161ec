"""An attack on linear models whose every number is known, and figures that are closed again."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

collect_ignore = ["conftest.py"]  # no doctests here, and its name is that of other folders' too


class HyperplaneAttack(BaseEstimator):
    """Steps over a linear model's hyperplane; `eps` bounds the l2 step, None leaves it free."""

    norm = 2

    def __init__(self, eps=None):
        self.eps = eps

    def fit(self, X, y=None):
        self.model_ = X
        self.seen_ = []
        return self

    def generate(self, X, y=None, return_trace=False):
        array = np.asarray(X, dtype=float)
        self.seen_.append((self.eps, len(array)))
        y_pred = self.model_.predict(array)
        w, f = self.model_.coef_[0], self.model_.decision_function(array)
        margin = np.abs(f) / np.linalg.norm(w)
        attacked = np.ones(len(array), bool) if y is None else y_pred == y
        success = attacked & (margin <= (np.inf if self.eps is None else self.eps))
        X_adv = array - np.where(success, (1 + 1e-9) * f / (w @ w), 0.0)[:, None] * w
        distance = np.where(attacked, np.where(success, margin, np.inf), 0.0)
        steps = np.arange(4) / 3
        trace = {"loss": -np.outer(np.abs(f), 1 - steps), "distance": np.outer(margin, steps)}
        trace["loss"][0, 2:] = trace["distance"][0, 2:] = np.nan
        return SimpleNamespace(
            X=X,
            X_adv=X_adv,
            y=y_pred if y is None else y,
            y_pred=y_pred,
            y_pred_adv=self.model_.predict(X_adv),
            attacked=attacked,
            success=success,
            distance={"l2": distance, "linf": distance / 2},
            trace=trace if return_trace else None,
        )


@pytest.fixture
def hyperplane_attack():
    return HyperplaneAttack


@pytest.fixture(scope="session")
def rows():
    X, y = make_classification(n_samples=80, n_features=6, flip_y=0.2, random_state=0)
    return X, np.array(["no", "yes"])[y]


@pytest.fixture(scope="session")
def model(rows):
    return LogisticRegression().fit(*rows)


@pytest.fixture(scope="session")
def margin(rows, model):
    """Distance of each row from the hyperplane; 0 where the model is wrong already."""
    X, y = rows
    distance = np.abs(model.decision_function(X)) / np.linalg.norm(model.coef_)
    return np.where(model.predict(X) == y, distance, 0.0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")
