"""Seeds, from whatever scikit-learn takes as a random state; global generators left alone."""

from contextlib import contextmanager
from threading import Lock, local

import numpy as np
import torch
from sklearn.utils import check_random_state


def draw_seed(random_state):
    """Draw one seed; without a `random_state` from fresh entropy, never numpy's global generator.

    Parameters
    ----------
    random_state : int, RandomState instance or None

    Returns
    -------
    seed : int
        In [0, 2**31 - 1).
    """
    limit = np.iinfo(np.int32).max
    if random_state is None:
        return int(np.random.default_rng().integers(limit))
    return int(check_random_state(random_state).randint(limit))


_LOCK = Lock()
_HERE = local()  # .depth: how many of these contexts this thread is in
_OUTERMOST: list = []  # what the first thread found, once for each thread that is still in


@contextmanager
def generators_as_found(devices=True):
    """Leave the global generators of numpy and torch as they were found.

    In a thread, each context puts back what it found. Of threads side by side, whose contexts do
    not end in the order in which they began, the last to leave puts back what the first found:
    `torch.random.fork_rng` would put back what another thread had drawn meanwhile.

    Parameters
    ----------
    devices : bool, default=True
        Whether the generators of GPUs are meant too.
    """
    depth = getattr(_HERE, "depth", 0)
    with _LOCK:
        found = _states(devices)
        if depth == 0:
            _OUTERMOST.append(_OUTERMOST[0] if _OUTERMOST else found)
    _HERE.depth = depth + 1
    try:
        yield
    finally:
        _HERE.depth = depth
        with _LOCK:
            if depth == 0:
                found = _OUTERMOST.pop()
            if depth > 0 or not _OUTERMOST:
                _put_back(*found)


def _states(devices):
    gpus = torch.cuda.get_rng_state_all() if devices and torch.cuda.is_available() else []
    return np.random.get_state(), torch.get_rng_state(), gpus  # noqa: NPY002


def _put_back(numpy, cpu, gpus):
    np.random.set_state(numpy)  # noqa: NPY002
    torch.set_rng_state(cpu)
    if gpus:
        torch.cuda.set_rng_state_all(gpus)
