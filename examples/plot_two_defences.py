"""
Which defence holds? Two of them, before and after
==================================================

How much harder is a net to fool after a defence? Adversarial rows can be added to the training set
once and for all (``AdversarialAugmentationClassifier``), or made anew against the net of the
moment, in every batch (``AdversarialTrainingClassifier``). A comparison at equally many epochs
favours the first: it trains two nets, and the second of them on twice the rows. Here each gets
equally many batches.

And a defence may have learned to resist on its own rows alone. So the nets are attacked on rows of
the training, and on rows that no training and no defence has seen.
"""

# %%
# Equally many batches
# --------------------
#
# Augmentation trains a plain net for some epochs, attacks it, and trains a new net for as many
# epochs on the rows and their adversarial copies: three times as many batches as the plain training
# has. The other nets get three times as many epochs. A callback of skorch's counts.

import os
import time
from collections import Counter

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from sklearn_privfair.attacks import CWL2Attack, PGDAttack
from sklearn_privfair.datasets import fetch_mnist
from sklearn_privfair.defences import (
    AdversarialAugmentationClassifier,
    AdversarialTrainingClassifier,
)
from sklearn_privfair.inspection import RobustnessCurveDisplay
from sklearn_privfair.metrics import median_perturbation_distance

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # MNIST, in five minutes

if FULL:
    X, y = fetch_mnist(subset="all", flatten=True, return_X_y=True)
    n_train, n_epochs, lr = 10240, 5, 0.001
    n_attacked, n_by_cw, eps, eps_l2 = 1000, 200, 0.3, 2.0
else:
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    n_train, n_epochs, lr = 1024, 10, 0.005
    n_attacked, n_by_cw, eps, eps_l2 = 500, 150, 0.15, 0.6

X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=n_train, test_size=n_attacked, stratify=y, random_state=0
)
SIDE = round(X.shape[1] ** 0.5)


class Layers(nn.Sequential):
    """Two convolutions on square images that come as flat rows."""

    def __init__(self, side=SIDE):
        super().__init__(
            nn.Unflatten(1, (1, side, side)),
            nn.Conv2d(1, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * (side // 2) ** 2, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


n_batches = Counter()


class CountBatches(Callback):
    """Count the batches of all trainings of one name."""

    def __init__(self, name):
        self.name = name

    def on_batch_end(self, net, training=False, **kwargs):
        """Count one, if it was a batch of training."""
        n_batches[self.name] += training


def make_net(name, n_epochs):
    """Make a net, not yet trained, whose batches are counted."""
    return NeuralNetClassifier(
        Layers,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=lr,
        batch_size=128,
        max_epochs=n_epochs,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[CountBatches(name)],
        verbose=0,
    )


pgd = PGDAttack(eps=eps, bounds=(0, 1), random_state=0)
cw = CWL2Attack(bounds=(0, 1))
models = {
    "plain": make_net("plain", 3 * n_epochs),
    "augmented": AdversarialAugmentationClassifier(
        make_net("augmented", n_epochs),
        CWL2Attack(binary_search_steps=3, n_steps=20, bounds=(0, 1)),
        random_state=0,
    ),
    "adversarial": AdversarialTrainingClassifier(
        make_net("adversarial", 3 * n_epochs),
        PGDAttack(eps=eps, n_steps=7, bounds=(0, 1)),
        eps_warmup=n_epochs,
        random_state=0,
    ),
}
torch.manual_seed(0)  # the defences have a seed of their own
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X_train, y_train)
    print(f"{name:12} {n_batches[name]:6} batches, {time.perf_counter() - start:5.1f} s")
assert len(set(n_batches.values())) == 1

# %%
# The batches are equally many; they do not cost the same. A batch of adversarial training has the
# steps of the attack in it, where augmentation attacks each row only once.
#
# Rows used in the defence, and rows that were not
# ------------------------------------------------
#
# ``CWL2Attack`` has no budget, and turns nearly every row somewhere. What tells nets apart is how
# far it has to go: its success within a budget, and the median distance. It is the slower of the
# two attacks, and gets fewer rows.

rows = {
    "training rows": (X_train[:n_attacked], y_train[:n_attacked]),
    "test rows": (X_test, y_test),
}
lines, found = [], {}
for name, model in models.items():
    for kind, (X_attacked, y_attacked) in rows.items():
        by_pgd = pgd.fit(model).generate(X_attacked, y_attacked)
        by_cw = cw.fit(model).generate(X_attacked[:n_by_cw], y_attacked[:n_by_cw])
        found[kind, name] = by_cw
        distance = by_cw.distance["l2"][by_cw.attacked]  # inf where it failed
        lines.append(
            {
                "net": name,
                "rows": kind,
                "accuracy": np.mean(by_pgd.y_pred == y_attacked),
                "PGD": by_pgd.success[by_pgd.attacked].mean(),
                "C&W": by_cw.success[by_cw.attacked].mean(),
                f"C&W, l2 {eps_l2}": np.mean(distance <= eps_l2),
                "C&W, median l2": median_perturbation_distance(distance),
            }
        )
table = pd.DataFrame(lines).set_index(["net", "rows"])
print(table.round(3).to_string())
print(
    f"Standard errors of shares: up to {0.5 / n_attacked**0.5:.3f} for PGD, "
    f"{0.5 / n_by_cw**0.5:.3f} for C&W."
)

# %%
# The share of the correctly classified rows that PGD turns, and robust accuracy against the length
# of the perturbation that C&W found:

figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
success = table["PGD"].unstack("rows").loc[list(models), list(rows)]
success.plot.bar(ax=axes[0], rot=0, color=["#808080", "#D55E00"], xlabel="", ylabel="success rate")
axes[0].set(title=f"PGD within linf {eps}", ylim=(0, 1.18), yticks=np.arange(0, 1.1, 0.2))
axes[0].legend(frameon=False, ncols=2, loc="upper center")  # above the bars
for ax, (kind, (_, y_attacked)) in zip(axes[1:], rows.items(), strict=True):
    RobustnessCurveDisplay.from_predictions(
        y_attacked[:n_by_cw],
        {name: found[kind, name].y_pred for name in models},
        distance={name: found[kind, name].distance["l2"] for name in models},
        norm=2,
        ax=ax,
    )
    ax.set(title=f"C&W on {kind}", xlim=(0, 2.2 * eps_l2))

# %%
# With equally many batches augmentation gains something over the plain net on the small digits, and
# nothing on MNIST: what it learned to resist are the weaknesses of another net, and an attack on
# itself finds its own. Adversarial training holds far more.
#
# Grey bars and orange ones tell how much of that is for the rows of the training alone. For the
# plain and the augmented net both are about as high: where a net does not resist, it does not
# matter whether it knows the row. The net that does resist resists better on rows that it was
# trained on, and who measures it there flatters it. The order of the three is the same on both
# kinds of rows; what a defence is worth is what it holds on those that had no part in it.
#
# The reference's figures, and ours
# ---------------------------------
#
# The experiments that this package grew out of ("the reference") train these two defences on MNIST,
# and report that Carlini and Wagner's attack turns all rows before defence, .72 of them on the
# augmented net and .60 on the adversarially trained one. Each net was given what training it needs,
# and attacked on rows of the defence (to do otherwise is left there as an exercise). At full size
# this file has, on test rows and within an l2 distance of 2:
#
# ===========  ========  =========  ==================
# net          accuracy  turned     median distance
# ===========  ========  =========  ==================
# plain        .959      .938       1.18
# augmented    .962      .959       0.85
# adversarial  .946      .372       2.36
# ===========  ========  =========  ==================
#
# Without a limit every row is turned, on every net. The augmented net, which the reference sees
# defended, is weaker than the plain one: its rows are nearer to a boundary. The reference's attack
# goes a mean distance of 2.37 on the plain net where ours goes 1.06
# (:ref:`sphx_glr_auto_examples_plot_three_attacks.py`), and so it fails on rows that ours turns.
# That an attack finds nothing is no defence.

plt.show()
