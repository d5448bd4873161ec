"""
When should adversarial training stop? Robust overfitting
=========================================================

Trained long enough, a plain net overfits, and its accuracy on new rows hardly suffers. Adversarial
training is another matter: robust accuracy on new rows rises, and then *falls*, while that on the
rows of the training goes on rising (Rice, Wong and Kolter 2020). Who looks at the training rows,
or at clean accuracy, sees nothing of it.

Here a net is trained on few digits for many epochs. Two remedies are tried: to stop early, by the
robust accuracy of rows held out, and to average the weights.
"""

# %%
# Few rows to train on, and many to judge by
# ------------------------------------------
#
# ``early_stopping=True`` holds rows out, attacks them after each epoch, and keeps the weights of
# the best one. Here most rows are held out, so that the curves are smooth and the training has
# little to learn from; with ``n_iter_no_change=None`` it goes on to its last epoch all the same.
# The test rows have no part in any of this.

import os

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.attacks import PGDAttack
from sklearn_privfair.datasets import fetch_mnist
from sklearn_privfair.defences import AdversarialTrainingClassifier
from sklearn_privfair.inspection import AdversarialTrainingDisplay
from sklearn_privfair.metrics import make_robust_accuracy_scorer

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # MNIST, in some minutes

if FULL:
    X, y = fetch_mnist(subset="test", flatten=True, return_X_y=True)
    n_train, n_held_out, n_test, eps = 500, 1000, 1000, 2.5
else:
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    n_train, n_held_out, n_test, eps = 60, 400, 500, 0.8

X, X_test, y, y_test = train_test_split(
    X, y, train_size=n_train + n_held_out, test_size=n_test, stratify=y, random_state=0
)


class Layers(nn.Sequential):
    """Two hidden layers."""

    def __init__(self, n_in=X.shape[1], n_hidden=256):
        super().__init__(
            nn.Linear(n_in, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, 10),
        )


net = NeuralNetClassifier(
    Layers,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=0.001,
    batch_size=32,
    max_epochs=100,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
attack = PGDAttack(norm=2, eps=eps, n_steps=5, bounds=(0, 1), random_state=0)
stopped = AdversarialTrainingClassifier(
    net,
    attack,
    early_stopping=True,
    validation_fraction=n_held_out / (n_train + n_held_out),
    n_iter_no_change=None,
    random_state=0,
)
averaged = clone(stopped).set_params(averaging="swa", swa_start=0.03)
stopped.fit(X, y)
averaged.fit(X, y)

# %%
# What one sees
# -------------

figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.6), layout="constrained")
AdversarialTrainingDisplay.from_estimator(stopped, ax=left)
left.set_title("Robust overfitting")
left.legend(frameon=False, fontsize=8, loc="lower right")
for name, defence in {"each epoch's weights": stopped, "their average": averaged}.items():
    AdversarialTrainingDisplay.from_estimator(
        defence, curves=["valid_robust_accuracy"], name=name, ax=right
    )
right.set(title="Weights averaged (another scale)", ylim=(0, 0.8))
right.legend(loc="upper right", fontsize=8, framealpha=1, edgecolor="none")  # over the lines

# %%
# On the left, the training rows resist better to the end, and clean accuracy of the rows held out
# grows too. Under attack these have their best moment early on, and lose much of it again. On the
# right, the average of the weights so far (``averaging="swa"``) stands higher after its first
# epochs, and falls later and less. It does fall: averaging does not replace stopping.

rows = {}
for name, defence in {"as they are": stopped, "averaged": averaged}.items():
    robust, clean = (defence.history_[key] for key in ("valid_robust_accuracy", "valid_accuracy"))
    best = defence.best_epoch_
    rows[name] = {
        "best epoch": best,
        "robust, best epoch": robust[best],
        "robust, last epoch": robust[-1],
        "clean, best epoch": clean[best],
        "clean, last epoch": clean[-1],
    }
print(pd.DataFrame(rows).T.round(3).to_string())
assert all(row["robust, last epoch"] < row["robust, best epoch"] - 0.03 for row in rows.values())

# %%
# On new rows
# -----------
#
# The best of many epochs, judged by the rows that chose it, flatters itself. So the nets are
# attacked once more, on the test rows, and with more steps. Beside them stands a net trained
# without early stopping, on as many rows as these had.

to_the_end = clone(stopped).set_params(early_stopping=False).fit(X[:n_train], y[:n_train])
judge = make_robust_accuracy_scorer(clone(attack).set_params(n_steps=40))
for name, defence in {
    "trained to the end": to_the_end,
    "stopped early": stopped,
    "averaged, stopped early": averaged,
}.items():
    robust, clean = judge(defence, X_test, y_test), defence.score(X_test, y_test)
    print(f"{name:24} robust accuracy {robust:.3f}, clean accuracy {clean:.3f}")

# %%
# What was seen on the rows held out is seen again on rows that had no part in it. On MNIST the net
# that was trained to the end has a robust accuracy of .259, stopped early it has .327, and stopped
# early with averaged weights .322: there, averaging gains nothing more on new rows. Clean accuracy
# gives no warning: in the left picture it is still rising where robust accuracy falls.
#
# In practice fewer rows are held out, and ``n_iter_no_change`` ends the training a few epochs after
# the best one, which saves most of the time.

plt.show()
