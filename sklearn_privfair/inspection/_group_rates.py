"""Picture: a classifier's rates by group with their intervals, several classifiers side by side.

The rates of Hardt, Price & Srebro (2016), "Equality of opportunity in supervised learning".
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import GREY, colour, make_axes, shrink_titles
from sklearn_privfair.metrics import group_rates_interval

_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


class GroupRatesDisplay:
    """Rates by group, one panel per rate, one line per group, one colour per classifier.

    The points of one colour lie below each other where the groups are treated alike. The titles
    give the largest difference between two groups, for each classifier in turn.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions`. All parameters are
    stored as attributes.

    Parameters
    ----------
    rates : dict of str to pandas.DataFrame
        By the classifier's name, the table of
        :func:`~sklearn_privfair.metrics.group_rates_interval` (or that of
        :func:`~sklearn_privfair.metrics.group_rates`, drawn without intervals). All have the same
        groups.
    shown : sequence of str, default=("selection_rate", "true_positive_rate", \
            "false_positive_rate", "accuracy")
        Which columns are drawn.

    Attributes
    ----------
    ax_ : matplotlib Axes or array of Axes
        What was passed to :meth:`plot`, or the axes made.
    figure_ : matplotlib Figure
        The figure.
    axes_ : dict of str to Axes
        The panels, by rate.
    points_ : dict of (str, str) to ErrorbarContainer
        What was drawn, by classifier and rate.

    See Also
    --------
    sklearn_privfair.metrics.group_rates_interval : The numbers.
    FairnessTradeoffDisplay : One gap against accuracy, for many classifiers.

    References
    ----------
    M. Hardt, E. Price, N. Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.inspection import GroupRatesDisplay
    >>> y_true = [1, 0, 1, 0] * 30
    >>> y_pred = [1, 0, 0, 0] * 15 + [1, 0, 1, 1] * 15
    >>> sex = ["f"] * 60 + ["m"] * 60
    >>> display = GroupRatesDisplay.from_predictions(
    ...     y_true, y_pred, sensitive_features=sex, random_state=0
    ... )
    >>> display.frame()[["name", "group", "count", "selection_rate"]]
             name group  count  selection_rate
    0  classifier     f     60            0.25
    1  classifier     m     60            0.75
    """

    def __init__(self, rates, *, shown=_RATES):
        self.rates = rates
        self.shown = shown

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        sensitive_features,
        pos_label=None,
        sample_weight=None,
        shown=_RATES,
        confidence=0.95,
        n_resamples=1000,
        random_state=None,
        ax=None,
    ):
        """Let fitted classifiers predict, and draw their rates.

        Parameters
        ----------
        estimator : fitted classifier, or mapping of str to fitted classifiers
            One, or several by name.
        X : array-like or data frame of shape (n_samples, ...)
            Rows, not used in training.
        y : array-like of shape (n_samples,)
            True labels.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features)
            The groups, as in :func:`~sklearn_privfair.metrics.group_rates`.
        pos_label : bool, int, float or str, default=None
            As in :meth:`from_predictions`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        shown : sequence of str, default=("selection_rate", "true_positive_rate", \
                "false_positive_rate", "accuracy")
            Which rates to draw.
        confidence : float, default=0.95
            Confidence of the intervals.
        n_resamples : int, default=1000
            Resamples of the bootstrap.
        random_state : int, RandomState instance or None, default=None
            Decides the resamples.
        ax : Axes or array of Axes, default=None
            As :meth:`plot`.

        Returns
        -------
        display : GroupRatesDisplay
            The drawn display.

        Raises
        ------
        ValueError
            As :meth:`from_predictions`.
        """
        models = estimator if isinstance(estimator, Mapping) else {_name(estimator): estimator}
        return cls.from_predictions(
            y,
            {name: model.predict(X) for name, model in models.items()},
            sensitive_features=sensitive_features,
            pos_label=pos_label,
            sample_weight=sample_weight,
            shown=shown,
            confidence=confidence,
            n_resamples=n_resamples,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        sensitive_features,
        pos_label=None,
        sample_weight=None,
        shown=_RATES,
        confidence=0.95,
        n_resamples=1000,
        random_state=None,
        ax=None,
    ):
        """Draw the rates of predicted labels.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_pred : array-like of shape (n_samples,) or mapping of str to array-like
            Predicted labels; of several classifiers, by name.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_features)
            The groups, as in :func:`~sklearn_privfair.metrics.group_rates`.
        pos_label : bool, int, float or str, default=None
            The label that counts as positive; needed of more than two labels, and of two unless
            they are in {0, 1}, {-1, 1} or bool.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        shown : sequence of str, default=("selection_rate", "true_positive_rate", \
                "false_positive_rate", "accuracy")
            Which rates to draw.
        confidence : float, default=0.95
            Confidence of the intervals.
        n_resamples : int, default=1000
            Resamples of the bootstrap.
        random_state : int, RandomState instance or None, default=None
            Decides the resamples.
        ax : Axes or array of Axes, default=None
            As :meth:`plot`.

        Returns
        -------
        display : GroupRatesDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If `shown` names an unknown rate or none, there are more than two labels and no
            `pos_label`, or as :func:`~sklearn_privfair.metrics.group_rates`.
        """
        unknown = [name for name in shown if name not in _RATES]
        if unknown or len(shown) == 0:
            raise ValueError(f"shown must name rates among {list(_RATES)}; got {list(shown)}.")
        y_pred = y_pred if isinstance(y_pred, Mapping) else {"classifier": y_pred}
        rates = {}
        for name, labels in y_pred.items():
            rates[str(name)] = table = group_rates_interval(
                y_true,
                labels,
                sensitive_features=sensitive_features,
                pos_label=pos_label,
                sample_weight=sample_weight,
                confidence=confidence,
                n_resamples=n_resamples,
                random_state=random_state,
            )
            if pos_label is None and table.index.names[-1] == "class":
                raise ValueError(
                    f"Of {table.index.levels[-1].tolist()} none is known to be the positive "
                    "label; pass pos_label, one picture for each."
                )
        return cls(rates, shown=shown).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            One axes, whose place the panels take, or an axes for each rate. `None`: a new figure.
        **kwargs : dict
            Passed to matplotlib's `errorbar`, for all points.

        Returns
        -------
        display : GroupRatesDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        tables = list(self.rates.values())
        n_groups, n_models = len(tables[0]), len(tables)
        size = (1.3 + 1.9 * len(self.shown), 1.0 + n_groups * max(0.4, 0.17 * n_models))
        owner = f"{type(self).__name__}.plot"
        self.figure_, self.ax_, axes = make_axes(ax, (1, len(self.shown)), size, owner=owner)
        self.axes_, self.points_ = dict(zip(self.shown, axes[0], strict=True)), {}
        offsets = (np.arange(n_models) - (n_models - 1) / 2) * 0.6 / n_models
        for rate, panel in self.axes_.items():
            for i, (name, table) in enumerate(self.rates.items()):
                values = table[rate].to_numpy()
                errors = None
                if f"{rate}_low" in table:
                    bounds = values - table[f"{rate}_low"], table[f"{rate}_high"] - values
                    errors = np.maximum(bounds, 0)  # rounding
                style = {"fmt": "o", "markersize": 4.5, "color": colour(i), "linewidth": 1.4}
                self.points_[name, rate] = panel.errorbar(
                    values, np.arange(n_groups) + offsets[i], xerr=errors, **style | kwargs
                )
            self._finish(panel, rate, tables, offsets)
        axes[0, 0].set_yticks(range(n_groups), [_label(line) for line in _lines(tables[0])])
        self.figure_.canvas.figure.draw_without_rendering()  # lays out, so that extents are known
        shrink_titles(axes)
        if n_models > 1:
            handles = [self.points_[name, self.shown[-1]] for name in self.rates]
            axes[0, -1].legend(
                handles, self.rates, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.0)
            )
        return self

    def _finish(self, panel, rate, tables, offsets):
        """Give a panel its title and its limits, and say where a rate is undefined."""
        gaps = [table[rate].max(skipna=False) - table[rate].min(skipna=False) for table in tables]
        digits = 3 if len(gaps) < 3 else 2
        texts = ["–" if np.isnan(gap) else f"{gap:.{digits}f}" for gap in gaps]
        lines = [" / ".join(texts[i : i + 3]) for i in range(0, len(texts), 3)]
        text = "undefined" if np.isnan(gaps).all() else " /\n".join(lines)
        panel.set_title(f"{rate.replace('_', ' ')}\ngap {text}", fontsize=9)
        for table, offset in zip(tables, offsets, strict=True):
            for place in np.flatnonzero(table[rate].isna()):
                style = {"fontsize": 7, "color": GREY, "va": "center", "ha": "center"}
                transform = panel.get_yaxis_transform()
                panel.text(0.5, place + offset, "undefined", transform=transform, **style)
        panel.set_ylim(len(tables[0]) - 0.5, -0.5)
        low, high = panel.get_xlim()
        panel.set_xlim(max(low, -0.02), min(high, 1.02))
        panel.set_yticks(range(len(tables[0])), [])
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.3, axis="x")
        panel.spines[["top", "right"]].set_visible(False)

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per classifier and group: its ``name``, the group's sensitive features, and
            the rates with their bounds.
        """
        parts = [table.reset_index().assign(name=name) for name, table in self.rates.items()]
        frame = pd.concat(parts, ignore_index=True)
        return frame[["name", *frame.columns.drop("name")]]


def _name(estimator):
    return type(estimator).__name__


def _lines(table):
    return zip(table.index, table["count"], strict=True)


def _label(line):
    group, count = line
    parts = group if isinstance(group, tuple) else (group,)
    text = ", ".join("missing" if pd.isna(part) else str(part) for part in parts)
    return f"{text}\n(n={count:,})"
