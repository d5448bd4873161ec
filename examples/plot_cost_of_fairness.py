"""
What does fairness cost?
========================

How much accuracy is lost if two groups are to be selected equally often? Less than is feared, and
it depends on how wide a gap is accepted. One search over ``tolerance`` draws the curve; Fairlearn's
two classic routes, reductions and thresholds, go through the same search, the same scorers and the
same picture.
"""

# %%
# People, and a column that says who belongs to which group
# ---------------------------------------------------------
#
# The group is a column of X, so the scorers find it there, in each fold, and nothing needs routing.
# With ``SKLEARN_PRIVFAIR_FULL=1`` the people are Adult's training rows, else they are made up.

import os

import numpy as np
import torch
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from matplotlib import pyplot as plt
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.datasets import fetch_adult
from sklearn_privfair.fairness import AdversarialDebiasingClassifier, FairlearnClassifier
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
# Three routes, one search
# ------------------------
#
# :class:`~sklearn_privfair.fairness.FairlearnClassifier` gives Fairlearn's classifiers the group in
# the way that each wants it; the threshold optimizer wants it to predict, too.

torch.manual_seed(0)  # of the module, which is made here
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
reduction = ExponentiatedGradient(logistic, DemographicParity())
thresholds = ThresholdOptimizer(estimator=logistic, predict_method="predict_proba")
named = {"sensitive_features": 0, "random_state": 0}
bounds = [DemographicParity(difference_bound=tolerance) for tolerance in tolerances]
routes = {
    "adversarial debiasing": {"fair": [fair], "fair__tolerance": tolerances},
    "reductions, logistic": {
        "fair": [FairlearnClassifier(reduction, **named)],
        "fair__estimator__constraints": bounds,
    },
    "thresholds, logistic": {
        "fair": [FairlearnClassifier(thresholds, **named)],
        "fair__estimator__tol": tolerances,
    },
}
scoring = {
    "accuracy": "accuracy",
    "gap": make_fairness_scorer("demographic_parity_difference", sensitive_features=0),
}
search = GridSearchCV(
    Pipeline([("fair", fair)]),
    list(routes.values()),
    scoring=scoring,
    refit=make_constrained_refit(tolerance=0.05),
    cv=3,
).fit(X, y)

# %%
# And the plain models, for which nothing was paid.

plain = {"net, plain": clone(fair).set_params(tolerance=None, alpha=0.0), "logistic": logistic}
unmitigated = {
    name: GridSearchCV(model, {}, scoring=scoring, refit=False, cv=3).fit(X, y).cv_results_
    for name, model in plain.items()
}

# %%
# What is paid
# ------------
#
# Up and to the left is better: more accurate, at a smaller gap. Each route is a line of steps, a
# point for each tolerance.

results = search.cv_results_
accuracy, gap = results["mean_test_accuracy"], -results["mean_test_gap"]
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for place, name in enumerate(routes):
    rows = place * len(tolerances) + np.arange(len(tolerances))
    for tolerance, row in zip(tolerances, rows, strict=True):
        print(f"{name:22s} {tolerance:.2f}  accuracy {accuracy[row]:.4f}, gap {gap[row]:.4f}")
    FairnessTradeoffDisplay.from_scores(
        accuracy[rows],
        gap[rows],
        label=name,
        score_name="accuracy (mean of folds)",
        gap_name="demographic parity difference (mean of folds)",
        ax=ax,
    )
for marker, (name, found) in zip("*^", unmitigated.items(), strict=True):
    x, y_plain = -found["mean_test_gap"][0], found["mean_test_accuracy"][0]
    print(f"{name:22s} plain accuracy {y_plain:.4f}, gap {x:.4f}")
    ax.plot(x, y_plain, marker, color="black", label=name, linestyle="none", markersize=9)
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
ax.get_legend().remove()
print("the most accurate within .05:", list(routes)[search.best_index_ // len(tolerances)])

# %%
# At full size, on Adult, mean of three folds, accuracy @ gap:
#
# =========  =====================  ====================  ====================
# tolerance  adversarial debiasing  reductions, logistic  thresholds, logistic
# =========  =====================  ====================  ====================
# .01        .8392 @ .015           .8365 @ .015          .8340 @ .012
# .02        .8403 @ .022           .8387 @ .029          .8351 @ .019
# .05        .8451 @ .052           .8448 @ .073          .8412 @ .049
# .10        .8481 @ .073           .8498 @ .151          .8461 @ .098
# =========  =====================  ====================  ====================
#
# Plain, the net has .8549 @ .183 and the logistic regression .8512 @ .182: at a tolerance of .01
# the net loses .016 of accuracy. Part of what is gained by the net over the other two is a net's
# advantage over a logistic regression. A tolerance is kept on the rows of the training, and on new
# ones nearly: .05 came to .052, so that the search, which accepts no more than .05, prefers the
# thresholds. Nets vary with their first weights: others had .8414 @ .011 at .01, and .8471 @ .049
# at .05. The thresholds are told the group of each person whom they judge; the other two models
# have the group as a column.

plt.show()
