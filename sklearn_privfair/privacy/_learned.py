"""The learned attack: a classifier over all that a model and its shadows say of a record.

Each shadow model in turn plays the victim, so that what its members are is known; gradient-boosted
trees learn membership from every signal at once, or where they find no more, logistic regression.
"""

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import HasMethods, Interval

from sklearn_privfair.privacy import _signals
from sklearn_privfair.privacy._attack_models import (
    fit_attack_model,
    odds_of_membership,
    threads_for,
)
from sklearn_privfair.privacy._method import MembershipMethod
from sklearn_privfair.privacy._rmia import RMIA


class LearnedAttack(MembershipMethod):
    """Membership learned from all signals at once, in games with known outcome.

    Signals of a record: its log-odds, entropy, modified entropy and margin by the model judged; the
    mean log-odds by shadow models trained without it and, online, by those trained with it; the
    differences; RMIA's gain; its class. Online, with more shadow models than there are in a game, a
    record is judged once without each pair of them, and the log-odds are averaged: so it is judged
    by as many as was learned with.

    Parameters
    ----------
    attack_estimator : classifier, default=None
        What learns. None: a logistic regression or gradient boosting, 200 trees of 15 leaves,
        whichever has the lower log-loss on records that it has not learned from. Trees find more
        where models remember much and records are many.
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
        self.n_shadows_ = len(game.models) - 2 if game.online else len(game.models) - 1
        X, y, records = _examples(game)
        if len(np.unique(y)) < 2:
            raise ValueError(
                f"LearnedAttack learns from games among shadow models, and in these there are "
                f"{y.sum()} members and {len(y) - y.sum()} others; give more records, or use a "
                "method that has nothing to learn, such as 'rmia'."
            )
        if len(X) > self.max_records:
            chosen = np.random.default_rng(seed).choice(len(X), self.max_records, replace=False)
            X, y, records = X[chosen], y[chosen], records[chosen]
        given = self.attack_estimator
        with threads_for(given):
            model = better_learner(X, y, records, seed) if given is None else clone(given)
            self.attack_model_ = fit_attack_model(model, X, y, seed)

    def judge(self, evidence):
        n = len(evidence.members)
        every, sets = np.arange(n), [np.arange(n)]
        if evidence.online and n > self.n_shadows_:
            sets = [every[every // 2 != pair] for pair in range(n // 2)]
        with threads_for(self.attack_estimator):
            odds = [odds_of_membership(self.attack_model_, signals(evidence.by(s))) for s in sets]
        return np.mean(odds, axis=0)


def attack_line():
    """Make the classifier that learns where trees find no more."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def attack_trees():
    """Make the classifier that learns where there is much to learn."""
    return HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=100,
        l2_regularization=1.0,
        early_stopping=False,
    )


def better_learner(X, y, records, seed):
    """Choose what learns better, by log-loss on the half of the records not learned from.

    Parameters
    ----------
    X : ndarray of shape (n_examples, n_signals)
    y : bool ndarray of shape (n_examples,)
        Whether each is of a member.
    records : int ndarray of shape (n_examples,)
        Which record each is of.
    seed : int

    Returns
    -------
    model : classifier
        Not fitted.
    """
    first = np.random.default_rng(seed).permutation(records.max() + 1)[records] % 2 == 0
    halves = [half for half in (first, ~first) if len(np.unique(y[half])) == 2]
    models, losses = [attack_line(), attack_trees()], []
    for model in models:
        fitted = [fit_attack_model(clone(model), X[half], y[half], seed) for half in halves]
        pairs = zip(fitted, halves, strict=True)
        odds = [(odds_of_membership(one, X[~half]), y[~half]) for one, half in pairs]
        losses.append(sum(np.logaddexp(0, np.where(t, -o, o)).sum() for o, t in odds))
    return models[np.argmin(losses)]


def _examples(game):
    rounds = [(signals(evidence), truth, evidence.index) for evidence, truth in game.rounds()]
    return tuple(np.concatenate(part) for part in zip(*rounds, strict=True))


def signals(evidence):
    """Give all signals of records, in columns.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    X : ndarray of shape (n_records, n_signals)
    """
    return np.column_stack(list(named_signals(evidence).values()))


def named_signals(evidence):
    """Give all signals of records, by name: "out" of shadow models without the record, "in" with.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    signals : dict of str to ndarray of shape (n_records,)
    """
    proba, codes = evidence.proba[0], evidence.codes
    own, shadows = evidence.log_odds.mean(axis=0), evidence.shadow_log_odds.mean(axis=1)
    top = np.sort(np.maximum(proba.astype(np.float64), evidence.clip), axis=1)
    found = {
        "own": own,
        "entropy": _signals.entropy(proba),
        "modified entropy": _signals.modified_entropy(proba, codes),
        "margin": np.log(top[:, -1] / top[:, -2]),
        "gain": RMIA().gain(evidence),
        "class": codes,
    }
    sides = {"out": ~evidence.members, "in": evidence.members}
    for side, chosen in list(sides.items())[: 1 + evidence.online]:
        found[side] = _mean(shadows, chosen)
        found[f"own - {side}"] = own - found[side]
    if evidence.online:
        found["in - out"] = found["in"] - found["out"]
    return found


def _mean(values, chosen):
    return np.where(chosen, values, 0.0).sum(axis=0) / chosen.sum(axis=0)
