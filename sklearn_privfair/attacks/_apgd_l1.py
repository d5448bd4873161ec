"""The ascent inside Auto-PGD for l1: sparse steps, their sparsity that of the best point so far.

Croce & Hein (2021), "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers".
"""

import torch

from sklearn_privfair.attacks._apgd_steps import Ascent
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._projections import project_ball

_NOISE = 0.1  # standard deviation of the start, in units of eps: 1 at the usual eps of images
_EVERY = 4  # hundredths of the run between checkpoints
_DENSE = 0.2  # share of the features that the first step moves
_SHRINK, _LEAST = 1.5, 0.1  # of the step, the least in units of the first
_SPARSER = 0.95
_ROOM = 1e-6  # in units of eps, what a bound leaves by rounding alone


class SparseAscent(Ascent):
    """One run in l1; see :class:`Ascent`."""

    def __init__(self, n_steps, radius=1, fresh=True):
        super().__init__(n_steps, radius=radius)
        self.fresh = fresh  # whether the start says nothing of the sparsity wanted
        every = max(_EVERY * n_steps // 100, 1)
        self.checkpoints = dict.fromkeys(range(every, n_steps + 1, every), every)

    def noise(self, rows):
        """Draw normal numbers: the projection makes few of them stay."""
        return _NOISE * columns(rows.eps, rows.x0) * rows.random.normal(*rows.x0.shape[1:])

    def project(self, rows, x):
        """Give the nearest point of the ball and the box."""
        if self.radius == 1:
            return rows.project(x)
        lower, upper = (None, None) if rows.lower is None else rows.box_around()
        radius = self.radius * rows.eps
        return rows.clip(rows.x0 + project_ball(x - rows.x0, lower, upper, radius, rows.norm))

    def begin(self, rows):
        """Set out from `rows.x`."""
        super().begin(rows)
        n_features, n_moved = rows.x0[0].numel(), _n_moved(rows, rows.x)
        dense = torch.full_like(n_moved, n_features - int((1 - _DENSE) * n_features))
        fresh = torch.full_like(n_moved, self.fresh, dtype=torch.bool) | (n_moved == 0)
        rows.state |= {
            "width": torch.where(fresh, dense, _narrower(n_moved)),
            "n_moved": torch.where(fresh, n_features, n_moved),
        }

    def first_step(self, rows):
        """Give each row's length of step."""
        return self.radius * rows.eps

    def judge(self, rows, period):
        """Fit the width of steps to the best point; a row grown sparser goes back to it."""
        state, longest = rows.state, self.first_step(rows)
        n_moved = _n_moved(rows, state["best_x"])
        sparser = n_moved < _SPARSER * state["n_moved"]
        shorter = torch.maximum(state["step"] / _SHRINK, _LEAST * longest)
        state["step"] = torch.where(sparser, longest, shorter)
        state["width"], state["n_moved"] = _narrower(n_moved), n_moved
        return sparser

    def move(self, rows, gradient, last_move, count):
        """Give the next point: a step along the largest entries of the gradient alone."""
        size = gradient.abs()
        if rows.lower is not None:  # what a bound stops is passed over
            room = torch.where(gradient > 0, rows.upper - rows.x, rows.x - rows.lower)
            size = size * (room > _ROOM * columns(rows.eps, room))
        size = size.flatten(1)
        order = size.sort(dim=1, descending=True).values
        least = order.gather(1, rows.state["width"][:, None] - 1)
        chosen = ((size >= least) & (size > 0)).to(size.dtype)
        share = rows.state["step"][:, None] / chosen.sum(1, keepdim=True).clamp_min(1)
        return self.project(
            rows, rows.x + gradient.sign() * (chosen * share).reshape(gradient.shape)
        )


def _n_moved(rows, x):
    return row_norm(x - rows.x0, 0).to(torch.int64)


def _narrower(n_moved):
    """Two thirds of the features moved, rounded down: of two it has to become one."""
    return torch.div(2 * n_moved, 3, rounding_mode="floor").clamp_min(1)
