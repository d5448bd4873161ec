"""
What does fairness cost?
========================

Less accuracy than is feared, and how much depends on how wide a gap will do. One search over
`tolerance` draws the curve; Fairlearn's two classic routes, reductions and thresholds, go through
the same search, the same scorers and the same picture.
"""

# %%
# People, and a column that says who belongs to which group
# ---------------------------------------------------------
#
# The group is a column of X, so the scorers find it there, in each fold, and nothing needs routing.
# With ``SKLEARN_PRIVFAIR_FULL=1`` the people are Adult's training rows, else they are made up.

import os
import warnings

import numpy as np
import torch
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from matplotlib import pyplot as plt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.datasets import fetch_adult
from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.inspection import FairnessTradeoffDisplay
from sklearn_privfair.metrics import make_constrained_refit, make_fairness_scorer

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # Adult, in some minutes

if FULL:
    frame, y = fetch_adult(return_X_y=True)
    y = np.asarray(y == ">50K").astype(np.int64)
    group = np.asarray(frame["sex"] == "Male").astype(float)
    frame = frame.drop(columns=["fnlwgt", "sex"])
    encoder = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        remainder=OneHotEncoder(sparse_output=False),
    )
    X = np.column_stack([group, encoder.fit_transform(frame)])
    epochs, batch_size = 30, 1024
else:
    rng = np.random.default_rng(0)
    group = (rng.random(3_000) < 0.6).astype(float)
    X = np.column_stack([group, rng.normal(size=(3_000, 5))])
    X[:, 1] += group
    chances = X[:, 1] + X[:, 2] + X[:, 3] * X[:, 4] - 1.5
    y = (chances + rng.logistic(scale=0.5, size=len(X)) > 0).astype(np.int64)
    epochs, batch_size = 20, 256

tolerances = [0.01, 0.02, 0.05, 0.1] if FULL else [0.02, 0.1]

# %%
# Three searches
# --------------
#
# Fairlearn's threshold optimizer wants the group when it predicts, too, and a search has no way to
# give it; the adapter takes it from X.


class Thresholds(ClassifierMixin, BaseEstimator):
    """Fairlearn's thresholds by group, the group being the first column."""

    def __init__(self, estimator, tol=0.0):
        self.estimator = estimator
        self.tol = tol

    def fit(self, X, y):
        """Fit the model, and thresholds for it."""
        self.classes_ = np.unique(y)
        self.optimizer_ = ThresholdOptimizer(
            estimator=clone(self.estimator), predict_method="predict_proba", tol=self.tol
        ).fit(X, y, sensitive_features=X[:, 0])
        return self

    def predict(self, X):
        """Predict by the threshold of each row's group."""
        return self.optimizer_.predict(X, sensitive_features=X[:, 0], random_state=0)


net = NeuralNetClassifier(
    nn.Sequential(
        nn.Linear(X.shape[1], 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2)
    ),
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=3e-3,
    max_epochs=epochs,
    batch_size=batch_size,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
logistic = LogisticRegression(max_iter=1000)
fair = AdversarialDebiasingClassifier(net, sensitive_features=0, random_state=0)
routes = {
    "adversarial debiasing": (fair, {"tolerance": tolerances}, {}),
    "reductions, logistic": (
        ExponentiatedGradient(logistic, DemographicParity()),
        {"eps": [tolerance / 2 for tolerance in tolerances]},
        {"sensitive_features": group},
    ),
    "thresholds, logistic": (Thresholds(logistic), {"tol": tolerances}, {}),
}
scoring = {
    "accuracy": "accuracy",
    "gap": make_fairness_scorer("demographic_parity_difference", sensitive_features=0),
}

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for name, (estimator, grid, given) in routes.items():
    refit = make_constrained_refit(tolerance=0.05)
    search = GridSearchCV(estimator, grid, scoring=scoring, refit=refit, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a route may have no candidate that is fair enough
        search.fit(X, y, **given)
    results = search.cv_results_
    for params, accuracy, gap in zip(
        results["params"], results["mean_test_accuracy"], -results["mean_test_gap"], strict=True
    ):
        print(f"{name:22s} {params!s:22s} accuracy {accuracy:.4f}, gap {gap:.4f}")
    FairnessTradeoffDisplay.from_scores(
        results["mean_test_accuracy"],
        -results["mean_test_gap"],
        label=name,
        score_name="accuracy (mean of folds)",
        gap_name="demographic parity difference (mean of folds)",
        ax=ax,
    )

# %%
# And the plain models, for which nothing was paid.

plain = {"net, plain": clone(fair).set_params(tolerance=None, alpha=0.0), "logistic": logistic}
for name, model in plain.items():
    search = GridSearchCV(model, {}, scoring=scoring, refit=False, cv=3).fit(X, y)
    accuracy = search.cv_results_["mean_test_accuracy"][0]
    gap = -search.cv_results_["mean_test_gap"][0]
    print(f"{name:22s} accuracy {accuracy:.4f}, gap {gap:.4f}")
    ax.plot(gap, accuracy, "k*" if "net" in name else "k^", label=name, linestyle="none")
ax.autoscale(axis="x")
ax.legend(frameon=False, fontsize=8)

plt.show()
