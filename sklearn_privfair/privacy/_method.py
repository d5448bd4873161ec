"""The base of every way to judge membership from the answers of a model and of its shadows."""

from abc import abstractmethod
from typing import Any

from sklearn.base import BaseEstimator


class MembershipMethod(BaseEstimator):
    """How :class:`MembershipInferenceClassifier` judges: a rule over answers already given.

    A subclass stores its parameters, extends `_parameter_constraints`, and writes
    ``judge(evidence)``; if it has something to learn from shadow models, ``learn(game, seed)``.
    """

    _parameter_constraints: dict = {}

    uses_shadows = True  # whether shadow models are trained at all
    compares = True  # whether their answers to the records judged are compared with the victim's
    uses_population = False  # whether the answers to the attacker's own records are, too
    max_judged: Any = None  # how many records of a game it judges at most, where each is dear

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
        seed : int
        """

    @abstractmethod
    def judge(self, evidence):
        """Give a score for each record: the higher, the likelier it is a member.

        Parameters
        ----------
        evidence : Evidence

        Returns
        -------
        score : ndarray of shape (n_records,)
        """
