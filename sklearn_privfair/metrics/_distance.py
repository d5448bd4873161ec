"""How far adversarial rows lie from the originals: per row, and the median over rows."""

from numbers import Real

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Options, validate_params
from sklearn.utils.validation import _get_feature_names, check_array

from ._validation import check_distances, check_weights

_BLOCK = 2**22  # numbers converted to float64 at a time: 32 MB

_NORMS = {
    0: lambda delta: np.count_nonzero(delta, axis=1),
    1: lambda delta: np.abs(delta).sum(axis=1),
    2: lambda delta: np.sqrt(np.einsum("ij,ij->i", delta, delta)),
    np.inf: lambda delta: np.abs(delta).max(axis=1),
}


@validate_params(
    {
        "X": ["array-like"],
        "X_adv": ["array-like"],
        "norm": [Options(Real, set(_NORMS))],
    },
    prefer_skip_nested_validation=True,
)
def perturbation_distance(X, X_adv, *, norm=2):
    """Distance of each adversarial row from its original.

    The differences are taken in float64 over all features of a row, so that images need no
    reshaping, float32 rows lose nothing and unsigned integers do not wrap around.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, ...)
        The original rows, numeric.

    X_adv : array-like or data frame of the shape of `X`
        The adversarial rows.

    norm : {0, 1, 2, numpy.inf}, default=2
        0: how many features differ; 1: sum of the absolute differences; 2: Euclidean distance;
        ``numpy.inf``: the largest absolute difference.

    Returns
    -------
    distance : ndarray of shape (n_samples,), dtype float64
        In the units of the features (for norm 0, a count).

    Raises
    ------
    ValueError
        If the shapes or the column names differ, or a value is NaN, infinite or no number.

    See Also
    --------
    median_perturbation_distance : The median of such distances, failures included.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.metrics import perturbation_distance
    >>> X = np.zeros((2, 3))
    >>> X_adv = np.array([[3.0, 0.0, -4.0], [0.0, 0.0, 0.0]])
    >>> perturbation_distance(X, X_adv)
    array([5., 0.])
    >>> perturbation_distance(X, X_adv, norm=np.inf)
    array([4., 0.])
    """
    names, names_adv = _get_feature_names(X), _get_feature_names(X_adv)
    if names is not None and names_adv is not None and list(names) != list(names_adv):
        raise ValueError(
            f"X has the columns {list(names)} and X_adv {list(names_adv)}; pass the same columns "
            "in the same order."
        )
    X = check_array(X, allow_nd=True, input_name="X")
    X_adv = check_array(X_adv, allow_nd=True, input_name="X_adv")
    if X.shape != X_adv.shape:
        raise ValueError(f"X has shape {X.shape} and X_adv {X_adv.shape}; they must be equal.")
    X, X_adv = X.reshape(len(X), -1), X_adv.reshape(len(X), -1)
    distance = np.empty(len(X))
    for rows in gen_batches(len(X), max(1, _BLOCK // X.shape[1])):
        delta = np.subtract(X_adv[rows], X[rows], dtype=np.float64)
        distance[rows] = _NORMS[norm](delta)
    return distance


@validate_params(
    {"distance": ["array-like"], "sample_weight": ["array-like", None]},
    prefer_skip_nested_validation=True,
)
def median_perturbation_distance(distance, *, sample_weight=None):
    """Median distance of adversarial examples, counting failures as infinitely far.

    A mean over the successes alone rewards an attack for giving up on hard rows; this median does
    not, and it is finite as soon as more than half of the rows are turned.

    Parameters
    ----------
    distance : array-like of shape (n_samples,)
        Distance per row, as in ``result.distance["l2"]``: inf where the attack failed, 0 for rows
        misclassified without any attack. Select rows first if the latter should not count:
        ``result.distance["l2"][result.attacked]``.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; a row of weight 2 counts as two rows. `None`: all count the same.

    Returns
    -------
    median : float
        In the units of `distance`; inf where half of the rows or more were not turned (with an
        even number of rows the median is the mean of the two in the middle).

    Raises
    ------
    ValueError
        If `distance` is empty, negative, NaN, or not one-dimensional, or if a weight is negative
        or all are 0.

    See Also
    --------
    perturbation_distance : The distances themselves.
    robust_accuracy_curve : Their whole distribution, as robust accuracy against the budget.

    References
    ----------
    .. [1] W. Brendel et al., "Accurate, reliable and fast robustness evaluation", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.metrics import median_perturbation_distance
    >>> median_perturbation_distance([0.5, 1.5, np.inf])
    1.5
    """
    distance = check_distances(distance)
    weights = check_weights(sample_weight, distance)
    distance, weights = distance[weights > 0], weights[weights > 0]
    order = np.argsort(distance)
    cumulated = weights[order].cumsum()
    half = cumulated[-1] / 2
    # Where the weights split exactly in half, the median is the mean of the two neighbours.
    lower, upper = np.searchsorted(cumulated, half), np.searchsorted(cumulated, half, side="right")
    return float((distance[order[lower]] + distance[order[upper]]) / 2)
