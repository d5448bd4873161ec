"""What helps against membership inference without a proof: nets trained or asked otherwise.

The victim of the reference experiments on CIFAR-10, online attacks with shadow models of the same
training. RelaxLoss (Chen, Yu & Fritz 2022) and the training of HAMP (Chen & Pattabiraman 2024) are
here and not in the package: see README.md for what was measured.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse
import tempfile

import numpy as np
import torch
from _privacy_victims import cifar_rows, mlp
from _report import save, show
from scipy.optimize import brentq
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional

from sklearn_privfair.metrics import tpr_at_fpr
from sklearn_privfair.privacy import ConfidenceMaskingClassifier, MembershipInferenceClassifier
from sklearn_privfair.privacy._shadow_training import fit_anew

N, N_CLASSES, BATCHES = 10_000, 10, 5  # members; classes; batches in an epoch


class RelaxLoss(nn.Module):
    """Cross-entropy that is kept near a level: ascent below it, or flatter targets, in turn."""

    def __init__(self, level):
        super().__init__()
        self.level, self.n_calls = level, 0

    def forward(self, logits, y):
        """Give the loss of a batch."""
        losses = functional.cross_entropy(logits, y, reduction="none")
        epoch, self.n_calls = self.n_calls // BATCHES, self.n_calls + 1
        if losses.mean() > self.level:
            return losses.mean()
        if epoch % 2 == 0:
            return (losses.mean() - self.level).abs()
        sure = logits.detach().softmax(1).gather(1, y[:, None])
        flat = ((1 - sure) / (N_CLASSES - 1)).repeat(1, N_CLASSES).scatter(1, y[:, None], sure)
        right = logits.argmax(1) == y
        flattened = functional.cross_entropy(logits, flat, reduction="none")
        return torch.where(right, flattened, losses).mean()


class HighEntropy(nn.Module):
    """Soft labels of a given share of the largest entropy, and entropy of the answers rewarded."""

    def __init__(self, share, weight):
        super().__init__()
        self.weight = weight
        top = brentq(lambda p: _entropy(p) - share * np.log(N_CLASSES), 1 / N_CLASSES + 1e-6, 1)
        self.smoothing = (1 - top) * N_CLASSES / (N_CLASSES - 1)

    def forward(self, logits, y):
        """Give the loss of a batch."""
        loss = functional.cross_entropy(logits, y, label_smoothing=self.smoothing)
        log_p = logits.log_softmax(1)
        return loss + self.weight * (log_p.exp() * log_p).sum(1).mean()


def _entropy(p):
    rest = (1 - p) / (N_CLASSES - 1)
    return -(p * np.log(p) + (N_CLASSES - 1) * rest * np.log(rest + 1e-30))


def criterion(kind, **params):
    """Make the net with another criterion."""
    named = {f"criterion__{key}": value for key, value in params.items()}
    return mlp().set_params(criterion=kind, **named)


VICTIMS = {
    "plain": mlp(),
    "24 epochs": mlp().set_params(max_epochs=24),
    "12 epochs": mlp().set_params(max_epochs=12),
    "label smoothing .2": criterion(nn.CrossEntropyLoss, label_smoothing=0.2),
    "label smoothing .5": criterion(nn.CrossEntropyLoss, label_smoothing=0.5),
    "RelaxLoss 0.5": criterion(RelaxLoss, level=0.5),
    "RelaxLoss 1.0": criterion(RelaxLoss, level=1.0),
    "RelaxLoss 1.3": criterion(RelaxLoss, level=1.3),
    "HAMP .5": criterion(HighEntropy, share=0.5, weight=0.01),
    "HAMP .9": criterion(HighEntropy, share=0.9, weight=0.01),
    "top 1": ConfidenceMaskingClassifier(mlp(), top_k=1),
    "rounded to .1": ConfidenceMaskingClassifier(mlp(), decimals=1),
    "label alone": ConfidenceMaskingClassifier(mlp(), decimals=0),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victims", nargs="+", choices=list(VICTIMS), default=list(VICTIMS))
    parser.add_argument("--shadows", type=int, default=4)
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def measure(name, X, y, n_shadows):
    """Give a row of the table: accuracies, and what two attacks find."""
    truth, labels = np.arange(2 * N) < N, np.arange(N_CLASSES)
    victim = fit_anew(VICTIMS[name], X[:N], y[:N], labels, 12345)
    right = victim.predict(X[: 2 * N]) == y[: 2 * N]
    line = {"victim": name, "train": right[truth].mean(), "test": right[~truth].mean()}
    with tempfile.TemporaryDirectory() as memory:
        for method in ("loss", "learned"):
            attack = MembershipInferenceClassifier(
                FrozenEstimator(victim),
                method=method,
                n_shadow_models=n_shadows,
                shadow_size=N,
                precision="bfloat16",
                memory=memory,
                random_state=0,
            ).fit(X[2 * N :], y[2 * N :], audit=(X[: 2 * N], y[: 2 * N]))
            score = attack.decision_function(X[: 2 * N], y[: 2 * N])
            line[f"{method}, auc"] = roc_auc_score(truth, score)
            line[f"{method}, tpr@1%"] = tpr_at_fpr(truth, score)
    return line


def main():
    args = arguments()
    X, y = cifar_rows()
    rows = []
    for name in args.victims:
        rows.append(measure(name, X, y, args.shadows))
        show(rows[-1:])
    show(rows)
    if args.output:
        save(args.output, rows, vars(args))


if __name__ == "__main__":
    main()
