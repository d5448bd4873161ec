"""What the displays share: colours, axes inside axes, names of norms."""

from itertools import pairwise

import numpy as np

# Okabe and Ito's colours, told apart by colour-blind readers too; the pale ones come last.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#808080"

NORM_KEYS = {0: "l0", 1: "l1", 2: "l2", np.inf: "linf"}
NORM_SYMBOLS = {0: r"$\ell_0$", 1: r"$\ell_1$", 2: r"$\ell_2$", np.inf: r"$\ell_\infty$"}


def check_norm(norm):
    """Return `norm` if it is one that results measure."""
    if norm not in NORM_KEYS:
        raise ValueError(f"norm must be 0, 1, 2 or numpy.inf; got {norm!r}.")
    return norm


def colour(i):
    """Return the i-th colour; they come round again."""
    return PALETTE[i % len(PALETTE)]


def make_axes(ax, shape, figsize, *, ratios=(None, None), sharex=False, owner="plot"):
    """Return figure, what was drawn into, and a grid of axes of `shape`.

    `ax` is None for a new figure, one axes whose place the grid takes, or an array of axes, one
    for each cell, used as they are.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.gridspec import GridSpecFromSubplotSpec

    if ax is not None and not isinstance(ax, Axes):
        axes = np.asarray(ax, dtype=object)
        if axes.size != np.prod(shape) or not all(isinstance(a, Axes) for a in axes.flat):
            raise ValueError(
                f"{owner} needs one axes, or an array of {np.prod(shape)} axes (shape {shape}); "
                f"got {type(ax).__name__} of shape {axes.shape}."
            )
        return axes.flat[0].figure, ax, axes.reshape(shape)
    spaces = {"width_ratios": ratios[1], "height_ratios": ratios[0]}
    if ax is None:
        figure = plt.figure(figsize=figsize, layout="constrained")
        ax = figure.add_subplot()
    figure, place = ax.figure, ax.get_subplotspec()
    ax.set_axis_off()
    if place is not None:
        grid = GridSpecFromSubplotSpec(shape[0], shape[1], place, **spaces)
    else:  # an inset, or axes placed by hand
        (left, bottom), (right, top) = ax.get_position().get_points()
        grid = figure.add_gridspec(*shape, left=left, right=right, bottom=bottom, top=top, **spaces)
    axes = np.empty(shape, dtype=object)
    for row, column in np.ndindex(*shape):
        above = axes[0, column] if sharex and row else None
        axes[row, column] = figure.add_subplot(grid[row, column], sharex=above)
    return figure, ax, axes


def overlap(texts):
    """Tell whether any two of `texts`, side by side, overlap in the figure as laid out."""
    boxes = sorted((text.get_window_extent() for text in texts), key=lambda box: box.x0)
    return any(left.x1 > right.x0 and left.overlaps(right) for left, right in pairwise(boxes))


def shrink_titles(axes, smallest=4.5):
    """Make all titles smaller, if need be, until the longest fits its axes as laid out."""
    titles = [axis.title for axis in axes.flat]
    ratio = max(
        axis.title.get_window_extent().width / axis.get_window_extent().width for axis in axes.flat
    )
    for title in titles:
        title.set_fontsize(max(smallest, min(title.get_fontsize(), title.get_fontsize() / ratio)))
