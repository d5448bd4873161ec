"""
Does overfitting give training rows away? Four nets, three attacks
==================================================================

A model that knows its training rows better than others gives them away. Four victims, one plain and
three regularised, are asked about rows that they were trained on and rows that they were not, and
three attacks say which is which: one that only looks whether the victim is right, the shadow models
of Shokri et al. (2017), and the strongest attack of this package. How much does each find, and how
much of that is more than the gap between training and test accuracy, which needs no attack?
"""

# %%
# Four victims
# ------------
#
# Three kinds of rows: the victim's own, as many others, and those of the attacker, who knows
# nothing of the first two. Small, the rows are made up, and each tenth of them has a random label.
# With ``SKLEARN_PRIVFAIR_FULL=1`` it is an experiment known from the literature: CIFAR-10, 10,000
# rows for training, 10,000 for testing, 20,000 of the attacker, and a net of 128, 64 and 32 hidden
# units. The attacker's rows standardise each feature, so that no preparation tells who is a member.

import os
import tempfile

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.datasets import fetch_cifar10
from sklearn_privfair.inspection import MembershipRocDisplay, OverfitVsAttackDisplay
from sklearn_privfair.metrics import max_membership_advantage, tpr_at_fpr
from sklearn_privfair.privacy import MembershipInferenceClassifier

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # CIFAR-10, in half an hour

if FULL:
    X, y = fetch_cifar10(subset="train", flatten=True, return_X_y=True)
    n, widths, most_shadows = 10_000, (128, 64, 32), 16
    schedule = {"lr": 1.2e-3, "max_epochs": 48, "batch_size": 2048}
else:
    X, y = make_classification(
        4_000, 40, n_informative=12, n_redundant=0, n_classes=10, class_sep=1.3, flip_y=0.1,
        random_state=0,
    )  # fmt: skip
    n, widths, most_shadows = 1_000, (128, 64), 4
    schedule = {"lr": 3e-3, "max_epochs": 30, "batch_size": 250}

X, y = X[: 4 * n].astype(np.float32), y[: 4 * n]
X = (X - X[2 * n :].mean(axis=0)) / X[2 * n :].std(axis=0)
X_judged, y_judged, X_own, y_own = X[: 2 * n], y[: 2 * n], X[2 * n :], y[2 * n :]
member = np.arange(2 * n) < n


def make_net(dropout=0.0, weight_decay=0.0):
    """Make a net, not yet trained."""
    layers, n_in = [], X.shape[1]
    for width in widths:
        layers += [nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(dropout)]
        n_in = width
    return NeuralNetClassifier(
        nn.Sequential(*layers, nn.Linear(n_in, 10)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=weight_decay,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        **schedule,
    )


torch.manual_seed(0)
victims = {
    "plain": make_net(),
    "L2": make_net(weight_decay=0.01),
    "dropout": make_net(dropout=0.5),
    "L2 and dropout": make_net(dropout=0.5, weight_decay=0.01),
}
for victim in victims.values():
    victim.fit(X[:n], y[:n])

# %%
# Three attacks
# -------------
#
# - ``"correctness"`` (naive) says member where the victim is right. No shadow models, nothing to
#   learn: its balanced accuracy is one half plus half the gap, exactly.
# - ``"shadow"`` trains shadow models on halves of the attacker's rows, asks them about both halves,
#   and learns, for each class, to tell the answers apart.
# - ``"learned"`` with ``audit=`` has shadow models that were trained with half of the rows in
#   question, so that each row was in every second training. That is an auditor's attack, or one of
#   somebody who knows the rows beforehand. Row by row it compares the victim's answer with those of
#   models that knew the row and of models that did not.
#
# Shadow models are trained as the victim was, on as many rows, with its own regularisation. They
# are kept in ``memory``, so that 16 of them, in the full form, contain the 4.

attacks = {
    "naive": {"method": "correctness"},
    "Shokri, 4 shadows": {"method": "shadow", "n_shadow_models": 4},
}
for n_shadows in sorted({4, most_shadows}):
    attacks[f"learned, {n_shadows} shadows"] = {"method": "learned", "n_shadow_models": n_shadows}

scores, guesses = {}, {}
with tempfile.TemporaryDirectory() as memory:
    for name, victim in victims.items():
        for attack_name, how in attacks.items():
            attack = MembershipInferenceClassifier(
                FrozenEstimator(victim), shadow_size=n, memory=memory, random_state=0, **how
            )
            online = how["method"] == "learned"
            attack.fit(X_own, y_own, audit=(X_judged, y_judged) if online else None)
            scores[name, attack_name] = attack.decision_function(X_judged, y_judged)
            guesses[name, attack_name] = attack.predict(X_judged, y_judged)

accuracy = {
    name: (victim.score(X[:n], y[:n]), victim.score(X[n : 2 * n], y[n : 2 * n]))
    for name, victim in victims.items()
}
table = pd.DataFrame(
    {
        (name, attack_name): {
            "train": accuracy[name][0],
            "test": accuracy[name][1],
            "balanced accuracy": balanced_accuracy_score(member, guesses[name, attack_name]),
            "at best": (1 + max_membership_advantage(member, score)) / 2,
            "AUC": roc_auc_score(member, score),
            "TPR at FPR 1%": tpr_at_fpr(member, score),
        }
        for (name, attack_name), score in scores.items()
    }
).T
print(table.round(3).to_string())

# %%
# "At best" is the balanced accuracy at the threshold that is best in hindsight, which no attacker
# knows.

for name, (train, test) in accuracy.items():
    naive = table.loc[(name, "naive"), "balanced accuracy"]
    assert np.isclose(naive, 0.5 + (train - test) / 2)

strongest = f"learned, {most_shadows} shadows"
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for attack_name in list(attacks)[1:]:
    OverfitVsAttackDisplay.from_predictions(
        y_judged,
        {name: victim.predict(X_judged) for name, victim in victims.items()},
        member,
        {name: guesses[name, attack_name] for name in victims},
        label=attack_name,
        ax=axes[0],
    )
for ax, name in zip(axes[1:], ["plain", "L2 and dropout"], strict=True):
    MembershipRocDisplay.from_predictions(
        member, {key: scores[name, key] for key in list(attacks)[1:]}, ax=ax
    )
    ax.set_title(f"Victim: {name}")
axes[0].set_title("Four victims")

# %%
# At full size
# ------------
#
# The balanced accuracy of the attacks on CIFAR-10; "reported" are the attack accuracies of the
# experiments that these repeat, and the learned attack has 16 shadow models (AUC; members found
# at 1% of false alarms):
#
# ==============  ============  ========  =====  ======  ===================
# victim          train / test  reported  naive  Shokri  learned
# ==============  ============  ========  =====  ======  ===================
# plain           .907 / .423   .801      .742   .744    .790 (.879; 19.7%)
# L2              .796 / .450   .703      .673   .675    .748 (.840; 17.6%)
# dropout         .516 / .412   .553      .552   .559    .631 (.691; 7.1%)
# L2 and dropout  .475 / .399   .604      .538   .536    .595 (.641; 4.7%)
# ==============  ============  ========  =====  ======  ===================
#
# Trained with another number of threads, whose rounding is another, the nets are others too: on two
# threads the learned attack had an AUC of .879, .821, .690 and .648, and a balanced accuracy of
# .790, .733, .631 and .599.
#
# Shokri's attack finds what the gap between the accuracies gives away, and nothing more. What was
# reported for the plain victim, .801, we did not reach with it; nor did a plain loop in torch that
# repeats the experiment. Its victims overfit more than ours, and it had .747, .731, .663 and .625,
# where the naive guess had .750, .735, .663 and .628. An attack that sees one answer to one row can
# hardly do better than the gap. So .801 asks for a gap near .6, a victim more overfitted than any
# that 48 epochs of this net gave, or for being counted on other rows than the victim's. The other
# three that were reported are within what such gaps give. How overfitted the reference's victims
# were is not known to us.
#
# What does go beyond the gap is the comparison, row by row, with models that knew the row and
# models that did not, and it does so for every victim: regularisation takes away a good part of
# what is found, and leaves more than the gap shows.

plt.show()
