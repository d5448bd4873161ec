"""Counting passes in the model itself, alike for every library that calls it."""

from torch import nn


class Tally:
    """One entry per call of the model: [rows, backward passes through that call]."""

    def __init__(self):
        self.calls = []

    def __deepcopy__(self, memo):
        return self  # a library that copies the model goes on counting here

    def per_row(self, n_rows):
        """Give the forward and backward passes per row of a data set of `n_rows`."""
        forward = sum(rows for rows, _ in self.calls)
        backward = sum(rows * times for rows, times in self.calls)
        return forward / n_rows, backward / n_rows


class Counted(nn.Module):
    """A model that notes in `tally` each row that goes forward and each that comes back."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.tally = Tally()

    def forward(self, x):
        out = self.net(x)
        call = [len(x), 0]
        self.tally.calls.append(call)
        if out.requires_grad:
            out.register_hook(lambda _: call.__setitem__(1, call[1] + 1))
        return out
