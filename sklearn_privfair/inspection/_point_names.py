"""Names beside points, placed where they cover least."""

import numpy as np
from matplotlib.text import Text
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

_FAR = [
    ((x * distance, y * distance), "left" if x > 0 else "right", "center")
    for distance in (16, 26, 38)
    for x, y in ((0.8, -0.6), (-0.8, 0.6), (0.8, 0.6), (-0.8, -0.6), (0.3, -1.0), (-0.3, 1.0))
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
    line : ndarray of shape (n_corners, 2)
        Corners of a line, from end to end; covering it is better than covering a point or a name.
    """
    ax.figure.canvas.figure.draw_without_rendering()  # lays out, so that extents are known
    room = ax.get_window_extent()
    taken = [_around(point) for point in ax.transData.transform(points)]
    corners = ax.transData.transform(line)
    length = np.append(0, np.cumsum(np.hypot(*np.diff(corners, axis=0).T)))
    steps = np.linspace(0, length[-1], 400)
    along = np.column_stack([np.interp(steps, length, axis) for axis in corners.T])
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


def clear_names(ax, texts, *, points, far):
    """Move names that cover a point or an earlier name away, at the end of a thin line.

    Parameters
    ----------
    ax : Axes
        After :func:`place_names`.
    texts : list of Annotation
        The more important a name, the earlier. They need an arrow; it is seen where it is needed.
    points : ndarray of shape (n_points, 2)
        All points.
    far : bool
        Whether names may be moved away; else those in the way are told, and nothing else.

    Returns
    -------
    crowded : list of Annotation
        Those for which there is no room: they are where they were.
    """
    room, crowded = ax.get_window_extent(), []
    taken = [_around(point, 2) for point in ax.transData.transform(points)]
    if ax.get_legend() is not None:
        taken.append(ax.get_legend().get_window_extent())
    for text in texts:
        place = text.get_position(), text.get_horizontalalignment(), text.get_verticalalignment()
        for i, trial in enumerate([place, *_FAR] if far else [place]):
            box = _move(text, *trial)
            inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 <= room.y1
            if inside and box.count_overlaps(taken) == 0:
                text.arrow_patch.set_visible(i > 0)
                break
        else:
            box = _move(text, *place)
            text.arrow_patch.set_visible(False)
            crowded.append(text)
        taken.append(box)
    return crowded


def _move(text, offset, horizontal, vertical):
    """Move a name, and give the room that it takes there."""
    text.set(position=offset, horizontalalignment=horizontal, verticalalignment=vertical)
    text.get_window_extent()  # brings its place up to date; but an arrow is in that, too
    return Text.get_window_extent(text)


def _around(point, half=4):
    return Bbox([np.subtract(point, half), np.add(point, half)])
