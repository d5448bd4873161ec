"""Picture: how well membership is inferred against how far the victim is overfitted.

After Yeom et al. (2018), "Privacy risk in machine learning: analyzing the connection to
overfitting": the attack that needs no training, and to which all others should be compared, guesses
member when the victim is right, and its accuracy follows from the gap alone.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_consistent_length

from sklearn_privfair.inspection._axes import GREY, colour
from sklearn_privfair.inspection._point_names import place_names
from sklearn_privfair.metrics import membership_advantage
from sklearn_privfair.metrics._membership_checks import check_membership

_GID = "overfit-vs-attack"  # marks our points, so that the next display takes the next colour
_NAIVE = "overfit-vs-attack-naive"


class OverfitVsAttackDisplay:
    """An attack's score against the victim's overfit gap, one point per victim.

    The gap is training minus test accuracy. The line is the naive attack, which guesses member
    when the victim classifies a record correctly: its balanced accuracy is ``(1 + gap) / 2``, and
    so is the area under its ROC curve. What a real attack adds is its height above the line.

    It is recommended to use :meth:`from_estimator`, :meth:`from_predictions` or
    :meth:`from_scores`. All parameters are stored as attributes.

    Parameters
    ----------
    gap : array-like of shape (n_victims,)
        Training minus test accuracy of each victim, in [-1, 1].
    attack_score : array-like of shape (n_victims,)
        The attack's balanced accuracy, or area under the ROC curve, in [0, 1].
    name : list of str or None, default=None
        Name of each victim.
    label : str or None, default=None
        Name of the attack, for the legend.
    metric : str, default="balanced accuracy"
        What `attack_score` is, for the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.
    figure_ : matplotlib Figure
        The figure.
    points_ : PathCollection
        The points.
    texts_ : list of Annotation
        The names of the victims, without those that another attack in the same axes has written.
    naive_line_ : Line2D
        The naive attack, one in each axes.

    See Also
    --------
    MembershipRocDisplay : The whole curves of the attacks.

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy Risk in Machine Learning: Analyzing the
    Connection to Overfitting", IEEE Computer Security Foundations Symposium, 2018.

    Examples
    --------
    >>> from sklearn_privfair.inspection import OverfitVsAttackDisplay
    >>> display = OverfitVsAttackDisplay.from_scores(
    ...     [0.9, 0.75], [0.4, 0.5], [0.76, 0.61], name=["plain", "dropout"]
    ... )
    >>> display.frame()
          name   gap  attack_score  naive
    0    plain  0.50          0.76  0.750
    1  dropout  0.25          0.61  0.625
    """

    def __init__(self, gap, attack_score, *, name=None, label=None, metric="balanced accuracy"):
        self.gap = gap
        self.attack_score = attack_score
        self.name = name
        self.label = label
        self.metric = metric

    @classmethod
    def from_estimator(cls, attack, X, y, membership, *, label=None, ax=None):
        """Attack victims on records whose membership is known, and draw a point for each.

        Parameters
        ----------
        attack : mapping of str to fitted membership inference attack
            One attack per victim, by the victim's name, with ``predict(X, y)`` and the victim as
            its `estimator`, as :class:`~sklearn_privfair.privacy.MembershipInferenceClassifier`.
        X : array-like or data frame of shape (n_samples, ...)
            The records.
        y : array-like of shape (n_samples,)
            Their class labels.
        membership : array-like of shape (n_samples,) or mapping of str to array-like
            1 or True for members of the victims' training set, 0 or False for others. A mapping,
            by the victims' names, if their training sets differ.
        label : str, default=None
            Name of the attack.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : OverfitVsAttackDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `attack` is no mapping, or one in it has no fitted `estimator` and `predict`.
        ValueError
            As :meth:`from_predictions`.
        """
        if not isinstance(attack, Mapping):
            raise TypeError(
                "attack must map the victims' names to fitted attacks; got "
                f"{type(attack).__name__}. For one victim: {{name: attack}}."
            )
        for one in attack.values():
            if not hasattr(one, "predict") or not hasattr(getattr(one, "estimator", 0), "predict"):
                raise TypeError(
                    f"{one!r} is no fitted attack on a victim that is its estimator; pass the "
                    "predictions of both to from_predictions."
                )
        return cls.from_predictions(
            y,
            {key: one.estimator.predict(X) for key, one in attack.items()},
            membership,
            {key: one.predict(X, y) for key, one in attack.items()},
            label=label,
            ax=ax,
        )

    @classmethod
    def from_predictions(cls, y_true, y_pred, membership, membership_pred, *, label=None, ax=None):
        """Draw the points from predictions of the victims and guesses of the attack.

        Gap and balanced accuracy are measured on the same records, so that the naive attack would
        lie exactly on the line.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class labels of the records.
        y_pred : mapping of str to array-like of shape (n_samples,)
            What each victim predicts, by its name.
        membership : array-like of shape (n_samples,) or mapping of str to array-like
            1 or True for members of the victims' training set, 0 or False for others. A mapping,
            by the victims' names, if their training sets differ.
        membership_pred : mapping of str to array-like of shape (n_samples,)
            The attack's guesses about each victim, in the same code.
        label : str, default=None
            Name of the attack.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : OverfitVsAttackDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If predictions or guesses are no mapping.
        ValueError
            If there is no member or no non-member, lengths or names differ, or membership holds
            other values.
        """
        if not isinstance(y_pred, Mapping) or not isinstance(membership_pred, Mapping):
            raise TypeError(
                "y_pred and membership_pred must map the victims' names to arrays; got "
                f"{type(y_pred).__name__} and {type(membership_pred).__name__}."
            )
        if not isinstance(membership, Mapping):
            membership = dict.fromkeys(y_pred, membership)
        if not y_pred or not set(y_pred) == set(membership_pred) == set(membership):
            raise ValueError(
                "y_pred, membership and membership_pred must have the same names; got "
                f"{list(y_pred)}, {list(membership)} and {list(membership_pred)}."
            )
        y_true, gap, score = np.asarray(y_true), [], []
        for key, labels in y_pred.items():
            member = check_membership(membership[key])
            check_consistent_length(y_true, labels, member)
            if member.all() or not member.any():
                raise ValueError(
                    f"A gap needs members and non-members; of {key!r} there are {member.sum()} "
                    f"members and {np.sum(~member)} others."
                )
            gap.append(membership_advantage(member, y_true == np.asarray(labels)))
            score.append((1 + membership_advantage(member, membership_pred[key])) / 2)
        return cls(gap, score, name=[str(key) for key in y_pred], label=label).plot(ax=ax)

    @classmethod
    def from_scores(
        cls,
        train_score,
        test_score,
        attack_score,
        *,
        name=None,
        label=None,
        metric="balanced accuracy",
        ax=None,
    ):
        """Draw the points from accuracies that were measured before.

        Parameters
        ----------
        train_score : array-like of shape (n_victims,)
            Accuracy of each victim on its training set, in [0, 1].
        test_score : array-like of shape (n_victims,)
            Accuracy on other records, in [0, 1].
        attack_score : array-like of shape (n_victims,)
            The attack's balanced accuracy, or area under the ROC curve, in [0, 1].
        name : list of str, default=None
            Name of each victim.
        label : str, default=None
            Name of the attack.
        metric : str, default="balanced accuracy"
            What `attack_score` is.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : OverfitVsAttackDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If lengths differ, or a number is outside [0, 1].
        """
        columns = {"train_score": train_score, "test_score": test_score}
        columns["attack_score"] = attack_score
        columns = {key: np.asarray(values, dtype=float) for key, values in columns.items()}
        for key, values in columns.items():
            if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
                raise ValueError(
                    f"{key} must hold one number in [0, 1] for each victim; got {values}."
                )
        check_consistent_length(*columns.values(), name)
        gap = columns["train_score"] - columns["test_score"]
        return cls(gap, columns["attack_score"], name=name, label=label, metric=metric).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in; points that are there already, of another attack, stay. `None`: a new
            figure.
        **kwargs : dict
            Passed to matplotlib's `scatter`.

        Returns
        -------
        display : OverfitVsAttackDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(5.2, 3.8), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        used = sum(points.get_gid() == _GID for points in ax.collections)
        style = {"color": colour(used), "s": 36, "zorder": 3, "label": self.label}
        self.points_ = ax.scatter(self.gap, self.attack_score, gid=_GID, **style | kwargs)
        naive = [line for line in ax.lines if line.get_gid() == _NAIVE]
        if not naive:
            style = {"color": GREY, "linestyle": "--", "linewidth": 1, "zorder": 1, "gid": _NAIVE}
            naive = ax.plot([-1, 1], [0, 1], label="naive: member if classified correctly", **style)
        (self.naive_line_,) = naive
        points = np.vstack([p.get_offsets() for p in ax.collections if p.get_gid() == _GID])
        # guessing on a victim without a gap is always in view
        low, high = np.minimum(points.min(axis=0), [0, 0.5]), np.maximum(points.max(axis=0), 0.1)
        high = np.maximum(high, low + 0.1)
        low, high = low - 0.06 * (high - low), high + [0.18, 0.12] * (high - low)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        ax.set(xlabel="overfit gap (training minus test accuracy)", ylabel=f"attack {self.metric}")
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        handles = sorted(ax.get_legend_handles_labels()[0], key=lambda handle: handle is naive[0])
        ax.legend(handles=handles, frameon=False, fontsize=8, loc="upper left")
        ours = [text for text in ax.texts if text.get_gid() == _GID]
        named = {(text.get_text(), text.xy[0]) for text in ours}  # beside another attack's point
        self.texts_ = [
            ax.annotate(
                name, (gap, score), (0, 0), textcoords="offset points", fontsize=8, gid=_GID
            )
            for name, gap, score in zip(self.name or [], self.gap, self.attack_score, strict=False)
            if (name, gap) not in named
        ]
        line = np.column_stack([naive[0].get_xdata(), naive[0].get_ydata()])
        place_names(ax, ours + self.texts_, points=points, line=line)
        return self

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per victim: ``name``, ``gap``, ``attack_score``, and what the ``naive`` attack
            has at that gap.
        """
        gap = np.asarray(self.gap, dtype=float)
        columns = {"gap": gap, "attack_score": self.attack_score, "naive": (1 + gap) / 2}
        frame = pd.DataFrame(columns)
        frame.insert(0, "name", list(self.name) if self.name is not None else None)
        return frame
