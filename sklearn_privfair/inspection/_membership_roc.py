"""Picture: ROC curves of membership inference on two logarithmic axes.

After figure 1 of Carlini et al. (2022), "Membership inference attacks from first principles":
what counts is at the left, where few are accused wrongly, and linear axes hide it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import GREY, colour
from sklearn_privfair.metrics._binomial import proportion_high, proportion_low
from sklearn_privfair.metrics._membership_checks import check_attack

_GID = "membership-roc"  # marks our lines, so that the next display takes the next colour
_CHANCE = "membership-roc-chance"


class MembershipRocDisplay:
    """True-positive against false-positive rate of membership inference attacks, log-log.

    The curves are steps: between two rates that a threshold can have, nothing is interpolated. Each
    begins where its data do, at one false accusation, 1 over the number of non-members. On the
    dashed line lie attacks that guess.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions`. All parameters
    are stored as attributes.

    Parameters
    ----------
    fpr : list of ndarray of shape (n_steps,)
        False-positive rates of each curve, ascending from 0 to 1.
    tpr : list of ndarray of shape (n_steps,)
        The largest true-positive rate at each of them.
    roc_auc : list of float
        Area under each curve.
    n_members : list of int
        Members behind each curve.
    n_non_members : list of int
        Non-members behind each curve.
    name : list of str or None, default=None
        Name of each curve.
    confidence : float or None, default=None
        Confidence of the bands, in (0, 1). `None`: no bands.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of Line2D
        One per curve.
    bands_ : list of PolyCollection
        One per curve; empty without `confidence`.
    chance_line_ : Line2D
        The line of guessing, one in each axes.

    See Also
    --------
    sklearn_privfair.metrics.tpr_at_fpr : One point of the curve.
    sklearn_privfair.metrics.membership_report : The same in numbers, by class or group.
    OverfitVsAttackDisplay : Attacks on several victims.

    Notes
    -----
    A band holds, at each threshold by itself, the true-positive rate of that threshold in the
    Clopper-Pearson interval of the members; how uncertain the false-positive rate is it does not
    show. Nor is it drawn where nothing is found.

    References
    ----------
    N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis, F. Tramèr, "Membership Inference Attacks From
    First Principles", IEEE Symposium on Security and Privacy, 2022.

    Examples
    --------
    >>> from sklearn_privfair.inspection import MembershipRocDisplay
    >>> membership = [1, 1, 1, 1, 0, 0, 0, 0]
    >>> score = [0.9, 0.8, 0.6, 0.3, 0.7, 0.3, 0.2, 0.1]
    >>> display = MembershipRocDisplay.from_predictions(membership, score, name="loss")
    >>> display.frame()
       name   fpr   tpr
    0  loss  0.00  0.50
    1  loss  0.25  0.75
    2  loss  0.50  1.00
    3  loss  0.75  1.00
    4  loss  1.00  1.00
    """

    def __init__(self, fpr, tpr, *, roc_auc, n_members, n_non_members, name=None, confidence=None):
        self.fpr = fpr
        self.tpr = tpr
        self.roc_auc = roc_auc
        self.n_members = n_members
        self.n_non_members = n_non_members
        self.name = name
        self.confidence = confidence

    @classmethod
    def from_estimator(cls, attack, X, y, membership, *, name=None, confidence=None, ax=None):
        """Attack records and draw the curves.

        Parameters
        ----------
        attack : fitted membership inference attack or mapping of str to such attacks
            One attack, or one per curve, with ``decision_function(X, y)``, as
            :class:`~sklearn_privfair.privacy.MembershipInferenceClassifier` has.
        X : array-like or data frame of shape (n_samples, ...)
            The records.
        y : array-like of shape (n_samples,)
            Their class labels.
        membership : array-like of shape (n_samples,)
            1 or True for members of the victim's training set, 0 or False for others.
        name : str, default=None
            Name of the curve, for one attack.
        confidence : float, default=None
            Confidence of the bands, in (0, 1). `None`: no bands.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : MembershipRocDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If an attack has no `decision_function`.
        ValueError
            As :meth:`from_predictions`.
        """
        attacks = attack if isinstance(attack, Mapping) else {name: attack}
        for one in attacks.values():
            if not hasattr(one, "decision_function"):
                raise TypeError(
                    f"{one!r} has no decision_function(X, y); pass a fitted membership inference "
                    "attack, or its scores to from_predictions."
                )
        score = {key: one.decision_function(X, y) for key, one in attacks.items()}
        return cls.from_predictions(membership, score, confidence=confidence, ax=ax)

    @classmethod
    def from_predictions(cls, membership, score, *, name=None, confidence=None, ax=None):
        """Draw the curves from scores.

        Parameters
        ----------
        membership : array-like of shape (n_samples,) or mapping of str to array-like
            1 or True for members of the training set, 0 or False for others. A mapping, with the
            names of `score`, if the curves are of different records.
        score : array-like of shape (n_samples,) or mapping of str to array-like
            The attack's scores, finite, higher for members; for several curves, by name.
        name : str, default=None
            Name of a single curve.
        confidence : float, default=None
            Confidence of the bands, in (0, 1). `None`: no bands.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : MembershipRocDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If there is no member or no non-member, lengths or names differ, `membership` holds
            other values, a score is not finite, or `confidence` is outside (0, 1).
        """
        if confidence is not None and not 0 < confidence < 1:
            raise ValueError(f"confidence must be above 0 and below 1; got {confidence!r}.")
        scores = score if isinstance(score, Mapping) else {name: score}
        if not isinstance(membership, Mapping):
            membership = dict.fromkeys(scores, membership)
        if not scores or set(membership) != set(scores):
            raise ValueError(
                f"membership and score must have the same names; got {list(membership)} and "
                f"{list(scores)}."
            )
        fpr, tpr, roc_auc, counts = [], [], [], []
        for key, values in scores.items():
            member, values = check_attack(membership[key], values)
            counts.append((int(member.sum()), int((~member).sum())))
            if not all(counts[-1]):
                raise ValueError(
                    f"A ROC curve needs members and non-members; got {counts[-1][0]} members and "
                    f"{counts[-1][1]} others."
                )
            steps = _steps(member, values)
            fpr.append(steps[0])
            tpr.append(steps[1])
            roc_auc.append(float(roc_auc_score(member, values)))
        n_members, n_non_members = (list(column) for column in zip(*counts, strict=True))
        return cls(
            fpr,
            tpr,
            roc_auc=roc_auc,
            n_members=n_members,
            n_non_members=n_non_members,
            name=None if list(scores) == [None] else [str(key) for key in scores],
            confidence=confidence,
        ).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in; curves that are there already stay. `None`: a new figure.
        **kwargs : dict
            Passed to matplotlib's `plot`, for all curves.

        Returns
        -------
        display : MembershipRocDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(5.0, 4.4), layout="constrained")
        self.ax_, self.figure_, self.lines_, self.bands_ = ax, ax.figure, [], []
        ours = [line for line in ax.lines if line.get_gid() == _GID]
        lowest = np.array([ax.get_xlim()[0], ax.get_ylim()[0]] if ours else [1.0, 1.0])
        ax.set(xscale="log", yscale="log", xlabel="false-positive rate")
        ax.set_ylabel("true-positive rate")
        names = self.name or [None] * len(self.fpr)
        for i, name in enumerate(names):
            style = {
                "color": colour(len(ours) + i),
                "linewidth": 1.6,
                "label": self._label(i, name),
            }
            x, y, low, high = self._drawn(i)
            (line,) = ax.plot(x, y, drawstyle="steps-post", **style | kwargs)
            line.set_gid(_GID)
            self.lines_.append(line)
            if self.confidence is not None:
                style = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
                seen = self.tpr[i] > 0
                self.bands_.append(ax.fill_between(x, low, high, where=seen, step="post", **style))
            lowest = np.minimum(lowest, [x[0], 1 / self.n_members[i]])
        chance = [line for line in ax.lines if line.get_gid() == _CHANCE]
        if not chance:
            style = {"color": GREY, "linestyle": "--", "linewidth": 1, "label": "guessing"}
            chance = ax.plot([1e-12, 1], [1e-12, 1], gid=_CHANCE, zorder=1, **style)
        (self.chance_line_,) = chance
        ax.set_xlim(lowest[0], 1)
        ax.set_ylim(lowest[1], 1.1)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(
            title="AUC, TPR at FPR 1%",
            alignment="left",
            edgecolor="none",
            framealpha=0.8,
            fontsize=8,
            title_fontsize=8,
            loc="lower right",
        )
        return self

    def _label(self, i, name):
        found = "n/a"  # with fewer there is no rate of 1% to be seen
        if self.n_non_members[i] >= 100:
            found = f"{self.tpr[i][np.searchsorted(self.fpr[i], 0.01, side='right') - 1]:.1%}"
        figures = f"{self.roc_auc[i]:.3f}, {found}"
        return figures if name is None else f"{name}: {figures}"

    def _drawn(self, i):
        """Give a curve, with its band, in numbers that have a logarithm."""
        n_members = self.n_members[i]
        x = np.maximum(self.fpr[i], 1 / self.n_non_members[i])
        bounds = [np.full(len(x), np.nan)] * 2
        if self.confidence is not None:
            found, alpha = np.rint(self.tpr[i] * n_members), (1 - self.confidence) / 2
            bounds = [bound(found, n_members, alpha) for bound in (proportion_low, proportion_high)]
        below = 1e-3 / n_members  # where nothing is found: below the axes
        return x, *(np.maximum(y, below) for y in (self.tpr[i], *bounds))

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per curve and step: ``name``, ``fpr``, ``tpr``.
        """
        names = self.name or [None] * len(self.fpr)
        parts = [
            pd.DataFrame({"name": name, "fpr": fpr, "tpr": tpr})
            for name, fpr, tpr in zip(names, self.fpr, self.tpr, strict=True)
        ]
        return pd.concat(parts, ignore_index=True)


def _steps(membership, score):
    """Give each false-positive rate that a threshold can have, and the largest rate found there."""
    fpr, tpr, _ = roc_curve(membership, score, drop_intermediate=False)
    last = np.append(fpr[1:] > fpr[:-1], True)
    return fpr[last], tpr[last]
