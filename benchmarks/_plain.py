"""The plain loop: PGD as one writes it by hand, and the bare passes that it cannot do without."""

import copy
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy


def pgd(net, x, y, norm, eps, n_steps, step_size, generator=None):
    """Attack rows in [0, 1] by projected gradient ascent on the cross-entropy, linf or l2."""
    shape = (-1, *[1] * (x.ndim - 1))
    if norm == np.inf:
        noise = torch.rand(x.shape, generator=generator).mul_(2 * eps).sub_(eps)
    else:
        noise = torch.randn(x.shape, generator=generator)
        radius = eps * torch.rand(len(x), generator=generator)
        noise *= (radius / noise.flatten(1).norm(dim=1)).view(shape)
    x_adv = (x + noise).clamp_(0, 1)
    for _ in range(n_steps):
        x_adv.requires_grad_()
        (grad,) = torch.autograd.grad(cross_entropy(net(x_adv), y), x_adv)
        x_adv = x_adv.detach()
        if norm == np.inf:
            x_adv = x_adv.add_(grad.sign_(), alpha=step_size)
            x_adv = x_adv.clamp_(x - eps, x + eps).clamp_(0, 1)
        else:
            size = grad.flatten(1).norm(dim=1).clamp_min_(1e-12)
            delta = x_adv + grad * (step_size / size).view(shape) - x
            size = delta.flatten(1).norm(dim=1).clamp_min_(1e-12)
            x_adv = (x + delta * (eps / size).clamp_max_(1).view(shape)).clamp_(0, 1)
    return x_adv


def bare_seconds(net, X, y, calls, at_most=400):
    """Give the CPU seconds that noted calls of a model take with nothing around them.

    Forward, cross-entropy, gradient with respect to the input, weights frozen, batches of the same
    sizes. Of many calls, evenly spaced ones (in order of size) stand for all.
    """
    net = copy.deepcopy(net).requires_grad_(False)
    calls = sorted(map(tuple, calls))
    sample = [calls[i] for i in np.linspace(0, len(calls) - 1, at_most).astype(int)]
    sample = sample if len(calls) > at_most else calls
    most = max(rows for rows, _ in sample)
    repeats = -(-most // len(X))
    x_all, y_all = torch.from_numpy(X).repeat(repeats, 1, 1, 1), torch.from_numpy(y).repeat(repeats)
    start = time.process_time()
    for rows, n_backward in sample:
        x = x_all[:rows].detach().requires_grad_(n_backward > 0)
        with torch.set_grad_enabled(n_backward > 0):
            loss = cross_entropy(net(x), y_all[:rows])
        for i in range(n_backward):
            torch.autograd.grad(loss, x, retain_graph=i + 1 < n_backward)
    return (time.process_time() - start) * len(calls) / len(sample)
