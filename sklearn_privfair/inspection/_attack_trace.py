"""Picture: loss and distance at each step of an attack, a line a row."""

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import NORM_SYMBOLS, PALETTE, make_axes


class AttackTraceDisplay:
    """Loss and distance of each row against the attack's steps.

    One thin line per row, above for the loss that the attack works on, below for the distance from
    the original. A line ends, with a dot, where the row was finished; rows that were turned and
    rows that held have different colours. The thick line is the median over the rows still there.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions`. All parameters
    are stored as attributes.

    Parameters
    ----------
    loss, distance : ndarray of shape (n_samples, n_steps)
        Per row and step, from where the attack starts; NaN after the row was finished.
    success : bool ndarray of shape (n_samples,), default=None
        Which rows were turned. `None`: not distinguished.
    norm : {0, 1, 2, numpy.inf}, default=None
        Norm of the distance, for the label.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of them
        The axes that hold the two panels, or the array of axes that was given.
    axes_ : ndarray of Axes of shape (2, 1)
        The panels: loss above, distance below.
    figure_ : matplotlib Figure
        The figure.
    loss_lines_, distance_lines_ : list of Line2D
        One per row, in the order of the rows.

    See Also
    --------
    RobustnessCurveDisplay : Robust accuracy against the budget.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.inspection import AttackTraceDisplay
    >>> loss = np.array([[0.1, 0.9, 2.0], [0.2, 0.8, np.nan]])
    >>> distance = np.array([[0.0, 0.5, 0.9], [0.0, 0.4, np.nan]])
    >>> display = AttackTraceDisplay.from_predictions(loss, distance, success=[False, True])
    >>> len(display.loss_lines_)
    2
    """

    def __init__(self, loss, distance, *, success=None, norm=None):
        self.loss = loss
        self.distance = distance
        self.success = success
        self.norm = norm

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, ax=None):
        """Attack rows with the trace recorded, and draw it.

        Parameters
        ----------
        estimator : fitted attack
            Its ``generate(X, y, return_trace=True)`` is called.
        X : array-like or data frame of shape (n_samples, ...)
            Rows to attack.
        y : array-like of shape (n_samples,), default=None
            True labels. `None`: the model's own predictions are attacked.
        ax : Axes or array of two Axes, default=None
            Axes to draw in: one, whose place the panels take, or two. `None`: a new figure.

        Returns
        -------
        display : AttackTraceDisplay
            The drawn display; rows that were not attacked are left out.

        Raises
        ------
        ValueError
            If no row was attacked.
        """
        result = estimator.generate(X, y, return_trace=True)
        attacked = np.asarray(result.attacked)
        if not attacked.any():
            raise ValueError(
                "No row was attacked: the model misclassifies them all, or all have the target's "
                "label; pass other rows."
            )
        return cls.from_predictions(
            result.trace["loss"][attacked],
            result.trace["distance"][attacked],
            success=result.success[attacked],
            norm=getattr(estimator, "norm", None),
            ax=ax,
        )

    @classmethod
    def from_predictions(cls, loss, distance, *, success=None, norm=None, ax=None):
        """Draw a recorded trace.

        Parameters
        ----------
        loss, distance : array-like of shape (n_samples, n_steps)
            Per row and step, as in ``result.trace``; NaN after the row was finished.
        success : array-like of bool of shape (n_samples,), default=None
            Which rows were turned. `None`: not distinguished.
        norm : {0, 1, 2, numpy.inf}, default=None
            Norm of the distance, for the label.
        ax : Axes or array of two Axes, default=None
            Axes to draw in: one, whose place the panels take, or two. `None`: a new figure.

        Returns
        -------
        display : AttackTraceDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If the shapes do not fit, or nothing is recorded.
        """
        loss, distance = np.asarray(loss, float), np.asarray(distance, float)
        if loss.shape != distance.shape or loss.ndim != 2 or not loss.size:
            raise ValueError(
                "loss and distance must have one shape (n_samples, n_steps), at least one of "
                f"each; got {loss.shape} and {distance.shape}."
            )
        if success is not None:
            success = np.asarray(success, bool)
            if success.shape != loss.shape[:1]:
                raise ValueError(
                    f"success has shape {success.shape} for {len(loss)} rows; pass one per row."
                )
        return cls(loss, distance, success=success, norm=norm).plot(ax=ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : Axes or array of two Axes, default=None
            Axes to draw in: one, whose place the panels take, or two. `None`: a new figure.

        Returns
        -------
        display : AttackTraceDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        from matplotlib.ticker import MaxNLocator

        self.figure_, self.ax_, self.axes_ = make_axes(
            ax, (2, 1), (5.6, 4.6), sharex=True, owner=type(self).__name__
        )
        upper, lower = self.axes_[:, 0]
        self.loss_lines_ = self._draw(upper, self.loss)
        self.distance_lines_ = self._draw(lower, self.distance)
        upper.set_ylabel("loss")
        upper.tick_params(labelbottom=False)
        symbol = f" ({NORM_SYMBOLS[self.norm]}, feature units)" if self.norm in NORM_SYMBOLS else ""
        lower.set_ylabel(f"distance{symbol}")
        lower.set_ylim(0, 1.08 * float(np.nanmax(self.distance, initial=0)) or 1.0)
        lower.set_xlabel("step")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
        handles, labels = upper.get_legend_handles_labels()
        upper.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=len(labels),
            frameon=False,
            fontsize=8,
            borderaxespad=0.2,
        )
        return self

    def _draw(self, panel, values):
        n_steps = values.shape[1]
        steps, lines = np.arange(n_steps), []
        turned = np.zeros(len(values), bool) if self.success is None else self.success
        for row, won in zip(values, turned, strict=True):
            colour = PALETTE[1] if won else PALETTE[0]
            alpha = float(np.clip(8 / (turned == won).sum(), 0.08, 0.8))  # many rows, pale lines
            (line,) = panel.plot(steps, row, color=colour, alpha=alpha, linewidth=0.9)
            lines.append(line)
            there = np.flatnonzero(np.isfinite(row))
            if len(there):
                last = there[-1]
                panel.plot(steps[last], row[last], ".", color=colour, alpha=min(1, 2 * alpha))
        if self.success is not None:
            for won, text in ((True, "turned"), (False, "held")):
                count = int((turned == won).sum())
                if count:
                    panel.plot(
                        [], [], color=PALETTE[1] if won else PALETTE[0], label=f"{text} ({count})"
                    )
        here = np.isfinite(values).any(axis=0)
        median = np.full(n_steps, np.nan)
        median[here] = np.nanmedian(values[:, here], axis=0)
        panel.plot(steps, median, color="black", linewidth=2, label="median of the rows left")
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", alpha=0.3)
        panel.margins(x=0.02)
        return lines

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per row and recorded step: ``row``, ``step`` (0: where the attack
            starts), ``loss``, ``distance``
            and, where known, ``success``.
        """
        row, step = np.nonzero(np.isfinite(self.loss) | np.isfinite(self.distance))
        table = {
            "row": row,
            "step": step,
            "loss": self.loss[row, step],
            "distance": self.distance[row, step],
        }
        if self.success is not None:
            table["success"] = self.success[row]
        return pd.DataFrame(table)
