"""The demonstration behind ``python -m sklearn_privfair demo``: one section for each family."""

import time
from contextlib import contextmanager

import torch

from sklearn_privfair._demo._data import load
from sklearn_privfair._demo._robustness import show_robustness

_SECTIONS = [show_robustness]


def run_demo(dataset, output, seed):
    """Run every section on one data set.

    Parameters
    ----------
    dataset : {"digits", "mnist"}
    output : pathlib.Path
        Folder for tables and pictures; made if it is not there.
    seed : int
    """
    start = time.perf_counter()
    output.mkdir(parents=True, exist_ok=True)
    data = load(dataset, seed)
    print(f"{data.title}: {len(data.X_train)} rows to train on, {len(data.X_test)} to attack.")
    with _one_thread():
        for section in _SECTIONS:
            section(data, output, seed)
    print(f"Done in {time.perf_counter() - start:.0f} s.")


@contextmanager
def _one_thread():
    """Train on one thread: on nets this small, threads wait for each other more than they help."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
