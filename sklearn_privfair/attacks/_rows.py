"""The rows of a batch that are still under attack: what an attack reads and writes.

An attack's update rule sees tensors with one row per sample. Rows that are finished leave between
steps; the batch keeps a whole multiple of `row_quantum` rows, filled up with finished ones, so that
rounding does not depend on how many are left.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from sklearn_privfair.attacks._losses import margin
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._projections import project_ball
from sklearn_privfair.attacks._random import RowStreams
from sklearn_privfair.differentiable._rowwise import round_up, row_quantum


@dataclass
class Problem:
    """What is asked of an attack, for all rows or for the rows of one batch.

    Attributes
    ----------
    x : torch.Tensor of shape (n, ...)
        The rows as they came.
    label : torch.Tensor of shape (n,) and dtype int64
        The class to leave.
    target : torch.Tensor of shape (n,) and dtype int64, or None
        The class to reach.
    lower, upper : torch.Tensor of shape (n or 1, ...), or None
        The box in which rows may move.
    eps : torch.Tensor of shape (n,), or None
        The largest distance allowed; None for the least distance.
    norm : {0, 1, 2, inf}
        The norm of distances.
    snap : Snap or None
        From any rows to rows that may be; None: all may.
    aside : int
        Questions of a row's `n_queries` that go to the clean row and to the proof.
    """

    x: torch.Tensor
    label: torch.Tensor
    target: torch.Tensor | None
    lower: torch.Tensor | None
    upper: torch.Tensor | None
    eps: torch.Tensor | None
    norm: float
    snap: Any = None
    aside: int = 2

    def take(self, index):
        """Give the problem of the rows of `index` alone."""

        def pick(tensor):
            whole = tensor is None or (tensor.shape[0] == 1 and len(self.x) != 1)
            return tensor if whole else tensor[index]

        return self._each(pick)

    def to(self, device):
        """Move to a device."""
        return self._each(lambda tensor: tensor if tensor is None else tensor.to(device))

    def _each(self, change):
        names = ("x", "label", "target", "lower", "upper", "eps")  # the others are of all rows
        changed: dict = {name: change(getattr(self, name)) for name in names}
        return replace(self, **changed)


class Found:
    """What was found for the rows of one batch, in the batch's own order, and what it cost."""

    def __init__(self, problem, with_trace):
        n = len(problem.x)
        self.x = problem.x.clone()
        self.distance = torch.full((n,), torch.inf, dtype=torch.float64)
        self.flat = torch.zeros(n, dtype=torch.bool)  # no slope where an attack began
        self.member = torch.zeros(n, dtype=torch.int64)  # the attack that found it
        self.n_forward = torch.zeros(n, dtype=torch.int64)
        self.n_backward = torch.zeros(n, dtype=torch.int64)
        self.trace: dict | None = {"loss": [], "distance": []} if with_trace else None

    def take_over(self, index, part, distance):
        """Add what was found, at `distance`, for the rows `index` by another run on them alone."""
        nearer = distance < self.distance[index]
        better = index[nearer]
        self.x[better] = part.x[nearer].to(self.x)
        self.distance[better] = distance[nearer]
        self.member[better] = part.member[nearer]
        self.flat[index] |= part.flat
        self.n_forward[index] += part.n_forward
        self.n_backward[index] += part.n_backward
        for name, lines in (self.trace or {}).items():
            for values in part.trace[name]:
                line = torch.full_like(self.distance, torch.nan)
                line[index] = values
                lines.append(line)


class Answer(NamedTuple):
    """What the model says at a point: logits (n, n_classes), loss (n,), gradient like the rows."""

    logits: torch.Tensor
    loss: torch.Tensor
    gradient: torch.Tensor


class Rows:
    """Rows still under attack.

    Attributes
    ----------
    x : torch.Tensor of shape (n, ...)
        Where each row is now; the attack moves it.
    state : dict of str to torch.Tensor
        Whatever else the attack keeps, one row per sample: velocities, constants, counters.
    done : bool torch.Tensor of shape (n,)
        Rows that are finished. Those found within `eps` are marked here; an attack with its own
        rule for stopping marks others.
    x0, label, target, lower, upper, eps, norm
        The problem of these rows, see :class:`Problem`.
    """

    def __init__(self, module, problem, found, seed, restart, confidence=0.0, keeps_budget=True):
        self.module = module
        self.found = found
        self.seed, self.restart, self.confidence = seed, restart, confidence
        self.keeps_budget = keeps_budget  # whether all points asked about are within eps
        self.member = 0  # the number of the attack among those of an ensemble
        self.budget = None  # forward passes that each row may still take; None: any number
        self.asks = 0
        self.climbing = False  # in training, where the worst row counts and not the first one
        index = torch.arange(len(problem.x))
        if problem.eps is not None:  # a fixed budget: found once is found
            index = index[torch.isinf(found.distance)]
        self.quantum = row_quantum(module)
        self.index = _fill_up(index, index[:1], self.quantum)
        self.done = torch.arange(len(self.index)) >= len(index)
        self._problem = problem.take(self.index)
        self._unpack()
        self.x = self.x0
        self.state = {}
        self._streams = None

    def __len__(self):
        return len(self.index)

    def _unpack(self):
        self._ball = None
        p = self._problem
        self.x0, self.label, self.target = p.x, p.label, p.target
        self.lower, self.upper, self.eps, self.norm = p.lower, p.upper, p.eps, p.norm
        fixed = None if p.lower is None else p.lower == p.upper
        self._free = None if fixed is None or not bool(fixed.any()) else (~fixed).to(p.x.dtype)

    @property
    def random(self):
        """Random numbers, each row's own: see :class:`RowStreams`."""
        if self._streams is None:
            self._streams = RowStreams(self.x0, self.seed, self.restart)
        return self._streams

    def use_streams(self, streams):
        """Draw random numbers from `streams` instead."""
        self._streams = streams

    def steps(self, n_steps):
        """Count the steps while any row is left, letting the finished ones go before each."""
        for step in range(n_steps):
            self._let_go()
            if bool(self.done.all()):
                return
            yield step

    def ask(self, x, loss):
        """Ask the model at `x` for logits, each row's loss and its gradient with respect to `x`.

        One forward and one backward pass. An adversarial `x` is kept if it is the nearest so far.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
        loss : callable
            One of :mod:`~sklearn_privfair.attacks._losses`.

        Returns
        -------
        answer : Answer
        """
        logits, losses, gradients = self.ask_each(x, [loss])
        return Answer(logits, losses[:, 0], gradients[:, 0])

    def ask_each(self, x, losses):
        """Ask the model at `x` for several losses: one forward and `len(losses)` backward passes.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
        losses : list of callable

        Returns
        -------
        answer : Answer
            Its loss is of shape (n, n_losses), its gradient (n, n_losses, ...).
        """
        x = self._snapped(x).detach().requires_grad_()
        logits = self.module(x)
        values = [loss(logits, self.label, self.target) for loss in losses]
        gradients = [
            torch.autograd.grad(value.sum(), x, retain_graph=i + 1 < len(losses))[0]
            for i, value in enumerate(values)
        ]
        if self.asks == 0 and not self.climbing:
            steepest = torch.stack([row_norm(gradient, np.inf) for gradient in gradients]).amax(0)
            self.found.flat[self.index] |= (steepest == 0).cpu()
        if self._free is not None:  # what cannot move has no say in where the rest goes
            gradients = [gradient * self._free for gradient in gradients]
        answer = Answer(
            logits.detach(),
            _side_by_side([value.detach() for value in values]).to(x.dtype),
            _side_by_side(gradients),
        )
        self.asks += 1
        live = self.index[~self.done]
        self.found.n_forward[live] += 1
        self.found.n_backward[live] += len(losses)
        self._consider(x.detach(), answer.logits, answer.loss.amax(1))
        return answer

    def finish(self):
        """Look at where the rows that are left ended: one forward pass."""
        if not self.climbing:
            for _ in self.steps(1):
                self.logits(self.x)

    def logits(self, x):
        """Ask the model for the logits at `x`: one forward pass; an adversarial `x` is kept."""
        x = self._snapped(x)
        with torch.no_grad():
            logits = self.module(x)
        self.found.n_forward[self.index[~self.done]] += 1
        self._consider(x, logits, None)
        return logits

    def logits_of(self, xs):
        """Ask the model for the logits at several points of each row, in one call.

        Parameters
        ----------
        xs : torch.Tensor of shape (n_points, n, ...)
            Each point counts as a forward pass.

        Returns
        -------
        logits : torch.Tensor of shape (n_points, n, n_classes)
        """
        xs = torch.stack([self._snapped(x) for x in xs])
        with torch.no_grad():
            logits = self.module(xs.flatten(0, 1)).unflatten(0, xs.shape[:2])
        self.found.n_forward[self.index[~self.done]] += len(xs)
        for x, answer in zip(xs, logits, strict=True):
            self._consider(x, answer, None)
        return logits

    @property
    def n_left(self):
        """Forward passes that each row may still take, (n,); a large number without a limit."""
        if self.budget is None:
            return torch.full((len(self),), torch.iinfo(torch.int64).max)
        return (self.budget - self.found.n_forward)[self.index]

    def _snapped(self, x):
        return x if self._problem.snap is None else self._problem.snap(x, self)

    def margin(self, logits):
        """How far each row is beyond the decision boundary, less the confidence asked for."""
        return margin(logits, self.label, self.target) - self.confidence

    def clip(self, x):
        """Put rows back into the box."""
        return x if self.lower is None else torch.clamp(x, self.lower, self.upper)

    def project(self, x):
        """Give the nearest point within `eps` of the original row and within the box."""
        if self.norm == np.inf and self.climbing:  # one box, as no row leaves
            if self._ball is None:
                radius = columns(self.eps, x)
                self._ball = self.clip(self.x0 - radius), self.clip(self.x0 + radius)
            return torch.clamp(x, *self._ball)
        delta = x - self.x0
        if self.norm == np.inf:  # the ball is a box
            radius = columns(self.eps, x)
            return self.clip(self.x0 + torch.clamp(delta, -radius, radius))
        lower, upper = (None, None) if self.lower is None else self.box_around()
        # rounding x0 + delta must not leave the ball
        radius = self.eps * (1 - 8 * torch.finfo(x.dtype).eps)
        return self.clip(self.x0 + project_ball(delta, lower, upper, radius, self.norm))

    def box_around(self):
        """Give the box relative to the original rows."""
        return self.lower - self.x0, self.upper - self.x0

    def _consider(self, x, logits, values):
        if self.climbing:
            return
        scale = logits.abs().amax(1)
        beyond = (self.margin(logits) > 32 * torch.finfo(logits.dtype).eps * scale).cpu()
        live = ~self.done
        if self.found.trace is not None:
            self._record("distance", self._distance(x), live)
            if values is not None:
                self._record("loss", values.double().cpu(), live)
        better = live & beyond
        if self.eps is not None and not self.keeps_budget:
            better &= self._distance(x) <= self.eps.cpu()
        if not better.any():
            return
        if self.eps is None:
            distance = self._distance(x)
            better &= distance < self.found.distance[self.index]
            self.found.distance[self.index[better]] = distance[better]
        else:  # found once is found, however far
            self.found.distance[self.index[better]] = 0.0
            self.done |= better
        self.found.x[self.index[better]] = x[better.to(x.device)].to(self.found.x)
        self.found.member[self.index[better]] = self.member

    def _distance(self, x):
        return row_norm(x - self.x0, self.norm).double().cpu()

    def _record(self, name, values, live):
        line = torch.full_like(self.found.distance, torch.nan)
        line[self.index[live]] = values[live]
        self.found.trace[name].append(line)

    def _let_go(self):
        live = (~self.done).nonzero().squeeze(1)
        if len(live) == 0 or round_up(len(live), self.quantum) >= len(self):
            return
        keep = _fill_up(live, self.done.nonzero().squeeze(1), self.quantum)
        self.index, self.done = self.index[keep], self.done[keep]
        if self._streams is not None:
            self._streams.keep(keep.tolist())
        keep = keep.to(self.x.device)
        self._problem = self._problem.take(keep)
        self._unpack()
        self.x = self.x[keep]
        self.state = {name: tensor[keep] for name, tensor in self.state.items()}


def _side_by_side(tensors):
    """Put tensors of shape (n, ...) into one of shape (n, n_tensors, ...); of one, a view."""
    return tensors[0][:, None] if len(tensors) == 1 else torch.stack(tensors, dim=1)


def _fill_up(index, spare, quantum):
    """Lengthen `index` to a whole multiple of the quantum with entries of `spare`."""
    missing = round_up(len(index), quantum) - len(index)
    return torch.cat([index, spare.repeat(-(-missing // max(len(spare), 1)))[:missing]])
