"""Batches by index are the batches of the net's own loader, bit by bit."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset, ValidSplit
from torch import nn
from torch.utils.data import DataLoader, Subset

from sklearn_privfair.differentiable._array_batches import by_arrays

X = np.random.default_rng(0).normal(size=(53, 2, 3)).astype(np.float32)
Y = np.arange(53)


def batches(loader, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return [[part.clone() for part in batch] for batch in loader], torch.rand(1)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.bool_])
def test_the_same_batches(shuffle, drop_last, part, dtype):
    dataset = Dataset(X, Y.astype(dtype))
    dataset = Subset(dataset, np.arange(52, 0, -2)) if part else dataset
    loader = DataLoader(dataset, batch_size=8, shuffle=shuffle, drop_last=drop_last)
    fast = by_arrays(loader)
    assert fast is not loader
    assert len(fast) == len(loader)
    for seed in (0, 1):
        (ours, after), (theirs, expected) = batches(fast, seed), batches(loader, seed)
        assert len(ours) == len(theirs) == len(loader)
        for (x, y), (x_loader, y_loader) in zip(ours, theirs, strict=True):
            assert torch.equal(x, x_loader)
            assert torch.equal(y, y_loader)
            assert y.dtype == y_loader.dtype
        assert torch.equal(after, expected)  # as many numbers are drawn


def test_what_is_not_known_stays_as_it_is():
    class Mine(Dataset):
        def transform(self, X, y):
            return X + 1, y

    for loader in (
        DataLoader(Mine(X, Y)),
        DataLoader(Dataset(X, Y), collate_fn=lambda rows: rows),
        DataLoader(Dataset({"x": X}, Y)),
        DataLoader(Dataset(X), batch_size=None),
        [1, 2],
    ):
        assert by_arrays(loader) is loader


def test_a_net_with_a_split_of_its_own():
    net = NeuralNetClassifier(nn.Linear, train_split=ValidSplit(4), batch_size=10)
    with torch.random.fork_rng():
        net.set_params(module__in_features=3, module__out_features=2).initialize()
    for dataset in net.get_split_datasets(X, Y % 2):
        loader = net.get_iterator(dataset, training=True)
        (ours, _), (theirs, _) = batches(by_arrays(loader)), batches(loader)
        assert by_arrays(loader) is not loader
        for batch, expected in zip(ours, theirs, strict=True):
            assert all(torch.equal(*pair) for pair in zip(batch, expected, strict=True))
