"""The ascent inside Auto-PGD for linf and l2: its step, and when the step is halved.

Croce & Hein (2020), "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", section 3.
"""

import numpy as np
import torch

from sklearn_privfair.attacks._norms import columns, row_norm, steepest

_MOMENTUM = 0.75  # share of the new step: alpha in the paper
_FIRST, _LESS, _LEAST = 22, 3, 6  # periods between checkpoints, in hundredths of the run


def checkpoints(n_steps):
    """Give the steps after which a step is judged, each with the number of steps it judges.

    Examples
    --------
    >>> checkpoints(100)
    {22: 22, 41: 19, 57: 16, 70: 13, 80: 10, 87: 7, 93: 6, 99: 6}
    """
    periods, share, period, before = {}, _FIRST, _FIRST, 0
    while share <= 100:
        at = -(-share * n_steps // 100)
        if at > before:
            periods[at] = at - before
            before = at
        period = max(period - _LESS, _LEAST)
        share += period
    return periods


class Ascent:
    """One run of `n_steps` from a start: each row has its own step, best point and best loss.

    Parameters
    ----------
    n_steps : int
    rho : float
        Share of the steps that has to raise the loss.
    radius : float
        Of the ball in which the run stays, in units of eps.
    """

    def __init__(self, n_steps, rho=0.75, radius=1):
        self.n_steps, self.rho, self.radius = n_steps, rho, radius
        self.checkpoints = checkpoints(n_steps)

    def noise(self, rows):
        """Draw a random point on the sphere of radius eps around the origin."""
        if rows.norm == np.inf:
            noise = 2 * rows.random.uniform(*rows.x0.shape[1:]) - 1
        else:
            noise = rows.random.normal(*rows.x0.shape[1:])
        length = row_norm(noise, rows.norm).clamp_min(torch.finfo(noise.dtype).tiny)
        return noise * columns(rows.eps / length, noise)

    def project(self, rows, x):
        """Give the nearest point of the ball and the box."""
        return rows.project(x)

    def begin(self, rows):
        """Set out from `rows.x`."""
        nothing = torch.zeros_like(rows.eps)
        rows.state |= {
            "step": self.first_step(rows),
            "before": rows.x,
            "last_loss": torch.full_like(nothing, torch.inf),  # the start is no rise
            "best_x": rows.x,
            "best_loss": torch.full_like(nothing, -torch.inf),
            "best_gradient": torch.zeros_like(rows.x),
            "rises": torch.zeros_like(rows.label),
            "checked_loss": torch.full_like(nothing, -torch.inf),
            "halved": torch.ones_like(rows.label, dtype=torch.bool),
        }

    def first_step(self, rows):
        """Give each row's length of step, in the rows' norm."""
        return 2 * rows.eps

    def note(self, rows, loss, gradient=None):
        """Take down what the model said of `rows.x`."""
        state = rows.state
        state["rises"] = state["rises"] + (loss > state["last_loss"])
        state["last_loss"] = loss
        better = loss > state["best_loss"]
        state["best_loss"] = torch.where(better, loss, state["best_loss"])
        state["best_x"] = torch.where(columns(better, rows.x), rows.x, state["best_x"])
        if gradient is not None:
            kept = state["best_gradient"]
            state["best_gradient"] = torch.where(columns(better, rows.x), gradient, kept)

    def climb(self, rows, gradient, count):
        """Move on from `rows.x`, or, after a checkpoint, from the best point so far."""
        if count in self.checkpoints:
            back = columns(self.judge(rows, self.checkpoints[count]), rows.x)
            rows.x = torch.where(back, rows.state["best_x"], rows.x)
            gradient = torch.where(back, rows.state["best_gradient"], gradient)
        before, rows.state["before"] = rows.state["before"], rows.x
        rows.x = self.move(rows, gradient, rows.x - before, count)

    def judge(self, rows, period):
        """Halve the steps that lead nowhere; tell whose."""
        state = rows.state
        stuck = ~state["halved"] & (state["best_loss"] <= state["checked_loss"])
        halved = (state["rises"] <= self.rho * period) | stuck
        state["step"] = torch.where(halved, state["step"] / 2, state["step"])
        state["halved"], state["checked_loss"] = halved, state["best_loss"]
        state["rises"] = torch.zeros_like(state["rises"])
        return halved

    def move(self, rows, gradient, last_move, count):
        """Give the next point: a step uphill, with a share of the last move."""
        uphill = columns(rows.state["step"], gradient) * steepest(rows, gradient)
        x = self.project(rows, rows.x + uphill)
        if count == 0:
            return x
        mixed = rows.x + _MOMENTUM * (x - rows.x) + (1 - _MOMENTUM) * last_move
        return self.project(rows, mixed)
