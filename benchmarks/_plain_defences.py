"""Madry's training and TRADES, as one writes them by hand: nothing of ours, and no library's."""

import numpy as np
import torch
from _plain import pgd
from torch.nn.functional import cross_entropy, kl_div, log_softmax


def madry(net, optimizer, x, y, eps, n_steps, generator):
    """Take a step on the rows of PGD (Madry et al., 2018)."""
    x_adv = pgd(net, x, y, np.inf, eps, n_steps, 2.5 * eps / n_steps, generator)
    optimizer.zero_grad()
    cross_entropy(net(x_adv), y).backward()
    optimizer.step()


def trades(net, optimizer, x, y, eps, n_steps, generator, beta=6.0):
    """Take a step on both terms of TRADES, as in the code of Zhang et al. (2019)."""
    with torch.no_grad():
        clean = log_softmax(net(x), dim=1)
    x_adv = (x + 1e-3 * torch.randn(x.shape, generator=generator)).clamp_(0, 1)
    for _ in range(n_steps):
        x_adv.requires_grad_()
        loss = kl_div(log_softmax(net(x_adv), dim=1), clean, reduction="sum", log_target=True)
        (grad,) = torch.autograd.grad(loss, x_adv)
        x_adv = x_adv.detach().add_(grad.sign_(), alpha=2.5 * eps / n_steps)
        x_adv = x_adv.clamp_(x - eps, x + eps).clamp_(0, 1)
    optimizer.zero_grad()
    answer, moved = net(x), log_softmax(net(x_adv), dim=1)
    before = log_softmax(answer, dim=1)
    robust = kl_div(moved, before, reduction="batchmean", log_target=True)
    (cross_entropy(answer, y) + beta * robust).backward()
    optimizer.step()


STEPS = {"madry": madry, "trades": trades}


def train(kind, net, X, y, *, eps, n_steps, n_epochs, warmup, batch_size, lr, seed):
    """Train a net in place by one of `STEPS`."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    for epoch in range(n_epochs):
        warm = min(1.0, (epoch + 1) / warmup)
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            STEPS[kind](net, optimizer, X[rows], y[rows], eps * warm, n_steps, generator)
        schedule.step()
    return net
