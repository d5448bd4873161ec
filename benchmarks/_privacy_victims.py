"""Victims of membership inference, and their data: members, others, the attacker's own rows."""

import numpy as np
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.datasets import fetch_adult, fetch_cifar10


def cifar_rows():
    """CIFAR-10, each pixel standardised by the attacker's rows."""
    X, y = fetch_cifar10(subset="train", flatten=True, return_X_y=True)
    X, y = X[:40_000], y[:40_000].astype(np.int64)
    own = X[20_000:]
    return ((X - own.mean(axis=0)) / own.std(axis=0)).astype(np.float32), y


def adult_rows():
    """Adult as a data frame, in a random order."""
    X, y = fetch_adult(subset="all", return_X_y=True)
    order = np.random.RandomState(0).permutation(len(X))[:40_000]
    return X.iloc[order].reset_index(drop=True), np.asarray(y)[order]


def dense(widths, dropout):
    """Make the layers of the reference experiments' net."""
    layers, n = [], 3072
    for width in widths:
        layers += [nn.Linear(n, width), nn.ReLU(), nn.Dropout(dropout)]
        n = width
    return nn.Sequential(*layers, nn.Linear(n, 10))


def mlp(widths=(128, 64, 32), dropout=0.0, weight_decay=0.0):
    """Make the net of the reference experiments; its weights are drawn when it is fitted."""
    return NeuralNetClassifier(
        dense,
        module__widths=widths,
        module__dropout=dropout,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=weight_decay,
        lr=1.2e-3,
        max_epochs=48,
        batch_size=2048,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def behind(encoder, scaled, model):
    """Put a model of Adult's columns behind an encoder of the categorical ones."""
    numbers = StandardScaler() if scaled else "passthrough"
    columns = make_column_transformer(
        (encoder, _categorical), remainder=numbers, verbose_feature_names_out=False
    )
    return make_pipeline(columns, model)


def _categorical(frame):
    return [name for name, kind in frame.dtypes.items() if kind.kind not in "if"]


def codes():
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


VICTIMS = {
    "CIFAR-10, net": (cifar_rows, mlp),
    "Adult, forest": (
        adult_rows,
        lambda: behind(codes(), False, RandomForestClassifier(100, random_state=0)),
    ),
    "Adult, boosting": (
        adult_rows,
        lambda: behind(codes(), False, HistGradientBoostingClassifier(random_state=0)),
    ),
    "Adult, logistic": (
        adult_rows,
        lambda: behind(
            OneHotEncoder(handle_unknown="ignore"), True, LogisticRegression(max_iter=500)
        ),
    ),
}
