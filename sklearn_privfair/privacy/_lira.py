"""LiRA: the likelihood ratio of a record's log-odds, had it been in the training set or not.

Carlini, Chien, Nasr, Song, Terzis & Tramer (2022), "Membership inference attacks from first
principles", IEEE S&P: algorithm 1 (online), section VI-C (offline, one-sided) and appendix (several
queries).
"""

import numpy as np
from scipy.stats import norm
from sklearn.utils._param_validation import StrOptions

from sklearn_privfair.privacy._method import MembershipMethod
from sklearn_privfair.privacy._moments import Moments


class LiRA(MembershipMethod):
    """Likelihood-ratio attack.

    A record's log-odds are taken to be normal, over models trained with it and over models trained
    without it; the shadow models tell both means and spreads. Where shadow models were trained
    on the records (online), the score is the logarithm of the likelihood ratio. Where none was
    (offline), it is that of a one-sided test against the models trained without: the negative
    logarithm of the probability that such a model gives log-odds as high.

    Parameters
    ----------
    variance : {"shrunken", "global", "per_example"}, default="shrunken"
        Of which values the spread is that of: of each record's own, which takes many shadow models
        (the paper's choice from 64 on); of all records' together; or of each record's own, drawn
        to that of all as far as chance asks.

    See Also
    --------
    RMIA : Stronger with few shadow models, by comparing records with others.

    References
    ----------
    N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis, F. Tramer, "Membership inference attacks
    from first principles", IEEE S&P 2022.

    Examples
    --------
    >>> from sklearn_privfair.privacy import LiRA
    >>> LiRA(variance="global").get_params()
    {'variance': 'global'}
    """

    _parameter_constraints: dict = {
        "variance": [StrOptions({"shrunken", "global", "per_example"})],
    }

    def __init__(self, variance="shrunken"):
        self.variance = variance

    def judge(self, evidence):
        values, members, own = evidence.shadow_log_odds, evidence.members, evidence.log_odds
        without = Moments(values, ~members, self.variance, evidence.spread[0])
        if not evidence.online:
            return -norm.logsf(_common_shift(own, without))
        among = Moments(values, members, self.variance, evidence.spread[1])
        return _log_density(own, among) - _log_density(own, without)


def _log_density(values, moments):
    """Give the log-density of several queries together, normal with the queries' correlation.

    Up to a constant that is the same for all.
    """
    z = (values - moments.mean) / moments.scale
    square = np.einsum("qi,qr,ri->i", z, moments.spread.inverse, z)
    return -0.5 * (square + moments.spread.log_det) - np.log(moments.scale).sum(axis=0)


def _common_shift(values, moments):
    """Give the standard score of the shift that all queries share."""
    z = (values - moments.mean) / moments.scale
    weights = moments.spread.inverse.sum(axis=0)
    return weights @ z / np.sqrt(weights.sum())
