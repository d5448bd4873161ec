"""What the metrics of membership inference accept: who is a member, and an attack's scores."""

import warnings
from numbers import Real

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_consistent_length

FPR = [Interval(Real, 0, 1, closed="right")]
CONFIDENCE = [Interval(Real, 0, 1, closed="neither")]


def check_membership(membership, name="membership"):
    """Return who is a member, as a vector of bool."""
    membership = column_or_1d(membership)
    kind = membership.dtype.kind
    if kind == "O":  # of pandas, or a list that mixes 0 and True
        known = all(isinstance(value, (bool, np.bool_, Real)) for value in membership)
    else:
        known = kind in "biuf"
    if not known or not np.isin(membership.astype(float), (0.0, 1.0)).all():
        found = sorted({repr(value) for value in membership.tolist()})[:5]
        raise ValueError(
            f"{name} must hold 1 (or True) for members and 0 (or False) for others; got "
            f"{', '.join(found)}. Compare it with what stands for members, {name} == value."
        )
    return membership.astype(bool)


def check_score(score, membership):
    """Return the scores as float64, one finite number for each record."""
    score = check_array(score, dtype=np.float64, ensure_2d=False, input_name="score")
    if score.ndim != 1:
        raise ValueError(
            f"score has shape {score.shape}; pass one number per record, the higher the more "
            "likely a member. Of predict_proba that is the column of class 1."
        )
    check_consistent_length(membership, score)
    return score


def check_attack(membership, score):
    """Return membership as bool and the scores as float64."""
    membership = check_membership(membership)
    return membership, check_score(score, membership)


def check_both(membership, what):
    """Tell whether there are members and others; warn if not."""
    both = membership.any() and not membership.all()
    if not both:
        lacking = "non-member" if membership.any() else "member"
        warnings.warn(
            f"{what} is NaN: there is no {lacking}.", UndefinedMetricWarning, stacklevel=4
        )
    return both
