"""Picture: an adversarial training, epoch by epoch, and the epoch whose weights were kept.

After figure 1 of Rice, Wong & Kolter (2020), "Overfitting in adversarially robust deep learning":
robust accuracy on new rows against that on the rows of the training.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sklearn_privfair.defences._adversarial_trainer import AdversarialTrainer
from sklearn_privfair.inspection._axes import GREY, PALETTE

_CURVES = {  # what a history may hold, its name in the legend, its colour
    "train_robust_accuracy": ("training rows, attacked", PALETTE[0]),
    "watched_robust_accuracy": ("watched rows, attacked", PALETTE[3]),
    "valid_robust_accuracy": ("rows held out, attacked", PALETTE[1]),
    "valid_accuracy": ("rows held out, as they are", PALETTE[2]),
}
_LINESTYLES = ("-", "--", ":", "-.")  # one for each training in the same axes
_GID = "adversarial-training"  # marks our lines, so that the next training takes the next style


class AdversarialTrainingDisplay:
    """Robust and clean accuracy against the epoch of an adversarial training.

    Robust overfitting is where the curve of the rows held out falls while that of the training
    rows goes on rising; catastrophic overfitting of single-step training, where the curve of the
    watched rows falls at once.

    It is recommended to use :meth:`from_estimator` or :meth:`from_history`. All parameters are
    stored as attributes.

    Parameters
    ----------
    history : dict of str to ndarray of shape (n_epochs,)
        The curves, in [0, 1]; NaN where an epoch has no value.
    best_epoch : int or None, default=None
        The epoch, from 0, whose weights were kept. `None`: none was chosen.
    name : str or None, default=None
        Name of the training, in front of the names of its curves.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.
    figure_ : matplotlib Figure
        The figure.
    lines_ : dict of str to Line2D
        The curves, by their key in the history.
    best_line_ : Line2D or None
        The vertical line at `best_epoch`.

    See Also
    --------
    sklearn_privfair.defences.AdversarialTrainingClassifier : What trains; it holds rows out with
        ``early_stopping=True``.
    RobustnessCurveDisplay : The net that was kept, against the budget.

    References
    ----------
    L. Rice, E. Wong, Z. Kolter, "Overfitting in adversarially robust deep learning", ICML 2020.

    Examples
    --------
    >>> from sklearn_privfair.inspection import AdversarialTrainingDisplay
    >>> history = {
    ...     "train_robust_accuracy": [0.3, 0.6, 0.9],
    ...     "valid_robust_accuracy": [0.3, 0.5, 0.4],
    ... }
    >>> display = AdversarialTrainingDisplay.from_history(history, best_epoch=1)
    >>> display.frame()
       epoch  train_robust_accuracy  valid_robust_accuracy
    0      0                    0.3                    0.3
    1      1                    0.6                    0.5
    2      2                    0.9                    0.4
    """

    def __init__(self, history, *, best_epoch=None, name=None):
        self.history = history
        self.best_epoch = best_epoch
        self.name = name

    @classmethod
    def from_estimator(cls, defence, *, curves=None, name=None, ax=None):
        """Draw the training of a fitted defence.

        Parameters
        ----------
        defence : fitted adversarial training
            As :class:`~sklearn_privfair.defences.AdversarialTrainingClassifier`,
            :class:`~sklearn_privfair.defences.FastAdversarialTrainingClassifier` or
            :class:`~sklearn_privfair.defences.FreeAdversarialTrainingClassifier`.
        curves : list of str, default=None
            Keys of its `history_` to draw. `None`: all accuracies that it holds.
        name : str, default=None
            Name of the training, to tell it from others in the same axes.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : AdversarialTrainingDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If the defence keeps no history.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        if isinstance(defence, AdversarialTrainer):
            check_is_fitted(defence, "history_")
        history = getattr(defence, "history_", None)
        if not isinstance(history, Mapping):
            raise TypeError(
                f"{defence!r} has no history of an adversarial training: history_ is missing, or "
                "no mapping. Pass a fitted AdversarialTrainingClassifier, or one of its kind, "
                "itself; of a Pipeline or a search, the classifier in it."
            )
        best = getattr(defence, "best_epoch_", None)
        return cls.from_history(history, best_epoch=best, curves=curves, name=name, ax=ax)

    @classmethod
    def from_history(cls, history, *, best_epoch=None, curves=None, name=None, ax=None):
        """Draw a training from what was kept of it.

        Parameters
        ----------
        history : mapping of str to array-like of shape (n_epochs,)
            As the attribute `history_` of a defence. Drawn are "train_robust_accuracy",
            "watched_robust_accuracy", "valid_robust_accuracy" and "valid_accuracy", those that are
            there and not NaN throughout.
        best_epoch : int, default=None
            The epoch, from 0, whose weights were kept.
        curves : list of str, default=None
            Which of these to draw. `None`: all.
        name : str, default=None
            Name of the training, to tell it from others in the same axes.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : AdversarialTrainingDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `history` is no mapping.
        ValueError
            If there is nothing to draw, the columns are not equally long, or `best_epoch` is no
            epoch of them.
        """
        if not isinstance(history, Mapping):
            raise TypeError(
                f"history must map names to one value per epoch, as the history_ of a defence "
                f"does; got {type(history).__name__}."
            )
        unknown = [key for key in curves or () if key not in _CURVES]
        if unknown:
            raise ValueError(f"curves must be among {list(_CURVES)}; got {unknown}.")
        chosen = [key for key in _CURVES if key in history and (curves is None or key in curves)]
        columns = {key: np.asarray(history[key], dtype=float) for key in chosen}
        columns = {key: column for key, column in columns.items() if not np.isnan(column).all()}
        if not columns:
            asked = list(_CURVES) if curves is None else list(curves)
            raise ValueError(
                f"history has nothing to draw: of {asked} it has none, or no value but NaN. Rows "
                "are held out, and attacked, with early_stopping=True."
            )
        shapes = {key: column.shape for key, column in columns.items()}
        if len(set(shapes.values())) > 1 or {len(shape) for shape in shapes.values()} != {1}:
            raise ValueError(f"history must hold one value per epoch and name; got {shapes}.")
        (n_epochs,) = shapes[next(iter(shapes))]
        if best_epoch is not None and best_epoch not in range(n_epochs):
            raise ValueError(
                f"best_epoch={best_epoch!r} must be one of the epochs, 0 to {n_epochs - 1}."
            )
        return cls(columns, best_epoch=best_epoch, name=name).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in; trainings that are there already stay, and this one gets the next line
            style. `None`: a new figure.
        **kwargs : dict
            Passed to matplotlib's `plot`, for all curves.

        Returns
        -------
        display : AdversarialTrainingDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
        self.ax_, self.figure_, self.lines_, self.best_line_ = ax, ax.figure, {}, None
        earlier = {line.get_gid() for line in ax.lines if str(line.get_gid()).startswith(_GID)}
        gid, linestyle = f"{_GID}-{len(earlier)}", _LINESTYLES[len(earlier) % len(_LINESTYLES)]
        prefix = "" if self.name is None else f"{self.name}: "
        for key, values in self.history.items():
            text, colour = _CURVES[key]
            style = {"color": colour, "linestyle": linestyle, "linewidth": 1.8}
            style |= {"label": prefix + text, "marker": "o" if len(values) == 1 else None}
            (self.lines_[key],) = ax.plot(np.arange(len(values)), values, **style | kwargs)
            self.lines_[key].set_gid(gid)
        if self.best_epoch is not None:
            label = f"{prefix}weights kept (epoch {self.best_epoch})"
            self.best_line_ = ax.axvline(
                self.best_epoch, color=GREY, linestyle=linestyle, linewidth=1, label=label
            )
        ax.set(xlabel="epoch", ylabel="accuracy")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylim(-0.02, 1.02)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=8)
        return self

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per epoch: ``epoch``, from 0, and a column for each curve.
        """
        n_epochs = len(next(iter(self.history.values())))
        return pd.DataFrame({"epoch": np.arange(n_epochs), **self.history})
