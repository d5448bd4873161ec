"""Attacks on a model that stands in for another: all steps are taken, and points are noted."""

from dataclasses import replace

import numpy as np
import torch

from sklearn_privfair.attacks._rows import Rows


class Notes:
    """What is remembered of one run on the surrogate, for each row.

    Parameters
    ----------
    x : torch.Tensor of shape (n, ...)
        The rows.

    Attributes
    ----------
    best : torch.Tensor of shape (n,)
        The surrogate's largest margin, and ...
    surest : torch.Tensor of shape (n, ...)
        ... where that was.
    last : torch.Tensor of shape (n, ...)
        The last point.
    early : list of torch.Tensor of shape (n, ...)
        The 1st, 2nd, 4th, 8th ... point.
    """

    def __init__(self, x):
        self.best = torch.full_like(x.flatten(1)[:, 0], -torch.inf)
        self.surest, self.last = x.clone(), x.clone()
        self.early = []
        self.n_seen = 0

    def add(self, x, margins, index):
        """Take note of a point of the rows `index`."""
        self.n_seen += 1
        self.last[index] = x
        better = margins > self.best[index]
        self.best[index[better]] = margins[better]
        self.surest[index[better]] = x[better]
        if self.n_seen & (self.n_seen - 1) == 0:
            self.early.append(self.last.clone())


class Climber(Rows):
    """Rows that take all steps, and of which points are noted instead of found."""

    def __init__(self, module, problem, *args):
        super().__init__(module, problem, *args)
        self.climbing = True
        self.notes = Notes(problem.x)

    def _consider(self, x, logits, values):
        live = (~self.done).to(x.device)
        self.notes.add(
            x[live], self.margin(logits)[live].to(x.dtype), self.index.to(x.device)[live]
        )


def without_groups(problem):
    """Let the groups of a problem stay as they are, as no gradient says how they change."""
    if problem.snap is None or not problem.snap.groups:
        return problem
    frozen = torch.zeros(problem.x[0].numel(), dtype=torch.bool, device=problem.x.device)
    frozen[np.concatenate(problem.snap.groups)] = True
    lower, upper = (
        torch.where(frozen, problem.x, bound) for bound in (problem.lower, problem.upper)
    )
    return replace(problem, lower=lower, upper=upper, snap=problem.snap.without_groups())
