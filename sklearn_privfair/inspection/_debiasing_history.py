"""Picture: an adversarial debiasing, epoch by epoch: both losses, the gap between groups, alpha.

After Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning": the
adversary's loss must rise, and stay up, while the gap falls.
"""

from collections.abc import Mapping
from itertools import chain

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.inspection._axes import GREY, PALETTE, make_axes

_PANELS = {  # what most histories hold, in this order, and its name on the axis
    "predictor_loss": "predictor's\nloss",
    "adversary_loss": "adversary's\nloss",
    "gap": "gap",
    "alpha": r"$\alpha$",
}
_VALID = "valid_"
_LINESTYLES = ("-", "--", ":", "-.")  # one for each training in the same axes
_GID = "debiasing-history"


class DebiasingHistoryDisplay:
    """The losses of predictor and adversary, and the gap, against the epoch.

    One panel below the other. A training that works shows the gap falling to the tolerance, and
    the adversary's loss rising to where it knows no more than how common each group is. A gap that
    swings up again late is one that the last epoch got by chance.

    It is recommended to use :meth:`from_estimator` or :meth:`from_history`. All parameters are
    stored as attributes.

    Parameters
    ----------
    history : dict of str to ndarray of shape (n_epochs,)
        The curves; a name with ``valid_`` in front is drawn in the panel of the name without.
    tolerance : float or None, default=None
        The gap that was asked for.
    best_epoch : int or None, default=None
        The epoch, from 0, whose weights were kept. `None`: none was chosen.
    name : str or None, default=None
        Name of the training, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes or array of Axes
        What was passed to :meth:`plot`, or the axes made.
    figure_ : matplotlib Figure
        The figure.
    axes_ : dict of str to Axes
        The panels, by what they show.
    lines_ : dict of str to Line2D
        The curves, by their key in the history.

    See Also
    --------
    FairnessTradeoffDisplay : What came out, of many trainings.

    References
    ----------
    B. H. Zhang, B. Lemoine, M. Mitchell, "Mitigating Unwanted Biases with Adversarial Learning",
    AIES 2018.

    Examples
    --------
    >>> from sklearn_privfair.inspection import DebiasingHistoryDisplay
    >>> history = {"adversary_loss": [0.5, 0.6, 0.69], "gap": [0.2, 0.05, 0.01]}
    >>> display = DebiasingHistoryDisplay.from_history(history, tolerance=0.02)
    >>> display.frame()
       epoch  adversary_loss   gap
    0      0            0.50  0.20
    1      1            0.60  0.05
    2      2            0.69  0.01
    """

    def __init__(self, history, *, tolerance=None, best_epoch=None, name=None):
        self.history = history
        self.tolerance = tolerance
        self.best_epoch = best_epoch
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, curves=None, name=None, ax=None):
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator with `history_`
            As :class:`~sklearn_privfair.fairness.AdversarialDebiasingClassifier`. Its `tolerance`
            and `best_epoch_` are drawn too, where it has them.
        curves : list of str, default=None
            Keys of its `history_` to draw, in this order. `None`: all.
        name : str, default=None
            Name of the training, to tell it from others in the same axes.
        ax : Axes or array of Axes, default=None
            As :meth:`plot`.

        Returns
        -------
        display : DebiasingHistoryDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If the estimator keeps no history.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        history = getattr(estimator, "history_", None)
        if history is None and hasattr(estimator, "fit"):
            check_is_fitted(estimator)
        if not isinstance(history, Mapping):
            raise TypeError(
                f"{estimator!r} has no history of a debiasing: history_ is missing, or no mapping. "
                "Pass a fitted AdversarialDebiasingClassifier, or one of its kind, itself; of a "
                "Pipeline or a search, the classifier in it."
            )
        tolerance = getattr(estimator, "tolerance", None)
        best_epoch = getattr(estimator, "best_epoch_", None)
        return cls.from_history(
            history, tolerance=tolerance, best_epoch=best_epoch, curves=curves, name=name, ax=ax
        )

    @classmethod
    def from_history(
        cls, history, *, tolerance=None, best_epoch=None, curves=None, name=None, ax=None
    ):
        """Draw a training from what was kept of it.

        Parameters
        ----------
        history : mapping of str to array-like of shape (n_epochs,)
            As the attribute `history_`: "predictor_loss", "adversary_loss", "gap", "alpha", and
            others; with ``valid_`` in front, the same on rows that were held out. Columns of NaN
            alone are left out.
        tolerance : float, default=None
            The gap that was asked for.
        best_epoch : int, default=None
            The epoch, from 0, whose weights were kept.
        curves : list of str, default=None
            Which of the keys to draw, in this order. `None`: all.
        name : str, default=None
            Name of the training, to tell it from others in the same axes.
        ax : Axes or array of Axes, default=None
            As :meth:`plot`.

        Returns
        -------
        display : DebiasingHistoryDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `history` is no mapping.
        ValueError
            If a curve is missing, there is nothing to draw, the columns are not equally long, or
            `best_epoch` is no epoch of them.
        """
        if not isinstance(history, Mapping):
            raise TypeError(
                "history must map names to one value per epoch, as history_ of a debiasing does; "
                f"got {type(history).__name__}."
            )
        missing = [key for key in curves or () if key not in history]
        if missing:
            raise ValueError(f"history has no {missing}; it has {list(history)}.")
        order = sorted(history, key=lambda key: list(_PANELS).index(key) if key in _PANELS else 9)
        columns = {
            key: np.asarray(history[key], dtype=float)
            for key in (order if curves is None else curves)
        }
        columns = {key: values for key, values in columns.items() if not np.isnan(values).all()}
        shapes = {key: values.shape for key, values in columns.items()}
        if not columns or 0 in chain(*shapes.values()):
            raise ValueError(f"history has nothing to draw: no epoch, or NaN; it has {history!r}.")
        if len(set(shapes.values())) > 1 or {len(shape) for shape in shapes.values()} != {1}:
            raise ValueError(f"history must hold one value per epoch and name; got {shapes}.")
        (n_epochs,) = next(iter(shapes.values()))
        if best_epoch is not None and best_epoch not in range(n_epochs):
            raise ValueError(
                f"best_epoch={best_epoch!r} must be one of the epochs, 0 to {n_epochs - 1}."
            )
        return cls(columns, tolerance=tolerance, best_epoch=best_epoch, name=name).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            One axes, whose place the panels take, or an axes for each panel, as the values of
            `axes_` of another display: what is there stays, and this training gets the next line
            style. `None`: a new figure.
        **kwargs : dict
            Passed to matplotlib's `plot`, for all curves.

        Returns
        -------
        display : DebiasingHistoryDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        from matplotlib.ticker import MaxNLocator

        panels = list(dict.fromkeys(key.removeprefix(_VALID) for key in self.history))
        ax = list(ax.values()) if isinstance(ax, Mapping) else ax
        owner = f"{type(self).__name__}.plot"
        self.figure_, self.ax_, axes = make_axes(
            ax, (len(panels), 1), (5.6, 0.9 + 1.35 * len(panels)), sharex=True, owner=owner
        )
        self.axes_, self.lines_ = dict(zip(panels, axes[:, 0], strict=True)), {}
        earlier = {line.get_gid() for line in axes[0, 0].lines if line.get_gid() is not None}
        gid, linestyle = f"{_GID}-{len(earlier)}", _LINESTYLES[len(earlier) % len(_LINESTYLES)]
        for key, values in self.history.items():
            panel = self.axes_[key.removeprefix(_VALID)]
            held_out = key.startswith(_VALID)
            text = "rows held out" if held_out else "training rows"
            style = {"color": PALETTE[held_out], "linestyle": linestyle, "linewidth": 1.8}
            style |= {"label": text if self.name is None else f"{self.name}: {text}", "gid": gid}
            style |= {"marker": "o" if len(values) == 1 else None}
            (self.lines_[key],) = panel.plot(np.arange(len(values)), values, **style | kwargs)
        reference = {"color": GREY, "linewidth": 1, "linestyle": linestyle, "zorder": 1}
        if self.tolerance is not None and "gap" in self.axes_:
            text = f"tolerance {self.tolerance:g}"
            self.axes_["gap"].axhline(self.tolerance, label=text, **reference)
        for key, panel in self.axes_.items():
            if self.best_epoch is not None:
                panel.axvline(self.best_epoch, **reference, label=f"epoch kept ({self.best_epoch})")
            if key in ("gap", "alpha"):  # 0 means something; of all trainings that are there
                top = np.nanmax([np.nanmax(line.get_ydata()) for line in self._drawn(panel)])
                panel.set_ylim(0, 1.05 * top if top > 0 else 1)
            panel.set_ylabel(_PANELS.get(key, key.replace("_", " ")))
            panel.grid(alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
            panel.tick_params(labelbottom=panel is axes[-1, 0])
        axes[-1, 0].set_xlabel("epoch")
        axes[-1, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
        self.figure_.align_ylabels(axes[:, 0])
        self._legends(axes[:, 0])
        return self

    @staticmethod
    def _drawn(panel):
        return [line for line in panel.lines if str(line.get_gid()).startswith(_GID)]

    def _legends(self, axes):
        """Name each curve once, in the first panel that has it."""
        seen = set()
        for panel in axes:
            named = zip(*panel.get_legend_handles_labels(), strict=True)
            new = {label: handle for handle, label in named if label not in seen}
            seen |= set(new)
            alone = list(new) == ["training rows"] and not any(
                key.startswith(_VALID) for key in self.history
            )
            if new and not alone:
                panel.legend(new.values(), new.keys(), frameon=False, fontsize=8)

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per epoch: ``epoch``, from 0, and a column for each curve.
        """
        n_epochs = len(next(iter(self.history.values())))
        return pd.DataFrame({"epoch": np.arange(n_epochs), **self.history})
