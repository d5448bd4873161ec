"""
How easily is a net fooled? Three attacks, step by step
=======================================================

How easily is a small convolutional net fooled, and by which attack? The experiments that this
package grew out of ("the reference" below) attack one for MNIST in three ways: projected gradient
descent whose steps are clipped (a budget for each pixel, linf), projected gradient descent whose
points are projected (a budget for the length of the whole change, l2), and Carlini and Wagner's
attack, which has no budget and looks for the nearest row that is misclassified. Here they are
again: how far each gets, what it did on the way, what it made, and where the figures differ from
those experiments and why.
"""

# %%
# The net
# -------
#
# Small, the images are the digits that scikit-learn ships, 8 pixels wide. With
# ``SKLEARN_PRIVFAIR_FULL=1`` they are MNIST, the net is that of the reference (two convolutions of
# 4 x 4, each pooled, and 64 hidden units), and 1,000 test rows are attacked.

import os

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.attacks import CWL2Attack, PGDAttack
from sklearn_privfair.datasets import fetch_mnist
from sklearn_privfair.inspection import (
    AdversarialExamplesDisplay,
    AttackComparisonDisplay,
    AttackTraceDisplay,
)

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # MNIST, in a minute or two

torch.manual_seed(0)  # of the layers, which are made here, and of the training
if FULL:
    X_train, y_train = fetch_mnist(subset="train", return_X_y=True)
    X_test, y_test = fetch_mnist(subset="test", return_X_y=True)
    X_train, y_train, X_test, y_test = (
        X_train[:20000],
        y_train[:20000],
        X_test[:1000],
        y_test[:1000],
    )
    layers = [nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(16, 32, 4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 64)]
    eps_linf, eps_l2, lr, n_epochs = 0.3, 2.0, 1e-3, 10
else:
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=120, stratify=y, random_state=0
    )
    layers = [nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1)]
    layers += [nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64)]
    eps_linf, eps_l2, lr, n_epochs = 0.15, 0.6, 5e-3, 15

net = NeuralNetClassifier(
    nn.Sequential(*layers, nn.ReLU(), nn.Linear(64, 10)),
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=lr,
    max_epochs=n_epochs,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
).fit(X_train, y_train)
print(f"accuracy {net.score(X_test, y_test):.3f} on {len(X_test)} rows")

# %%
# The attacks
# -----------
#
# An attack is fitted on a model that is fitted, and asked to ``generate``. Distances are in units
# of the pixels, which lie between 0 and 1. A pass is one row once through the net.

attacks = {
    "PGD (clip)": PGDAttack(norm=np.inf, eps=eps_linf, bounds=(0, 1), random_state=0),
    "PGD (projection)": PGDAttack(norm=2, eps=eps_l2, bounds=(0, 1), random_state=0),
    "CW-L2": CWL2Attack(bounds=(0, 1)),
}
results = {
    name: attack.fit(net).generate(X_test, y_test, return_trace=True)
    for name, attack in attacks.items()
}


def describe(result):
    """Give success, distances and passes of the rows that were attacked."""
    turned = result.success
    return {
        "success": turned[result.attacked].mean(),
        "mean l2": result.distance["l2"][turned].mean(),
        "median l2": np.median(result.distance["l2"][turned]),
        "mean linf": result.distance["linf"][turned].mean(),
        "backward passes": result.n_backward[result.attacked].mean(),
    }


table = pd.DataFrame({name: describe(result) for name, result in results.items()}).T
print(table.round(3).to_string())

# %%
# On the way
# ----------
#
# A thin line is a row, and ends with a dot where the row was finished. On top are the log-odds of
# all other classes taken together: where they are well above 0 the row is misclassified ("turned").
# PGD is done with most rows after a step or two, since a row that is turned leaves. Carlini and
# Wagner's attack has only begun there: now the distance is to fall, for one constant after another,
# and that is why its lines go up and down.

figure, axes = plt.subplots(2, 3, figsize=(12, 4.8), layout="constrained")
for column, (name, result) in zip(axes.T, results.items(), strict=True):
    shown = np.flatnonzero(result.attacked)[:60]
    AttackTraceDisplay.from_predictions(
        result.trace["loss"][shown],
        result.trace["distance"][shown],
        success=result.success[shown],
        norm=attacks[name].norm,
        ax=column,
    )
    column[0].get_legend().remove()
    column[0].set_ylabel("log-odds of other classes")
    column[0].set_title(f"{name}: {result.success[shown].sum()} of {len(shown)} turned")
handles, labels = axes[0, 1].get_legend_handles_labels()  # of the attack that leaves some rows
labels = [label.split(" (")[0] for label in labels]
figure.legend(handles, labels, loc="outside lower center", ncols=3)

# %%
# What they made
# --------------
#
# The same four digits for all three: original, adversarial, and the difference. The clipped attack
# takes its whole budget in nearly every pixel that it can move (a black one cannot get darker). The
# projected one spends a length of its own where that helps most, and Carlini and Wagner's takes no
# more than it needs. Each has a scale of colours of its own.

# sphinx_gallery_thumbnail_number = 2
everywhere = np.flatnonzero(np.logical_and.reduce([result.success for result in results.values()]))
shown = everywhere[np.unique(y_test[everywhere], return_index=True)[1][1:5]]  # one of each digit
figure, axes = plt.subplots(1, 3, figsize=(15, 6.4), layout="constrained")
for ax, (name, result) in zip(axes, results.items(), strict=True):
    display = AdversarialExamplesDisplay.from_predictions(
        X_test, result.X_adv, result.y_pred, result.y_pred_adv, y_true=y_test, rows=shown, ax=ax
    )
    title = display.axes_[0, 1].get_title()
    display.axes_[0, 1].set_title(f"{name}\n{title}", fontsize=8)

# %%
# Side by side
# ------------
#
# Two have a budget and the third has none, so the first two panels alone say little about which is
# stronger: Carlini and Wagner's attack turns all rows since it may go as far as it likes. The third
# panel says how far each went.

AttackComparisonDisplay.from_results({"the net": results}, y_test)
plt.gcf().set_size_inches(11, 3.4)

# %%
# The reference's figures, and ours
# ---------------------------------
#
# On MNIST, with the reference's net:
#
# ==============================  ==============  =====================================
# success rate                    reference       this file, 1,000 rows
# ==============================  ==============  =====================================
# PGD (clip), linf 0.3            1.00            1.000, in 2.0 backward passes a row
# PGD (projection), l2 2.0        at least .94    .970, in 3.8
# Carlini and Wagner, mean l2     1.00, at 2.37   1.000, at 1.06
# ==============================  ==============  =====================================
#
# The nets are not the same, only their layers are: the data, seeds and epochs of the training
# differ, and from one net to the next a figure moves: with other first weights this file had .959,
# and 1.08. Besides:
#
# - *Clipping* to 0.3 is far more than this net resists, and leaves nothing to gain but passes: a
#   row that is turned is finished, where the usual loop takes all 40 steps with every row.
# - *Projection* is onto the ball and the box together, and the first step is as long as the budget;
#   steps then shrink. The usual recipe takes equal and short ones.
# - *Carlini and Wagner.* The least distance is the least that a search found. A larger one tells of
#   a weaker search and not of a stronger net: on one net and the same rows,
#   ``benchmarks/attacks.py`` has 2.37 for a library's defaults, too, 1.11 for another's after 7,903
#   passes, and 1.08 for ours after 427. Here the constant is searched for each row by itself, and
#   what is found is moved along the boundary until it is nearest. With few constants and steps that
#   is not yet so:

searches = {
    "1 constant, 5 steps": {"binary_search_steps": 1, "n_steps": 5},
    "2 constants, 10 steps": {"binary_search_steps": 2, "n_steps": 10},
    "5 constants, 75 steps": {},
}
found = {
    name: describe(CWL2Attack(bounds=(0, 1), **how).fit(net).generate(X_test, y_test))
    for name, how in searches.items()
}
print(pd.DataFrame(found).T.round(3).to_string())

# %%
# (A mean over fewer rows is one over the easier rows. On the small digits five steps are nearly
# enough; on MNIST the first line has a success rate of .07, and the second a mean of 1.29.)
#
# Distances that are no numbers
# -----------------------------
#
# The reference also reports distances that are NaN. Its nets end in a softmax, the logarithm of
# which is taken for the logits. Where the net is sure, the probability of another class is too
# small for 32 bits, its logarithm is minus infinity, and every gradient from there on is NaN.
# Attacks here never go that way: a net that ends in a softmax is asked for what went into it.

sure = torch.tensor([[120.0, 0.0]])
print("logarithm of the softmax:", torch.log(torch.softmax(sure, dim=1)).tolist())

with_softmax = nn.Sequential(*net.module_, nn.Softmax(dim=1))
shadowed = NeuralNetClassifier(with_softmax, criterion=nn.NLLLoss, train_split=None).initialize()
result = CWL2Attack(bounds=(0, 1)).fit(shadowed).generate(X_test, y_test)
print(f"behind a softmax: mean l2 {result.distance['l2'][result.success].mean():.3f}, no NaN")
assert np.isfinite(result.X_adv).all()
assert np.allclose(result.X_adv, results["CW-L2"].X_adv)

plt.show()
