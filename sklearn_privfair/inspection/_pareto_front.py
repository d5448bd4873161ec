"""Which of many candidates are worth a look, and short names for them."""

import numpy as np

from sklearn_privfair.inspection._axes import GREY
from sklearn_privfair.inspection._point_names import clear_names, place_names

_FEW = 8  # points that can all be named


def pareto_front(score, gap):
    """Tell which points are known, and not beaten by another.

    Beaten is what another equals or beats in both, and beats in one; equal points do not beat each
    other.

    Parameters
    ----------
    score : ndarray of shape (n_points,)
        Greater is better.
    gap : ndarray of shape (n_points,)
        Smaller is better.

    Returns
    -------
    on_front : ndarray of shape (n_points,) of bool
        Never where one of both is NaN.
    """
    at_least = (score >= score[:, None]) & (gap <= gap[:, None])
    better = (score > score[:, None]) | (gap < gap[:, None])
    return ~(at_least & better).any(axis=1) & ~np.isnan(score + gap)


def candidate_names(params):
    """Name candidates by the parameters in which they differ, without the steps' names."""
    values = {key: {repr(candidate.get(key)) for candidate in params} for key in params[0]}
    varied = [key for key, different in values.items() if len(different) > 1] or list(values)
    return [
        ", ".join(f"{key.rsplit('__')[-1]}={_short(candidate.get(key))}" for key in varied)
        for candidate in params
    ]


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)[:30]


def write_names(display, gap, score, front, gid):
    """Name all of a few points, and of many those of the front for which there is room."""
    few = len(gap) <= _FEW
    wanted = np.flatnonzero(~np.isnan(gap + score) if few else front)
    if display.name is None or len(wanted) == 0:
        return []
    ax = display.ax_
    first = {display.chosen, *wanted[[gap[wanted].argmin(), gap[wanted].argmax()]]}
    earlier = [text for text in ax.texts if text.get_gid() == gid]
    arrow = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
    style = {"textcoords": "offset points", "fontsize": 8, "arrowprops": arrow}
    texts = [
        ax.annotate(display.name[i], (gap[i], score[i]), (0, 0), **style)
        for i in sorted(wanted, key=lambda i: (i not in first, gap[i]))
    ]
    for text in texts:
        text.set_gid(gid)
    drawn = [c.get_offsets() for c in ax.collections if isinstance(c, type(display.points_))]
    points = np.vstack([offsets for offsets in drawn if len(offsets)])
    x, y = display.front_line_.get_data()
    stairs = np.column_stack([np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]])
    stairs = np.vstack([stairs[:1], stairs])  # two corners where the front is one point
    place_names(ax, earlier + texts, points=points, line=stairs)
    crowded = clear_names(ax, earlier + texts, points=points, far=few)
    for text in () if few else set(texts).intersection(crowded):
        text.remove()
    return [text for text in texts if few or text not in crowded]
