"""Adversarial weight perturbation: the weights are moved up the loss while a step is computed.

Wu, Xia & Wang (2020), "Adversarial weight perturbation helps robust generalization", equation 10.
"""

from contextlib import contextmanager

import torch


@contextmanager
def perturbed_weights(module, loss, gamma):
    """Move every weight matrix or kernel, for a while, by `gamma` of its length up the loss.

    Parameters
    ----------
    module : torch.nn.Module
        Its weights are moved in place, and put back to the bit.
    loss : callable
        Without arguments: the loss of the batch, with a graph to the weights. What it changes in
        buffers (running statistics) is undone.
    gamma : float
        Length of the step of each weight tensor, relative to that tensor; 0: nothing is done.
    """
    if gamma == 0:
        yield
        return
    weights = [p for p in module.parameters() if p.requires_grad and p.ndim > 1]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    gradients = torch.autograd.grad(loss(), weights, allow_unused=True)
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for buffer, value in buffers:
            buffer.copy_(value)
        for weight, gradient in zip(weights, gradients, strict=True):
            length = 0.0 if gradient is None else gradient.double().norm()
            if length > 0:  # in double: the squares of small numbers vanish
                step = gradient.double() / length * (gamma * weight.double().norm())
                weight.add_(step.to(weight.dtype))
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)
