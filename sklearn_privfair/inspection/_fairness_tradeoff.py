"""Picture: accuracy against the gap between groups, many models, and which are worth a look.

The candidates of a search, or a handful of methods, and their Pareto front: Agarwal et al., "A
reductions approach to fair classification" (2018), figure 1.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_privfair import metrics
from sklearn_privfair.inspection._axes import GREY, colour
from sklearn_privfair.inspection._pareto_front import candidate_names, pareto_front, write_names

_GID = "fairness-tradeoff"  # marks our points, so that the next display takes the next colour
_GAPS = (
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "equalized_odds_difference",
)


class FairnessTradeoffDisplay:
    """Accuracy, or another score, against the gap, with the Pareto front.

    Up is better, and left is fairer. A point is on the front, and full, if no other is at least as
    accurate and at least as fair, and more so in one of the two; the others are pale. The
    staircase is the best score at each gap.

    It is recommended to use :meth:`from_search`, :meth:`from_estimator`, :meth:`from_predictions`
    or :meth:`from_scores`. All parameters are stored as attributes.

    Parameters
    ----------
    score : array-like of shape (n_models,)
        Score of each model; greater is better.
    gap : array-like of shape (n_models,)
        Its gap, 0 or more; smaller is better.
    score_std : array-like of shape (n_models,) or None, default=None
        Standard deviations, drawn as bars at the points of the front.
    gap_std : array-like of shape (n_models,) or None, default=None
        Those of the gap.
    name : list of str or None, default=None
        Name of each model.
    chosen : int or None, default=None
        Place of the model that is ringed.
    tolerance : float or None, default=None
        The gap that is allowed, a vertical line.
    label : str or None, default=None
        Name of all these models together, for the legend.
    score_name : str, default="accuracy"
        What the score is.
    gap_name : str, default="gap"
        What the gap is.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.
    figure_ : matplotlib Figure
        The figure.
    points_ : PathCollection
        The points of the front.
    dominated_ : PathCollection
        The others.
    front_line_ : Line2D
        The staircase.
    texts_ : list of Annotation
        The names.

    See Also
    --------
    sklearn_privfair.metrics.make_fairness_scorer : The gap as a metric of a search.
    sklearn_privfair.metrics.make_constrained_refit : Chooses a point of the front.
    GroupRatesDisplay : What one gap is made of.

    References
    ----------
    A. Agarwal, A. Beygelzimer, M. Dudík, J. Langford, H. Wallach, "A Reductions Approach to Fair
    Classification", ICML 2018.

    Examples
    --------
    >>> from sklearn_privfair.inspection import FairnessTradeoffDisplay
    >>> display = FairnessTradeoffDisplay.from_scores(
    ...     [0.85, 0.83, 0.82], [0.17, 0.01, 0.05], name=["plain", "fair", "neither"]
    ... )
    >>> display.frame()
          name  score   gap  on_front
    0    plain   0.85  0.17      True
    1     fair   0.83  0.01      True
    2  neither   0.82  0.05     False
    """

    def __init__(
        self,
        score,
        gap,
        *,
        score_std=None,
        gap_std=None,
        name=None,
        chosen=None,
        tolerance=None,
        label=None,
        score_name="accuracy",
        gap_name="gap",
    ):
        self.score = score
        self.gap = gap
        self.score_std = score_std
        self.gap_std = gap_std
        self.name = name
        self.chosen = chosen
        self.tolerance = tolerance
        self.label = label
        self.score_name = score_name
        self.gap_name = gap_name

    @classmethod
    def from_search(cls, search, *, score="accuracy", gap="gap", label=None, ax=None):
        """Draw the candidates of a search that had both metrics.

        Drawn are the means over the folds, at the front their standard deviations, a ring around
        the chosen candidate, and the tolerance of
        :func:`~sklearn_privfair.metrics.make_constrained_refit`. Names are what varies.

        Parameters
        ----------
        search : fitted search
            With `cv_results_`, such as :class:`~sklearn.model_selection.GridSearchCV`.
        score : str, default="accuracy"
            Name of a metric in its `scoring`, greater is better.
        gap : str, default="gap"
            Name of a metric in its `scoring`, a negated difference as of
            :func:`~sklearn_privfair.metrics.make_fairness_scorer`.
        label : str, default=None
            Name of the search, to tell it from others in the same axes.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : FairnessTradeoffDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If the search has no such metrics, or the gap is not negated.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        check_is_fitted(search, "cv_results_")
        results = search.cv_results_
        found = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
        if score not in found or gap not in found:
            raise ValueError(
                f"The search has the metrics {found}, and not both {score!r} and {gap!r}; give "
                "scoring={'accuracy': 'accuracy', 'gap': make_fairness_scorer(...)}, or name them "
                "here."
            )
        gaps = -np.asarray(results[f"mean_test_{gap}"])
        if np.nanmin(gaps, initial=0) < 0:
            raise ValueError(
                f"mean_test_{gap} has values above 0; a gap is scored as a negated difference, as "
                "make_fairness_scorer does it."
            )
        return cls(
            np.asarray(results[f"mean_test_{score}"]),
            gaps + 0.0,  # no minus zeros
            score_std=results[f"std_test_{score}"],
            gap_std=results[f"std_test_{gap}"],
            name=candidate_names(results["params"]),
            chosen=getattr(search, "best_index_", None),
            tolerance=getattr(search.refit, "tolerance", None),
            label=label,
            score_name=f"{score.replace('_', ' ')} (mean of folds)",
            gap_name=f"{gap.replace('_', ' ')} (mean of folds)",
        ).plot(ax=ax)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, sensitive_features, ax=None, **options):
        """Let fitted classifiers predict, and draw a point for each.

        Parameters
        ----------
        estimator : mapping of str to fitted classifiers
            By name.
        X : array-like or data frame of shape (n_samples, ...)
            Rows, not used in training.
        y : array-like of shape (n_samples,)
            True labels.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features)
            The groups, as in :func:`~sklearn_privfair.metrics.group_rates`.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.
        **options : dict
            `metric`, `pos_label`, `sample_weight`, `tolerance` and `label`, as of
            :meth:`from_predictions`.

        Returns
        -------
        display : FairnessTradeoffDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `estimator` is no mapping.
        ValueError
            As :meth:`from_predictions`.
        """
        if not isinstance(estimator, Mapping):
            raise TypeError(
                "estimator must map names to fitted classifiers; got "
                f"{type(estimator).__name__}. The candidates of a search are drawn by from_search."
            )
        y_pred = {name: model.predict(X) for name, model in estimator.items()}
        return cls.from_predictions(
            y, y_pred, sensitive_features=sensitive_features, ax=ax, **options
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        sensitive_features,
        metric="demographic_parity_difference",
        pos_label=None,
        sample_weight=None,
        tolerance=None,
        label=None,
        ax=None,
    ):
        """Draw a point for each of several models' predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_pred : mapping of str to array-like of shape (n_samples,)
            What each model predicts, by its name.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features)
            The groups, as in :func:`~sklearn_privfair.metrics.group_rates`.
        metric : {"demographic_parity_difference", "equal_opportunity_difference", \
                "equalized_odds_difference"}, default="demographic_parity_difference"
            The gap.
        pos_label : bool, int, float or str, default=None
            The label that counts as positive.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        tolerance : float, default=None
            The gap that is allowed.
        label : str, default=None
            Name of all these models together.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : FairnessTradeoffDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `y_pred` is no mapping.
        ValueError
            If `metric` is unknown, or as :func:`~sklearn_privfair.metrics.group_rates`.
        """
        if not isinstance(y_pred, Mapping):
            raise TypeError(f"y_pred must map names to labels; got {type(y_pred).__name__}.")
        if metric not in _GAPS:
            raise ValueError(f"metric must be one of {_GAPS}; got {metric!r}.")
        arguments = {"sensitive_features": sensitive_features, "sample_weight": sample_weight}
        arguments["pos_label"] = pos_label
        return cls(
            [accuracy_score(y_true, y, sample_weight=sample_weight) for y in y_pred.values()],
            [getattr(metrics, metric)(y_true, labels, **arguments) for labels in y_pred.values()],
            name=[str(name) for name in y_pred],
            tolerance=tolerance,
            label=label,
            gap_name=metric.replace("_", " "),
        ).plot(ax=ax)

    @classmethod
    def from_scores(cls, score, gap, *, name=None, tolerance=None, label=None, ax=None, **names):
        """Draw points that were measured before.

        Parameters
        ----------
        score : array-like of shape (n_models,)
            Accuracy, or another score, of each model.
        gap : array-like of shape (n_models,)
            Its gap, 0 or more.
        name : list of str, default=None
            Name of each model.
        tolerance : float, default=None
            The gap that is allowed.
        label : str, default=None
            Name of all these models together.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.
        **names : dict
            `score_name` and `gap_name`, as of the class.

        Returns
        -------
        display : FairnessTradeoffDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If lengths differ, or a gap is below 0.
        """
        columns = {"score": score, "gap": gap}
        columns = {key: np.asarray(values, dtype=float) for key, values in columns.items()}
        check_consistent_length(*columns.values(), name)
        if (columns["gap"] < 0).any():
            raise ValueError(f"gap must not be negative; got {columns['gap'].min()}.")
        return cls(**columns, name=name, tolerance=tolerance, label=label, **names).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in; points that are there already, of another display, stay. `None`: a
            new figure.
        **kwargs : dict
            Passed to matplotlib's `scatter`, for all points.

        Returns
        -------
        display : FairnessTradeoffDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(5.6, 4.0), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        used = sum(points.get_gid() == _GID for points in ax.collections)
        score, gap = np.asarray(self.score, dtype=float), np.asarray(self.gap, dtype=float)
        front = pareto_front(score, gap)
        style = {"color": colour(used), "s": 34, "zorder": 3} | kwargs
        self.points_ = ax.scatter(gap[front], score[front], label=self.label, gid=_GID, **style)
        self.dominated_ = ax.scatter(
            gap[~front], score[~front], **(style | {"alpha": 0.3, "zorder": 2, "linewidth": 0})
        )
        order = np.flatnonzero(front)[np.argsort(gap[front])]
        (self.front_line_,) = ax.plot(
            gap[order], score[order], drawstyle="steps-post", color=colour(used), linewidth=1
        )
        if self.score_std is not None:
            bars = {"fmt": "none", "ecolor": colour(used), "elinewidth": 0.8, "alpha": 0.35}
            xerr = None if self.gap_std is None else np.asarray(self.gap_std)[order]
            yerr = np.asarray(self.score_std)[order]
            ax.errorbar(gap[order], score[order], xerr=xerr, yerr=yerr, zorder=1, **bars)
        if self.chosen is not None:
            ring = {"s": 130, "facecolor": "none", "edgecolor": "black", "zorder": 4}
            ax.scatter(gap[self.chosen], score[self.chosen], label="chosen", **ring)
        if self.tolerance is not None:
            text = f"tolerance {self.tolerance:g}"
            style = {"color": GREY, "linestyle": "--", "linewidth": 1, "zorder": 1}
            ax.axvline(self.tolerance, label=text, **style)
        ax.update_datalim([(0.0, value) for value in score[front]])  # 0 is what is wished for
        ax.set(xlabel=self.gap_name, ylabel=self.score_name)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(frameon=False, fontsize=8)
        self.texts_ = write_names(self, gap, score, front, _GID)
        return self

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per model: ``name``, ``score``, ``gap``, the standard deviations where there
            are any, ``score_std`` and ``gap_std``, and whether it is ``on_front``.
        """
        columns = {"name": self.name, "score": self.score, "gap": self.gap}
        columns |= {"score_std": self.score_std, "gap_std": self.gap_std}
        columns = {key: v for key, v in columns.items() if v is not None or key == "name"}
        frame = pd.DataFrame({"name": None} | columns, index=range(len(self.score)))
        frame["on_front"] = pareto_front(np.asarray(self.score), np.asarray(self.gap))
        return frame
