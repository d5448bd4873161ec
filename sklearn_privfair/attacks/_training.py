"""Attacks on the batches of a net that is being trained.

In training it is the worst row within the budget that counts, not the first adversarial one: all
steps are taken and no row leaves. Nothing is proven or counted, and numbers are drawn per batch.
"""

import torch

from sklearn_privfair.attacks._rows import Found, Problem, Rows


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


def perturb(attack, module, x, label, bounds, generator, target=None):
    """Give the rows to train on: the worst within the budget, or the nearest adversarial ones.

    Parameters
    ----------
    attack : BaseAttack
        Its parameters are used; it need not be fitted.
    module : torch.nn.Module
        From rows to logits, frozen.
    x : torch.Tensor of shape (n, ...)
    label : torch.Tensor of shape (n,) and dtype int64
    bounds : pair of torch.Tensor broadcastable to `x`, or None
    generator : torch.Generator
        On the CPU.
    target : torch.Tensor of shape (n,) and dtype int64, default=None

    Returns
    -------
    x_adv : torch.Tensor like `x`
        For an attack with a budget, where its steps end, of all restarts the one of highest loss;
        for one without, the nearest adversarial row, and `x` where none was found.
    """
    if attack.constraints is not None or attack.asks != "gradient":
        raise ValueError(
            f"{attack!r} cannot change the batches of a training: constraints, and attacks that "
            "need no gradient, are for fitted models; use for example PGDAttack with bounds."
        )
    lower, upper = (None, None) if bounds is None else bounds
    eps = None if attack.eps is None else x.new_full((len(x),), attack.eps)
    problem = Problem(x, label, target, lower, upper, eps, attack.norm)
    found = Found(problem, with_trace=False)
    ends = []
    for restart in range(attack.n_restarts):
        rows = Rows(module, problem, found, 0, restart, attack.confidence)
        rows.climbing = eps is not None
        rows.use_streams(BatchStreams(rows.x0, generator))
        attack._attack(rows)
        ends.append(rows.x[: len(x)].detach())
    if eps is None:
        return found.x
    return ends[0] if len(ends) == 1 else _worst(module, ends, label, target)


def _worst(module, ends, label, target):
    """Of several ends for each row, the one of highest cross-entropy."""
    with torch.no_grad():
        goal, sign = (label, 1) if target is None else (target, -1)
        losses = [
            sign * torch.nn.functional.cross_entropy(module(x), goal, reduction="none")
            for x in ends
        ]
    best = torch.stack(losses).argmax(0)
    return torch.stack(ends)[best, torch.arange(len(best), device=best.device)]
