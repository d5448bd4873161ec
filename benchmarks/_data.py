"""The rows: MNIST from the folder named by SKLEARN_PRIVFAIR_DATA, or scikit-learn's digits.

Arrays of shape (n, 1, height, width), float32 in [0, 1]. Budgets go with the data set.
"""

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPS = {"mnist": {np.inf: 0.3, 2: 2.0, 1: 20.0}, "digits": {np.inf: 0.15, 2: 0.8, 1: 4.0}}


def load(name):
    """Give X_train, X_test, y_train, y_test."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X = (X / 16).astype(np.float32).reshape(-1, 1, 8, 8)
        return train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)
    folder = os.environ.get("SKLEARN_PRIVFAIR_DATA")
    if not folder:
        raise SystemExit(
            "MNIST is read from mnist.npz in the folder that the environment variable "
            "SKLEARN_PRIVFAIR_DATA names, and it is not set: set it, or use --dataset digits."
        )
    with np.load(Path(folder) / "mnist.npz") as file:
        X_train, X_test = (
            (file[part] / np.float32(255)).astype(np.float32).reshape(-1, 1, 28, 28)
            for part in ("X_train", "X_test")
        )
        return X_train, X_test, file["y_train"].astype(int), file["y_test"].astype(int)
