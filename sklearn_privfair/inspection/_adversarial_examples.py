"""Picture: rows, their adversarial versions, and what was changed."""

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_consistent_length

from sklearn_privfair.inspection._axes import PALETTE, make_axes, shrink_titles
from sklearn_privfair.inspection._images import as_images, signed_change, to_unit, value_range


class AdversarialExamplesDisplay:
    """Original rows, adversarial rows and their difference, side by side.

    Images are drawn as three columns: the original with its true and predicted label, the
    adversarial image with the label predicted for it, and the difference on a diverging scale
    centred at 0 that all rows share. Rows of a table are drawn as bars of change, one panel per
    row, the features that changed most on top.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions`. All parameters
    are stored as attributes.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        The rows to draw: images of shape (n, h, w), (n, 1, h, w), (n, 3, h, w) or (n, h, w, 3),
        flat images with `image_shape`, or a table of shape (n, n_features).
    X_adv : ndarray of the shape of `X`
        Their adversarial versions.
    y_pred, y_pred_adv : ndarray of shape (n_samples,)
        Labels predicted before and after.
    y_true : ndarray of shape (n_samples,), default=None
        True labels. `None`: not shown.
    image_shape : tuple of int, default=None
        Shape of one image, (h, w), (3, h, w) or (h, w, 3), if rows are flat. `None`: as in `X`.
    feature_names : list of str, default=None
        Names of the features of a table. `None`: ``x0``, ``x1``, ...
    scale : ndarray of shape (n_features,), default=None
        What one unit on the axis of a table means, for each feature, for instance the standard
        deviations. `None`: the features' own units.
    unit : str, default="feature units"
        What the changes in a table are measured in, for the label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of them
        The axes that hold the grid, or the array of axes that was given.
    axes_ : ndarray of Axes of shape (n_samples, 3), for tables (n_samples, 1)
        The single panels.
    figure_ : matplotlib Figure
        The figure.
    colorbar_ : matplotlib Colorbar
        The scale of the differences; images only.

    See Also
    --------
    AttackTraceDisplay : Loss and distance at each step.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.inspection import AdversarialExamplesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(max_iter=50, tol=0.1).fit(X, y)
    >>> X_adv = np.clip(X + 4 * np.sign(np.random.default_rng(0).normal(size=X.shape)), 0, 16)
    >>> display = AdversarialExamplesDisplay.from_predictions(
    ...     X, X_adv, model.predict(X), model.predict(X_adv), y_true=y, image_shape=(8, 8)
    ... )
    >>> display.axes_.shape
    (5, 3)
    """

    def __init__(
        self,
        X,
        X_adv,
        y_pred,
        y_pred_adv,
        *,
        y_true=None,
        image_shape=None,
        feature_names=None,
        scale=None,
        unit="feature units",
    ):
        self.X = X
        self.X_adv = X_adv
        self.y_pred = y_pred
        self.y_pred_adv = y_pred_adv
        self.y_true = y_true
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.scale = scale
        self.unit = unit

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, n_examples=5, image_shape=None, scale=None, ax=None
    ):
        """Attack rows and draw the first that were turned.

        Parameters
        ----------
        estimator : fitted attack
            Its ``generate`` is called on all rows of `X`.
        X : array-like or data frame of shape (n_samples, ...)
            Rows to attack.
        y : array-like of shape (n_samples,), default=None
            True labels. `None`: the model's own predictions are attacked.
        n_examples : int, default=5
            How many rows to draw; rows whose attack failed are drawn only if too few were turned.
        image_shape : tuple of int, default=None
            Shape of one image if rows are flat.
        scale : "std" or array-like of shape (n_features,), default=None
            Units of the bars of a table; ``"std"``: standard deviations over `X`.
        ax : Axes or array of Axes, default=None
            Axes to draw in: one, whose place the grid takes, or one for each panel. `None`: a
            new figure.

        Returns
        -------
        display : AdversarialExamplesDisplay
            The drawn display.
        """
        result = estimator.generate(X, y)
        order = np.argsort(~np.asarray(result.success), kind="stable")
        return cls.from_predictions(
            result.X,
            result.X_adv,
            result.y_pred,
            result.y_pred_adv,
            y_true=y,
            rows=order[:n_examples],
            image_shape=image_shape,
            scale=scale,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X,
        X_adv,
        y_pred,
        y_pred_adv,
        *,
        y_true=None,
        rows=5,
        image_shape=None,
        scale=None,
        ax=None,
    ):
        """Draw given adversarial rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, ...)
            Original rows.
        X_adv : array-like or data frame of the shape of `X`
            Adversarial rows.
        y_pred, y_pred_adv : array-like of shape (n_samples,)
            Labels predicted before and after.
        y_true : array-like of shape (n_samples,), default=None
            True labels.
        rows : int or array-like of int, default=5
            How many rows to draw, from the first, or which ones.
        image_shape : tuple of int, default=None
            Shape of one image if rows are flat.
        scale : "std" or array-like of shape (n_features,), default=None
            Units of the bars of a table; ``"std"``: standard deviations over `X`.
        ax : Axes or array of Axes, default=None
            Axes to draw in: one, whose place the grid takes, or one for each panel. `None`: a
            new figure.

        Returns
        -------
        display : AdversarialExamplesDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If shapes or lengths differ, or rows are no images and no table.
        """
        names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
        X, X_adv, y_pred, y_pred_adv = map(np.asarray, (X, X_adv, y_pred, y_pred_adv))
        if X.shape != X_adv.shape:
            raise ValueError(f"X has shape {X.shape} and X_adv {X_adv.shape}; they must be equal.")
        check_consistent_length(X, y_pred, y_pred_adv, y_true)
        unit = "feature units" if scale is None else "units of the given scale"
        if isinstance(scale, str):
            if scale != "std":
                raise ValueError(f"scale must be 'std', an array or None; got {scale!r}.")
            scale, unit = X.astype(float).std(axis=0), "standard deviations"
        rows = np.arange(min(rows, len(X))) if np.ndim(rows) == 0 else np.asarray(rows)
        if not len(rows):
            raise ValueError("There is no row to draw: rows (or n_examples) or X is empty.")
        display = cls(
            X[rows],
            X_adv[rows],
            y_pred[rows],
            y_pred_adv[rows],
            y_true=None if y_true is None else np.asarray(y_true)[rows],
            image_shape=image_shape,
            feature_names=names,
            scale=None if scale is None else np.where(np.asarray(scale) > 0, scale, 1.0),
            unit=unit,
        )
        return display.plot(ax=ax)

    def plot(self, ax=None, *, max_features=8, cmap="RdBu_r"):
        """Draw.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Axes to draw in: one, whose place the grid takes, or one for each panel. `None`: a
            new figure.
        max_features : int, default=8
            Of a table: at most this many features per row, those that changed most.
        cmap : str or Colormap, default="RdBu_r"
            Diverging colours of the differences of images.

        Returns
        -------
        display : AdversarialExamplesDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if as_images(self.X[:1], self.image_shape) is None:
            self._plot_table(ax, max_features)
        else:
            self._plot_images(ax, cmap)
        return self

    def _plot_images(self, ax, cmap):
        images, images_adv = (as_images(x, self.image_shape) for x in (self.X, self.X_adv))
        change, limits = signed_change(images, images_adv), value_range(images, images_adv)
        n, extreme = len(images), float(np.abs(change).max()) or 1.0
        self.figure_, self.ax_, self.axes_ = make_axes(
            ax, (n, 3), (5.2, 1.62 * n + 0.3), owner=type(self).__name__
        )
        drawn = zip(to_unit(images, limits), to_unit(images_adv, limits), change, strict=True)
        for i, (axes, pictures) in enumerate(zip(self.axes_, drawn, strict=True)):
            for panel, picture in zip(axes[:2], pictures[:2], strict=True):
                panel.imshow(picture, cmap="gray", vmin=0, vmax=1)
            difference = axes[2].imshow(pictures[2], cmap=cmap, vmin=-extreme, vmax=extreme)
            for panel, text in zip(axes, self._captions(i), strict=True):
                panel.set_title(text, fontsize=8, pad=3)
                panel.set(xticks=[], yticks=[])
        for panel, text in zip(
            self.axes_[0], ("Original", "Adversarial", "Difference"), strict=True
        ):
            panel.set_title(f"$\\bf{{{text}}}$\n{panel.get_title()}", fontsize=8, pad=3)
        self.colorbar_ = self.figure_.colorbar(
            difference,
            ax=list(self.axes_.flat),
            ticks=np.linspace(-extreme, extreme, 5),
            format=lambda value, _: f"{value:+.2g}" if value else "0",
            shrink=min(1.0, 2 / n),
            anchor=(0.0, 1.0),
            pad=0.02,
        )
        self.colorbar_.set_label("change of the pixel value", fontsize=8)
        self.colorbar_.ax.tick_params(labelsize=7)
        self.figure_.draw_without_rendering()
        shrink_titles(self.axes_)

    def _captions(self, i):
        before = f"predicted {self.y_pred[i]}"
        if self.y_true is not None:
            both = [
                f"true {y}, predicted {p}" for y, p in zip(self.y_true, self.y_pred, strict=True)
            ]
            fits = max(map(len, both)) < 26  # else two lines, in all rows
            before = both[i] if fits else both[i].replace(", predicted", "\npredicted")
        flat = (self.X_adv[i].astype(float) - self.X[i].astype(float)).ravel()
        size = f"$\\ell_2$ {np.linalg.norm(flat):.3g}, $\\ell_\\infty$ {np.abs(flat).max():.3g}"
        return before, f"predicted {self.y_pred_adv[i]}", size

    def _plot_table(self, ax, max_features):
        change = self.X_adv.astype(float) - self.X.astype(float)
        change /= 1.0 if self.scale is None else self.scale
        tops = []
        for moved in np.abs(change):
            order = np.argsort(-moved, kind="stable")[:max_features]
            tops.append(order[moved[order] > 0][::-1])
        heights = [0.2 * max(1, len(top)) + 0.45 for top in tops]
        self.figure_, self.ax_, self.axes_ = make_axes(
            ax,
            (len(tops), 1),
            (5.2, sum(heights) + 0.4),
            ratios=(heights, None),
            owner=type(self).__name__,
        )
        limit = 1.05 * float(np.abs(change).max()) or 1.0
        for i, (panel, top) in enumerate(zip(self.axes_[:, 0], tops, strict=True)):
            self._draw_bars(panel, i, top, change[i, top])
            panel.set_xlim(-limit, limit)
            panel.tick_params(axis="x", labelsize=7, labelbottom=i == len(tops) - 1)
            before, after, _ = self._captions(i)
            title = f"{before} → {after.removeprefix('predicted ')}".replace("\n", ", ")
            panel.set_title(title, fontsize=8, pad=3)
        self.axes_[-1, 0].set_xlabel(f"change ({self.unit})", fontsize=8)

    def _draw_bars(self, panel, i, top, change):
        names = self.feature_names or [f"x{j}" for j in range(self.X.shape[1])]
        at = np.arange(len(top))
        panel.barh(at, change, color=np.where(change > 0, PALETTE[1], PALETTE[0]), height=0.7)
        for y, j in enumerate(top):  # the values themselves, in a column of their own
            panel.annotate(
                f"{self.X[i, j]:.4g} → {self.X_adv[i, j]:.4g}",
                (1.02, y),
                xycoords=panel.get_yaxis_transform(),
                va="center",
                fontsize=7,
                annotation_clip=False,
            )
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_yticks(at, [names[j] for j in top], fontsize=7)
        panel.set_ylim(-0.6, max(1, len(top)) - 0.4)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per example and feature: ``example``, ``feature``, ``original``,
            ``adversarial``, ``difference`` and the labels.
        """
        X, X_adv = (np.asarray(x).reshape(len(x), -1).astype(float) for x in (self.X, self.X_adv))
        n, d = X.shape
        labels = {"y_true": self.y_true, "y_pred": self.y_pred, "y_pred_adv": self.y_pred_adv}
        return pd.DataFrame(
            {
                "example": np.repeat(np.arange(n), d),
                "feature": np.tile(self.feature_names or [f"x{j}" for j in range(d)], n),
                "original": X.ravel(),
                "adversarial": X_adv.ravel(),
                "difference": (X_adv - X).ravel(),
                **{k: np.repeat(v, d) for k, v in labels.items() if v is not None},
            }
        )
