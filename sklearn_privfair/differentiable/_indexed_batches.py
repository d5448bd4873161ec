"""The batches of a `DataLoader` over arrays, taken by index on the device that computes.

Nothing happens row by row: an epoch's order is one permutation, a batch one `index_select`. The
random draws are torch's own, in number and order, so that the batches and all later draws are too.
"""

from typing import Any

import torch
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from sklearn_privfair.differentiable._array_batches import by_arrays


def indexed(loader, device):
    """Give the batches of a loader by index, or the same loader if it does not serve arrays.

    Parameters
    ----------
    loader : iterable
        From a net's `get_iterator`.
    device : torch.device
        Where the net computes: the rows go there once, if they fit in half of what is free.
    """
    fast = by_arrays(loader)
    return loader if fast is loader else IndexedBatches(fast, device)


class IndexedBatches:
    """Batches ``[X, y]``, each epoch in the order of the loader's sampler.

    Parameters
    ----------
    loader : torch.utils.data.DataLoader
        Over `ArrayRows`.
    device : torch.device
        Where the rows are kept.
    """

    def __init__(self, loader, device):
        self.loader = loader
        rows = loader.dataset
        self.device = device if fits(rows.X, device) else torch.device("cpu")
        self.X, self.y = (part.contiguous().to(self.device) for part in (rows.X, rows.y))
        self.index = rows.index

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for places in self.places():
            yield [self.X.index_select(0, places), self.y.index_select(0, places)]

    def places(self):
        """Yield which rows of `X` each batch of an epoch takes, drawn anew."""
        # a loader that begins an epoch draws the base seed of the workers that it does not have
        torch.empty((), dtype=torch.int64).random_(generator=self.loader.generator)
        sampler = self.loader.batch_sampler
        order = _order(sampler)
        if order is None:
            for places in sampler:
                yield self._rows(torch.as_tensor(places))
            return
        order, size = self._rows(order), sampler.batch_size
        stop = len(order) // size * size if sampler.drop_last else len(order)
        for start in range(0, stop, size):
            yield order[start : start + size]

    def _rows(self, places):
        places = places if self.index is None else self.index[places]
        return places.to(self.device)


def _order(batches):
    """Draw the order of an epoch as torch's samplers do; None: ask the sampler batch by batch."""
    if type(batches) is not BatchSampler:
        return None
    sampler: Any = batches.sampler
    if type(sampler) is SequentialSampler:
        return torch.arange(len(sampler))
    plain = (
        type(sampler) is RandomSampler
        and sampler.generator is None  # one that is shared is drawn from at other times too
        and not sampler.replacement
        and sampler.num_samples == len(sampler.data_source)
    )
    if not plain:
        return None
    generator = torch.Generator()
    generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
    return torch.randperm(len(sampler), generator=generator)


def fits(tensor, device):
    """Tell whether a tensor takes less than half of what a GPU has free."""
    if device.type != "cuda":
        return True
    return tensor.nbytes < torch.cuda.mem_get_info(device)[0] / 2
