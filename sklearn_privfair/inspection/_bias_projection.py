"""Picture: words along the direction of a bias, before debiasing and after it.

The direction of Bolukbasi et al. (2016), "Man is to computer programmer as woman is to homemaker?".
"""

import numpy as np
import pandas as pd
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import GREY, colour, make_axes
from sklearn_privfair.inspection._word_vectors import before_and_after, check_named
from sklearn_privfair.metrics import bias_direction, bias_projection

_LABELLED = 60  # words more than these are not all named


class BiasProjectionDisplay:
    """Cosines of words with a bias direction, one line per word, one colour per set of vectors.

    Words are sorted by their cosines in the first set, those before debiasing. A line joins the
    points of a word. The legend gives the direct bias of each set: the mean absolute cosine. It is
    the bias along this one direction: see :func:`~sklearn_privfair.metrics.remaining_bias` for the
    rest.

    It is recommended to use :meth:`from_estimator` or :meth:`from_vectors`. All parameters are
    stored as attributes.

    Parameters
    ----------
    projections : pandas.DataFrame of shape (n_words, n_sets)
        Cosines with the direction, by word and by the name of the vectors.
    ends : (str, str), default=None
        What the negative and the positive end of the axis are. `None`: they are not named.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    points_ : dict of str to PathCollection
        The points, by the name of the vectors.
    lines_ : LineCollection
        The lines that join the points of a word.

    See Also
    --------
    sklearn_privfair.metrics.bias_projection : The numbers.
    AnalogyTable : What debiasing does to analogies.

    Examples
    --------
    >>> from sklearn_privfair.inspection import BiasProjectionDisplay
    >>> before = {"she": [0.0, 1.0], "he": [1.0, 0.0], "nurse": [0.6, 0.8], "boss": [1.0, 0.0]}
    >>> after = before | {"nurse": [0.7, 0.7], "boss": [1.0, 1.0]}
    >>> display = BiasProjectionDisplay.from_vectors(
    ...     {"before": before, "after": after}, ["nurse", "boss"], ("she", "he")
    ... )
    >>> display.frame().round(2)
           before  after
    boss    -0.71    0.0
    nurse    0.14    0.0
    """

    def __init__(self, projections, *, ends=None):
        self.projections = projections
        self.ends = ends

    @classmethod
    def from_estimator(
        cls, estimator, vectors, words, *, direction=None, ends=None, missing="warn", ax=None
    ):
        """Debias word vectors, and draw words before and after.

        Parameters
        ----------
        estimator : fitted transformer of word vectors
            Its `transform` gives the vectors after.
        vectors : KeyedVectors, (words, array) or mapping of str to array-like
            Word vectors before.
        words : list of str
            The words to draw, such as professions.
        direction : array-like of shape (n_features,), (str, str) or list of (str, str), \
                default=None
            As in :meth:`from_vectors`. `None`: the first of the estimator's `components_`.
        ends : (str, str), default=None
            As in :meth:`from_vectors`.
        missing : {"warn", "raise", "ignore"}, default="warn"
            What to do about words without a vector, if one is left.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : BiasProjectionDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If there is no direction, or as :meth:`from_vectors`.
        """
        if direction is None:
            if not hasattr(estimator, "components_"):
                raise ValueError(
                    f"{type(estimator).__name__} has no components_ to take the direction from; "
                    "pass direction, such as a pair of words."
                )
            direction = np.atleast_2d(estimator.components_)[0]
        both = before_and_after(estimator, vectors)
        return cls.from_vectors(both, words, direction, ends=ends, missing=missing, ax=ax)

    @classmethod
    def from_vectors(cls, vectors, words, direction, *, ends=None, missing="warn", ax=None):
        """Draw words in several sets of vectors.

        Parameters
        ----------
        vectors : mapping of str to word vectors
            By name, the first is that before debiasing: each a KeyedVectors, (words, array) or
            mapping of str to array-like.
        words : list of str
            The words to draw, such as professions.
        direction : array-like of shape (n_features,), (str, str) or list of (str, str)
            The direction, as in :func:`~sklearn_privfair.metrics.bias_projection`; one given by
            words is that of the first set of vectors, for all.
        ends : (str, str), default=None
            What the negative and the positive end are. `None`: the second and the first word of
            a direction given by one pair.
        missing : {"warn", "raise", "ignore"}, default="warn"
            What to do about words without a vector, if one is left.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : BiasProjectionDisplay
            The drawn display. Words that one of the sets lacks are not in it.

        Raises
        ------
        TypeError
            If `vectors` is no mapping of names to word vectors.
        ValueError
            As :func:`~sklearn_privfair.metrics.bias_projection`.
        """
        check_named(vectors)
        if isinstance(direction, tuple) and isinstance(direction[0], str):
            ends = ends or direction[::-1]
        direction = _array_of(direction, next(iter(vectors.values())))
        columns = {
            name: bias_projection(held, direction, words, missing=missing)
            for name, held in vectors.items()
        }
        frame = pd.concat(columns, axis=1, join="inner")
        return cls(frame.sort_values(frame.columns[0], kind="stable"), ends=ends).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.
        **kwargs : dict
            Passed to matplotlib's `scatter`, for all points.

        Returns
        -------
        display : BiasProjectionDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        from matplotlib.collections import LineCollection

        n_words = len(self.projections)
        height = 1.1 + (0.2 if n_words <= _LABELLED else 12 / n_words) * n_words
        if ax is None:
            self.figure_, _, axes = make_axes(None, (1, 1), (5.6, height))
            ax = axes[0, 0]
        self.ax_, self.figure_ = ax, ax.figure
        rows, values = np.arange(n_words), self.projections.to_numpy()
        ends = zip(values.min(axis=1), values.max(axis=1), rows, strict=True)
        self.lines_ = ax.add_collection(
            LineCollection(
                [[(low, y), (high, y)] for low, high, y in ends],
                colors=GREY,
                linewidths=0.8,
                alpha=0.5,
                zorder=1,
            )
        )
        ax.axvline(0, color=GREY, linewidth=1, zorder=0)
        self.points_ = {}
        for i, (name, column) in enumerate(self.projections.items()):
            label = f"{name}: {column.abs().mean():.3f}"
            style = {"s": 22 if n_words <= _LABELLED else 8, "color": colour(i), "label": label}
            self.points_[name] = ax.scatter(column, rows, zorder=2, **(style | kwargs))
        self._finish(ax, rows)
        return self

    def _finish(self, ax, rows):
        """Name words and ends, and give the legend a place where nothing is drawn."""
        step = -(-len(rows) // _LABELLED)
        ax.set_yticks(rows[::step], self.projections.index[::step], fontsize=8)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.margins(x=0.05)
        ax.autoscale_view(scaley=False)
        label = "cosine with the direction"
        if self.ends is not None:
            label = f"← {self.ends[0]}      {label}      {self.ends[1]} →"
        ax.set_xlabel(label)
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(
            title="mean absolute cosine",
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=len(self.points_),
            frameon=False,
            fontsize=8,
            title_fontsize=8,
            alignment="left",
        )

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            Cosines by word and by the name of the vectors, from top to bottom.
        """
        return self.projections.copy()


def _array_of(direction, vectors):
    """Return a direction as an array, one given by words as that of these vectors."""
    if not isinstance(direction, np.ndarray) and np.asarray(direction).dtype.kind in "UO":
        return bias_direction(vectors, [direction] if isinstance(direction[0], str) else direction)
    return direction
