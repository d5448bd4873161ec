"""
How is a fair net trained? Demographic parity and equal opportunity
===================================================================

A net learns who earns more than 50,000 dollars, and selects men more than twice as often as women.
To make it fair an adversary is set beside it, who tries to tell the sex from what the net says, and
the net is trained to leave it nothing to tell (Zhang, Lemoine and Mitchell 2018). Demographic
parity asks that both are selected equally often; equal opportunity, that this holds among the rich.

The experiment that is repeated here ("the reference") shows one run, judged on the rows of its
training. Here are ten runs, the worst of them too, and rows that the training never saw.
"""

# %%
# Rows that are trained on, and rows that are not
# -----------------------------------------------
#
# With ``SKLEARN_PRIVFAIR_FULL=1`` they are Adult's training rows: the net gets the first 10,000,
# categories as codes and each column scaled to [0, 1], and is judged on these and on the other
# 22,561. Small, the rows are made up.

import os

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OrdinalEncoder
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sklearn_privfair.datasets import fetch_adult
from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.inspection import DebiasingHistoryDisplay
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    group_rates,
)

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # Adult, in some minutes


def make_people(n_people):
    """Make up people: men are richer, and what they do tells that they are men."""
    rng = np.random.default_rng(0)
    sex = np.where(rng.random(n_people) < 0.67, "Male", "Female")
    X = rng.normal(size=(n_people, 6))
    X[:, 0] += sex == "Male"
    chances = X[:, 0] + X[:, 1] + 0.7 * X[:, 2] * X[:, 3] - 2.2
    return X, (chances + rng.logistic(size=n_people) > 0).astype(np.int64), sex


if FULL:
    X, y = fetch_adult(return_X_y=True)
    sex, y = np.asarray(X["sex"]).astype(str), np.asarray(y == ">50K").astype(np.int64)
    numbers = make_column_selector(dtype_include="number")
    codes = OrdinalEncoder(encoded_missing_value=-1)
    columns = make_column_transformer(("passthrough", numbers), remainder=codes)
    X = make_pipeline(columns, MinMaxScaler()).fit_transform(X)
    n, n_seeds, max_epochs, batch_size, lr = 10_000, 10, 32, 128, 5e-3
else:
    X, y, sex = make_people(6_000)
    n, n_seeds, max_epochs, batch_size, lr = 2_000, 2, 20, 256, 3e-3

parts = {"trained on": slice(None, n), "others": slice(n, None)}

# %%
# Three recipes
# -------------
#
# All train a net of three hidden layers of 32, and the adversary is linear. *Plain* has none.
# *Tolerance* is the default here: one says what gap will do, and multipliers are found that keep
# it. *Schedule* is the reference's: gradients projected, one step of the adversary for each of the
# net, plain gradient descent for both with a learning rate of 1 / t, and an adversary who counts
# :math:`\sqrt t`, where t is the epoch, from 1.


def make_net(**params):
    """Make the net, not yet trained."""
    layers, n_in = [], X.shape[1]
    for _ in range(3):
        layers += [nn.Linear(n_in, 32), nn.ReLU()]
        n_in = 32
    return NeuralNetClassifier(
        nn.Sequential(*layers, nn.Linear(n_in, 2)),
        criterion=nn.CrossEntropyLoss,
        max_epochs=max_epochs,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        **params,
    )


adam = {"optimizer": torch.optim.Adam, "lr": lr}
one_over_t = LRScheduler(LambdaLR, lr_lambda=lambda epoch: 1 / (epoch + 1))
recipes = {
    "plain": lambda constraint, seed: AdversarialDebiasingClassifier(
        make_net(**adam), constraint, tolerance=None, alpha=0.0, random_state=seed
    ),
    "tolerance": lambda constraint, seed: AdversarialDebiasingClassifier(
        make_net(**adam), constraint, tolerance=0.01, random_state=seed
    ),
    "schedule": lambda constraint, seed: AdversarialDebiasingClassifier(
        make_net(optimizer=torch.optim.SGD, lr=1.0, callbacks=[("schedule", one_over_t)]),
        constraint,
        tolerance=None,
        alpha=lambda epoch: (epoch + 1) ** 0.5,
        projection=True,
        balance=False,
        adversary_steps=1,
        adversary_optimizer=torch.optim.SGD,
        adversary_lr=lambda epoch: 1 / (epoch + 1),
        random_state=seed,
    ),
}
gaps = {
    "demographic_parity": demographic_parity_difference,
    "equal_opportunity": equal_opportunity_difference,
}

lines, fitted = [], {}
for constraint, gap in gaps.items():
    for name, make in recipes.items():
        for seed in range(n_seeds):
            torch.manual_seed(seed)  # of the module, which is made here
            model = make(constraint, seed)
            model.fit(X[:n], y[:n], sensitive_features=sex[:n])
            fitted[constraint, name] = model
            for part, rows in parts.items():
                predicted = model.predict(X[rows])
                line = {"constraint": constraint, "recipe": name, "rows": part}
                line["accuracy"] = np.mean(predicted == y[rows])
                line["gap"] = gap(y[rows], predicted, sensitive_features=sex[rows])
                lines.append(line)

runs = pd.DataFrame(lines)
groups = runs.groupby(["constraint", "recipe", "rows"], sort=False)
table = groups.agg(
    accuracy=("accuracy", "mean"),
    worst=("accuracy", "min"),
    gap=("gap", "mean"),
    widest=("gap", "max"),
)
print(table.round(3).to_string())

# %%
# The rates of one run, on the rows that it was trained on: how many of each group are selected, and
# how many of its rich (true positives) and of its others (false positives).

for name in ("plain", "tolerance"):
    predicted = fitted["demographic_parity", name].predict(X[:n])
    print(name)
    print(group_rates(y[:n], predicted, sensitive_features=sex[:n]).round(3).to_string())

# %%
# All runs, in a picture: filled on the rows trained on, hollow on the others. Up and to the left is
# better. (The small run has too few rows, and epochs, to bring the gap down to the tolerance.)
#
# At full size, ten runs each; accuracy @ gap, on rows trained on / on the others, and the widest
# gap on rows trained on:
#
# =========  ================================  ================================
# recipe     demographic parity                equal opportunity
# =========  ================================  ================================
# plain      .851 @ .143 / .847 @ .162 (.158)  .851 @ .025 / .847 @ .069 (.047)
# tolerance  .839 @ .009 / .833 @ .023 (.013)  .845 @ .011 / .844 @ .021 (.043)
# schedule   .811 @ .057 / .807 @ .052 (.186)  .837 @ .051 / .835 @ .078 (.146)
# =========  ================================  ================================
#
# The tolerance, .01, is kept for parity on the rows that it speaks of, nearly in every run (.013 at
# most); for equal opportunity in the mean, and one run has .043. On others the gap is wider because
# the net fits its own rows more closely than others, and by chance: of the 10,000 some 3,300 are
# women, and 380 of these are rich. The reference's schedule varies between runs by more than it
# wins, and one run of it tells little. Equal opportunity costs .006 of accuracy here, and parity
# .012.
#
# The reference's figures, and ours
# ---------------------------------
#
# The reference reports selection rates of .034 and .186 before debiasing, which we take to be those
# of women and men, on rows of the training: a gap of .152. The plain net here has .086 and .224, a
# gap of .138; in the data .115 and .299 are rich. The gap is about the same, and the rates are
# lower there: the net was less trained, it seems, and selects hardly anybody. What the reference
# reports after debiasing, for either constraint, is not known to us. Its recipe, repeated
# ("schedule"), gives the third line above.

colours = {"plain": "#777777", "tolerance": "#0072B2", "schedule": "#D55E00"}
figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for ax, constraint in zip(axes, gaps, strict=True):
    for name, colour in colours.items():
        for part, face in (("trained on", colour), ("others", "none")):
            chosen = (runs[["constraint", "recipe", "rows"]] == [constraint, name, part]).all(
                axis=1
            )
            ax.scatter(
                *runs.loc[chosen, ["gap", "accuracy"]].to_numpy().T,
                s=36, facecolor=face, edgecolor=colour, label=f"{name}, {part}",
            )  # fmt: skip
    ax.set(title=constraint.replace("_", " "), ylabel="accuracy")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_xlabel("gap between the selection rates")
axes[1].set_xlabel("gap between the true-positive rates")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
)

# %%
# How one training with a tolerance went: the weight of the adversary (alpha) and the multiplier
# rise while the gap is too wide, and fall again; the learning rate falls to 0, so that the last
# epoch is not just one of a cycle.

DebiasingHistoryDisplay.from_estimator(fitted["demographic_parity", "tolerance"])

plt.show()
