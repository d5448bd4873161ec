"""RMIA: how often a record gains more by the model than records of the population do.

Zarifzadeh, Liu & Shokri (2024), "Low-cost high-power membership inference attacks", ICML: equations
3 and 10, algorithm 2; their offline approximation of a model trained with the record by a linear
function of one trained without.
"""

from numbers import Real

import numpy as np
from scipy.special import expit
from sklearn.utils._param_validation import Interval

from sklearn_privfair.privacy._method import MembershipMethod


class RMIA(MembershipMethod):
    """Robust membership inference attack, against records of the population.

    Parameters
    ----------
    gamma : float, default=2.0
        At least 1: by what factor a record's gain must be above that of another to dominate it.
    offline_a : float, default=0.6
        In [0, 1]. Offline, what a record's probability is taken to be under a model trained with
        it: ``a * p + 1 - a``, of `p` under one trained without it. 1: the same; 0: certain.

    See Also
    --------
    LearnedAttack : Takes its gain for one signal among others.

    References
    ----------
    S. Zarifzadeh, P. Liu, R. Shokri, "Low-cost high-power membership inference attacks", ICML 2024.

    Examples
    --------
    >>> from sklearn_privfair.privacy import RMIA
    >>> RMIA(gamma=1.5).get_params()
    {'gamma': 1.5, 'offline_a': 0.6}
    """

    uses_population = True

    _parameter_constraints: dict = {
        "gamma": [Interval(Real, 1, None, closed="left")],
        "offline_a": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, gamma=2.0, offline_a=0.6):
        self.gamma = gamma
        self.offline_a = offline_a

    def judge(self, evidence):
        gain = self.gain(evidence)
        others = np.sort(self.gain(evidence.population))
        dominated = np.searchsorted(others, gain - np.log(self.gamma), side="right")
        return (dominated + expit(gain)) / (len(others) + 1)  # those that dominate all are ranked

    def gain(self, evidence):
        """Give the logarithm of each record's probability, against what it is on average.

        Parameters
        ----------
        evidence : Evidence
            What is known of them.

        Returns
        -------
        gain : ndarray of shape (n_records,)
            Equation 10's ratio, in logarithms, averaged over queries.
        """
        own = -np.logaddexp(0, -evidence.log_odds)
        shadows = np.exp(-np.logaddexp(0, -evidence.shadow_log_odds))
        inside = evidence.members[:, None]
        without = _mean(shadows, ~inside)
        guess = self.offline_a * without + 1 - self.offline_a
        among = np.where(inside.any(axis=0), _mean(shadows, inside), guess)
        average = (without + (among if evidence.online else guess)) / 2
        return (own - np.log(average)).mean(axis=0)


def _mean(values, chosen):
    """Give the mean over the shadow models chosen; 0 where there is none."""
    return np.where(chosen, values, 0.0).sum(axis=0) / np.maximum(chosen.sum(axis=0), 1)
