"""Runs an attack's update rule over all rows: batches, restarts, counting, and the final proof.

Nothing here knows which attack runs; nothing in an attack knows of batches.
"""

import math

import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from sklearn_privfair.attacks._rows import Found, Rows
from sklearn_privfair.attacks._threads import n_batches_at_once, one_thread_per_batch
from sklearn_privfair.differentiable._rowwise import round_up, row_quantum

# How far beyond the boundary a row found is pushed, relative to its step, if the real model,
# computing in another order or precision, does not yet agree that it is beyond.
_NUDGES = (1e-6, 1e-5, 1e-4, 1e-3)
_ROUNDS = 8  # of taking back what rounding put beyond the budget


def run(attack, module, problem, seed, device, with_trace=False):
    """Attack every row of a problem.

    Parameters
    ----------
    attack : BaseAttack
        Gives `batch_size`, `n_restarts`, `n_jobs`, `verbose` and the update rule `_attack`.
    module : torch.nn.Module
        From rows to logits.
    problem : Problem
        On the CPU.
    seed : int
    device : torch.device
    with_trace : bool
        Whether to record every step.

    Returns
    -------
    found : list of Found
        One for each batch, in order.
    """
    n = len(problem.x)
    at_once = n_batches_at_once(attack.n_jobs, device)
    share = round_up(math.ceil(n / at_once), row_quantum(module)) if n else 1
    size = min(attack.batch_size, share)
    batches = [torch.arange(start, min(start + size, n)) for start in range(0, n, size)]
    jobs = (
        delayed(run_batch)(attack, module, problem.take(batch), seed, device, with_trace)
        for batch in batches
    )
    with one_thread_per_batch():
        pool = Parallel(n_jobs=at_once, prefer="threads", return_as="generator")
        results = tqdm(
            pool(jobs),
            total=len(batches),
            desc=type(attack).__name__,
            unit="batch",
            disable=not attack.verbose,
        )
        return list(results)


def run_batch(attack, module, problem, seed, device, with_trace=False):
    """Attack the rows of one batch, restarting for those that are not found."""
    with one_thread_per_batch():
        found = Found(problem, with_trace)
        problem = problem.to(device)
        for number, member in enumerate(attack._members()):
            _run_member(member, module, problem, found, seed + number)
        return found


def _run_member(attack, module, problem, found, seed):
    def rows(restart):
        settings = attack.confidence, attack.keeps_budget
        return Rows(module, problem, found, seed, restart, *settings)

    for restart in range(attack.n_restarts):
        if problem.eps is not None and torch.isfinite(found.distance).all():
            return
        attack._attack(rows(restart))
    if problem.eps is None:
        last = rows(attack.n_restarts)
        last.done |= found.distance[last.index].isinf()
        attack._polish(last)


def fit_into(x_adv, x, lower, upper, eps, norm):
    """Make rows obey box and ball exactly, in the arithmetic and precision of the array returned.

    Parameters
    ----------
    x_adv, x : ndarray of shape (n, ...)
    lower, upper : ndarray broadcastable to `x`, or None
    eps : float or None
    norm : {1, 2, inf}

    Returns
    -------
    x_adv : ndarray of shape (n, ...) and dtype of `x`
    """
    x_adv = x_adv.astype(x.dtype, copy=True)
    if lower is not None:
        np.clip(x_adv, lower, upper, out=x_adv)
    if eps is None or not len(x):
        return x_adv
    if norm == np.inf:  # the ends of the interval first: a small number has small neighbours
        x_adv = np.clip(
            x_adv, *(np.add(x, e, dtype=np.float64).astype(x.dtype) for e in (-eps, eps))
        )
    for _ in range(_ROUNDS):
        delta = np.subtract(x_adv, x, dtype=np.float64)
        if norm == np.inf:
            over = _exceeds(delta, x_adv, x, eps)
            if not over.any():
                break
            x_adv[over] = np.nextafter(x_adv[over], x[over])
        else:
            length = np.linalg.norm(delta.reshape(len(x), -1), ord=norm, axis=1)
            over = length > eps
            if not over.any():
                break
            shrink = eps / length[over] * (1 - 4 * np.finfo(x.dtype).eps)
            shorter = delta[over] * shrink.reshape(-1, *[1] * (x.ndim - 1))
            x_adv[over] = (x[over] + shorter).astype(x.dtype)
    return x_adv


def _exceeds(delta, x_adv, x, eps):
    """Whether the exact difference, of which `delta` is the rounded one, is longer than `eps`."""
    size = np.abs(delta)
    over = size > eps
    edge = np.nonzero(size == eps)
    # what rounding left out of delta (Knuth's two-sum), with the sign of delta
    a, b, d = x_adv[edge].astype(np.float64), -x[edge].astype(np.float64), delta[edge]
    part = d - a
    left = (a - (d - part)) + (b - part)
    over[edge] = left * np.sign(d) > 0
    return over


def prove(predict, is_adversarial, candidates, x, found, constrain):
    """Let the real model judge the rows that are handed back.

    Parameters
    ----------
    predict : callable
        From an array of rows, and their numbers, to class codes: the real model.
    is_adversarial : callable
        From codes and row numbers to bool.
    candidates, x : ndarray of shape (n, ...)
        What was found, and the rows as they came.
    found : bool ndarray of shape (n,)
        Rows in which the attack believes.
    constrain : callable
        From rows and their numbers to rows that obey box and ball.

    Returns
    -------
    x_adv : ndarray of shape (n, ...)
        Rows not proven are those of `x`.
    success : bool ndarray of shape (n,)
    codes : int ndarray of shape (n,)
        What the model predicts for `x_adv`.
    """
    x_adv, left = x.copy(), np.flatnonzero(found)
    x_adv[left] = constrain(candidates[left], left)
    codes = predict(x_adv)
    left = left[~is_adversarial(codes[left], left)]
    for nudge in _NUDGES:
        if not len(left):
            break
        further = candidates[left] + nudge * (candidates[left] - x[left])
        rows = constrain(further, left)
        again = predict(rows, left)
        proven = is_adversarial(again, left)
        x_adv[left[proven]], codes[left[proven]] = rows[proven], again[proven]
        left = left[~proven]
    x_adv[left] = x[left]
    success = found.copy()
    success[left] = False
    return x_adv, success, codes
