"""Bring adversarial rows nearer still, in any norm: the end of attacks without a budget.

The boundary is taken for a plane where it was crossed, and the original row is projected onto it
within the box, as SuperDeepFool does (Abroshan et al. 2023); where that is not adversarial, false
position on the way back finds a point that is. The line between two points is nowhere farther from
the row than its farther end, so that either way the row comes nearer, whatever the norm.
"""

import torch

from sklearn_privfair.attacks._boundaries import box_around, tolerance
from sklearn_privfair.attacks._hyperplane import nearest_on_plane
from sklearn_privfair.attacks._losses import margin
from sklearn_privfair.attacks._norms import columns, row_norm

_BEYOND = 1e-5  # how far beyond the plane, relative to the gain, and besides what rounding takes
_NEARER = 1e-5  # a step that would bring less, relative to the distance, is not worth a pass
_HALVINGS = 3  # of the features that are perhaps not needed
_TINY = 1e-30


def polish(rows, n_steps=12):
    """Bring what was found for each row nearer.

    Parameters
    ----------
    rows : Rows
        As `_polish` gets them: those found, with nothing in their state.
    n_steps : int
        Passes at most. A row leaves when it is as near as its tangent plane.
    """
    if rows.norm == 0:
        _drop(rows, n_steps)
    else:
        _project(rows, n_steps)


def _project(rows, n_steps):
    best = rows.found.x[rows.index].to(rows.x0)
    none = torch.zeros_like(best.flatten(1)[:, 0])
    rows.state = {"x": best, "best": best, "height": none, "short": best, "depth": none}
    for step in rows.steps(n_steps):
        x, state = rows.state["x"], rows.state
        answer = rows.ask(x, margin)
        height = answer.loss - rows.confidence
        slack = tolerance(answer.logits).to(height)
        beyond = height > slack / 2
        nearer = beyond & ((_distance(rows, x) < _distance(rows, state["best"])) | (step == 0))
        for name, point, value, which in (
            ("best", "height", height, nearer),
            ("short", "depth", -height, ~beyond),
        ):
            state[name] = torch.where(columns(which, x), x, state[name])
            state[point] = torch.where(which, value, state[point])
        foot = rows.clip(rows.x0 + _onto_tangent(rows, x, answer.gradient, height - slack))
        share = state["depth"] / (state["depth"] + state["height"]).clamp_min(_TINY)
        share = (0.01 + 1.02 * share).clamp(0.05, 0.95)  # beyond the crossing rather than short
        between = state["short"] + columns(share, x) * (state["best"] - state["short"])
        state["x"] = torch.where(columns(nearer, x), foot, between)
        gain = _distance(rows, state["best"]) - _distance(rows, state["x"])
        rows.done |= ~(gain > _NEARER * _distance(rows, state["best"])).cpu()


def _distance(rows, x):
    return row_norm(x - rows.x0, rows.norm)


def _onto_tangent(rows, x, normal, height):
    """Give the shortest step from the original row to the tangent at `x`, and a little further."""
    gain = (1 + _BEYOND) * (((x - rows.x0) * normal).flatten(1).sum(1) - height)
    low, high = box_around(rows, rows.x0)
    return nearest_on_plane(normal, gain, low, high, rows.norm)[0]


def _drop(rows, n_steps):
    """Give up changes that are not needed, the least important first: many at once, then singly."""
    for _ in rows.steps(1):
        x = rows.found.x[rows.index].to(rows.x0)
        changed = (x != rows.x0).flatten(1)
        worth = (rows.ask(x, margin).gradient * (x - rows.x0)).flatten(1)
        worth = torch.where(changed, worth, torch.inf)
        rank = worth.sort(dim=1, stable=True).indices.argsort(dim=1)
        count = changed.sum(1)
        rows.state = {"x": x, "rank": rank, "next": 0 * count, "needed": count, "count": count}
        rows.done |= (count <= 1).cpu()
    for step in rows.steps(n_steps - 1):
        state, halving = rows.state, step < _HALVINGS
        start = state["next"]
        stop = (start + state["needed"] + 1) // 2 if halving else start + 1
        drop = (state["rank"] >= start[:, None]) & (state["rank"] < stop[:, None])
        x = torch.where(drop.reshape(rows.x0.shape), rows.x0, state["x"])
        logits = rows.logits(x)
        beyond = rows.margin(logits) > tolerance(logits)
        state["x"] = torch.where(columns(beyond, x), x, state["x"])
        if halving:
            state["needed"] = torch.where(beyond, state["needed"], stop - 1)
        state["next"] = torch.where(beyond | (not halving), stop, start)
        rows.done |= (state["next"] >= state["count"]).cpu()
