"""Linear maps whose result for a row does not depend, to the last bit, on the rows around it.

BLAS picks its inner loop by the alignment of each row and by the width of the matrix, so the same
row gives other rounding at another place in the batch. Padding the feature axes to whole cache
lines makes every row start aligned; together with one thread and batches of a multiple of
`row_quantum` rows, a row's logits and gradient are then the same in any batch. (On a GPU the
library may still choose another kernel for another batch.)
"""

import torch
from torch import nn
from torch.nn import functional

# Torch's elementwise loops take 32 numbers at once (two AVX-512 registers of float32) and compute
# what is left over one by one, and the two round differently in sigmoid, pow, GELU and others:
# batches of 32 rows leave nothing over. These modules only add, multiply and compare, which is
# exact either way; the matrix products in them want 8 rows.
_QUANTUM, _EXACT_QUANTUM = 32, 8
_LINE_BYTES = 64


def round_up(n, quantum):
    """Give the smallest multiple of `quantum` that is not below `n`."""
    return -(-n // quantum) * quantum


def row_quantum(module):
    """Give the number of rows of which batches must be a multiple, so that rounding is the same.

    A module of a kind not known to be exact, and so one with a `forward` of the user's, gets 32.

    A module says otherwise by an attribute `row_quantum`.
    """
    said = getattr(module, "row_quantum", None)
    if said is not None:
        return said
    return _EXACT_QUANTUM if all(type(m) in _EXACT for m in module.modules()) else _QUANTUM


def rowwise_linear(x, weight, bias=None):
    """Compute ``x @ weight.T + bias``, each row independent of its neighbours to the last bit."""
    n_out, n_in = weight.shape
    line = _LINE_BYTES // weight.element_size()
    pad_in, pad_out = round_up(n_in, line) - n_in, round_up(n_out, line) - n_out
    if x.device.type != "cpu" or not (pad_in or pad_out):
        return functional.linear(x, weight, bias)
    if bias is not None:
        bias = functional.pad(bias, (0, pad_out))
    padded = functional.linear(
        functional.pad(x, (0, pad_in)), functional.pad(weight, (0, pad_in, 0, pad_out)), bias
    )
    return padded[..., :n_out]


class RowwiseLinear(nn.Module):
    """A `torch.nn.Linear`, sharing its parameters, computed by :func:`rowwise_linear`."""

    def __init__(self, linear):
        super().__init__()
        self.weight = linear.weight
        self.bias = linear.bias
        self.padded = True  # not in a training, where rows need not be alike in any batch

    def forward(self, x):
        """Apply the linear map."""
        if not self.padded:
            return functional.linear(x, self.weight, self.bias)
        return rowwise_linear(x, self.weight, self.bias)


_EXACT = {RowwiseLinear, nn.Sequential, nn.Identity, nn.Flatten, nn.Unflatten}
_EXACT |= {nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ReLU, nn.LeakyReLU, nn.Dropout, nn.Dropout2d}
_EXACT |= {nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.BatchNorm1d, nn.BatchNorm2d}
_EXACT |= {nn.Softmax, nn.LogSoftmax}  # row by row


def declare_exact(cls):
    """Decorate a module class that only adds, multiplies and compares, so that 8 rows will do."""
    _EXACT.add(cls)
    return cls


def make_rowwise(module):
    """Replace every plain `Linear` inside `module`, in place; give the module to use."""
    if type(module) is nn.Linear:
        return RowwiseLinear(module)
    for name, child in module.named_children():
        replaced = make_rowwise(child)
        if replaced is not child:
            setattr(module, name, replaced)
    return module


def dtype_of(module, default=torch.float64):
    """Give the precision in which a module computes: that of its first floating weight."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return default
