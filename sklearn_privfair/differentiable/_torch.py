"""Torch modules and skorch nets as frozen modules from rows to logits."""

import copy
import math

import torch
from sklearn.base import clone
from skorch import NeuralNet, NeuralNetBinaryClassifier
from torch import nn
from torch.overrides import TorchFunctionMode

from sklearn_privfair.differentiable._dispatch import NotDifferentiableError, as_module
from sklearn_privfair.differentiable._rowwise import declare_exact, dtype_of, make_rowwise
from sklearn_privfair.differentiable._seeds import generators_as_found

_SOFTMAX = {
    torch.softmax,
    torch.Tensor.softmax,
    nn.functional.softmax,
    torch.log_softmax,
    torch.Tensor.log_softmax,
    nn.functional.log_softmax,
    torch.sigmoid,
    torch.Tensor.sigmoid,
    nn.functional.sigmoid,
    nn.functional.logsigmoid,
    torch.special.softmax,
    torch.special.log_softmax,
    torch.special.expit,
}
_KEEPS_ORDER = {torch.clamp, torch.clip, torch.clamp_min, torch.clamp_max}
_KEEPS_ORDER |= {torch.Tensor.clamp, torch.Tensor.clip}
_KEEPS_ORDER |= {torch.Tensor.clamp_min, torch.Tensor.clamp_max}
_SCALES = {torch.mul, torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__}
_SCALES |= {torch.div, torch.Tensor.div, torch.Tensor.__truediv__}
_EXP_LOG = {torch.exp, torch.Tensor.exp, torch.log, torch.Tensor.log}
_RESHAPE = {torch.squeeze, torch.Tensor.squeeze, torch.flatten, torch.Tensor.flatten}
_RESHAPE |= {torch.reshape, torch.Tensor.reshape, torch.Tensor.view}
_RESHAPE |= {torch.Tensor.to, torch.Tensor.float, torch.Tensor.double}


class _FindLogits(TorchFunctionMode):
    """Remembers what went into each softmax, so that logits are reached and not rebuilt."""

    def __init__(self):
        super().__init__()
        self.sources = []

    def source_of(self, tensor):
        """Give the tensor that `tensor` is the softmax of, or None."""
        return next((source for out, source in self.sources if out is tensor), None)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func in _SOFTMAX:
            source = args[0] if args else kwargs["input"]
            self.sources.append((out, source))
        elif _keeps_order(func, args) and (source := self.source_of(args[0])) is not None:
            self.sources.append((out, source))
        elif func in _RESHAPE and (source := self.source_of(args[0])) is not None:
            self.sources.append((out, func(source, *args[1:], **(kwargs or {}))))
        return out


def _keeps_order(func, args):
    """Tell whether the largest entry of `func`'s first argument stays the largest."""
    scaled = func in _SCALES and isinstance(args[1], int | float) and args[1] > 0
    return scaled or func in _EXP_LOG or func in _KEEPS_ORDER


@declare_exact
class Logits(nn.Module):
    """A frozen torch module whose output is logits, `(n_samples, n_classes)`, whatever it ends in.

    Parameters
    ----------
    module : torch.nn.Module
        Frozen, in eval mode.
    probabilities : bool
        Whether the module's output is known to be probabilities. Where they do not come out of a
        softmax that can be seen, their logarithm is taken, clamped so that it stays finite.
    threshold : float
        Of two classes, the probability above which the second is predicted.
    """

    def __init__(self, module, probabilities=False, threshold=0.5):
        super().__init__()
        self.module = module
        self.probabilities = probabilities
        self.shift = math.log(threshold / (1 - threshold))
        self.squashes = None  # known after the first call

    def forward(self, x):
        """Give the logits of rows `x`."""
        x = x.to(dtype_of(self.module, x.dtype))
        if self.squashes is False:
            return self._columns(self._first(self.module(x)))
        with _FindLogits() as finder:
            out = self._first(self.module(x))
        logits = finder.source_of(out)
        self.squashes = logits is not None or self.probabilities
        if logits is None and self.probabilities:
            logits = out.clamp_min(torch.finfo(out.dtype).tiny).log()
            if logits.ndim == 1 or logits.shape[1] == 1:
                logits = logits - (1 - out).clamp_min(torch.finfo(out.dtype).tiny).log()
        return self._columns(out if logits is None else logits)

    @staticmethod
    def _first(out):
        return out[0] if isinstance(out, tuple) else out

    def _columns(self, logits):
        if logits.ndim == 1 or (logits.ndim == 2 and logits.shape[1] == 1):
            z = logits.reshape(-1) - self.shift
            logits = torch.stack([torch.zeros_like(z), z], dim=1)
        if logits.ndim != 2:
            raise ValueError(
                f"The module gives an array of shape {tuple(logits.shape)}; a classifier gives "
                "one row of logits for each sample, (n_samples, n_classes)."
            )
        return logits


def _laid_out(weight):
    """Copy a weight; those of convolutions with channels last, which is faster on a CPU."""
    last = weight.ndim == 4 and weight.device.type == "cpu"
    return weight.clone(memory_format=torch.channels_last if last else torch.preserve_format)


def frozen_view(module):
    """Copy a module as it is now: eval mode, no gradients, laid out to be fast."""
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    weights = {
        id(p): nn.Parameter(_laid_out(p.detach()), requires_grad=False) for p in module.parameters()
    }
    try:
        view = copy.deepcopy(module, weights)
    except (RuntimeError, TypeError) as error:
        raise NotDifferentiableError(
            module,
            f"it cannot be copied ({error}); torch.nn.utils.parametrizations and plain modules can",
        ) from error
    return make_rowwise(view).eval()


@as_module.register(nn.Module)
def _(model):
    return Logits(frozen_view(model)).eval()


@as_module.register(NeuralNet)
def _(model):
    if not model.initialized_:
        with generators_as_found():
            model = clone(model).initialize()
    threshold = model.threshold if isinstance(model, NeuralNetBinaryClassifier) else 0.5
    # skorch's contract: with NLLLoss the module gives probabilities, else what the criterion takes
    probabilities = isinstance(model.criterion_, nn.NLLLoss | nn.BCELoss)
    return Logits(frozen_view(model.module_), probabilities, threshold).eval()
