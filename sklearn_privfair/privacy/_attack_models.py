"""Shadow-model attack: classifiers, one per class, that tell answers to members from others.

Shokri, Stronati, Song & Shmatikov (2017), "Membership inference attacks against machine learning
models", IEEE S&P, section V-D.
"""

from contextlib import nullcontext

import numpy as np
import torch
from sklearn.base import clone
from sklearn.ensemble._base import _set_random_states
from sklearn.utils._param_validation import HasMethods
from skorch import NeuralNetBinaryClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from sklearn_privfair.differentiable._seeds import generators_as_found
from sklearn_privfair.differentiable._skorch_training import (
    is_net,
    net_inputs,
    net_rows,
    step_to_fit,
)
from sklearn_privfair.privacy._method import MembershipMethod
from sklearn_privfair.privacy._shadow_training import fit_in_place


class ShadowAttack(MembershipMethod):
    """Attack models learned from the answers of shadow models.

    Each shadow model is asked about records that it was trained on and about others. A classifier
    learns to tell the answers apart from the probabilities and the record's class, one-hot: one
    classifier for each class, or one for all.

    Parameters
    ----------
    attack_estimator : classifier, default=None
        The attack model, trained on 2 n_classes features. None: a net of one hidden layer of
        4 n_classes rectified units and a sigmoid.
    per_class : bool, default=True
        Whether each class has an attack model of its own, as in the paper. A class of which not
        both members and others are known has none, and its records cannot be judged.

    References
    ----------
    R. Shokri, M. Stronati, C. Song, V. Shmatikov, "Membership inference attacks against machine
    learning models", IEEE S&P 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.privacy import MembershipInferenceClassifier, ShadowAttack
    >>> X, y = load_digits(n_class=3, return_X_y=True)
    >>> victim = RandomForestClassifier(10, random_state=0).fit(X[:200], y[:200])
    >>> attack = MembershipInferenceClassifier(
    ...     FrozenEstimator(victim), method=ShadowAttack(LogisticRegression()), random_state=0
    ... )
    >>> sorted(attack.fit(X[200:], y[200:]).method_.attack_models_)  # one for each class
    [0, 1, 2]
    """

    compares = False

    _parameter_constraints: dict = {
        "attack_estimator": [HasMethods(["fit", "predict_proba"]), None],
        "per_class": ["boolean"],
    }

    def __init__(self, attack_estimator=None, per_class=True):
        self.attack_estimator = attack_estimator
        self.per_class = per_class

    def learn(self, game, seed):
        rounds = [(_features(e), e.codes, truth) for e, truth in game.rounds(compares=False)]
        X, codes, truth = (np.concatenate(part) for part in zip(*rounds, strict=True))
        groups = range(game.proba.shape[-1]) if self.per_class else [None]
        given, self.attack_models_ = self.attack_estimator, {}
        for group in groups:
            chosen = np.ones(len(codes), dtype=bool) if group is None else codes == group
            if len(np.unique(truth[chosen])) < 2:
                continue  # a class of which no record, or only members, are known
            model = attack_net(X.shape[1]) if given is None else clone(given)
            with threads_for(given):
                model = fit_attack_model(model, X[chosen], truth[chosen], seed)
            self.attack_models_[group] = model

    def judges(self, codes):
        return np.array([not self.per_class or code in self.attack_models_ for code in codes])

    def judge(self, evidence):
        X, score = _features(evidence), np.empty(len(evidence.codes))
        for group in np.unique(evidence.codes) if self.per_class else [None]:
            chosen = slice(None) if group is None else evidence.codes == group
            if group not in self.attack_models_:
                raise ValueError(
                    f"Class number {group} has no attack model: there were not both members and "
                    "others of this class among the records given to fit. Give more records of "
                    "it, or use ShadowAttack(per_class=False)."
                )
            with threads_for(self.attack_estimator):
                score[chosen] = odds_of_membership(self.attack_models_[group], X[chosen])
        return score


def _features(evidence):
    """Give the probabilities and the class, one-hot."""
    proba = evidence.proba.mean(axis=0)
    return np.hstack([proba, np.eye(proba.shape[1])[evidence.codes]]).astype(np.float32)


def threads_for(given):
    """Keep our own attack models, which are small, to one thread; one that was given is free.

    Threads that wait for each other at every small step cost many times what they bring as soon as
    the cores have other work.
    """
    return threadpool_limits(1) if given is None else nullcontext()


def fit_attack_model(model, X, truth, seed):
    """Fit any classifier on membership, in place and seeded."""
    _set_random_states(model, seed)
    return fit_in_place(model, "fit", X, truth.astype(np.int64), np.array([0, 1]), seed)


def odds_of_membership(model, X):
    """Give the log-odds of membership, by any classifier."""
    last = step_to_fit(model)
    if is_net(last):
        X = net_inputs(last, X) if last is model else net_rows(last, X)
    with generators_as_found(devices=False):  # skorch's data loaders draw a seed
        proba = model.predict_proba(X)
    p = proba[:, 1].astype(np.float64)
    q = proba[:, 0].astype(np.float64)
    tiny = 1e-12
    return np.log(np.maximum(p, tiny)) - np.log(np.maximum(q, tiny))


class AttackNet(nn.Module):
    """One hidden layer of rectified units, and the log-odds of being a member."""

    def __init__(self, n_features):
        super().__init__()
        self.hidden = nn.Linear(n_features, 2 * n_features)
        self.out = nn.Linear(2 * n_features, 1)

    def forward(self, X):
        return self.out(torch.relu(self.hidden(X)))


def attack_net(n_features):
    """Make the attack model of the reference experiments, for 2 n_classes features."""
    return NeuralNetBinaryClassifier(
        AttackNet,
        module__n_features=n_features,
        optimizer=torch.optim.Adam,
        lr=1e-2,
        max_epochs=30,
        batch_size=256,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
