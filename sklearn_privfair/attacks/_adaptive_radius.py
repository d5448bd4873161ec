"""What DDN and FMN share: a point on a ball around the row, whose radius follows the boundary.

Rony et al. (2019) and Pintor et al. (2021) take a step along the gradient, and then bring the point
back to a ball that shrinks while the point is adversarial and grows while it is not. Here is all
but the step itself: the radius, the schedules, the classes aimed at, the polish at the end.
"""

import math
from abc import abstractmethod

import numpy as np
import torch

from sklearn_privfair.attacks._aims import aimed, nearest_classes
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._boundaries import box_around
from sklearn_privfair.attacks._hyperplane import nearest_on_plane
from sklearn_privfair.attacks._losses import LOSSES, margin
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._polish import polish
from sklearn_privfair.attacks._projections import project_ball

_LAST_STEP = 0.01  # of the first, and so
_LAST_GAMMA = 0.1
_BEYOND = 2e-4  # how far beyond the boundary the radius is to be
_GROWTH = 4  # of the radius, from a run that did not find a row to the next
_SMALL = 0.2  # share of the way to the farthest corner, where no slope tells how far to go
_FAR = 1e6
_TINY = 1e-30


class AdaptiveRadiusAttack(BaseAttack):
    """A minimum-norm attack that follows the boundary by the radius of a ball.

    A subclass has the parameters `n_steps`, `n_runs`, `gamma`, `step_size`, `initial_radius` and
    `loss`, and writes `_move`.
    """

    @abstractmethod
    def _move(self, rows, gradient, length):
        """Put ``rows.state["delta"]`` on the ball of radius ``rows.state["radius"]``.

        Parameters
        ----------
        rows : Rows
        gradient : torch.Tensor of shape (n, ...)
            Nowhere all zero.
        length : float
            Of the step along it, in radii.
        """

    def _polish(self, rows):
        polish(rows)

    def _attack(self, rows):
        for _ in rows.steps(1):
            self._begin(rows)
        n_runs = min(self.n_runs, self.n_steps)
        for run in range(n_runs):
            n_steps = self.n_steps // n_runs + (run < self.n_steps % n_runs)
            for step in rows.steps(n_steps):
                if step == 0:
                    self._start_run(rows, run)
                self._step(rows, run, step, (1 + math.cos(math.pi * step / n_steps)) / 2)

    def _begin(self, rows):
        """Look around from the row: how far its boundary is, and which class is the nearest."""
        rows.state = {}
        answer = rows.ask(rows.x0, LOSSES[self.loss])
        low, high = box_around(rows, rows.x0)
        norm, gain = rows.norm, -answer.loss
        foot, _ = nearest_on_plane(answer.gradient, gain, low, high, max(norm, 1))
        radius = row_norm(foot, norm)
        corner = torch.full_like(radius, torch.inf)
        if low is not None:
            corner = row_norm(torch.maximum(-low, high), norm)
        small = torch.where(corner.isfinite(), corner, row_norm(rows.x0, norm).clamp_min(1))
        radius = torch.where(radius > 0, radius, _SMALL * small)
        if self.initial_radius is not None:
            radius = torch.full_like(radius, self.initial_radius)
        steepest = row_norm(answer.gradient, np.inf)
        rows.state = {
            "radius": radius,
            "corner": corner,
            "flat": steepest == 0,
            "reach": torch.where(steepest > 0, gain.abs() / steepest.clamp_min(_TINY), small),
        }
        n_classes = answer.logits.shape[1]
        if rows.target is None and n_classes > 2 and self.n_runs > 1:
            aims, feet = nearest_classes(rows, n_classes, most=max(9, self.n_runs - 1))
            rows.state["aims"] = aims[:, : self.n_runs - 1]
            rows.state["feet"] = feet[:, : self.n_runs - 1]

    def _start_run(self, rows, run):
        """Set out from the row, the way its slope shows; where it is flat, at times from beyond."""
        state = rows.state
        state["delta"] = state["along"] = torch.zeros_like(rows.x0)
        if run == 0:
            return
        found = rows.found.distance[rows.index].to(rows.x0)
        known = found.isfinite()
        state["radius"] = torch.where(known, found, _GROWTH * state["radius"])
        best = rows.found.x[rows.index].to(rows.x0) - rows.x0
        onward = known & state["flat"] & (run % 2 == 0)
        start = torch.where(columns(onward, best), best, state["delta"])
        if "feet" in state:
            foot = state["feet"][:, (run - 1) % state["feet"].shape[1]]
            length = row_norm(foot, rows.norm)
            near = (length > 0) & (length < found)
            state["radius"] = torch.where(near, (1 + _BEYOND) * length, state["radius"])
            start = torch.where(columns(near, foot), (1 + _BEYOND) * foot, start)
        state["delta"] = state["along"] = start
        if not known.all():
            lost = columns(~known, rows.x0)
            state["along"] = torch.where(lost, self._noise(rows, run), state["along"])
            state["delta"] = torch.where(lost, onto_sphere(rows, state["along"]), state["delta"])

    def _noise(self, rows, turn):
        """Give a direction for rows without any, each its own, another one at each turn."""
        if "noise" not in rows.state:
            rows.state["noise"] = rows.random.normal(*rows.x0.shape[1:])
        # drawn once: later draws would depend on when a neighbour needed one
        noise = rows.state["noise"].flatten(1)
        sign = 1 - 2 * (turn % 2)
        return sign * noise.roll(turn // 2, dims=1).reshape(rows.x0.shape)

    def _step(self, rows, run, step, share):
        state, loss = rows.state, LOSSES[self.loss]
        if run > 0 and "aims" in state:
            loss = aimed(loss, state["aims"][:, (run - 1) % state["aims"].shape[1]])
        elif run % 2:  # there is but one class to aim at: another path to it
            loss = margin
        answer = rows.ask(rows.clip(rows.x0 + state["delta"]), loss)
        gradient = answer.gradient
        flat = row_norm(gradient, np.inf) == 0
        if flat.any():
            gradient = torch.where(columns(flat, gradient), self._noise(rows, step), gradient)
        if step > 0:
            gamma = self.gamma * (_LAST_GAMMA + (1 - _LAST_GAMMA) * share)
            radius = self._follow(rows, rows.margin(answer.logits), answer.gradient, gamma)
            state["radius"] = torch.minimum(radius, state["corner"])
        self._move(rows, gradient, _LAST_STEP + (1 - _LAST_STEP) * share)

    def _follow(self, rows, height, gradient, gamma):
        """Give the radius at which the boundary is expected, at most `gamma` nearer or farther."""
        state = rows.state
        rise = (state["delta"] * gradient).flatten(1).sum(1)  # along the ray, per unit of its log
        change = torch.where(rise > 0, -height / rise.clamp_min(_TINY), -height.sign())
        return state["radius"] * (1 + (change + _BEYOND).clamp(-gamma, gamma))


def unit(direction):
    """Scale each row to length 1 in l2; zero stays zero."""
    # first by the largest entry: squares of small gradients underflow
    largest = columns(row_norm(direction, np.inf), direction)
    scaled = direction / largest.where(largest > 0, torch.ones_like(largest))
    length = columns(row_norm(scaled, 2), direction)
    return scaled / length.where(length > 0, torch.ones_like(length))


def onto_sphere(rows, along):
    """Go along a direction and then along the bounds, until the radius is used up.

    The point is ``clip(t * along)`` for the largest `t` that the ball allows; in l2 it is the
    point of the ball and box that is farthest along the direction.
    """
    radius, norm = rows.state["radius"], rows.norm
    far = columns(_FAR * radius, along) * unit(along)
    low, high = box_around(rows, rows.x0)
    return project_ball(far, low, high, radius, max(norm, 1))
