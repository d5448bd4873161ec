"""Names beside points, placed where they cover least."""

import numpy as np
from matplotlib.transforms import Bbox

# where a name may stand, in points from its own, the first the best; and how it is aligned there
_PLACES = [
    ((7, 0), "left", "center"),
    ((-7, 0), "right", "center"),
    ((0, 7), "center", "bottom"),
    ((0, -7), "center", "top"),
    ((5, -5), "left", "top"),
    ((-5, 5), "right", "bottom"),
    ((5, 5), "left", "bottom"),
    ((-5, -5), "right", "top"),
]


def place_names(ax, texts, *, points, line):
    """Move names to where they cover least.

    Parameters
    ----------
    ax : Axes
        Its limits must be those of the finished picture.
    texts : list of Annotation
        In this order: those placed first are out of the way of those that follow.
    points : ndarray of shape (n_points, 2)
        All points that no name should cover.
    line : ndarray of shape (2, 2)
        End points of a line; covering it is better than covering a point or a name.
    """
    ax.figure.canvas.figure.draw_without_rendering()  # lays out, so that extents are known
    room = ax.get_window_extent()
    taken = [_around(point) for point in ax.transData.transform(points)]
    start, end = ax.transData.transform(line)
    along = np.linspace(start, end, 400)
    line_boxes = [_around(point, 1) for point in along if room.contains(*point)]
    if ax.get_legend() is not None:
        taken.append(ax.get_legend().get_window_extent())
    for text in texts:
        covered = []
        for place in _PLACES:
            box = _move(text, *place)
            outside = box.x0 < room.x0 or box.x1 > room.x1 or box.y0 < room.y0 or box.y1 > room.y1
            on_line = box.count_overlaps(line_boxes) > 0
            covered.append(100 * outside + 10 * box.count_overlaps(taken) + on_line)
        taken.append(_move(text, *_PLACES[int(np.argmin(covered))]))


def _move(text, offset, horizontal, vertical):
    """Move a name, and give the room that it takes there."""
    text.set(position=offset, horizontalalignment=horizontal, verticalalignment=vertical)
    return text.get_window_extent()


def _around(point, half=4):
    return Bbox([np.subtract(point, half), np.add(point, half)])
