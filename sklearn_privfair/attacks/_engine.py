"""Runs an attack's update rule over all rows: batches, restarts, counting, and the final proof.

Nothing here knows which attack runs; nothing in an attack knows of batches.
"""

import math

import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from sklearn_privfair.attacks._groups import run_by_groups
from sklearn_privfair.attacks._rows import Found, Rows
from sklearn_privfair.attacks._threads import n_batches_at_once, one_thread_per_batch
from sklearn_privfair.differentiable._rowwise import round_up, row_quantum

# How far beyond the boundary a row found is pushed, relative to its step, if the real model,
# computing in another order or precision, does not yet agree that it is beyond.
_NUDGES = (1e-6, 1e-5, 1e-4, 1e-3)
_ROUNDS = 8  # of taking back what rounding put beyond the budget


def run(attack, members, views, problem, seed, device, with_trace=False):
    """Attack every row of a problem.

    Parameters
    ----------
    attack : BaseAttack
        Gives `batch_size`, `n_jobs` and `verbose`.
    members : sequence of BaseAttack
        Give `n_restarts` and the update rule `_attack`; they run one after the other, each on the
        rows that are left.
    views : dict of str to torch.nn.Module
        From rows to logits, for each kind of question that members ask.
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
    quantum = max(row_quantum(view) for view in views.values())
    share = round_up(math.ceil(n / at_once), quantum) if n else 1
    size = min(attack.batch_size, share)
    batches = [torch.arange(start, min(start + size, n)) for start in range(0, n, size)]
    jobs = (
        delayed(run_batch)(members, views, problem.take(batch), seed, device, with_trace)
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


def run_batch(members, views, problem, seed, device, with_trace=False):
    """Attack the rows of one batch, by each member the rows that are not found."""
    with one_thread_per_batch():
        found = Found(problem, with_trace)
        problem = problem.to(device)
        for number, member in enumerate(members):
            _run_member(number, member, views[member.asks], problem, found, seed + number)
        return found


def _run_member(number, attack, module, problem, found, seed):
    def run(problem, found):
        _run_alone(number, attack, module, problem, found, seed)

    if attack.asks == "gradient" and problem.snap is not None and problem.snap.groups:
        run_by_groups(run, module, problem, found)
    else:
        run(problem, found)


def _run_alone(number, attack, module, problem, found, seed):
    budget = (
        None if attack.n_queries is None else found.n_forward + attack.n_queries - problem.aside
    )

    def rows(restart):
        rows = Rows(module, problem, found, seed, restart, attack.confidence, attack.keeps_budget)
        rows.member, rows.budget = number, budget
        return rows

    for restart in range(attack.n_restarts):
        if problem.eps is not None and torch.isfinite(found.distance).all():
            return
        attack._attack(rows(restart))
    if problem.eps is None:
        last = rows(attack.n_restarts)
        last.done |= found.distance[last.index].isinf()
        attack._polish(last)


def fit_into(x_adv, x, lower, upper, eps, norm, unit=None, fixed=None):
    """Make rows obey box and ball exactly, in the arithmetic and precision of the array returned.

    Parameters
    ----------
    x_adv, x : ndarray of shape (n, ...)
    lower, upper : ndarray broadcastable to `x`, or None
    eps : float or None
    norm : {1, 2, inf}
    unit : ndarray of shape (n_features,), default=None
        Distances are those of ``(x_adv - x) / unit``.
    fixed : bool ndarray of shape (n_features,), default=None
        Features that are not to be touched.

    Returns
    -------
    x_adv : ndarray of shape (n, ...) and dtype of `x`
        Rows that cannot be made to obey are those of `x`.
    """
    x_adv = x_adv.astype(x.dtype, copy=True)
    if lower is not None:
        np.clip(x_adv, lower, upper, out=x_adv)
    if eps is None or not len(x):
        return x_adv
    scale = 1.0 if unit is None else unit.reshape(1, *x.shape[1:])
    still = False if fixed is None else fixed.reshape(1, *x.shape[1:])
    if norm == np.inf:  # the ends of the interval first: a small number has small neighbours
        ends = (np.add(x, e * scale, dtype=np.float64).astype(x.dtype) for e in (-eps, eps))
        x_adv = np.where(still, x_adv, np.clip(x_adv, *ends))
    for _ in range(_ROUNDS):
        over, excess = _outside(x_adv, x, eps, norm, scale)
        if not over.any():
            return x_adv
        if norm == np.inf:
            excess &= ~np.broadcast_to(still, x.shape)
            x_adv[excess] = np.nextafter(x_adv[excess], x[excess])
        else:
            shorter = _shortened(x_adv[over], x[over], eps, norm, scale, still)
            x_adv[over] = shorter.astype(x.dtype)
    over, _ = _outside(x_adv, x, eps, norm, scale)
    x_adv[over] = x[over]
    return x_adv


def _outside(x_adv, x, eps, norm, scale):
    """Whether rows are outside the ball, and for the norm inf which of their features are."""
    delta = np.subtract(x_adv, x, dtype=np.float64)
    if norm == np.inf:
        # exactly, where nothing is divided
        excess = (
            _exceeds(delta, x_adv, x, eps) if np.ndim(scale) == 0 else np.abs(delta) / scale > eps
        )
        return excess.reshape(len(x), -1).any(axis=1), excess
    length = np.linalg.norm((delta / scale).reshape(len(x), -1), ord=norm, axis=1)
    return length > eps, None


def _shortened(x_adv, x, eps, norm, scale, still):
    """Give rows pulled back into the ball, by the features that may be touched."""
    delta = np.subtract(x_adv, x, dtype=np.float64)
    parts = [delta / scale * ~still, delta / scale * still]
    free, held = (np.linalg.norm(p.reshape(len(x), -1), ord=norm, axis=1) for p in parts)
    room = np.maximum(eps**norm - held**norm, 0) ** (1 / norm)
    shrink = room / np.maximum(free, np.finfo(np.float64).tiny) * (1 - 4 * np.finfo(x.dtype).eps)
    shrink = np.minimum(shrink, 1).reshape(-1, *[1] * (x.ndim - 1))
    return x + np.where(still, delta, delta * shrink)


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


def prove(predict, is_adversarial, candidates, x, found, constrain, again=True):
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
    again : bool or bool ndarray of shape (n,), default=True
        Rows that are pushed a little further if they are not yet beyond the boundary.

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
    x_adv[left] = x[left]
    success = found.copy()
    success[left] = False
    left = left[np.broadcast_to(again, len(x))[left]]
    for nudge in _NUDGES:
        if not len(left):
            break
        further = candidates[left] + nudge * (candidates[left] - x[left])
        rows = constrain(further, left)
        now = predict(rows, left)
        proven = is_adversarial(now, left)
        x_adv[left[proven]], codes[left[proven]] = rows[proven], now[proven]
        success[left[proven]] = True
        left = left[~proven]
    return x_adv, success, codes
