"""Data sets of the demonstration, each with its net and its budgets."""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn, optim

from sklearn_privfair.datasets import fetch_mnist


@dataclass
class DemoData:
    """Images in [0, 1] as (n, 1, height, width), a net for them, budgets and epochs."""

    title: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    layers: type
    eps_linf: float
    eps_l2: float
    lr: float
    epochs: int
    epochs_adversarial: int

    def net(self, adversarial=False):
        """Give a skorch net, not yet trained."""
        return NeuralNetClassifier(
            self.layers,
            criterion=nn.CrossEntropyLoss,
            optimizer=optim.Adam,
            lr=self.lr,
            batch_size=128,
            max_epochs=self.epochs_adversarial if adversarial else self.epochs,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
        )


class DigitsNet(nn.Sequential):
    """A small convolutional net for 8 x 8 images."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(1024, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


class MnistNet(nn.Sequential):
    """The small convolutional net of the reference experiments, for 28 x 28 images."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 16, 4, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(2, stride=1),
            nn.Conv2d(16, 32, 4),
            nn.ReLU(),
            nn.MaxPool2d(2, stride=1),
            nn.Flatten(),
            nn.Linear(2048, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


def load(name, seed):
    """Load a data set of the demonstration by its name."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X = (X / 16).astype(np.float32).reshape(-1, 1, 8, 8)
        parts = train_test_split(X, y, test_size=300, stratify=y, random_state=seed)
        X_train, X_test, y_train, y_test = parts
        return DemoData(
            "Digits", X_train, y_train, X_test, y_test, DigitsNet, 0.15, 0.6, 5e-3, 30, 30
        )
    X_train, y_train = fetch_mnist(subset="train", return_X_y=True)
    X_test, y_test = fetch_mnist(subset="test", return_X_y=True)
    # enough rows to learn from in minutes
    X_train, y_train, X_test, y_test = X_train[:20000], y_train[:20000], X_test[:300], y_test[:300]
    return DemoData("MNIST", X_train, y_train, X_test, y_test, MnistNet, 0.3, 2.0, 1e-3, 5, 10)
