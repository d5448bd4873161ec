"""A net on a GPU is attacked, and trained, where it is. Skipped where there is none."""

import inspect

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair._discovery import public_estimators
from sklearn_privfair.attacks import APGDAttack, Constraints, FABAttack, FMNAttack, PGDAttack
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.defences import AdversarialTrainingClassifier

from ._harness import blobs, mlp, rows

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
X, Y = blobs()


def instances():
    """Give every public attack at its defaults, made short, and some settings besides."""
    for cls in public_estimators(BaseAttack):
        known = inspect.signature(cls).parameters
        settings = {"random_state": 0, "n_queries": 300, "eps": 0.1}
        settings = {name: value for name, value in settings.items() if name in known}
        if "surrogate" in known:
            settings["surrogate"] = mlp()
        yield cls(**settings)
    yield PGDAttack(norm=1, eps=0.5, random_state=0)
    yield PGDAttack(norm=2, eps=0.2, target="least_likely", random_state=0)
    yield APGDAttack(norm=1, eps=0.5, loss="margin_targeted", random_state=0)
    yield FMNAttack(norm=0, random_state=0)
    yield FABAttack(norm=1, n_target_classes=2, random_state=0)
    yield PGDAttack(eps=0.2, constraints=Constraints(immutable=[0], decreasing=[1]), random_state=0)


@pytest.mark.parametrize("attack", list(instances()))
def test_as_on_the_cpu(attack):
    net, images = mlp(), rows()
    here = clone(attack).fit(net).generate(images)
    there = clone(attack).fit(net.cuda()).generate(images)
    assert next(net.parameters()).is_cuda
    assert abs(here.success.mean() - there.success.mean()) < 0.05
    assert isinstance(there.X_adv, np.ndarray)


def test_adversarial_training_on_the_gpu():
    module = nn.Sequential(nn.Linear(X.shape[1], 16), nn.ReLU(), nn.Linear(16, len(np.unique(Y))))
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, device="cuda", max_epochs=5, lr=0.1, verbose=0
    )
    attack = PGDAttack(eps=0.1, n_steps=3, bounds=None, random_state=0)
    defence = AdversarialTrainingClassifier(net, attack, random_state=0).fit(X, Y)
    assert next(defence.estimator_.module_.parameters()).is_cuda
    assert defence.score(X, Y) > 0.5
    assert 0 <= attack.fit(defence).score(X, Y) <= 1
