"""The step of the predictor: its own gradient, less what helps the adversary.

Zhang, Lemoine & Mitchell (2018), "Mitigating unwanted biases with adversarial learning", AIES:
equation 1. All weights together are one vector: an inner product taken weight by weight, or of
matrices, is another.
"""

import torch
from torch.nn.utils import parameters_to_vector


def projected_step(own, other, alpha):
    """Give equation 1, ``own - proj_other(own) - alpha * other``.

    Parameters
    ----------
    own : torch.Tensor of shape (n,)
        Gradient of the predictor's loss.
    other : torch.Tensor of shape (n,)
        Gradient of the adversary's loss, in the predictor's weights.
    alpha : float
    """
    square = other @ other
    share = (own @ other) / square if square > 0 else 0.0
    return own - (share + alpha) * other


def put_gradients(weights, loss, guessed, alpha, projection):
    """Put the gradients of a step in place, as `grad` of the weights.

    Parameters
    ----------
    weights : list of torch.nn.Parameter
    loss : torch.Tensor of shape ()
        The predictor's.
    guessed : torch.Tensor of shape ()
        The adversary's; what the predictor is to make large.
    alpha : float
    projection : bool
        Whether what helps the adversary is taken out of the gradient of `loss`.
    """
    if not projection:
        torch.autograd.backward(loss - alpha * guessed, inputs=weights)
        return
    own, other = (
        parameters_to_vector(_gradients(value, weights, keep))
        for value, keep in ((loss, True), (guessed, False))
    )
    step, start = projected_step(own, other, alpha), 0
    for p in weights:
        p.grad = step[start : start + p.numel()].view_as(p).clone()
        start += p.numel()


def _gradients(value, weights, keep):
    found = torch.autograd.grad(value, weights, retain_graph=keep, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)]
