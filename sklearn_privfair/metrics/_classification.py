"""Robust accuracy and attack success rate, from labels before and after the attack.

Definitions as in Carlini et al., "On Evaluating Adversarial Robustness" (2019).
"""

import numpy as np
from sklearn.utils._param_validation import validate_params

from ._validation import check_labels, check_weights, mean_or_nan


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "y_pred_adv": ["array-like"],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def robust_accuracy_score(y_true, y_pred, y_pred_adv, *, sample_weight=None):
    """Share of rows that are classified correctly both before and after the attack.

    A row counts only if the model is right on the row itself *and* on its adversarial version: an
    attack on a misclassified row may well push it over to the correct side, and such a row is not
    robust. Robust accuracy therefore never exceeds the accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any type.

    y_pred : array-like of shape (n_samples,)
        Labels predicted on the original rows.

    y_pred_adv : array-like of shape (n_samples,)
        Labels predicted on the adversarial rows.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    score : float
        Between 0 and 1; 1 is best.

    Raises
    ------
    ValueError
        If the arrays differ in length, are empty, or mix kinds of labels, or if a weight is
        negative or all are 0.

    See Also
    --------
    attack_success_rate : Share of the correctly classified rows that the attack turned.
    robust_accuracy_curve : Robust accuracy at every perturbation budget, from one run.

    References
    ----------
    .. [1] N. Carlini et al., "On Evaluating Adversarial Robustness", arXiv:1902.06705, 2019.

    Examples
    --------
    >>> from sklearn_privfair.metrics import robust_accuracy_score
    >>> y_true = ["cat", "cat", "dog", "dog"]
    >>> y_pred = ["cat", "cat", "dog", "cat"]
    >>> y_pred_adv = ["cat", "dog", "dog", "dog"]
    >>> robust_accuracy_score(y_true, y_pred, y_pred_adv)
    0.5
    """
    y_true, y_pred, y_pred_adv = check_labels(y_true=y_true, y_pred=y_pred, y_pred_adv=y_pred_adv)
    weights = check_weights(sample_weight, y_true)
    robust = (y_pred == y_true) & (y_pred_adv == y_true)
    return float(np.average(robust, weights=weights))


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "y_pred_adv": ["array-like"],
        "target": "no_validation",
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def attack_success_rate(y_true, y_pred, y_pred_adv, *, target=None, sample_weight=None):
    """Share of the correctly classified rows that the attack turned.

    Without `target` a row is turned when its adversarial version gets any wrong label; with
    `target`, when it gets the target's label, and rows whose true label is the target already are
    left out. Rows that the model misclassified to begin with are left out in both cases.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any type. For an attack on the model's own predictions pass `y_pred`.

    y_pred : array-like of shape (n_samples,)
        Labels predicted on the original rows.

    y_pred_adv : array-like of shape (n_samples,)
        Labels predicted on the adversarial rows.

    target : label or array-like of shape (n_samples,), default=None
        The label that the attack aimed at: one for all rows, or one per row. `None`: any wrong
        label is a success.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    rate : float
        Between 0 and 1; 1 is the attacker's best. NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, if there was no row to attack.

    Raises
    ------
    ValueError
        If the arrays differ in length, are empty, or mix kinds of labels, or if a weight is
        negative or all are 0.

    See Also
    --------
    robust_accuracy_score : Share of all rows that are correct before and after.

    References
    ----------
    .. [1] N. Carlini and D. Wagner, "Towards Evaluating the Robustness of Neural Networks",
       IEEE Symposium on Security and Privacy, 2017.

    Examples
    --------
    >>> from sklearn_privfair.metrics import attack_success_rate
    >>> y_true = [0, 0, 1, 2]
    >>> y_pred = [0, 0, 1, 1]
    >>> y_pred_adv = [1, 2, 1, 1]
    >>> round(attack_success_rate(y_true, y_pred, y_pred_adv), 3)
    0.667
    >>> attack_success_rate(y_true, y_pred, y_pred_adv, target=1)
    0.5
    """
    y_true, y_pred, y_pred_adv = check_labels(y_true=y_true, y_pred=y_pred, y_pred_adv=y_pred_adv)
    weights = check_weights(sample_weight, y_true)
    attacked = y_pred == y_true
    if target is None:
        success = y_pred_adv != y_true
    else:
        target = np.full(len(y_true), target) if np.ndim(target) == 0 else target
        y_true, target = check_labels(y_true=y_true, target=target)
        attacked &= y_true != target
        success = y_pred_adv == target
    return mean_or_nan(
        success,
        weights * attacked,
        "The attack success rate is set to NaN: there is no correctly classified row"
        f"{'' if target is None else ' whose label is not the target'} with positive weight.",
    )
