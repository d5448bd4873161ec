"""What a net's answers stand for, by the convention of its criterion."""

import torch
from torch import nn
from torch.nn import functional


def log_proba(net, answer):
    """Give the logarithms of the probabilities (n, n_classes) that a net's answer stands for.

    Parameters
    ----------
    net : skorch.NeuralNet
        Whose criterion says what it answers: logits or probabilities.
    answer : torch.Tensor
        From ``net.infer``.
    """
    if isinstance(net.criterion_, nn.CrossEntropyLoss):
        return functional.log_softmax(answer, dim=1)
    if isinstance(net.criterion_, nn.NLLLoss):
        return answer.clamp_min(torch.finfo(answer.dtype).tiny).log()
    z = answer.reshape(-1)
    return functional.log_softmax(torch.stack([torch.zeros_like(z), z], dim=1), dim=1)
