"""The votes of a classifier on noisy copies of rows. A row's noise comes of its content alone."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names, _check_n_features, validate_data
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from tqdm.auto import tqdm

from sklearn_privfair.attacks._containers import container_like
from sklearn_privfair.attacks._threads import n_batches_at_once, one_thread_per_batch
from sklearn_privfair.differentiable import NotDifferentiableError
from sklearn_privfair.differentiable._rowwise import round_up, row_quantum
from sklearn_privfair.differentiable._victim import last_step

_BLOCK = 100  # copies drawn at once, whatever the batches: their size must not change the noise
_CACHED = 256  # rows of which a net's activations stay in the cache of a CPU


@dataclass
class Table:
    """Rows as numbers, to which noise can be added, and the way back to what a model takes.

    Parameters
    ----------
    values : float ndarray of shape (n_samples, ...)
        Of a data frame whose columns are not all numbers, those that are.
    frame : data frame or None
        The rows as they came; if all columns are numbers none of them, it says the names only.
    numeric : int ndarray or None
        The places of the columns that are numbers, if not all are.
    """

    values: np.ndarray
    frame: object = None
    numeric: np.ndarray | None = None

    def container(self, values, owner):
        """Give rows in the container that the model takes.

        Parameters
        ----------
        values : ndarray of shape (m, ...)
        owner : int ndarray of shape (m,)
            Whose copies they are, for the columns that hold no numbers.
        """
        if self.numeric is None:
            return container_like(values, self.frame)
        frame = self.frame.iloc[owner].reset_index(drop=True)
        names = frame.columns[self.numeric]
        frame[names] = pd.DataFrame(values, columns=names)
        return frame

    def take(self, index):
        """Give some of the rows."""
        frame = self.frame if self.numeric is None else self.frame.iloc[index]
        return Table(self.values[index], frame, self.numeric)


def read(owner, X, dtype, arrays, allow_nan, reset=False):
    """Validate rows.

    Parameters
    ----------
    owner : estimator
        Whose `n_features_in_` and `feature_names_in_` are checked, or set.
    X : array-like or data frame of shape (n_samples, ...)
    dtype : numpy dtype
        In which the noise is added.
    arrays : bool
        Whether the model takes arrays and no data frames.
    allow_nan : bool
    reset : bool, default=False

    Returns
    -------
    table : Table
    """
    how = {"dtype": dtype, "ensure_all_finite": "allow-nan" if allow_nan else True}
    numeric = None if arrays or not hasattr(X, "iloc") else _numeric_columns(X)
    if numeric is None or len(numeric) == X.shape[1]:
        values = validate_data(owner, X, reset=reset, allow_nd=True, **how)
        values = np.require(values, requirements=["C", "W"])  # torch wants to be able to write
        return Table(values, X[:0] if hasattr(X, "columns") and not arrays else None)
    if not len(numeric):
        raise ValueError("No column of X holds numbers, to which noise could be added.")
    _check_feature_names(owner, X, reset=reset)
    _check_n_features(owner, X, reset=reset)
    values = check_array(X.iloc[:, numeric], estimator=owner, input_name="X", **how)
    return Table(np.require(values, requirements=["C", "W"]), X, numeric)


def _numeric_columns(X):
    kinds = enumerate(getattr(X, "dtypes", ()))  # a series has one dtype, and is no table
    numeric = pd.api.types.is_numeric_dtype
    is_bool = pd.api.types.is_bool_dtype
    return np.array([i for i, kind in kinds if numeric(kind) and not is_bool(kind)], dtype=int)


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
    blocks, owners, size = [], [], 0
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
    threads = victim.net is not None
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
