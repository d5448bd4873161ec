"""The learned attack: a classifier over all that a model and its shadows say of a record.

Each shadow model in turn plays the victim, so that what its members are is known; gradient-boosted
trees learn membership from every signal at once.
"""

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils._param_validation import HasMethods, Interval

from sklearn_privfair.privacy import _signals
from sklearn_privfair.privacy._attack_models import fit_attack_model, odds_of_membership
from sklearn_privfair.privacy._method import MembershipMethod
from sklearn_privfair.privacy._rmia import RMIA


class LearnedAttack(MembershipMethod):
    """Membership learned from all signals at once, in games with known outcome.

    Signals of a record: its log-odds, entropy, modified entropy and margin by the model judged; the
    mean log-odds and probability by shadow models trained without it and, online, by those trained
    with it; the differences; RMIA's gain; its class.

    Parameters
    ----------
    attack_estimator : classifier, default=None
        What learns. None: histogram-based gradient boosting of 200 trees of 15 leaves.
    max_records : int, default=500_000
        Records of all games together from which it learns at most, drawn at random.

    See Also
    --------
    RMIA : As strong as any published attack, and nothing to learn.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.privacy import LearnedAttack
    >>> LearnedAttack(LogisticRegression(C=0.1)).get_params(deep=False)
    {'attack_estimator': LogisticRegression(C=0.1), 'max_records': 500000}
    """

    _parameter_constraints: dict = {
        "attack_estimator": [HasMethods(["fit", "predict_proba"]), None],
        "max_records": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, attack_estimator=None, max_records=500_000):
        self.attack_estimator = attack_estimator
        self.max_records = max_records

    def learn(self, game, seed):
        X, y = _examples(game)
        if len(X) > self.max_records:
            chosen = np.random.default_rng(seed).choice(len(X), self.max_records, replace=False)
            X, y = X[chosen], y[chosen]
        given = self.attack_estimator
        model = attack_trees() if given is None else clone(given)
        self.attack_model_ = fit_attack_model(model, X, y, seed)

    def judge(self, evidence):
        return odds_of_membership(self.attack_model_, signals(evidence))


def attack_trees():
    """Make the classifier that learns if none is given."""
    return HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=100,
        l2_regularization=1.0,
        early_stopping=False,
    )


def _examples(game):
    rounds = [(signals(evidence), truth) for evidence, truth in game.rounds()]
    X, y = (np.concatenate(part) for part in zip(*rounds, strict=True))
    return X, y


def signals(evidence):
    """Give all signals of records.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    X : ndarray of shape (n_records, n_signals)
    """
    proba, codes = evidence.proba[0], evidence.codes
    own, shadows = evidence.log_odds.mean(axis=0), evidence.shadow_log_odds.mean(axis=1)
    top = np.sort(np.maximum(proba.astype(np.float64), evidence.clip), axis=1)
    columns = [
        own,
        _signals.entropy(proba),
        _signals.modified_entropy(proba, codes),
        np.log(top[:, -1] / top[:, -2]),
        RMIA().gain(evidence),
        codes,
    ]
    for chosen in (~evidence.members, evidence.members)[: 1 + evidence.online]:
        log_odds, confidence = (_mean(v, chosen) for v in (shadows, _expit(shadows)))
        columns += [log_odds, own - log_odds, confidence]
    if evidence.online:
        columns.append(columns[-3] - columns[-6])
    return np.column_stack(columns)


def _mean(values, chosen):
    return np.where(chosen, values, 0.0).sum(axis=0) / chosen.sum(axis=0)


def _expit(x):
    return 1 / (1 + np.exp(-x))
