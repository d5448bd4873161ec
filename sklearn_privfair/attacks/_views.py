"""The model as an attack's coordinates see it: a module with gradients, or questions to the model.

Both are torch modules from coordinates to logits, so that an attack never knows which it asks.
"""

import numpy as np
import torch
from torch import nn

from sklearn_privfair.attacks._cells import HALF, codes_of
from sklearn_privfair.differentiable._rowwise import declare_exact


@declare_exact
class ModuleView(nn.Module):
    """A differentiable model, behind a change of units and of categories to codes.

    Parameters
    ----------
    module : torch.nn.Module
        From features to logits.
    space : Space
    """

    def __init__(self, module, space):
        super().__init__()
        self.module = module
        self.space = space
        # numbers, or the model would not take gradients
        self.codes = {i: v.astype(np.float64) for i, v in space.table.categories.items()}

    def forward(self, x):
        """Give the logits at coordinates (n, ...)."""
        if self.space.unit is not None:
            unit = torch.as_tensor(self.space.unit, dtype=x.dtype, device=x.device)
            x = (x.flatten(1) * unit).reshape(x.shape)
        if not self.space.plain:
            x = self._collapse(x)
        return self.module(x)

    def _collapse(self, x):
        features = []
        for i, start in enumerate(self.space.start):
            if i not in self.codes:
                features.append(x[:, start])
                continue
            block = x[:, start : start + self.space.spread[i]]
            values = torch.as_tensor(self.codes[i], dtype=x.dtype, device=x.device)
            features.append(values[block.argmax(1)])
        return torch.stack(features, dim=1)


@declare_exact
class CoordinateView(nn.Module):
    """A differentiable model of the coordinates themselves, categories being one-hot.

    Parameters
    ----------
    module : torch.nn.Module
        From what `see` gives to logits.
    space : Space
    learned : dict of int to ndarray
        The categories of features, those that may not move included.
    """

    def __init__(self, module, space, learned):
        super().__init__()
        self.module = module
        self.unit = np.ones(space.width) if space.unit is None else space.unit
        self.known = np.flatnonzero(space.reachable)
        self.carried = [
            (space.start[i], np.divmod(codes_of(learned[i]), HALF))
            for i in space.table.carried
            if i in learned
        ]

    def see(self, x):
        """Give coordinates in raw units, and the one-hot codes of what is only carried along."""
        unit = torch.as_tensor(self.unit, dtype=x.dtype, device=x.device)
        x = x * unit
        parts = [x[:, self.known]]
        for start, halves in self.carried:
            hit = torch.ones((len(x), len(halves[0])), dtype=torch.bool, device=x.device)
            for k, half in enumerate(halves):
                half = torch.as_tensor(half, dtype=x.dtype, device=x.device)
                hit &= x[:, start + k].round()[:, None] == half
            parts.append(hit.to(x.dtype))
        return torch.cat(parts, dim=1)

    def forward(self, x):
        """Give the logits at coordinates (n, width)."""
        return self.module(self.see(x))


class Oracle(nn.Module):
    """A model without gradients: every forward pass asks the real model.

    Parameters
    ----------
    victim : Victim
    space : Space
    like : data frame or ndarray
        Empty; what the model is to be asked in.
    n_classes : int or None
        Not None: to ask for classes alone, of so many, and not for scores.
    dtype : numpy dtype
        Of the rows as they are handed back.
    """

    row_quantum = 1  # nothing is gained by rows that fill a batch up

    def __init__(self, victim, space, like, n_classes, dtype):
        super().__init__()
        self.victim = victim
        self.space = space
        self.like = like
        self.n_classes = n_classes
        self.dtype = dtype

    def forward(self, x):
        """Give scores, or ones and zeros, at coordinates (n, ...)."""
        rows = x.detach().cpu().numpy()
        if self.space.unit is not None:
            flat = rows.reshape(len(rows), -1) * self.space.unit
            rows = flat.reshape(rows.shape)
        rows = self.space.tidy(rows.astype(self.dtype, copy=False))  # (1 / 49) * 49 is not 1
        rows = self.space.decode(rows, self.like)
        if self.n_classes is None:
            scores = self.victim.scores(rows)
        else:
            scores = np.eye(self.n_classes)[self.victim.predict(rows)]
        return torch.as_tensor(scores, dtype=x.dtype, device=x.device)
