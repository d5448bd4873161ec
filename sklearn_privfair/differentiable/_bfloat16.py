"""The outputs of a net in training, computed in bfloat16 where that is safe.

Matrix products and convolutions take half the bits and half the time; weights, their gradients,
functions that saturate and the loss stay in float32 (Micikevicius et al., "Mixed Precision
Training", ICLR 2018; bfloat16 has float32's range, so that no loss is scaled).
"""

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# 8 bits of mantissa round a probability of .998 to 1: such rows would no longer be learned from
SATURATING = {
    getattr(home, name)
    for home in (functional, torch, torch.Tensor)
    for name in ("softmax", "log_softmax", "sigmoid", "logsigmoid", "log")
    if hasattr(home, name)
}


def bfloat16_infer(net):
    """Give what maps a batch to outputs as `net.infer` does, in bfloat16.

    Parameters
    ----------
    net : skorch.NeuralNet
        Initialized.

    Returns
    -------
    infer : callable
        Its outputs are float32.

    Raises
    ------
    ValueError
        If weights are not float32.
    """
    wrong = {p.dtype for p in net.module_.parameters()} - {torch.float32}
    if wrong:
        raise ValueError(
            "precision='bfloat16' is for weights in float32, and the net has some in "
            f"{wrong.pop()}; use precision=None."
        )
    kind = torch.device(net.device or "cpu").type

    def infer(x, **fit_params):
        with torch.autocast(kind, torch.bfloat16), _FloatFunctions():
            output = net.infer(x, **fit_params)
        if isinstance(output, tuple):
            return (output[0].float(), *output[1:])
        return output.float()

    return infer


class _FloatFunctions(TorchFunctionMode):
    """Let functions that saturate compute in float32: a GPU's autocast does, a CPU's does not."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in SATURATING and args and args[0].dtype == torch.bfloat16:
            args = (args[0].float(), *args[1:])
        return func(*args, **(kwargs or {}))
