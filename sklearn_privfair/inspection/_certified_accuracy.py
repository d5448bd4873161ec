"""Picture: certified accuracy against the l2 radius, several smoothed models on one axes.

After figure 6 of Cohen, Rosenfeld & Kolter (2019), "Certified adversarial robustness via
randomized smoothing".
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import colour
from sklearn_privfair.inspection._robustness_curve import _GID
from sklearn_privfair.metrics import robust_accuracy_curve


class CertifiedAccuracyDisplay:
    """Certified accuracy against the radius.

    The share of rows whose certified label is right, and holds against every perturbation of
    that l2 length: a lower bound of the smoothed model's accuracy under any attack. An abstention
    counts as wrong at every radius.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions`. All parameters
    are stored as attributes.

    Parameters
    ----------
    radius : list of ndarray of shape (n_steps,)
        The radii at which each curve falls, ascending from 0.
    accuracy : list of ndarray of shape (n_steps,)
        Certified accuracy from each radius on, in [0, 1].
    name : list of str or None, default=None
        Name of each curve. `None`: no legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of Line2D
        One per curve.

    See Also
    --------
    sklearn_privfair.defences.RandomizedSmoothingClassifier : What certifies.
    RobustnessCurveDisplay : Accuracy under an attack, an upper bound; drawn with ``norm=2`` in the
        same axes it shows what is left between the two.

    References
    ----------
    J. Cohen, E. Rosenfeld, J. Z. Kolter, "Certified adversarial robustness via randomized
    smoothing", ICML 2019.

    Examples
    --------
    >>> from sklearn_privfair.inspection import CertifiedAccuracyDisplay
    >>> display = CertifiedAccuracyDisplay.from_predictions(
    ...     [0, 0, 1, 1], [0, 0, 1, 0], [0.5, 0.0, 0.2, 0.9], name="smoothed"
    ... )
    >>> display.frame()
           name  radius  accuracy
    0  smoothed     0.0      0.50
    1  smoothed     0.2      0.25
    2  smoothed     0.5      0.00
    """

    def __init__(self, radius, accuracy, *, name=None):
        self.radius = radius
        self.accuracy = accuracy
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y, *, name=None, ax=None):
        """Certify rows and draw the curve.

        Parameters
        ----------
        estimator : fitted classifier with `certify`, or mapping of str to such classifiers
            One, or one per curve. Radii are in the units in which each of them certifies.
        X : array-like or data frame of shape (n_samples, ...)
            Rows, not used in training.
        y : array-like of shape (n_samples,)
            True labels.
        name : str, default=None
            Name of the curve, for one classifier.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : CertifiedAccuracyDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If a classifier has no `certify`.
        """
        models = estimator if isinstance(estimator, Mapping) else {name: estimator}
        for model in models.values():
            if not hasattr(model, "certify"):
                raise TypeError(
                    f"{model!r} certifies nothing; wrap it, RandomizedSmoothingClassifier(model)."
                )
        results = {key: model.certify(X) for key, model in models.items()}
        return cls.from_predictions(
            y,
            {key: result.label for key, result in results.items()},
            {key: result.radius for key, result in results.items()},
            ax=ax,
        )

    @classmethod
    def from_predictions(cls, y_true, y_pred, radius, *, name=None, ax=None):
        """Draw the curve from certified labels and radii.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_pred : array-like of shape (n_samples,) or mapping of str to array-like
            Certified labels; for several curves, by name.
        radius : array-like of shape (n_samples,) or mapping of str to array-like
            Certified radii, not negative; 0 where nothing is certified.
        name : str, default=None
            Name of a single curve.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : CertifiedAccuracyDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If lengths or names differ, or a radius is negative or NaN.
        """
        if not isinstance(y_pred, Mapping):
            y_pred, radius = {name: y_pred}, {name: radius}
        if not isinstance(radius, Mapping) or set(radius) != set(y_pred):
            raise ValueError(
                "With a mapping of labels, radius must be a mapping with the same names, "
                f"{list(y_pred)}."
            )
        # a row holds within a radius: its radius is the distance that no attack can go below
        curves = [robust_accuracy_curve(y_true, y_pred[key], radius[key]) for key in y_pred]
        radii, accuracy = (list(values) for values in zip(*curves, strict=True))
        names = None if list(y_pred) == [None] else [str(key) for key in y_pred]
        return cls(radii, accuracy, name=names).plot(ax=ax)

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
        display : CertifiedAccuracyDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, []
        used = sum(line.get_gid() == _GID for line in ax.lines)
        names = self.name or [None] * len(self.radius)
        end = 1.05 * max(radius[-1] for radius in self.radius)
        for i, (radius, accuracy, name) in enumerate(
            zip(self.radius, self.accuracy, names, strict=True)
        ):
            options = {"color": colour(used + i), "linewidth": 1.8, "label": name} | kwargs
            (line,) = ax.plot(
                np.append(radius, end),
                np.append(accuracy, accuracy[-1]),
                drawstyle="steps-post",
                **options,
            )
            line.set_gid(_GID)
            self.lines_.append(line)
        alone = ax.get_ylabel() in ("", "certified accuracy")  # and not on a robustness curve
        ylabel = "certified accuracy" if alone else "accuracy"
        ax.set(xlabel=r"$\ell_2$ radius", ylabel=ylabel)
        ax.set_ylim(-0.02, 1.02)
        ax.set_xlim(left=0)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        if self.name is not None:
            ax.legend(frameon=False, fontsize=9)
        return self

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per curve and step: ``name``, ``radius``, ``accuracy``.
        """
        names = self.name or [None] * len(self.radius)
        parts = [
            pd.DataFrame({"name": name, "radius": radius, "accuracy": accuracy})
            for name, radius, accuracy in zip(names, self.radius, self.accuracy, strict=True)
        ]
        return pd.concat(parts, ignore_index=True)
