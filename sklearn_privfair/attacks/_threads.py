"""One thread inside an operation, many batches side by side.

Torch splits one matrix product between threads differently for each batch size, which changes the
rounding. Attacks run each batch on one thread and several batches at once: the same cores are
used, and a row's result does not depend on its batch.
"""

import threading
from contextlib import contextmanager

import torch
from joblib import effective_n_jobs

_lock = threading.Lock()
_users = 0
_threads_before = 1


@contextmanager
def one_thread_per_batch():
    """Set torch to one thread; the last of concurrent users restores the number found."""
    global _users, _threads_before
    with _lock:
        if _users == 0:
            _threads_before = _threads_of_process()
            torch.set_num_threads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                torch.set_num_threads(_threads_before)


def _threads_of_process():
    """Give the number that torch gives to new threads.

    This one may have got its own while another user of the engine had set it to one.
    """
    found: list = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def n_batches_at_once(n_jobs, device):
    """Give how many batches run side by side: `n_jobs`, or as many as torch has threads."""
    if device.type != "cpu":
        return 1
    n = effective_n_jobs(n_jobs)
    return torch.get_num_threads() if n_jobs is None and n == 1 else n
