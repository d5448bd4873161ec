"""CPU time of training one shadow net: a tight torch loop, ours, skorch's own. See README.md here.

Each repetition runs every loop once, in turn; what is shown are medians over the repetitions, and
the median of the ratios within a repetition, which other processes on the machine disturb least.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
import torch
from _report import save, show
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.datasets import fetch_cifar10
from sklearn_privfair.differentiable._array_batches import by_arrays
from sklearn_privfair.differentiable._fast_training import fast_path_refuses, fit_net
from sklearn_privfair.differentiable._skorch_training import hooked, seeded

# rows as images or flat, hidden layers or None for the convolutions, batch size
NETS = {
    "mlp": (3072, (128, 64, 32), 2048),
    "mlp, batch 256": (3072, (128, 64, 32), 256),
    "cnn": ((3, 32, 32), None, 256),
    "tabular": (14, (64, 32), 128),
}
LR = 1e-3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def load(shape, n_rows):
    """Give rows of CIFAR-10, or made up in that shape, and which they are."""
    folder = os.environ.get("SKLEARN_PRIVFAIR_DATA")
    if np.prod(shape) == 3072 and folder and (Path(folder) / "cifar10_jpeg.npz").exists():
        X, y = fetch_cifar10(subset="test", return_X_y=True)
        if len(X) >= n_rows:
            return X[:n_rows].reshape(n_rows, *np.atleast_1d(shape)), y[:n_rows], "CIFAR-10"
    rng = np.random.default_rng(0)
    X = rng.random((n_rows, *np.atleast_1d(shape)), dtype=np.float32)
    return X, rng.integers(0, 10, n_rows), "made up"


def make_module(shape, hidden):
    if hidden is None:
        convolutions = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        convolutions += [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(2048, 64), nn.Linear(64, 10))
    widths = [shape, *hidden]
    layers = [
        layer for pair in itertools.pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())
    ]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


def make_net(module, batch_size, n_epochs):
    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LR,
        max_epochs=n_epochs,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def tight(module, X, y, batch_size, n_epochs, *, frugal):
    """Train as one would write it down; frugal: the memory of a batch serves for the next."""
    optimizer = torch.optim.Adam(module.parameters(), lr=LR)
    criterion = nn.CrossEntropyLoss()
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(n_epochs):
        order = torch.randperm(len(X))
        for rows in order.split(batch_size):
            if frugal:
                x, target = X.index_select(0, rows), y.index_select(0, rows)
            else:
                x, target = X[rows], y[rows]
            optimizer.zero_grad()
            criterion(module(x), target).backward()
            optimizer.step()
            if frugal:
                del x
    return module


def fit_by_arrays(net, X, y):
    def get_iterator(dataset, training=False):
        return by_arrays(type(net).get_iterator(net, dataset, training=training))

    with hooked(net, get_iterator=get_iterator):
        return net.fit(X, y)


def loops(name, X, y, n_epochs):
    """Give, by name, functions that train a new module and return it."""
    shape, hidden, size = NETS[name]

    def fit(how):
        return how(make_net(make_module(shape, hidden), size, n_epochs)).module_

    def bare(frugal):
        return tight(make_module(shape, hidden), X, y, size, n_epochs, frugal=frugal)

    if reason := fast_path_refuses(make_net(make_module(shape, hidden), size, n_epochs), X, y):
        raise SystemExit(f"the tight loop was not taken, since {reason}")
    return {
        "tight loop": lambda: bare(False),
        "tight loop, frugal": lambda: bare(True),
        "ours": lambda: fit(lambda net: fit_net(net, X, y)),
        "ours, bfloat16": lambda: fit(lambda net: fit_net(net, X, y, precision="bfloat16")),
        "skorch": lambda: fit(lambda net: net.fit(X, y)),
        "skorch, arrays": lambda: fit(lambda net: fit_by_arrays(net, X, y)),
    }


def measure(name, args):
    """Give a row of the table for each loop."""
    X, y, source = load(NETS[name][0], args.rows)
    found = loops(name, X, y, args.epochs)
    times, weights = {loop: [] for loop in found}, {}
    for repeat in range(args.repeats + 1):  # the first one warms up
        for loop, train in found.items():
            start = time.process_time()
            with seeded(repeat):
                module = train()
            spent = (time.process_time() - start) / args.epochs
            if repeat:
                times[loop].append(1000 * spent)
            else:
                weights[loop] = nn.utils.parameters_to_vector(module.parameters())
    for loop, spent in times.items():
        low, middle, high = np.percentile(spent, [25, 50, 75])
        yield {
            "net": name,
            "rows": source,
            "loop": loop,
            "ms CPU/epoch": middle,
            "quartiles": f"{low:.4g} to {high:.4g}",
            "/ tight": float(np.median(np.divide(spent, times["tight loop"]))),
            "/ frugal": float(np.median(np.divide(spent, times["tight loop, frugal"]))),
            "skorch's weights": str(torch.equal(weights[loop], weights["skorch"])),
        }


def main():
    args = arguments()
    torch.set_num_threads(1)
    rows = [row for name in args.nets for row in measure(name, args)]
    show(rows)
    if args.output:
        save(args.output, rows, vars(args))


if __name__ == "__main__":
    main()
