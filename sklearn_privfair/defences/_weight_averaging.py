"""Averages of a net's weights over its training: smoother, and robust for longer.

Izmailov et al. (2018), "Averaging weights leads to wider optima and better generalization"; for
adversarial training Chen et al. (2021), Rebuffi et al. (2021).
"""

from torch.optim.swa_utils import AveragedModel


class WeightAverage:
    """The average of a net's weights, and of its running statistics.

    Parameters
    ----------
    module : torch.nn.Module
        As it begins.
    kind : {"ema", "swa"}
        An exponential average, taken in every step; or the plain one of the ends of epochs.
    decay : float
        Of "ema". It grows towards this from .1, so that the first weights are soon forgotten.
    start : int
        The first epoch, from 0, whose end counts in "swa".
    """

    def __init__(self, module, kind, decay, start):
        self.kind, self.start = kind, start

        def towards(average, value, count):
            share = min(decay, (1 + int(count)) / (10 + int(count)))
            return average * share + value * (1 - share)

        how = towards if kind == "ema" else None
        self.average = AveragedModel(module, avg_fn=how, use_buffers=True)

    @property
    def module(self):
        """The averaged module; until the average begins, None."""
        return self.average.module if self.average.n_averaged > 0 else None

    def after_step(self, module):
        """Take note of a training step."""
        if self.kind == "ema":
            self.average.update_parameters(module)

    def after_epoch(self, module, epoch):
        """Take note of the end of an epoch, counted from 0."""
        if self.kind == "swa" and epoch >= self.start:
            self.average.update_parameters(module)
