"""Methods of `fairness.py`, ours and the peers': each from rows and a seed to test predictions.

Nets are the same everywhere: two hidden layers of 64 and 32, Adam, 30 epochs, in batches of 1,024
for Adult and of 256 for COMPAS.
"""

from importlib.util import find_spec

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

from sklearn_privfair.fairness import AdversarialDebiasingClassifier

PAPER = {  # Adam, projection, one step of the adversary for each of the net
    "tolerance": None,
    "alpha": 1.0,
    "projection": True,
    "adversary_steps": 1,
    "balance": False,
    "lr_decay": None,
    "warm_up": 0.0,
    "adversary_optimizer": torch.optim.Adam,
    "adversary_lr": 1e-3,
}
EPOCHS, LR, HIDDEN = 30, 3e-3, (64, 32)


def batch_size(rows):
    """Give the size of batches."""
    return 1024 if len(rows.X) > 10_000 else 256


def net(rows, **params):
    """Make the net."""
    layers, n_in = [], rows.X.shape[1]
    for n_units in HIDDEN:
        layers += [nn.Linear(n_in, n_units), nn.ReLU()]
        n_in = n_units
    return NeuralNetClassifier(
        nn.Sequential(*layers, nn.Linear(n_in, 2)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
        **{"lr": LR, "max_epochs": EPOCHS, "batch_size": batch_size(rows)} | params,
    )


def plain(rows, seed, make=None):
    """Fit and predict without regard to fairness."""
    if make is not None:
        return make().fit(rows.X, rows.y).predict(rows.X_test)
    return _fitted_net(rows, seed).predict(rows.X_test)


def _fitted_net(rows, seed):
    torch.manual_seed(seed)
    cosine = LRScheduler("CosineAnnealingLR", T_max=EPOCHS)
    return net(rows, callbacks=[cosine]).fit(rows.X, rows.y)


def ours(rows, seed, constraint, epochs=EPOCHS, decay=0.0, **params):
    """Adversarial debiasing as it is here; the net's weights may decay."""
    torch.manual_seed(seed)  # of the module, which is an instance
    model = AdversarialDebiasingClassifier(
        net(rows, max_epochs=epochs, optimizer__weight_decay=decay),
        constraint,
        random_state=seed,
        **params,
    )
    model.fit(rows.X, rows.y, sensitive_features=rows.group)
    return model.predict(rows.X_test)


def fairlearn_adversarial(rows, seed, constraint, alpha, epochs=EPOCHS):
    """Fairlearn's adversarial debiasing, by its torch engine.

    It seeds torch with a fraction, and so with 0 whatever `random_state` is; the net is made here.
    """
    from fairlearn.adversarial import AdversarialFairnessClassifier

    model = AdversarialFairnessClassifier(
        backend="torch",
        predictor_model=_layers(rows, seed),
        adversary_model=[],
        predictor_optimizer="Adam",
        adversary_optimizer="Adam",
        constraints=constraint,
        learning_rate=1e-3,
        alpha=alpha,
        epochs=epochs,
        batch_size=batch_size(rows),
        shuffle=True,
        random_state=seed,
    )
    return model.fit(rows.X, rows.y, sensitive_features=rows.group).predict(rows.X_test)


def _layers(rows, seed):
    torch.manual_seed(seed)
    first, second = HIDDEN
    layers = [nn.Linear(rows.X.shape[1], first), nn.ReLU(), nn.Linear(first, second), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(second, 1), nn.Sigmoid())


class Reductions:
    """Fairlearn's exponentiated gradient: fitted once a data set, random in predicting."""

    def __init__(self, constraint, bound, base):
        self.constraint, self.bound, self.base, self.rows = constraint, bound, base, None

    def __call__(self, rows, seed):
        if self.rows is None or not np.array_equal(rows.X, self.rows.X):
            self.rows, self.model = rows, self._fitted(rows)
        return self.model.predict(rows.X_test, random_state=seed)

    def _fitted(self, rows):
        from fairlearn import reductions

        moment = {
            "demographic_parity": reductions.DemographicParity,
            "equalized_odds": reductions.EqualizedOdds,
            "equal_opportunity": reductions.TruePositiveRateParity,
        }[self.constraint](difference_bound=self.bound)
        model = reductions.ExponentiatedGradient(self.base(), moment, eps=self.bound)
        model.fit(rows.X, rows.y, sensitive_features=rows.group)
        return model


class Fitted(ClassifierMixin, BaseEstimator):
    """What ThresholdOptimizer takes for fitted: a net is none by scikit-learn's signs."""

    def __init__(self, model=None):
        self.model = model

    def fit(self, X, y):
        self.classes_ = [0, 1]
        return self

    def predict_proba(self, X):
        return self.model.predict_proba(X).astype(np.float64)  # it writes float64 into them


def thresholds(rows, seed, constraint, make=None):
    """Fairlearn's threshold optimizer, which needs to know the group of each test row."""
    from fairlearn.postprocessing import ThresholdOptimizer

    model = make().fit(rows.X, rows.y) if make is not None else _fitted_net(rows, seed)
    optimizer = ThresholdOptimizer(
        estimator=Fitted(model).fit(rows.X, rows.y),
        constraints={"equal_opportunity": "true_positive_rate_parity"}.get(constraint, constraint),
        prefit=True,
        predict_method="predict_proba",
    )
    optimizer.fit(rows.X, rows.y, sensitive_features=rows.group)
    return optimizer.predict(rows.X_test, sensitive_features=rows.group_test, random_state=seed)


def aif360(rows, seed, alpha):
    """AIF360's adversarial debiasing, whose adversary always sees the label."""
    import tensorflow.compat.v1 as tf
    from _fairness_aif360 import as_dataset
    from aif360.algorithms.inprocessing import AdversarialDebiasing

    tf.disable_eager_execution()
    tf.reset_default_graph()
    train, test, groups = as_dataset(rows)
    with tf.Session() as session:
        model = AdversarialDebiasing(
            *groups,
            scope_name="debiasing",
            sess=session,
            seed=seed,
            adversary_loss_weight=alpha,
            num_epochs=EPOCHS,
            classifier_num_hidden_units=HIDDEN[0],
        )
        return model.fit(train).predict(test).labels[:, 0]


def logistic():
    return LogisticRegression(max_iter=1000)


def boosting():
    return HistGradientBoostingClassifier(random_state=0)


def installed(name):
    """Tell whether a peer is there."""
    return find_spec(name) is not None
