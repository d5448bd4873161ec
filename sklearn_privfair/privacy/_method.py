"""The base of every way to judge membership from the answers of a model and of its shadows."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_privfair._stored import StoredState


class MembershipMethod(StoredState, BaseEstimator, ABC):
    """How :class:`MembershipInferenceClassifier` judges: a rule over answers already given.

    A subclass stores its parameters, extends `_parameter_constraints`, and writes
    ``judge(evidence)``; if it has something to learn from shadow models, ``learn(game, seed)``.

    Examples
    --------
    The probability of the record's own class, and nothing else:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_privfair.privacy import MembershipInferenceClassifier, MembershipMethod
    >>> class Confidence(MembershipMethod):
    ...     uses_shadows = compares = False
    ...
    ...     def judge(self, evidence):
    ...         return evidence.proba[0][range(len(evidence.codes)), evidence.codes]
    >>> X, y = load_iris(return_X_y=True)
    >>> victim = FrozenEstimator(DecisionTreeClassifier(max_depth=2).fit(X, y))
    >>> attack = MembershipInferenceClassifier(victim, method=Confidence()).fit(X, y)
    >>> attack.decision_function(X[::60], y[::60]).round(2)
    array([1.  , 0.91, 0.98])
    """

    _parameter_constraints: dict = {}

    uses_shadows = True  # whether shadow models are trained at all
    compares = True  # whether their answers to the records judged are compared with the victim's
    uses_population = False  # whether the answers to the attacker's own records are, too
    max_judged: Any = None  # how many records of a game it judges at most, where each is dear

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in ("judge", "judges", "learn"):  # what they take and give is the same everywhere
            if name in vars(cls) and not vars(cls)[name].__doc__:
                vars(cls)[name].__doc__ = getattr(MembershipMethod, name).__doc__

    def check_shadows(self, n_models, online, asked):
        """Raise if there are too few shadow models to judge by.

        Parameters
        ----------
        n_models : int
            How many there are to be.
        online : bool
            Whether they come in pairs, of which neither can be compared with the other.
        asked : int
            The value of `n_shadow_models`.
        """
        name = type(self).__name__
        if self.uses_shadows and online and asked % 2:
            raise ValueError(
                f"n_shadow_models={asked} is odd, and with an audit shadow models come in pairs, "
                f"trained on opposite halves; use {asked + 1}."
            )
        least = 1 if not self.compares else 4 if online else 2
        if self.uses_shadows and n_models < least:
            which = "with an audit " if online else ""
            raise ValueError(
                f"There would be n_shadow_models={n_models}, and {name} {which}takes at least "
                f"{least}: one plays the victim while others are compared with it."
            )

    def learn(self, game, seed):
        """Learn from games whose outcome is known: each shadow model in turn plays the victim.

        Parameters
        ----------
        game : Game
            What shadow models answered; ``game.rounds()`` plays it.
        seed : int
            Of all that is drawn.
        """

    def judges(self, codes):
        """Tell which records it can judge, by their classes, once it has learned.

        Parameters
        ----------
        codes : int ndarray of shape (n_records,)
            The records' classes.

        Returns
        -------
        known : bool ndarray of shape (n_records,)
            All, unless a subclass says otherwise.
        """
        return np.ones(len(codes), dtype=bool)

    @abstractmethod
    def judge(self, evidence):
        """Give a score for each record: the higher, the likelier it is a member.

        Parameters
        ----------
        evidence : Evidence
            Answers by the model judged (`proba`) and by shadow models (`shadow_proba`), the
            records' classes (`codes`), and who was trained on which (`members`).

        Returns
        -------
        score : ndarray of shape (n_records,)
            In units of the method's own.
        """
