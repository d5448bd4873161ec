"""Attacks inside an attack: on some of its rows, with a budget or on a model of their own."""

import copy
from dataclasses import replace

import torch

from sklearn_privfair.attacks._norms import row_norm
from sklearn_privfair.attacks._rows import Found, Rows, _fill_up

_RUNS = 1 << 32  # seeds of runs are this far apart


def part(rows, chosen):
    """Give some of the rows as rows of their own; what they find and cost is the whole's.

    Parameters
    ----------
    rows : Rows
    chosen : bool torch.Tensor of shape (n,)
        On the CPU; at least one row that is not done.

    Returns
    -------
    part : Rows
        The rows chosen that are not done, in order, and some that fill up, which are done.
    """
    index = (chosen & ~rows.done).nonzero().squeeze(1)
    keep = _fill_up(index, index[:1], rows.quantum)
    twin = copy.copy(rows)
    twin.index, twin.done = rows.index[keep], torch.arange(len(keep)) >= len(index)
    keep = keep.to(rows.x.device)
    twin._problem = rows._problem.take(keep)
    twin._unpack()
    twin.x, twin._streams = rows.x[keep], None
    twin.state = {name: tensor[keep] for name, tensor in rows.state.items()}
    return twin


class Inside:
    """The rows that are left, as the problem of another attack, with findings of its own.

    Parameters
    ----------
    rows : Rows
        Of the attack outside.
    run : int
        Number of the run; each draws other random numbers.
    eps : torch.Tensor of shape (n,), default=None
        Budgets of `rows`. None: the least distance.
    budget : int torch.Tensor of shape (n,), default=None
        Questions that each of `rows` may ask. None: any number.

    Attributes
    ----------
    index : int64 torch.Tensor of shape (n_left,)
        Places in `rows`, on the CPU.
    problem : Problem
        Of the rows that are left.
    found : Found
        What was found.
    """

    def __init__(self, rows, run=0, eps=None, budget=None):
        self.outer = rows
        self.index = (~rows.done).nonzero().squeeze(1)
        there = self.index.to(rows.x.device)
        problem = rows._problem.take(there)
        eps = None if eps is None else eps[there].to(problem.x.dtype)
        self.problem = replace(problem, eps=eps)
        self.budget = None if budget is None else budget[self.index]
        self.found = Found(self.problem.to("cpu"), rows.found.trace is not None)
        self.seed = rows.seed + run * _RUNS

    def run(self, attack, module, kind=Rows, number=0):
        """Run an attack through its restarts, on the rows that are not found.

        Parameters
        ----------
        attack : BaseAttack
        module : torch.nn.Module
            From rows to logits.
        kind : type, default=Rows
        number : int, default=0
            Of the attack among several; each draws other random numbers.

        Returns
        -------
        ends : list of Rows
            One for each restart.
        """
        problem, limit = self.problem, self.budget
        if limit is None and attack.n_queries is not None:
            limit = self.found.n_forward + attack.n_queries
        ends = []
        for restart in range(attack.n_restarts + (problem.eps is None)):
            if problem.eps is not None and torch.isfinite(self.found.distance).all():
                break
            rows = kind(
                module,
                problem,
                self.found,
                self.seed + number,
                restart,
                attack.confidence,
                attack.keeps_budget,
            )
            rows.budget = limit
            if restart < attack.n_restarts:
                attack._attack(rows)
            else:
                rows.done |= self.found.distance[rows.index].isinf()
                attack._polish(rows)
            ends.append(rows)
        return ends

    def report(self):
        """Tell the rows outside what was found, if it is nearer or within eps, and its cost."""
        found, outer = self.found, self.outer
        x = found.x.to(outer.x0)
        distance = row_norm(x - self.problem.x, outer.norm).double().cpu()
        good = found.distance.isfinite()
        if outer.eps is not None:
            good &= distance <= outer.eps.cpu()[self.index]
            distance = torch.zeros_like(distance)
            outer.done[self.index[good]] = True
        found.member.fill_(outer.member)
        found.flat.zero_()  # it is where the attack outside began that counts
        place = outer.index[self.index]
        outer.found.take_over(place, found, torch.where(good, distance, torch.inf))


def beyond(rows, logits):
    """Tell which logits, (n_points, n, n_classes), are of adversarial points, as rows keep them."""
    scale = logits.abs().amax(2)
    margins = torch.stack([rows.margin(each) for each in logits])
    return margins > 32 * torch.finfo(logits.dtype).eps * scale


def ask_some(rows, xs, chosen):
    """Ask about several points of some of the rows.

    Parameters
    ----------
    rows : Rows
    xs : torch.Tensor of shape (n_points, n, ...)
    chosen : bool torch.Tensor of shape (n,)
        On the CPU.

    Returns
    -------
    adversarial : bool torch.Tensor of shape (n_points, n)
        On the device of the rows; False for those not asked.
    """
    answers = torch.zeros(xs.shape[:2], dtype=torch.bool, device=xs.device)
    index = (chosen & ~rows.done).nonzero().squeeze(1)
    if len(index):
        some = part(rows, chosen)
        place = index.to(xs.device)
        there = _fill_up(index, index[:1], rows.quantum).to(xs.device)
        logits = some.logits_of(xs[:, there])
        answers[:, place] = beyond(some, logits)[:, : len(index)]
    return answers


def ask_ahead(rows, xs):
    """Ask about several points of each row, in order, as far as it has questions left.

    Parameters
    ----------
    rows : Rows
    xs : torch.Tensor of shape (n_points, n, ...)

    Returns
    -------
    logits : torch.Tensor of shape (n_points, n, n_classes)
        NaN for points that were not asked about.
    """
    takes = rows.n_left.clamp(0, len(xs))
    numbers = takes[~rows.done].unique().tolist()
    if numbers == [len(xs)]:
        return rows.logits_of(xs)
    logits = None
    for n in numbers:
        index = ((takes == n) & ~rows.done).nonzero().squeeze(1)
        some, place = part(rows, takes == n), index.to(xs.device)
        there = _fill_up(index, index[:1], rows.quantum).to(xs.device)
        answers = some.logits_of(xs[:n, there])[:, : len(index)]
        if logits is None:
            logits = answers.new_full((*xs.shape[:2], answers.shape[2]), torch.nan)
        logits[:n, place] = answers
    rows.done |= rows.found.distance[rows.index].isfinite()
    return logits
