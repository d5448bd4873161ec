"""Membership advantage, of guesses and of scores.

Yeom et al. (2018), "Privacy risk in machine learning: analyzing the connection to overfitting".
"""

import numpy as np
from sklearn.metrics import roc_curve
from sklearn.utils._param_validation import validate_params
from sklearn.utils.validation import check_consistent_length

from ._membership_checks import check_attack, check_both, check_membership


@validate_params(
    {"membership": ["array-like"], "membership_pred": ["array-like"]},
    prefer_skip_nested_validation=True,
)
def membership_advantage(membership, membership_pred):
    """Membership advantage: true-positive rate minus false-positive rate of an attack's guesses.

    It is ``2 * balanced_accuracy - 1``. The attack that guesses member whenever the model is right
    about a record has the overfit gap, training minus test accuracy, as its advantage.

    Parameters
    ----------
    membership : array-like of shape (n_samples,)
        1 or True for members of the training set, 0 or False for others.

    membership_pred : array-like of shape (n_samples,)
        The attack's guesses, in the same code.

    Returns
    -------
    advantage : float
        Between -1 and 1; 1 is the attacker's best, and guessing gives 0. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is no member or no
        non-member.

    Raises
    ------
    ValueError
        If lengths differ, or either holds other values.

    See Also
    --------
    max_membership_advantage : From scores, over all thresholds.
    sklearn.metrics.balanced_accuracy_score : The same with ``adjusted=True``, which says nothing
        when a class is missing.

    References
    ----------
    .. [1] S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy Risk in Machine Learning:
       Analyzing the Connection to Overfitting", IEEE Computer Security Foundations Symposium,
       2018, definition 4.

    Examples
    --------
    >>> from sklearn_privfair.metrics import membership_advantage
    >>> membership_advantage([1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0])
    0.5
    """
    membership = check_membership(membership)
    guess = check_membership(membership_pred, "membership_pred")
    check_consistent_length(membership, guess)
    if not check_both(membership, "The membership advantage"):
        return float("nan")
    return float(guess[membership].mean() - guess[~membership].mean())


@validate_params(
    {"membership": ["array-like"], "score": ["array-like"]}, prefer_skip_nested_validation=True
)
def max_membership_advantage(membership, score):
    """Largest membership advantage that a threshold on an attack's scores can have.

    The largest distance of the ROC curve above the diagonal, which is the one-sided
    Kolmogorov-Smirnov statistic of members' against non-members' scores.

    Parameters
    ----------
    membership : array-like of shape (n_samples,)
        1 or True for members of the training set, 0 or False for others.

    score : array-like of shape (n_samples,)
        The attack's scores, finite; higher means more likely a member.

    Returns
    -------
    advantage : float
        Between 0 and 1; 1 is the attacker's best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there is no member or no
        non-member.

    Raises
    ------
    ValueError
        If lengths differ, `membership` holds other values, or a score is not finite.

    See Also
    --------
    membership_advantage : Of guesses, with the threshold that the attack chose itself.

    Notes
    -----
    The threshold is the best one in hindsight, on the records that are counted: pure noise comes
    out above 0, on average by about ``0.85 / sqrt(n)`` with n members and as many others. The
    attacker, who knows no membership, gets :func:`membership_advantage`.

    References
    ----------
    .. [1] S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy Risk in Machine Learning:
       Analyzing the Connection to Overfitting", IEEE Computer Security Foundations Symposium,
       2018, definition 4.

    Examples
    --------
    >>> from sklearn_privfair.metrics import max_membership_advantage
    >>> max_membership_advantage([1, 1, 1, 1, 0, 0, 0, 0], [9, 8, 6, 3, 7, 3, 2, 1])
    0.5
    """
    membership, score = check_attack(membership, score)
    if not check_both(membership, "The membership advantage"):
        return float("nan")
    fpr, tpr, _ = roc_curve(membership, score)
    return float(np.max(tpr - fpr))
