"""One table of an attack's metrics: over all records, and for each class or group of them."""

import warnings
from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.validation import check_consistent_length

from ._membership import bounds_at_fpr, count_at_fpr
from ._membership_checks import CONFIDENCE, FPR, check_attack


@validate_params(
    {
        "membership": ["array-like"],
        "score": ["array-like"],
        "groups": ["array-like", Mapping, None],
        "fpr": [*FPR, "array-like"],
        "threshold": [Interval(Real, None, None, closed="neither")],
        "confidence": CONFIDENCE,
    },
    prefer_skip_nested_validation=True,
)
def membership_report(
    membership, score, *, groups=None, fpr=(0.01, 0.001), threshold=0.0, confidence=0.95
):
    """Tabulate the metrics of a membership inference attack, over all records and by group.

    What an attack finds is rarely spread evenly: classes with few records, and groups of people
    that the model knows little of, tend to be given away first.

    Parameters
    ----------
    membership : array-like of shape (n_samples,)
        1 or True for members of the training set, 0 or False for others.

    score : array-like of shape (n_samples,)
        The attack's scores, finite; higher means more likely a member.

    groups : array-like of shape (n_samples,), mapping of str to array-like or data frame, \
            default=None
        What to break the records down by, such as their class labels or a sensitive feature;
        several by name, ``{"class": y, "sex": sex}``, each on its own. Missing values are a
        group. `None`: no breakdown.

    fpr : float or array-like of float, default=(0.01, 0.001)
        False-positive rates, in (0, 1], at which true-positive rates are given.

    threshold : float, default=0.0
        Scores above it are guesses of member, for balanced accuracy, precision and advantage. 0
        suits a `decision_function`; for probabilities it is 0.5.

    confidence : float, default=0.95
        Confidence of the intervals, in (0, 1).

    Returns
    -------
    report : pandas.DataFrame
        One line for all records, ``("all", "all")``, and one for each group, indexed by what they
        were broken down ``by`` and the ``group``. Columns: ``n_members``, ``n_non_members``;
        ``auc``; ``balanced_accuracy``, ``precision`` and ``advantage`` at the threshold; and for
        each rate, at 1% for instance, ``tpr@0.01`` with the bounds of its interval,
        ``tpr@0.01_low`` and ``tpr@0.01_high``. A group's false-positive rate is counted among the
        group's own non-members. NaN where the records do not say: a group without members or
        without others, no guess of member for the precision, fewer than ``1 / fpr`` non-members
        for the true-positive rate.

    Raises
    ------
    ValueError
        If lengths differ, `membership` holds other values, a score is not finite, or a rate is
        outside (0, 1].

    Warns
    -----
    UserWarning
        If all scores lie on one side of `threshold`: either the attack gives the same answer to
        everything, or the threshold is not that of these scores.

    See Also
    --------
    tpr_at_fpr : The true-positive rate, and why it may be NaN.
    membership_advantage : The advantage.
    sklearn_privfair.inspection.MembershipRocDisplay : The whole curves.

    Notes
    -----
    Of many groups the worst one looks bad by chance alone: each interval holds the truth with
    `confidence`, but not all of them together. For that, pass ``1 - 0.05 / n_groups``.

    References
    ----------
    .. [1] B. Kulynych, M. Yaghini, G. Cherubin, M. Veale, C. Troncoso, "Disparate Vulnerability
       to Membership Inference Attacks", Privacy Enhancing Technologies Symposium, 2022.

    Examples
    --------
    >>> from sklearn_privfair.metrics import membership_report
    >>> membership = [1, 1, 0, 0, 1, 1, 0, 0]
    >>> score = [2.0, 1.0, -1.0, -2.0, 1.5, -1.0, 0.5, -0.5]
    >>> species = ["cat"] * 4 + ["dog"] * 4
    >>> report = membership_report(membership, score, groups={"species": species}, fpr=0.5)
    >>> report["advantage"]
    by       group
    all      all      0.5
    species  cat      1.0
             dog      0.0
    Name: advantage, dtype: float64
    """
    membership, score = check_attack(membership, score)
    rates = _check_rates(fpr)
    accused = score > threshold
    if accused.all() or not accused.any():
        warnings.warn(
            f"All scores lie {'above' if accused.all() else 'at or below'} threshold="
            f"{threshold}, so balanced accuracy, precision and advantage are those of one answer "
            "for everybody. For probabilities the threshold is 0.5.",
            UserWarning,
            stacklevel=2,
        )
    rows = {("all", "all"): np.arange(len(score))}
    for by, values in _check_groups(groups, membership).items():
        codes, names = pd.factorize(values, sort=True, use_na_sentinel=False)
        rows |= {(by, name): np.flatnonzero(codes == i) for i, name in enumerate(names)}
    lines = [
        _line(membership[index], score[index], accused[index], rates, confidence)
        for index in rows.values()
    ]
    index = pd.MultiIndex.from_tuples(rows, names=["by", "group"])
    return pd.DataFrame(lines, index=index)


def _check_rates(fpr):
    rates = np.atleast_1d(np.asarray(fpr, dtype=float))
    if rates.ndim != 1 or not ((rates > 0) & (rates <= 1)).all():
        raise ValueError(f"fpr must be rates above 0 and at most 1; got {fpr!r}.")
    return rates.tolist()


def _check_groups(groups, membership):
    """Give the groupings by name, each as a series; its index means nothing."""
    if groups is None:
        return {}
    if not isinstance(groups, (Mapping, pd.DataFrame)):
        name = getattr(groups, "name", None)
        groups = {"group" if name is None else name: groups}
    series = {}
    for by, values in groups.items():
        if np.ndim(values) != 1:
            raise ValueError(
                f"groups has shape {np.shape(values)}; pass one value per record, or a mapping "
                "of names to such arrays."
            )
        check_consistent_length(membership, values)
        series[by] = pd.Series(values)
    return series


def _line(membership, score, accused, rates, confidence):
    n_members, n_others = int(membership.sum()), int((~membership).sum())
    line: dict[str, float] = {"n_members": n_members, "n_non_members": n_others}
    both = n_members > 0 and n_others > 0
    advantage = accused[membership].mean() - accused[~membership].mean() if both else np.nan
    line["auc"] = roc_auc_score(membership, score) if both else np.nan
    line["balanced_accuracy"] = (1 + advantage) / 2
    line["precision"] = membership[accused].mean() if accused.any() else np.nan
    line["advantage"] = advantage
    for rate in rates:
        found, _ = count_at_fpr(membership, score, rate)
        low, high = bounds_at_fpr(membership, score, rate, confidence)
        name = f"tpr@{rate:g}"
        line |= {name: found / max(n_members, 1), f"{name}_low": low, f"{name}_high": high}
    return line
