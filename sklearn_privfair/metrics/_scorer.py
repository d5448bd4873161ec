"""Scorers for scikit-learn's searches: of attacks, and of classifiers under attack.

A scorer is a callable `(estimator, X, y) -> float`. Those of attacks run the attack once however
many figures they give; they know the attack by its `generate` alone.
"""

from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_params,
)

from ._classification import robust_accuracy_score
from ._curve import robust_accuracy_curve
from ._distance import median_perturbation_distance
from ._validation import check_weights, mean_or_nan

_NORM_KEYS = {0: "l0", 1: "l1", 2: "l2", np.inf: "linf"}
_NORM_CONSTRAINT = Options(Real, set(_NORM_KEYS))


def _success_rate(result, sample_weight, _norm):
    weights = check_weights(sample_weight, result.success) * result.attacked
    return mean_or_nan(result.success, weights, "The success rate is NaN: no row was attacked.")


def _robust_accuracy(result, sample_weight, _norm):
    return robust_accuracy_score(
        result.y, result.y_pred, result.y_pred_adv, sample_weight=sample_weight
    )


def _neg_median_distance(result, sample_weight, norm):
    distance = np.asarray(result.distance[_NORM_KEYS[norm]])[result.attacked]
    weights = check_weights(sample_weight, result.attacked)[result.attacked]
    if weights.sum() == 0:
        return mean_or_nan(distance, weights, "The median distance is NaN: no row was attacked.")
    return -median_perturbation_distance(distance, sample_weight=weights)


def _neg_mean_passes(result, sample_weight, _norm):
    passes = np.asarray(result.n_forward) + np.asarray(result.n_backward)
    weights = check_weights(sample_weight, passes) * result.attacked
    return -mean_or_nan(passes, weights, "The mean of passes is NaN: no row was attacked.")


_ATTACK_METRICS = {
    "success_rate": _success_rate,
    "robust_accuracy": _robust_accuracy,
    "neg_median_distance": _neg_median_distance,
    "neg_mean_passes": _neg_mean_passes,
}


class _Scorer:
    """What scikit-learn asks of a scorer beyond being called."""

    def _accept_sample_weight(self):
        return True


class _AttackScorer(_Scorer):
    def __init__(self, metrics, norm):
        self.metrics = metrics
        self.norm = norm

    def __call__(self, estimator, X, y=None, sample_weight=None):
        if not hasattr(estimator, "generate"):
            raise TypeError(
                f"{self!r} scores attacks; got {type(estimator).__name__}, which has no "
                "`generate`. For a classifier use make_robust_accuracy_scorer(attack)."
            )
        single = isinstance(self.metrics, str)
        metrics = [self.metrics] if single else self.metrics
        if y is None and "robust_accuracy" in metrics:
            raise ValueError("Robust accuracy needs true labels: y is None; pass y.")
        result = estimator.generate(X, y)
        scores = {m: _ATTACK_METRICS[m](result, sample_weight, self.norm) for m in metrics}
        return scores[self.metrics] if single else scores

    def __repr__(self):
        norm = "" if "neg_median_distance" not in self.metrics else f", norm={self.norm}"
        return f"make_attack_scorer({self.metrics!r}{norm})"


@validate_params(
    {"metric": [StrOptions(set(_ATTACK_METRICS)), list, tuple], "norm": [_NORM_CONSTRAINT]},
    prefer_skip_nested_validation=True,
)
def make_attack_scorer(metric, *, norm=2):
    """Make a scorer of attacks, for a search over an attack's parameters.

    Greater is better for the attacker, save for ``"robust_accuracy"``, which is the model's
    own figure: greater is better for the model.

    Parameters
    ----------
    metric : {"success_rate", "robust_accuracy", "neg_median_distance", "neg_mean_passes"} or \
            list of them
        ``"success_rate"``: share of the attacked rows that were turned, in [0, 1].
        ``"robust_accuracy"``: share of all rows that the attacked model classifies correctly
        before and after, in [0, 1]. ``"neg_median_distance"``: minus the median distance over
        the attacked rows, where a failure is infinitely far; -inf if half of them or more failed.
        ``"neg_mean_passes"``: minus the mean number of forward and backward passes that an
        attacked row cost. Where no row was attacked: NaN, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`.

        A list makes a scorer that returns a dictionary, for which the attack runs only once;
        searches take it as `scoring`, and `refit` then names one of the metrics.

    norm : {0, 1, 2, numpy.inf}, default=2
        Norm of the median distance; the other metrics do not use it.

    Returns
    -------
    scorer : callable
        Called as ``scorer(attack, X, y)`` with a fitted attack; returns a float, or for a list of
        metrics a dictionary of floats.

    Raises
    ------
    ValueError
        If a metric in the list is unknown or the list is empty; on the call, if robust accuracy
        is asked for without `y`.

    See Also
    --------
    make_robust_accuracy_scorer : Scorer of a classifier under a given attack.

    Examples
    --------
    >>> from sklearn_privfair.metrics import make_attack_scorer
    >>> make_attack_scorer("neg_median_distance", norm=2)
    make_attack_scorer('neg_median_distance', norm=2)
    >>> make_attack_scorer(["success_rate", "neg_mean_passes"])
    make_attack_scorer(['success_rate', 'neg_mean_passes'])
    """
    if not isinstance(metric, str):
        metric = list(metric)
        unknown = [name for name in metric if name not in _ATTACK_METRICS]
        if unknown or not metric:
            raise ValueError(
                f"metric must name at least one of {sorted(_ATTACK_METRICS)}; "
                f"got {unknown or metric!r}."
            )
    return _AttackScorer(metric, norm)


class _RobustAccuracyScorer(_Scorer):
    def __init__(self, attack, eps, norm):
        self.attack = attack
        self.eps = eps
        self.norm = norm

    def __call__(self, estimator, X, y, sample_weight=None):
        result = clone(self.attack).fit(estimator).generate(X, y)
        if self.eps is None:
            return robust_accuracy_score(
                y, result.y_pred, result.y_pred_adv, sample_weight=sample_weight
            )
        distance = result.distance[_NORM_KEYS[self.norm]]
        _, accuracy = robust_accuracy_curve(
            y, result.y_pred, distance, [self.eps], sample_weight=sample_weight
        )
        return float(accuracy[0])

    def __repr__(self):
        within = "" if self.eps is None else f", eps={self.eps}, norm={self.norm}"
        return f"make_robust_accuracy_scorer({self.attack!r}{within})"


@validate_params(
    {
        "attack": [HasMethods(["fit", "generate"])],
        "eps": [Interval(Real, 0, None, closed="left"), None],
        "norm": [_NORM_CONSTRAINT],
    },
    prefer_skip_nested_validation=True,
)
def make_robust_accuracy_scorer(attack, *, eps=None, norm=2):
    """Make a scorer of classifiers and defences: their accuracy under an attack.

    On each call the attack is cloned, fitted on the classifier at hand and run on the rows given,
    so that every candidate of a search faces an attack made against itself.

    Parameters
    ----------
    attack : attack estimator
        The attack to withstand, for instance ``PGDAttack(eps=0.1)``. It is not changed.

    eps : float, default=None
        Count only adversarial examples within this distance, in the units of the features. Needed
        with minimum-norm attacks, which find an adversarial example for nearly every row,
        somewhere. `None`: every success counts, as suits attacks with a budget of their own.

    norm : {0, 1, 2, numpy.inf}, default=2
        Norm in which `eps` is measured; not used if `eps` is `None`.

    Returns
    -------
    scorer : callable
        Called as ``scorer(classifier, X, y)`` with a fitted classifier; returns the share of rows
        classified correctly both before and after the attack, in [0, 1].

    See Also
    --------
    robust_accuracy_score : The metric itself.
    make_attack_scorer : Scorers of attacks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import FGSMAttack
    >>> from sklearn_privfair.metrics import make_robust_accuracy_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500).fit(X, y)
    >>> scorer = make_robust_accuracy_scorer(FGSMAttack(eps=0.2, bounds=None))
    >>> scorer(model, X, y) < model.score(X, y)
    True
    """
    return _RobustAccuracyScorer(attack, eps, norm)
