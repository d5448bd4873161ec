"""Picture: what several attacks do to several models, as grouped bars."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import (
    NORM_KEYS,
    NORM_SYMBOLS,
    check_norm,
    colour,
    make_axes,
    overlap,
)
from sklearn_privfair.metrics import (
    attack_success_rate,
    median_perturbation_distance,
    robust_accuracy_score,
)

METRICS = ("robust_accuracy", "success_rate", "median_distance")
CLEAN = "no attack"


class AttackComparisonDisplay:
    """Robust accuracy, success rate and median distance per attack and per model.

    One panel per metric, in it one group of bars per attack and one colour per model, for
    instance before and after a defence. The panel of robust accuracy begins with the accuracy
    without an attack. A median distance that is infinite, as half of the rows or more held, is
    drawn as a hatched bar with the sign of infinity.

    It is recommended to use :meth:`from_estimator`, :meth:`from_results` or
    :meth:`from_predictions`. All parameters are stored as attributes.

    Parameters
    ----------
    scores : DataFrame
        One line per model and attack: the columns ``model``, ``attack`` and metrics among
        ``robust_accuracy``, ``success_rate``, ``median_distance``. A line whose attack is
        ``"no attack"`` holds the accuracy on clean rows.
    metrics : sequence of str, default=("robust_accuracy", "success_rate", "median_distance")
        The panels, in this order.
    norm : {0, 1, 2, numpy.inf}, default=2
        Norm of the median distance, for the label.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of them
        The axes that hold the panels, or the array of axes that was given.
    axes_ : ndarray of Axes of shape (1, n_metrics)
        The panels.
    figure_ : matplotlib Figure
        The figure.
    bars_ : dict of (str, str) to BarContainer
        By metric and model.

    See Also
    --------
    RobustnessCurveDisplay : Robust accuracy against the budget.

    Examples
    --------
    >>> from sklearn_privfair.inspection import AttackComparisonDisplay
    >>> display = AttackComparisonDisplay.from_predictions(
    ...     [0, 0, 1, 1],
    ...     {"plain": [0, 0, 1, 1], "defended": [0, 0, 1, 0]},
    ...     {"plain": {"FGSM": [1, 1, 0, 1]}, "defended": {"FGSM": [0, 1, 1, 0]}},
    ... )
    >>> display.frame()
          model     attack  robust_accuracy  success_rate
    0     plain  no attack             1.00           NaN
    1     plain       FGSM             0.25      0.750000
    2  defended  no attack             0.75           NaN
    3  defended       FGSM             0.50      0.333333
    """

    def __init__(self, scores, *, metrics=METRICS, norm=2):
        self.scores = scores
        self.metrics = metrics
        self.norm = norm

    @classmethod
    def from_estimator(cls, estimator, X, y, *, attacks, metrics=METRICS, norm=2, ax=None):
        """Run each attack on each model and draw what comes of it.

        Parameters
        ----------
        estimator : fitted model or mapping of str to fitted model
            What is attacked: anything that attacks can be fitted on.
        X : array-like or data frame of shape (n_samples, ...)
            Rows to attack.
        y : array-like of shape (n_samples,)
            True labels.
        attacks : attack or mapping of str to attack
            Attacks, fitted or not; a clone of each is fitted on each model.
        metrics : sequence of str, default=("robust_accuracy", "success_rate", "median_distance")
            The panels.
        norm : {0, 1, 2, numpy.inf}, default=2
            Norm of the median distance.
        ax : Axes or array of Axes, default=None
            Axes to draw in: one, whose place the panels take, or one for each. `None`: a new
            figure.

        Returns
        -------
        display : AttackComparisonDisplay
            The drawn display.
        """
        models = estimator if isinstance(estimator, Mapping) else {"": estimator}
        if not isinstance(attacks, Mapping):
            attacks = {type(attacks).__name__: attacks}
        results = {
            model_name: {
                name: clone(attack).fit(model).generate(X, y) for name, attack in attacks.items()
            }
            for model_name, model in models.items()
        }
        return cls.from_results(results, y, metrics=metrics, norm=norm, ax=ax)

    @classmethod
    def from_results(cls, results, y_true, *, metrics=METRICS, norm=2, ax=None):
        """Draw results of attacks that have been run.

        Parameters
        ----------
        results : mapping of str to mapping of str to result
            ``results[model][attack]``: what the attack's ``generate(X, y)`` gave.
        y_true : array-like of shape (n_samples,)
            True labels.
        metrics : sequence of str, default=("robust_accuracy", "success_rate", "median_distance")
            The panels.
        norm : {0, 1, 2, numpy.inf}, default=2
            Norm of the median distance.
        ax : Axes or array of Axes, default=None
            Axes to draw in: one, whose place the panels take, or one for each. `None`: a new
            figure.

        Returns
        -------
        display : AttackComparisonDisplay
            The drawn display. The success rate is the attacks' own, targets included.
        """
        key, lines = NORM_KEYS[check_norm(norm)], []
        for model, by_attack in results.items():
            for attack, result in by_attack.items():
                if attack == next(iter(by_attack)):
                    lines.append(_clean(model, y_true, result.y_pred))
                attacked = np.asarray(result.attacked)
                distance = np.asarray(result.distance[key])[attacked]
                lines.append(
                    {
                        "model": model,
                        "attack": attack,
                        "robust_accuracy": robust_accuracy_score(
                            y_true, result.y_pred, result.y_pred_adv
                        ),
                        "success_rate": result.success[attacked].mean()
                        if len(distance)
                        else np.nan,
                        "median_distance": median_perturbation_distance(distance)
                        if len(distance)
                        else np.nan,
                    }
                )
        return cls(_table(lines, metrics), metrics=metrics, norm=norm).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true, y_pred, y_pred_adv, *, distance=None, metrics=None, norm=2, ax=None
    ):
        """Draw from labels before and after each attack.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_pred : mapping of str to array-like of shape (n_samples,)
            ``y_pred[model]``: labels predicted on the clean rows.
        y_pred_adv : mapping of str to mapping of str to array-like of shape (n_samples,)
            ``y_pred_adv[model][attack]``: labels predicted on the adversarial rows.
        distance : mapping like `y_pred_adv`, default=None
            ``distance[model][attack]``: distance per row, inf where the attack failed. The median
            is taken over the rows classified correctly.
        metrics : sequence of str, default=None
            The panels. `None`: all that can be had.
        norm : {0, 1, 2, numpy.inf}, default=2
            Norm of `distance`, for the label.
        ax : Axes or array of Axes, default=None
            Axes to draw in: one, whose place the panels take, or one for each. `None`: a new
            figure.

        Returns
        -------
        display : AttackComparisonDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If the mappings do not fit, or the median distance is asked for without `distance`.
        """
        if metrics is None:
            metrics = METRICS if distance is not None else METRICS[:2]
        if distance is None and "median_distance" in metrics:
            raise ValueError("The metric 'median_distance' needs distance.")
        if set(y_pred) != set(y_pred_adv):
            raise ValueError(
                f"y_pred has the models {list(y_pred)} and y_pred_adv {list(y_pred_adv)}; they "
                "must be the same."
            )
        lines = []
        for model, before in y_pred.items():
            lines.append(_clean(model, y_true, before))
            right = np.asarray(before) == np.asarray(y_true)
            for attack, after in y_pred_adv[model].items():
                line = {
                    "model": model,
                    "attack": attack,
                    "robust_accuracy": robust_accuracy_score(y_true, before, after),
                    "success_rate": attack_success_rate(y_true, before, after),
                }
                if distance is not None:
                    found = np.asarray(distance[model][attack])[right]
                    line["median_distance"] = median_perturbation_distance(found)
                lines.append(line)
        return cls(_table(lines, metrics), metrics=metrics, norm=norm).plot(ax=ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Axes to draw in: one, whose place the panels take, or one for each. `None`: a new
            figure.

        Returns
        -------
        display : AttackComparisonDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        models = list(dict.fromkeys(self.scores["model"]))
        tables = [self._table(metric, models) for metric in self.metrics]
        widths = [0.7 + len(table) * (0.36 * len(models) + 0.1) for table in tables]
        self.figure_, self.ax_, self.axes_ = make_axes(
            ax,
            (1, len(tables)),
            (max(2.8, sum(widths)), 3.2),
            ratios=(None, widths),
            owner=type(self).__name__,
        )
        self.bars_: dict = {}
        panels = self.axes_[0]
        labels = [self._draw(*parts) for parts in zip(panels, self.metrics, tables, strict=True)]
        if models != [""]:
            legend = panels[0].legend(
                loc="lower left",
                bbox_to_anchor=(0, 1.0),
                ncols=len(models),
                frameon=False,
                fontsize=8,
                borderaxespad=0.2,
            )
            legend.set_in_layout(False)  # it may reach over the panels to the right ...
            panels[0].set_title(" ", fontsize=9)  # ... and this keeps the line above them free
        self.figure_.draw_without_rendering()
        for panel in panels:
            if overlap(panel.get_xticklabels()):
                panel.tick_params(axis="x", rotation=30)
                for tick in panel.get_xticklabels():
                    tick.set(ha="right", rotation_mode="anchor")
        self.figure_.draw_without_rendering()
        for panel, texts in zip(panels, labels, strict=True):
            one, two = panel.transData.transform([[0, 0], [0.8 / len(models), 0]])[:, 0]
            if any(text.get_window_extent().width > two - one for text in texts):
                for text in texts:
                    text.set_visible(text.get_text() == "∞")
        return self

    def _table(self, metric, models):
        scores = self.scores
        if metric != "robust_accuracy":
            scores = scores[scores["attack"] != CLEAN]
        attacks = list(dict.fromkeys(scores["attack"]))
        table = scores.set_index(["attack", "model"])[metric].unstack("model")
        return table.reindex(index=attacks, columns=models)

    def _draw(self, panel, metric, table):
        finite = table.to_numpy()[np.isfinite(table.to_numpy())]
        ceiling = 1.0 if metric != "median_distance" else float(finite.max(initial=0)) or 1.0
        bar, texts = 0.8 / table.shape[1], []
        for i, (model, values) in enumerate(table.items()):
            values, endless = values.to_numpy(), np.isinf(values.to_numpy())
            bars = panel.bar(
                np.arange(len(table)) + (i + 0.5) * bar - 0.4,
                np.where(endless, ceiling, values),
                width=0.92 * bar,
                color=colour(i),
                label=model,
            )
            for patch in np.asarray(bars.patches)[endless]:
                patch.set(facecolor="none", edgecolor=colour(i), hatch="///", linewidth=0.8)
            self.bars_[metric, model] = bars
            written = ["" if np.isnan(v) else "∞" if np.isinf(v) else _brief(v) for v in values]
            texts += panel.bar_label(bars, written, fontsize=7, padding=1.5)
        titles = {
            "robust_accuracy": "robust accuracy",
            "success_rate": "success rate",
            "median_distance": f"median distance\n({NORM_SYMBOLS[self.norm]}, feature units)",
        }
        panel.set_ylabel(titles[metric])
        panel.set_ylim(0, 1.1 * ceiling)
        if metric != "median_distance":
            panel.set_yticks(np.linspace(0, 1, 6))
        panel.set_xticks(np.arange(len(table)), table.index, fontsize=8)
        panel.tick_params(axis="x", length=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_axisbelow(True)
        panel.grid(axis="y", alpha=0.3)
        return texts

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per model and attack, with the metrics as columns.
        """
        return self.scores.copy()


def _brief(value):
    return f"{value:.2f}" if value < 10 else f"{value:.3g}"


def _clean(model, y_true, y_pred):
    accuracy = robust_accuracy_score(y_true, y_pred, y_pred)
    return {"model": model, "attack": CLEAN, "robust_accuracy": accuracy}


def _table(lines, metrics):
    unknown = [metric for metric in metrics if metric not in METRICS]
    if unknown or not len(metrics):
        raise ValueError(f"metrics must be some of {METRICS}; got {metrics!r}.")
    return pd.DataFrame(lines)[["model", "attack", *metrics]]
