"""The models attacked: the reference experiments' small CNN, plain and adversarially trained.

Both come out of plain loops, so that no library measured here has a hand in them, and are kept in
the cache folder. Adversarial training follows Madry et al. (2018), with eps warmed up.
"""

import numpy as np
import torch
from _plain import pgd
from torch import nn
from torch.nn.functional import cross_entropy


def make_net(dataset, kind="plain", seed=0):
    """Build the untrained net of a data set: the reference's CNN for MNIST, a small one else.

    The adversarial one pools with stride 1: 128 pooled values are too few to resist eps 0.3.
    """
    stride, n_pooled = (1, 32 * 81) if kind == "adversarial" else (2, 32 * 4)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if dataset == "digits":
            layers = [nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 64)]
        else:
            layers = [nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.ReLU()]
            layers += [nn.MaxPool2d(2, stride)]
            layers += [nn.Conv2d(16, 32, 4), nn.ReLU(), nn.MaxPool2d(2, stride)]
            layers += [nn.Flatten(), nn.Linear(n_pooled, 64)]
        return nn.Sequential(*layers, nn.ReLU(), nn.Linear(64, 10))


def train_epoch(net, optimizer, X, y, eps=0.0, n_steps=7, batch_size=128, seed=0):
    """Train for one epoch, each batch attacked first by linf PGD where eps is above 0."""
    generator = torch.Generator().manual_seed(seed)
    for rows in torch.randperm(len(X), generator=generator).split(batch_size):
        x, target = X[rows], y[rows]
        if eps > 0:
            x = pgd(net, x, target, np.inf, eps, n_steps, 2.5 * eps / n_steps, generator)
        optimizer.zero_grad()
        cross_entropy(net(x), target).backward()
        optimizer.step()


def trained_net(dataset, kind, data, eps, cache):
    """Give the `kind` ("plain" or "adversarial") net of a data set, in eval mode."""
    net = make_net(dataset, kind)
    path = cache / f"{dataset}-{kind}-{eps}.pt"
    if path.exists():
        net.load_state_dict(torch.load(path, weights_only=True))
        return net.eval()
    X, y = torch.from_numpy(data[0]), torch.from_numpy(data[2])
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    n_epochs = {
        "mnist": {"plain": 5, "adversarial": 8},
        "digits": {"plain": 30, "adversarial": 60},
    }
    n_epochs = n_epochs[dataset][kind]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs)
    print(f"training the {kind} net, {n_epochs} epochs ", end="")
    for epoch in range(n_epochs):
        print(end=".", flush=True)
        warm = min(1.0, (epoch + 1) / (0.25 * n_epochs)) if kind == "adversarial" else 0.0
        train_epoch(net, optimizer, X, y, eps * warm, seed=epoch)
        schedule.step()
    print()
    cache.mkdir(parents=True, exist_ok=True)
    torch.save(net.state_dict(), path)
    return net.eval()
