"""
How much adversarial training? A validation curve over eps
==========================================================

The budget of the attack in the training, ``eps``, is a parameter like any other: too small, and the
net resists little; too large, and it forgets what it should learn. ``GridSearchCV`` finds what
suits, with a scorer that attacks each candidate. Here the rows are a table: the net stands behind a
``StandardScaler``, the attack moves rows in front of it, in raw units, and a budget of 1 lets each
column move by one standard deviation.
"""

# %%
# A pipeline, attacked in standard deviations
# -------------------------------------------
#
# ``Constraints(scale=...)`` says what counts as one unit of each column. A scorer attacks fitted
# models and cannot learn units from data, so it is told. The same rules serve the training and the
# scorers, of which there is one for each budget to be resisted, besides plain accuracy.

import os

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.attacks import Constraints, PGDAttack
from sklearn_privfair.defences import AdversarialTrainingClassifier
from sklearn_privfair.metrics import make_robust_accuracy_scorer

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # more folds and budgets, in some minutes

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)


class Layers(nn.Sequential):
    """One hidden layer."""

    def __init__(self):
        super().__init__(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 2))


net = NeuralNetClassifier(
    Layers,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=0.005,
    batch_size=64,
    max_epochs=15,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
rules = Constraints(scale=X.std().to_dict())
attack = PGDAttack(n_steps=7, bounds=None, constraints=rules)
defence = AdversarialTrainingClassifier(
    make_pipeline(StandardScaler(), net), attack, random_state=0
)


def judge(eps):
    """Make a scorer: accuracy under attack within a budget."""
    return make_robust_accuracy_scorer(
        PGDAttack(eps=eps, bounds=None, constraints=rules, random_state=0)
    )


# %%
# The search
# ----------
#
# Two things are searched: the budget of the training, and its loss. The candidate that is best
# within 0.2 standard deviations is the one that is fitted again on all rows.

resisted = [0.1, 0.2, 0.3]
search = GridSearchCV(
    defence,
    {
        "attack__eps": [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5]
        if FULL
        else [0.02, 0.1, 0.2, 0.3, 0.5],
        "loss": ["madry", "trades"],
    },
    scoring={"accuracy": "accuracy"} | {f"within {eps}": judge(eps) for eps in resisted},
    refit="within 0.2",
    cv=10 if FULL else 3,
).fit(X, y)
results = pd.DataFrame(search.cv_results_).set_index(["param_loss", "param_attack__eps"])
scores = results.filter(regex="^mean_test").rename(columns=lambda name: name[len("mean_test_") :])
print(scores.sort_index().round(3).to_string())
print("chosen:", search.best_params_)

# %%
# The curve
# ---------
#
# One line for each scorer, and around it one standard deviation over the folds.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, loss in zip(axes, ["madry", "trades"], strict=True):
    curve = results.loc[loss].sort_index()
    for i, name in enumerate(search.scorer_):
        mean, std = curve[f"mean_test_{name}"], curve[f"std_test_{name}"]
        label = "clean" if name == "accuracy" else f"attacked {name}"
        colour = "black" if name == "accuracy" else plt.colormaps["plasma"](0.25 * i)
        ax.plot(curve.index, mean, "o-", color=colour, label=label, markersize=4)
        ax.fill_between(curve.index, mean - std, mean + std, color=colour, alpha=0.12, linewidth=0)
    if search.best_params_["loss"] == loss:
        ax.axvline(search.best_params_["attack__eps"], color="grey", linestyle=":", label="chosen")
        entries = ax.get_legend_handles_labels()
    ax.set(title=f'loss="{loss}"', xlabel="eps of the training, in standard deviations")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("accuracy, cross-validated")
figure.legend(*entries, loc="outside lower center", ncols=5, frameon=False, fontsize=9)

# %%
# The more has to be resisted, the more training under attack gains, and the larger the budget that
# is best. At first it costs no clean accuracy; from some budget on clean accuracy falls, and takes
# the others along. TRADES, at its usual ``beta=6``, does at smaller budgets what the other loss
# does at larger ones, and gives up more at the largest. The standard deviations overlap: which of
# two neighbouring budgets is better is not settled by so few rows.
#
# On rows that the search has not seen, the chosen candidate beside one that was hardly trained to
# resist:

hardly = defence.set_params(attack__eps=0.02).fit(X, y)
budgets = [0.05, *resisted]
rows = {
    name: [model.score(X_test, y_test)] + [judge(eps)(model, X_test, y_test) for eps in budgets]
    for name, model in {"trained with eps=0.02": hardly, "chosen": search.best_estimator_}.items()
}
print(pd.DataFrame(rows, index=["clean", *(f"within {eps}" for eps in budgets)]).T.round(3))
assert np.argmax([row[-1] for row in rows.values()]) == 1

plt.show()
