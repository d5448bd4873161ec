"""Games of membership whose outcome is known: each shadow model in turn plays the victim."""

import copy
from functools import partial

import numpy as np

from sklearn_privfair._stored import StoredState
from sklearn_privfair.privacy._evidence import Evidence
from sklearn_privfair.privacy._moments import Spread
from sklearn_privfair.privacy._signals import SMALLEST, log_odds, other_proba, true_proba


class Game(StoredState):
    """What shadow models answered to all records that the attacker has.

    Parameters
    ----------
    records : Records
    models : list of classifier
        The shadow models.
    proba : ndarray of shape (n_models, n_queries, n_records, n_classes)
        Their answers.
    members : bool ndarray of shape (n_models, n_records)
        Which records each was trained on.
    audited : bool ndarray of shape (n_records,)
        Which records are there to be judged. With any, models come in pairs that were trained on
        opposite halves of them.
    clip : float
    """

    def __init__(self, records, models, proba, members, audited, clip):
        self.records, self.models, self.proba = records, models, proba
        self.members, self.audited, self.clip = members, audited, clip
        values = partial(log_odds, proba, records.codes, clip)
        self.spread = Spread(values, ~members), Spread(values, members)
        others = ~audited
        self.online = bool(audited.any())
        # what the attacker holds beside the records judged
        self.population = np.flatnonzero(others if others.any() else audited)
        alone = np.unique(records.first)  # what is learned from one is not tried on its double
        self.judged = alone[audited[alone]] if self.online else alone

    def among(self, index):
        """Give the games over some of the records judged."""
        part = copy.copy(self)
        part.judged = index
        return part

    def evidence(self, proba, index, shadows=None, **more):
        """Give the evidence on records of the game.

        Parameters
        ----------
        proba : ndarray of shape (n_queries, n_index, n_classes)
            Answers to them by the model judged.
        index : int ndarray of shape (n_index,)
            Which records.
        shadows : int ndarray, default=None
            Which shadow models; None: all.
        **more
            See :class:`Evidence`.
        """
        shadows = np.arange(len(self.models)) if shadows is None else shadows
        return Evidence(
            self.records.codes[index],
            proba,
            self.proba[np.ix_(shadows, np.arange(self.proba.shape[1]), index)],
            self.members[np.ix_(shadows, index)],
            self.spread,
            self.online,
            self.clip,
            rows=lambda chosen: self.records.rows(index[chosen]),
            index=index,
            **more,
        )

    def rounds(self, compares=True):
        """Play all rounds: give the evidence on a shadow model, and who its members are.

        The other model of a pair is left out, as it tells the outcome; the others were trained on
        as many members as non-members, or without regard to either.

        Parameters
        ----------
        compares : bool, default=True
            Whether the other shadow models' answers are wanted.

        Yields
        ------
        evidence : Evidence
        truth : bool ndarray of shape (n_records,)
        """
        for k, model in enumerate(self.models):
            hidden = (k, k ^ 1) if self.online else (k,)
            others = np.array([j for j in range(len(self.models)) if compares and j not in hidden])
            others = others.astype(int)
            strangers = self.population[~self.members[k, self.population]]
            index, strangers = (self.not_in_all(others, i) for i in (self.judged, strangers))
            around = self.evidence(self.proba[k][:, strangers], strangers, others)
            evidence = self.evidence(
                self.proba[k][:, index], index, others, model=model, population=around
            )
            yield evidence, self.members[k, index]

    def not_in_all(self, shadows, index):
        """Leave out records on which every shadow model was trained."""
        members = self.members[np.ix_(shadows, index)]
        return index[~members.all(axis=0)] if len(shadows) else index


def automatic_clip(proba, codes):
    """Give what probabilities are kept away from, at 0 and 1, from answers of shadow models.

    Votes of trees are exactly 0 or 1, and only say that the truth is nearer than a vote.

    Parameters
    ----------
    proba : ndarray of shape (n_models, n_queries, n_records, n_classes)
    codes : int ndarray of shape (n_records,)
    """
    if proba.size == 0:
        return SMALLEST
    least = np.minimum(true_proba(proba, codes), other_proba(proba, codes))
    some = least[least > 0]
    if len(some) == least.size or len(some) == 0:
        return SMALLEST if len(some) else 0.01
    return max(SMALLEST, float(np.quantile(some, 0.01)) / 2)
