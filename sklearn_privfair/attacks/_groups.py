"""Groups of which one member is 1, for attacks that follow gradients: searched, not relaxed.

A gradient says how the model would change if a row were a little of two categories, which no row
is. So every change of one group is asked about, and the attack then runs on the other features
from the row as it is, from the row with the best change, with the two best, and so on: for each of
these the rest of the budget, or the distance, splits exactly.
"""

import math
from dataclasses import replace

import numpy as np
import torch

from sklearn_privfair.attacks._norms import row_norm
from sklearn_privfair.attacks._rows import Found, Rows

_MOST = 6  # groups changed at once, at most


def run_by_groups(run, module, problem, found):
    """Run an attack from every start that a change of groups gives.

    Parameters
    ----------
    run : callable
        Of a problem without groups and a `Found`: runs the attack.
    module : torch.nn.Module
    problem : Problem
        Whose `snap` has groups.
    found : Found
        Of `problem`; what is found goes there.
    """
    changes = _best_changes(module, problem, found)
    snap = problem.snap.without_groups()
    frozen = torch.zeros(problem.x[0].numel(), dtype=torch.bool, device=problem.x.device)
    for group in problem.snap.groups:
        frozen[torch.as_tensor(group)] = True
    start = problem.x
    for change in [None, *changes]:
        if change is not None:
            coordinates, rows_of = change
            start = torch.where(
                rows_of[:, None], torch.where(coordinates[0], coordinates[1], start), start
            )
        cost = row_norm(start - problem.x, problem.norm)
        wanted = torch.ones_like(cost, dtype=torch.bool) if change is None else change[1].clone()
        if problem.eps is not None:
            wanted &= cost <= problem.eps
            wanted &= torch.isinf(found.distance).to(cost.device)
        index = wanted.nonzero().squeeze(1)
        if not len(index):
            continue
        lower = torch.where(frozen, start, problem.lower.expand_as(start))
        upper = torch.where(frozen, start, problem.upper.expand_as(start))
        eps = None if problem.eps is None else _rest(problem.eps, cost, problem.norm)
        part = replace(problem, x=start, lower=lower, upper=upper, eps=eps, snap=snap).take(index)
        inner = Found(part, found.trace is not None)
        run(part, inner)
        found.take_over(index.cpu(), inner, _total(inner.distance, cost[index].cpu(), problem))


def _best_changes(module, problem, found):
    """List ``((mask, values), rows)``: the best change of a row's best group, second best, ..."""
    snap = problem.snap
    rows = Rows(module, replace(problem, snap=None), found, 0, 0, keeps_budget=False)
    unit = torch.as_tensor(snap.unit, dtype=problem.x.dtype, device=problem.x.device)
    groups = [torch.as_tensor(group, device=problem.x.device) for group in snap.groups]
    n_members = sum(len(group) for group in groups)
    plan = [(g, k) for g, group in enumerate(groups) for k in range(len(group))]
    rows.state["gain"] = torch.full((len(rows), n_members), -math.inf).to(problem.x)
    for step in rows.steps(1 + n_members):
        if step == 0:
            rows.state["margin"] = rows.margin(rows.logits(rows.x0))
            continue
        g, k = plan[step - 1]
        group = groups[g]
        before = rows.x0[:, group]
        hot = torch.zeros_like(before)
        hot[:, k] = 1 / unit[group[k]]
        possible = (rows.upper[:, group[k]] * unit[group[k]] > 0.5) & (before[:, k] == 0)
        possible &= ((rows.lower[:, group] <= 0) | (before == 0)).all(1)
        if not bool((possible & ~rows.done.to(possible.device)).any()):
            continue
        x = rows.x0.index_copy(1, group, torch.where(possible[:, None], hot, before))
        gain = rows.margin(rows.logits(x)) - rows.state["margin"]
        rows.state["gain"][:, step - 1] = torch.where(possible, gain, -math.inf)
    n = len(problem.x)
    gain = torch.full((n, n_members), -math.inf).to(problem.x)
    live = ~rows.done
    gain[rows.index[live]] = rows.state["gain"][live.to(gain.device)]
    return _ordered(gain, groups, unit, n, problem.x)


def _ordered(gain, groups, unit, n, x):
    best = torch.stack([part.amax(1) for part in gain.split([len(g) for g in groups], 1)], 1)
    place = torch.stack([part.argmax(1) for part in gain.split([len(g) for g in groups], 1)], 1)
    order = best.argsort(dim=1, descending=True, stable=True)
    changes = []
    for turn in range(min(_MOST, len(groups))):
        mask, values = torch.zeros_like(x, dtype=torch.bool), torch.zeros_like(x)
        helps = best.gather(1, order[:, turn : turn + 1]).squeeze(1) > 0
        for g, group in enumerate(groups):
            here = helps & (order[:, turn] == g)
            hot = torch.zeros((n, len(group))).to(x).scatter_(1, place[:, g : g + 1], 1.0)
            mask[:, group] |= here[:, None]
            values[:, group] += here[:, None] * hot / unit[group]
        if bool(helps.any()):
            changes.append(((mask, values), helps))
    return changes


def _rest(eps, cost, norm):
    """Give what is left of a budget for the other features."""
    if norm == np.inf:
        return eps
    rest = eps - cost if norm == 1 else ((eps - cost) * (eps + cost)).clamp_min(0).sqrt()
    return rest.clamp_min(1e-9)


def _total(distance, cost, problem):
    """Give the whole distance, from that of groups and that of the other features."""
    if problem.eps is not None:
        return distance
    if problem.norm == np.inf:
        return torch.maximum(distance, cost.double())
    if problem.norm == 2:
        return (distance * distance + cost.double() * cost.double()).sqrt()
    return distance + cost.double()
