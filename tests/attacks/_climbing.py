"""Every point that an attack asks about when no row leaves, and a projection to compare with."""

import numpy as np
import torch

from sklearn_privfair.attacks._rows import Found, Problem, Rows

from ._harness import mlp, rows


class Recorder(torch.nn.Module):
    """A net that remembers where it was asked."""

    def __init__(self, net, n):
        super().__init__()
        self.net, self.n, self.seen = net, n, []

    def forward(self, x):
        self.seen.append(x.detach().clone()[: self.n])
        return self.net(x)


def climb(attack, net, x, label, bounds=(0, 1)):
    """Take all steps with all rows, as in training: give the points asked about, and the rows."""
    net = Recorder(net, len(x))
    low, high = (torch.full_like(x[:1], b) for b in bounds)
    eps = torch.full_like(x[:, 0], attack.eps)
    problem = Problem(x, label, None, low, high, eps, attack.norm)
    batch = Rows(net, problem, Found(problem, with_trace=False), 0, 0)
    batch.climbing = True
    attack._attack(batch)
    return torch.stack(net.seen), batch


def smooth_case(n=16, n_out=5):
    """A net without kinks, in double precision, and the classes that it gives to some rows."""
    net = mlp(torch.nn.Tanh, n_out=n_out).double()
    with torch.no_grad():
        net[0].weight *= 2  # bends enough for steps to fail now and then
    x = torch.as_tensor(rows(n, dtype=np.float64))
    return net, x, net(x).argmax(1)


def nearest(z, x, eps, norm):
    """Project a single row onto ball and box, the multiplier of the ball by bisection."""

    def step(t):
        d = z - x
        if norm == 2:
            d = d / (1 + t)
        elif norm == 1:
            d = np.sign(d) * np.maximum(np.abs(d) - t, 0)
        else:
            d = d.clip(-eps, eps)
        return (x + d).clip(0, 1) - x

    low, high = 0.0, 1e3
    if np.linalg.norm(step(0), ord=norm) <= eps * (1 + 1e-12):
        return x + step(0)
    for _ in range(70):
        middle = (low + high) / 2
        if np.linalg.norm(step(middle), ord=norm) > eps:
            low = middle
        else:
            high = middle
    return x + step(high)
