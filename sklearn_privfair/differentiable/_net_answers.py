"""What a net's answers stand for, by the convention of its criterion."""

import math

import numpy as np
import torch
from skorch import NeuralNetBinaryClassifier
from torch import nn
from torch.nn import functional

# of others `predict_proba` gives what the module gives
_WITH_PROBABILITIES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.BCELoss, nn.BCEWithLogitsLoss)


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


def net_scores(net, proba):
    """Give scores, of which the largest is the class predicted, from a net's `predict_proba`.

    Parameters
    ----------
    net : skorch.NeuralNet
    proba : float64 ndarray of shape (n_samples, n_classes)
        Logits where skorch does not know the criterion, or was told to change nothing.

    Returns
    -------
    scores : float64 ndarray of shape (n_samples, n_classes)
    """
    of_module = net.predict_nonlinearity is None and not isinstance(net.criterion_, nn.NLLLoss)
    unknown = net.predict_nonlinearity == "auto" and not isinstance(
        net.criterion_, _WITH_PROBABILITIES
    )
    if of_module or unknown:
        return proba
    scores = log_of(proba)
    if isinstance(net, NeuralNetBinaryClassifier):
        scores[:, 1] -= math.log(net.threshold / (1 - net.threshold))
    return scores


def log_of(proba):
    """Give logarithms of probabilities, finite where these are 0."""
    return np.log(np.maximum(proba, np.finfo(np.float64).tiny ** 0.25))
