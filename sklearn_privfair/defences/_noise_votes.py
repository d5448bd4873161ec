"""The votes of a classifier on noisy copies of rows. A row's noise comes of its content alone."""

import hashlib
import math

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from tqdm.auto import tqdm

from sklearn_privfair.attacks._threads import n_batches_at_once, one_thread_per_batch
from sklearn_privfair.differentiable import NotDifferentiableError
from sklearn_privfair.differentiable._rowwise import round_up, row_quantum
from sklearn_privfair.differentiable._victim import last_step

_BLOCK = 100  # copies drawn at once, whatever the batches: their size must not change the noise
_CACHED = 256  # rows of which a net's activations stay in the cache of a CPU


def noisy_batches(values, std, n, seed, stage, batch_size, device):
    """Draw noisy copies of rows, in batches.

    Parameters
    ----------
    values : ndarray of shape (n_rows, ...)
    std : ndarray that broadcasts to a row
    n : int
        Copies of each row.
    seed, stage : int
        The same row has other noise for another of them.
    batch_size : int
        Copies that a batch has at most.
    device : torch.device
        Where they are drawn.

    Yields
    ------
    noisy : torch.Tensor of shape (m, ...)
    owner : int ndarray of shape (m,)
        The row of which each is a copy.
    """
    salt = int(seed).to_bytes(8, "little") + int(stage).to_bytes(8, "little")
    std = torch.as_tensor(std.astype(values.dtype), device=device)
    blocks: list[torch.Tensor] = []
    owners: list[np.ndarray] = []
    size = 0
    for i, row in enumerate(values):
        digest = hashlib.blake2b(row.tobytes(), digest_size=8, salt=salt).digest()
        generator = torch.Generator(device).manual_seed(int.from_bytes(digest, "little"))
        x = torch.as_tensor(row, device=device)
        for start in range(0, n, _BLOCK):
            m = min(_BLOCK, n - start)
            if size and size + m > batch_size:
                yield from _pieces(blocks, owners, batch_size)
                blocks, owners, size = [], [], 0
            shape = (m, *x.shape)
            noise = torch.randn(shape, generator=generator, dtype=x.dtype, device=device)
            blocks.append(noise.mul_(std).add_(x))
            owners.append(np.full(m, i))
            size += m
    yield from _pieces(blocks, owners, batch_size)


def _pieces(blocks, owners, batch_size):
    noisy, owner = torch.cat(blocks), np.concatenate(owners)
    for start in range(0, len(owner), batch_size):
        yield noisy[start : start + batch_size], owner[start : start + batch_size]


def count_votes(victim, table, n_classes, n, std, seed, stage, *, batch_size, n_jobs, verbose):
    """Count what a classifier says about noisy copies of each row.

    Parameters
    ----------
    victim : Victim
    table : Table
    n_classes : int
    n : int
        Copies of each row.
    std : ndarray that broadcasts to a row
    seed, stage : int
    batch_size : int
    n_jobs : int or None
    verbose : int

    Returns
    -------
    votes : int64 ndarray of shape (n_rows, n_classes)
    """
    module = _module(victim, table)
    threads = module is not None  # a net's own `predict` is for one thread: it changes modes
    at_once = n_batches_at_once(n_jobs, victim.device) if threads else effective_n_jobs(n_jobs)
    n_rows = len(table.values)
    # shares of at least a batch; few if each of them takes the model to another process
    size = max(batch_size // n, 1 if at_once == 1 else math.ceil(n_rows / (8 * at_once)))
    jobs = (
        delayed(_count)(
            module, victim, table.take(rows), n_classes, n, std, seed, stage, batch_size
        )
        for rows in (slice(start, start + size) for start in range(0, n_rows, size))
    )
    bar = {"total": math.ceil(n_rows / size), "desc": "noisy copies", "unit": "share"}
    with one_thread_per_batch():
        prefer = "threads" if threads else None
        pool = Parallel(n_jobs=at_once, prefer=prefer, return_as="generator")
        return np.concatenate(list(tqdm(pool(jobs), disable=not verbose, **bar)))


def _count(module, victim, table, n_classes, n, std, seed, stage, batch_size):
    votes = np.zeros((len(table.values), n_classes), dtype=np.int64)
    device = torch.device("cpu") if module is None else victim.device
    with one_thread_per_batch():
        batches = noisy_batches(table.values, std, n, seed, stage, batch_size, device)
        for noisy, owner in batches:
            if module is None:
                codes = victim.predict(table.container(noisy.numpy(), owner))
            else:
                codes = _classes_of(module, noisy)
            np.add.at(votes, (owner, codes), 1)
    return votes


def _classes_of(module, x):
    """Give the largest logits' columns; a row's do not depend on those beside it."""
    quantum = row_quantum(module)
    codes = []
    with torch.no_grad():
        for part in x.split(_CACHED if x.device.type == "cpu" else len(x)):
            missing = round_up(len(part), quantum) - len(part)
            full = torch.cat([part, part[:1].expand(missing, *part.shape[1:])]) if missing else part
            codes.append(module(full)[: len(part)].argmax(dim=1))
    return torch.cat(codes).cpu().numpy()


def _module(victim, table):
    """Give the module of a net, which answers as its `predict` does, and faster; or None."""
    net = last_step(victim.model)
    if not isinstance(net, NeuralNet) or table.numeric is not None:
        return None
    cls = type(net)
    known = {NeuralNetClassifier.predict, NeuralNetBinaryClassifier.predict}
    known |= {NeuralNetClassifier.predict_proba, NeuralNetBinaryClassifier.predict_proba}
    if not {cls.predict, cls.predict_proba} <= known or net.predict_nonlinearity != "auto":
        return None
    try:
        return victim.module
    except NotDifferentiableError:
        return None
