"""Attacks on the batches of a net that is being trained.

In training it is the worst row within the budget that counts, not the first adversarial one: all
steps are taken and no row leaves. Nothing is proven or counted, and numbers are drawn per batch.
"""

import numpy as np
import torch
from torch.nn import functional

from sklearn_privfair.attacks._bounds import check_bounds, resolve_bounds
from sklearn_privfair.attacks._checks import check_rules, warn_if_too_dear
from sklearn_privfair.attacks._climbing import without_groups
from sklearn_privfair.attacks._norms import columns, steepest
from sklearn_privfair.attacks._rows import Found, Problem, Rows
from sklearn_privfair.attacks._space import Learned, Space
from sklearn_privfair.attacks._views import ModuleView


class BatchStreams:
    """Random numbers for a batch as a whole; see :class:`RowStreams`."""

    def __init__(self, x, generator):
        self.x, self.generator = x, generator

    def _draw(self, sample, shape):
        empty = torch.empty((len(self.x), *shape), dtype=self.x.dtype)
        return sample(empty, generator=self.generator).to(self.x.device)

    def uniform(self, *shape):
        """Draw uniform numbers in [0, 1)."""
        return self._draw(torch.Tensor.uniform_, shape)

    def power(self, exponent):
        """Draw uniform numbers raised to a power."""
        return self.uniform() ** exponent

    def normal(self, *shape):
        """Draw standard normal numbers."""
        return self._draw(torch.Tensor.normal_, shape)

    def exponential(self, *shape):
        """Draw standard exponential numbers."""
        return self._draw(torch.Tensor.exponential_, shape)

    def keep(self, index):
        """Go on with the rows of `index` only."""
        self.x = self.x[index]


class Diverging(Rows):
    """Rows whose loss is how far the model's answer has moved from that at the clean row.

    The Kullback-Leibler divergence of Zhang et al. (2019), whatever loss the attack names.
    """

    def __init__(self, module, problem, *args):
        super().__init__(module, problem, *args)
        with torch.no_grad():
            self.clean = functional.log_softmax(module(problem.x), dim=1)

    def ask_each(self, x, losses):
        """Ask as always, for the divergence."""
        return super().ask_each(x, [self._divergence] * len(losses))

    def _divergence(self, logits, *_):
        return _divergence(self.clean[self.index.to(logits.device)], logits)

    def _divergence_at(self, x):
        """Give the divergence at points of all rows."""
        return _divergence(self.clean, self.module(x))


def _divergence(clean, logits):
    return (clean.exp() * (clean - functional.log_softmax(logits, dim=1))).sum(1)


class Surroundings:
    """Where the rows of a training may be moved: bounds, and the rules of a table.

    Parameters
    ----------
    attack : BaseAttack
        Whose `bounds`, `constraints` and `norm` these are.
    X : ndarray of shape (n_samples, ...)
        All rows of the training.
    names : list of str, or None
        Of the columns.

    Raises
    ------
    ValueError
        If rows lie outside the bounds or break the rules, or if features are categorical.
    """

    def __init__(self, attack, X, names):
        auto = isinstance(attack.bounds, str)
        self.space, learned = None, None
        if attack.constraints is not None:
            learned = Learned(X, names, attack.constraints)
            self.space = Space(X, names, attack.constraints, learned, attack.norm)
            if not self.space.plain:
                raise ValueError(
                    "constraints name categorical features, which a training that follows "
                    "gradients cannot move; list them in immutable."
                )
            check_rules(self.space, X)
            warn_if_too_dear(self.space, attack.eps, attack.norm)
        bounds = resolve_bounds(attack.bounds, X if auto else None, learned)
        if self.space is not None and auto:
            bounds = self.space.unranged(bounds)
        self.bounds = check_bounds(bounds, X, False)
        self.constraints = None if self.space is None else self.space.rules

    def problem(self, x, label, target, eps, norm):
        """Give what is asked of an attack about the rows of a batch."""
        (lower, upper), snap = self.bounds, None
        if self.space is not None:
            pair = None if lower is None else (lower.astype(np.float64), upper.astype(np.float64))
            lower, upper = self.space.box(x.detach().cpu().numpy(), pair, widen=True)
            snap = self.space.snap
        lower, upper = (
            None if bound is None else torch.as_tensor(bound, dtype=x.dtype, device=x.device)
            for bound in (lower, upper)
        )
        unit = self._unit(x)
        if unit is not None:
            x = x / unit
            lower, upper = (None if bound is None else bound / unit for bound in (lower, upper))
        return without_groups(Problem(x, label, target, lower, upper, eps, norm, snap))

    def _unit(self, x):
        """Give the length of a unit of each feature, like a row; None: all are 1."""
        if self.space is None or self.space.unit is None:
            return None
        unit = torch.as_tensor(self.space.unit, dtype=x.dtype, device=x.device)
        return unit.reshape(1, *x.shape[1:])

    def in_units(self, gradient, x):
        """Give a gradient with respect to rows as one with respect to the attack's coordinates."""
        unit = self._unit(x)
        return gradient if unit is None else gradient * unit

    def view(self, module):
        """Give the module of the attack's coordinates."""
        plain = self.space is None or self.space.unit is None
        return module if plain else ModuleView(module, self.space)

    def put_back(self, x_adv, x):
        """Give rows from coordinates: whole where they have to be, what did not move untouched."""
        if self.space is None:
            return x_adv
        unit = self._unit(x)
        still = x_adv == (x if unit is None else x / unit)
        moved = x_adv if unit is None else x_adv * unit
        fixed = torch.as_tensor(self.space.fixed, device=x.device).reshape(1, *x.shape[1:])
        moved = torch.where(fixed, moved.round(), moved)
        return torch.where(still, x, moved)


def perturb(attack, module, x, label, around, generator, target=None, diverging=False):
    """Give the rows to train on: the worst within the budget, or the nearest adversarial ones.

    Parameters
    ----------
    attack : BaseAttack
        Its parameters are used; it need not be fitted.
    module : torch.nn.Module
        From rows to logits, frozen.
    x : torch.Tensor of shape (n, ...)
    label : torch.Tensor of shape (n,) and dtype int64
    around : Surroundings
    generator : torch.Generator
        On the CPU.
    target : torch.Tensor of shape (n,) and dtype int64, default=None
    diverging : bool, default=False
        Whether the model's answer is driven away from that at the clean row, whatever the label.

    Returns
    -------
    x_adv : torch.Tensor like `x`
        For an attack with a budget, where its steps end, of all restarts the one of highest loss;
        for one without, the nearest adversarial row, and `x` where none was found.
    """
    if attack.asks != "gradient":
        raise ValueError(
            f"{attack!r} cannot change the batches of a training: attacks that need no gradient "
            "are for fitted models; use for example PGDAttack."
        )
    eps = None if attack.eps is None else x.new_full((len(x),), attack.eps)
    problem = around.problem(x, label, target, eps, attack.norm)
    module = around.view(module)
    found = Found(problem, with_trace=False)
    ends = []
    for restart in range(attack.n_restarts):
        kind = Diverging if diverging else Rows
        rows = kind(module, problem, found, 0, restart, attack.confidence)
        rows.climbing = eps is not None
        rows.use_streams(BatchStreams(rows.x0, generator))
        attack._attack(rows)
        ends.append(rows._snapped(rows.x)[: len(x)].detach())
    if eps is None:
        return around.put_back(found.x, x)
    if len(ends) == 1:
        return around.put_back(ends[0], x)
    if isinstance(rows, Diverging):
        worst = _worst(ends, rows._divergence_at)
    else:
        goal, sign = (label, 1) if target is None else (target, -1)
        worst = _worst(
            ends, lambda z: sign * functional.cross_entropy(module(z), goal, reduction="none")
        )
    return around.put_back(worst, x)


def _worst(ends, loss):
    """Of several ends for each row, the one of highest loss."""
    with torch.no_grad():
        losses = [loss(x) for x in ends]
    best = torch.stack(losses).argmax(0)
    return torch.stack(ends)[best, torch.arange(len(best), device=best.device)]


def ascend(module, x, x_adv, gradient, around, norm, eps, quantile=0.99):
    """Take one step of length `eps` up a gradient, and back into ball and box.

    Parameters
    ----------
    module : torch.nn.Module
        From rows to logits.
    x, x_adv : torch.Tensor of shape (n, ...)
        Rows as they are, and where they have been moved.
    gradient : torch.Tensor of shape (n, ...), or None
        With respect to the raw rows; None: no step.
    around : Surroundings
    norm : {1, 2, inf}
    eps : float
    quantile : float, default=0.99
        Of the norm 1: which entries of the gradient are followed.

    Returns
    -------
    x_adv : torch.Tensor of shape (n, ...)
    """
    problem = around.problem(x, x.new_zeros(len(x)).long(), None, x.new_full((len(x),), eps), norm)
    rows = Rows(module, problem, Found(problem, with_trace=False), 0, 0)
    unit, index = around._unit(x), rows.index.to(x.device)
    rows.x = (x_adv if unit is None else x_adv / unit)[index]
    if gradient is not None:
        gradient = around.in_units(gradient, x)[index]
        gradient = gradient if rows._free is None else gradient * rows._free
        rows.x = rows.x + columns(rows.eps, gradient) * steepest(rows, gradient, quantile)
    return around.put_back(rows._snapped(rows.project(rows.x))[: len(x)], x)
