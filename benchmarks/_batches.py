"""What every peer needs: batches for those that have none, and ART's wrapper."""

import numpy as np
import torch


def in_batches(attack):
    """Let ``attack(net, x, y, task)``, on tensors, take arrays in batches."""

    def run(net, X, y, task, batch_size):
        pairs = zip(
            torch.from_numpy(X).split(batch_size),
            torch.from_numpy(y).split(batch_size),
            strict=True,
        )
        return np.concatenate([attack(net, *pair, task).detach().numpy() for pair in pairs])

    return run


def art_classifier(net, X, optimizer=None):
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        net,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=X.shape[1:],
        nb_classes=10,
        optimizer=optimizer,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
