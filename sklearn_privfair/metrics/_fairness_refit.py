"""The choice of a search subject to fairness, by the means over its folds."""

import warnings

import numpy as np
from sklearn.utils._param_validation import validate_params

from ._fairness_constrained import TOLERANCE


class _ConstrainedRefit:
    def __init__(self, objective, constraint, tolerance):
        self.objective = objective
        self.constraint = constraint
        self.tolerance = tolerance

    def __call__(self, cv_results):
        score = self._column(cv_results, self.objective)
        fairness = self._column(cv_results, self.constraint)
        if np.nanmax(fairness, initial=-np.inf) > 0:
            raise ValueError(
                f"mean_test_{self.constraint} holds {np.nanmax(fairness)}; a gap is scored as a "
                "negated difference, as make_fairness_scorer does it, and is never above 0."
            )
        gap = -fairness
        known = np.flatnonzero(~np.isnan(gap) & ~np.isnan(score))
        if len(known) == 0:
            raise ValueError(
                f"No candidate has both {self.objective!r} and {self.constraint!r}: each mean "
                "score is NaN. A gap is where a fold lacks rows of a group."
            )
        fair = known[gap[known] <= self.tolerance]
        if len(fair) > 0:
            return int(fair[np.lexsort((gap[fair], -score[fair]))[0]])
        nearest = int(known[np.lexsort((-score[known], gap[known]))[0]])
        warnings.warn(
            f"No candidate keeps {self.constraint!r} <= {self.tolerance}; the nearest is chosen, "
            f"with {gap[nearest]:.3g}.",
            UserWarning,
            stacklevel=2,
        )
        return nearest

    def _column(self, cv_results, name):
        key = f"mean_test_{name}"
        if key not in cv_results:
            found = [k.removeprefix("mean_test_") for k in cv_results if k.startswith("mean_test_")]
            raise ValueError(f"The search has no metric {name!r}; its scoring names {found}.")
        return np.asarray(cv_results[key], dtype=float)

    def __repr__(self):
        return (
            f"make_constrained_refit({self.objective!r}, {self.constraint!r}, "
            f"tolerance={self.tolerance!r})"
        )


@validate_params(
    {"objective": [str], "constraint": [str], "tolerance": TOLERANCE},
    prefer_skip_nested_validation=True,
)
def make_constrained_refit(objective="accuracy", constraint="gap", *, tolerance):
    """Make the `refit` of a search: the best score among the candidates that are fair enough.

    Both figures are means over the folds. Where no candidate is fair enough, the least unfair is
    chosen, with a warning.

    Parameters
    ----------
    objective : str, default="accuracy"
        Name, in the search's `scoring`, of what is to be high.

    constraint : str, default="gap"
        Name, in the search's `scoring`, of what is bounded: a difference from
        :func:`make_fairness_scorer`, or any scorer that gives a negated gap.

    tolerance : float
        The largest mean gap that is allowed, 0 or more.

    Returns
    -------
    refit : callable
        Takes `cv_results_`, and returns the place of the chosen candidate. Among equal scores the
        smaller gap decides.

    Raises
    ------
    ValueError
        On the call, if the search has no such metrics, the gap is not negated, or both are known
        of no candidate.

    Warns
    -----
    UserWarning
        On the call, if no candidate is fair enough.

    See Also
    --------
    make_constrained_scorer : One number for each candidate and fold.
    sklearn_privfair.inspection.FairnessTradeoffDisplay : All candidates in one picture.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_privfair.metrics import make_constrained_refit, make_fairness_scorer
    >>> X, y = make_classification(random_state=0)
    >>> X[:, 1] = X[:, 1] > 0  # a group
    >>> scoring = {
    ...     "accuracy": "accuracy",
    ...     "gap": make_fairness_scorer("demographic_parity_difference", sensitive_features=1),
    ... }
    >>> refit = make_constrained_refit(tolerance=0.26)
    >>> search = GridSearchCV(
    ...     LogisticRegression(), {"C": [0.0001, 0.01, 1.0]}, scoring=scoring, refit=refit
    ... )
    >>> search.fit(X, y).best_params_
    {'C': 0.0001}
    """
    return _ConstrainedRefit(objective, constraint, tolerance)
