"""A scorer of one figure subject to fairness.

A candidate that breaks the constraint ranks below all that keep it, by how far it breaks it: Deb,
"An efficient constraint handling method for genetic algorithms" (2000).
"""

from numbers import Real

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.metrics._scorer import _BaseScorer
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from ._fairness_inputs import LABELS
from ._fairness_scorer import COLUMNS, METRICS, FairnessScorer, RoutedScorer

TOLERANCE = [Interval(Real, 0, None, closed="left")]


class _ConstrainedScorer(RoutedScorer):
    def __init__(self, objective, fairness, tolerance, floor):
        super().__init__(fairness._score_func, 1, {}, fairness._response_method, fairness._columns)
        self.objective = objective
        self.fairness = fairness
        self.tolerance = tolerance
        self.floor = floor

    def _score(
        self, method_caller, estimator, X, y_true, *, sensitive_features=None, sample_weight=None
    ):
        groups = self.groups_of(X, sensitive_features)
        fairness = self.fairness.compare(method_caller, estimator, X, y_true, groups, sample_weight)
        gap = 1 - fairness if self.fairness._sign > 0 else -fairness
        if np.isnan(gap):
            return float("nan")
        if gap > self.tolerance:
            return self.floor - (gap - self.tolerance)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        objective = check_scoring(estimator, self.objective)
        if isinstance(objective, _BaseScorer):
            score = objective._score(method_caller, estimator, X, y_true, **weights)
        else:
            score = objective(estimator, X, y_true, **weights)
        if score < self.floor:
            raise ValueError(
                f"A candidate that keeps the constraint scores {score} by {self.objective!r}, "
                f"below floor={self.floor}, where those that break it begin; pass a lower floor."
            )
        return score

    def __repr__(self):
        options = self._repr_options(
            tolerance=self.tolerance,
            floor=self.floor or None,
            pos_label=self.fairness._kwargs.get("pos_label"),
        )
        return f"make_constrained_scorer({self.objective!r}, {self.fairness.metric!r}{options})"


@validate_params(
    {
        "objective": [StrOptions(set(get_scorer_names())), callable],
        "constraint": [StrOptions(set(METRICS))],
        "tolerance": TOLERANCE,
        "floor": [Interval(Real, None, None, closed="neither")],
        "pos_label": LABELS["pos_label"],
        "sensitive_features": COLUMNS,
    },
    prefer_skip_nested_validation=True,
)
def make_constrained_scorer(
    objective="accuracy",
    constraint="demographic_parity_difference",
    *,
    tolerance,
    floor=0.0,
    pos_label=None,
    sensitive_features=None,
):
    """Make a scorer of accuracy, or another score, subject to a bound on unfairness.

    A candidate whose gap is at most `tolerance` gets the objective; any other gets less than all
    of those, ``floor - (gap - tolerance)``: the nearer to the bound the better. So a search finds
    the best of the fair candidates, and where there is none the least unfair.

    Parameters
    ----------
    objective : str or callable, default="accuracy"
        A scorer, or the name of one of scikit-learn's.

    constraint : str, default="demographic_parity_difference"
        Name of the metric whose gap is bounded, one of those of :func:`make_fairness_scorer`. Of a
        ratio the gap is one minus the ratio.

    tolerance : float
        The largest gap that is allowed, 0 or more, such as 0.02; for the four-fifths rule, 0.2
        with "demographic_parity_ratio".

    floor : float, default=0.0
        Where the scores of candidates that break the constraint begin, downwards. No score of the
        objective may lie below it: for accuracies, areas and F-scores 0 is right; for an error
        that is negated, pass what is worse than any.

    pos_label : bool, int, float or str, default=None
        The label that counts as positive in the constraint, as in :func:`group_rates`.

    sensitive_features : str, int or list of them, default=None
        Columns of X, as in :func:`make_fairness_scorer`. `None`: they come by metadata routing.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, sensitive_features=s)``, and optionally with
        `sample_weight`, which go to both figures; returns a float, NaN where the gap is undefined.

    Raises
    ------
    ValueError
        On the call, if a candidate that keeps the constraint scores below `floor`, or sensitive
        features are missing or given twice.

    See Also
    --------
    make_constrained_refit : For searches, often the better choice.
    make_fairness_scorer : The gap as a score of its own.

    Notes
    -----
    In cross-validation each fold is judged by itself, and its gap is a noisy figure: a candidate
    that is fair on average breaks the bound in some of the folds, and is punished for each. The
    mean score then mixes both kinds and means little but for its rank.
    :func:`make_constrained_refit` bounds the mean gap instead.

    References
    ----------
    .. [1] K. Deb, "An Efficient Constraint Handling Method for Genetic Algorithms", Computer
       Methods in Applied Mechanics and Engineering 186, 2000.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.metrics import make_constrained_scorer
    >>> X, y = make_classification(random_state=0)
    >>> X[:, 1] = X[:, 1] > 0  # a group
    >>> model = LogisticRegression().fit(X, y)
    >>> scorer = make_constrained_scorer(tolerance=0.02, sensitive_features=1)
    >>> round(scorer(model, X, y), 3)  # accurate, and unfair
    -0.32
    >>> lenient = make_constrained_scorer(tolerance=0.4, sensitive_features=1)
    >>> lenient(model, X, y) == model.score(X, y)
    True
    """
    fairness = FairnessScorer(constraint, pos_label, "predict", sensitive_features)
    return _ConstrainedScorer(objective, fairness, tolerance, floor)
