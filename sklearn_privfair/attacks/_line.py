"""Back along the line from an adversarial row to its original, as far as it stays adversarial.

The final search of FAB (Croce & Hein 2020): false position on the margin, of which a bisection
would need several times as many passes.
"""

import torch

from sklearn_privfair.attacks._norms import columns

_BEYOND = 2e-4  # how far beyond the crossing that is expected, relative to the distance


def walk_back(rows, n_steps):
    """Bring what was found for each row nearer to the row, on the line between both.

    Parameters
    ----------
    rows : Rows
        As `_polish` gets them.
    n_steps : int
        Forward passes at most, besides one at each end of the line. A row leaves when it is as
        near to its crossing, as far as that can be told, as 2 in 10,000 of the distance.
    """
    for _ in rows.steps(n_steps > 0):
        x = rows.found.x[rows.index].to(rows.x0)
        below, above = (rows.margin(rows.logits(end)).to(x) for end in (rows.x0, x))
        rows.state = {"x": x, "below": below, "above": above, "moved": torch.zeros_like(below)}
        rows.state |= {"low": torch.zeros_like(below), "high": torch.ones_like(below)}
        rows.state["crossing"] = _crossing(rows)
    for _ in rows.steps(n_steps):
        state = rows.state
        there = (1 + _BEYOND) * state["crossing"]
        x = rows.x0 + columns(there, rows.x0) * (state["x"] - rows.x0)
        value = rows.margin(rows.logits(rows.clip(x))).to(x)
        beyond = value > 0
        state["high"] = torch.where(beyond, there, state["high"])
        state["low"] = torch.where(beyond, state["low"], there)
        # the Illinois rule: an end that stays twice counts for half, or it would stay for ever
        above = state["above"] * torch.where(state["moved"] < 0, 0.5, 1.0)
        below = state["below"] * torch.where(state["moved"] > 0, 0.5, 1.0)
        state["above"] = torch.where(beyond, value, above)
        state["below"] = torch.where(beyond, below, value)
        state["moved"] = torch.where(beyond, 1.0, -1.0).to(x)
        state["crossing"] = _crossing(rows)


def _crossing(rows):
    """Give the share of the way at which the chord crosses zero; rows that are there are done."""
    state = rows.state
    low, high, below, above = (state[name] for name in ("low", "high", "below", "above"))
    crossing = low + (high - low) * below / (below - above)
    rows.done |= ((1 + _BEYOND) * crossing >= high).cpu()
    return crossing
