"""Robust accuracy at every budget, from one run of a minimum-norm attack."""

import numpy as np
from sklearn.utils._param_validation import validate_params
from sklearn.utils.validation import check_array, check_consistent_length

from ._validation import check_distances, check_labels, check_weights


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "distance": ["array-like"],
        "eps": ["array-like", None],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def robust_accuracy_curve(y_true, y_pred, distance, eps=None, *, sample_weight=None):
    """Robust accuracy against the perturbation budget, from minimal distances.

    A row holds against a budget `eps` if it is classified correctly and its nearest adversarial
    example is farther away than `eps`. One run of a minimum-norm attack therefore gives the
    accuracy at all budgets at once. As attacks find upper bounds of the minimal distance, the
    curve is an upper bound of the true robust accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any type.

    y_pred : array-like of shape (n_samples,)
        Labels predicted on the original rows.

    distance : array-like of shape (n_samples,)
        Distance of the nearest adversarial example found, as in ``result.distance["l2"]``: inf
        where none was found. What it holds for misclassified rows does not matter.

    eps : array-like of shape (n_budgets,), default=None
        Budgets, in the units of `distance` and not negative. `None`: 0 and every distance at
        which the accuracy falls, which gives the exact curve, a step function.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. `None`: every row counts the same.

    Returns
    -------
    eps : ndarray of shape (n_budgets,), dtype float64
        The budgets: as given, or ascending.

    accuracy : ndarray of shape (n_budgets,), dtype float64
        Robust accuracy at each budget, between 0 and 1.

    Raises
    ------
    ValueError
        If lengths differ, labels are of mixed kinds, a distance, a budget or a weight is negative
        or NaN, or all weights are 0.

    See Also
    --------
    robust_accuracy_score : From labels before and after an attack with a fixed budget.
    sklearn_privfair.inspection.RobustnessCurveDisplay : Draws the curve.

    References
    ----------
    .. [1] N. Carlini et al., "On Evaluating Adversarial Robustness", arXiv:1902.06705, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.metrics import robust_accuracy_curve
    >>> y_true, y_pred = [0, 0, 1, 1], [0, 0, 1, 0]
    >>> eps, accuracy = robust_accuracy_curve(y_true, y_pred, [0.1, 0.2, np.inf, 0.0])
    >>> eps
    array([0. , 0.1, 0.2])
    >>> accuracy
    array([0.75, 0.5 , 0.25])
    """
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    distance = check_distances(distance)
    check_consistent_length(y_true, distance)
    weights = check_weights(sample_weight, y_true)
    distance = np.where(y_pred == y_true, distance, 0.0)
    if eps is None:
        eps = np.unique(np.append(distance[np.isfinite(distance)], 0.0))
    else:
        eps = check_array(eps, dtype=np.float64, ensure_2d=False, input_name="eps")
        if eps.ndim != 1 or (eps < 0).any():
            raise ValueError(
                f"eps must be a sequence of budgets that are not negative; got {eps!r}."
            )
    order = np.argsort(distance)
    fallen = np.append(0.0, weights[order].cumsum())
    count = np.searchsorted(distance[order], eps, side="right")
    return eps, (fallen[-1] - fallen[count]) / fallen[-1]
