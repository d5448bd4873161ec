"""HopSkipJump: the nearest adversarial row, by decisions alone.

Chen, Jordan & Wainwright (2020), "HopSkipJumpAttack: a query-efficient decision-based attack".
"""

import copy
import math
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._evaluation import read
from sklearn_privfair.attacks._hopskipjump_moves import (
    GRAIN,
    Units,
    approach,
    give_back,
    n_bisections,
    slope,
)
from sklearn_privfair.attacks._hopskipjump_starts import Starts
from sklearn_privfair.attacks._nested import Inside, ask_some
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.differentiable._victim import is_model

_THETA = 1.5  # the line is known to the number of features to the power of minus this
_LAST = 10  # bisections at the end
_HALVINGS = 25
_MEMORY = 0.6  # weight of the direction before in the next
_FEW = 20  # probes for the first normal at least
_MANY = 100  # features, above which boundaries are taken to be smooth at first
# How far probes are, as shares of the distance in l2, and what each such share is expected to gain
# before it was tried. Long probes see over the steps of trees, short ones follow a smooth boundary.
_DELTAS = {True: (0.01, 0.5), False: (1.0, 0.1)}
_HOPES = {True: (1.0, 1.0), False: (1.0, 0.03)}
_SHARE = 5  # of the questions, one in so many at most goes to features given back
_KEPT = 1000  # rows kept to start from, when fitted on data


class HopSkipJumpAttack(BaseAttack):
    """HopSkipJump: find the nearest adversarial row by decisions alone.

    From an adversarial point, however far, each step bisects the way back to the row, estimates
    the normal of the decision boundary there from the decisions at random points nearby, and goes
    along it as far as pays. It needs `predict` and nothing else, so that it works on any
    classifier, on trees and on data frames with categories too.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {2, np.inf}, default=2
        The norm of the distance.
    n_queries : int, default=5000
        How many rows the model is asked about for each row of X, at most; at least 3. One is the
        row itself, and one the proof of what was found.
    n_probes : int, default=100
        Random points from which the first normal is estimated; the t-th is from ``sqrt(t)`` times
        as many.
    starts : array-like or data frame of shape (n_starts, ...), "data" or None, default=None
        Rows to start from, where the model takes them for another class than the label (or for the
        target): for each row the nearest of these first, random points within the bounds after
        them. "data": up to 1,000 of the rows that the attack was fitted on, which on tables start
        far nearer. None: random points alone, which are seldom of a class that is a `target`.
    target : None, label, array-like of shape (n_samples,) or "least_likely", default=None
        The class to reach: one for all rows, one for each, or the least likely. None: any class
        but the label.
    bounds : (low, high), "auto" or None, default="auto"
        What the model may be given; numbers or arrays with one entry per feature. "auto": learned
        per feature when fitted on data (one range for all pixels of images), a row outside
        widening it for itself; (0, 1) when fitted on a model, if the rows lie in it, else an
        error. None: no bounds.
    constraints : Constraints, default=None
        What may move, and how; see :class:`Constraints`. None: every feature may, by any amount
        within the bounds.
    batch_size : int, default=256
        Rows attacked together. It does not change the result.
    n_jobs : int, default=None
        Batches attacked side by side, by joblib. None: as many as torch has threads, or what
        `joblib.parallel_config` says. It does not change the result.
    random_state : int, RandomState instance or None, default=None
        Seed of the points. A row's random numbers depend on the seed and on the row alone.
    verbose : int, default=0
        Whether to show progress.

    Attributes
    ----------
    estimator_ : object
        The model attacked.
    bounds_ : tuple of two ndarrays, "auto" or None
        The bounds in force; "auto" when they depend on the rows.
    starts_ : array-like or data frame of shape (n_starts, ...), or None
        Of the data that it was fitted on, the rows for ``starts="data"``.
    n_features_in_ : int
        Features seen in `fit`, or those of the model where it says so.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    SquareAttack : For models that have scores; within a budget.
    RandomSearchAttack : Asks for decisions alone, within a budget, and does not learn from them.

    Notes
    -----
    The classes of `starts` are asked for once in each call, which counts for no row.

    Whole numbers and groups of a table change in probes by one unit, or to another member, at
    random. Of rows with at most 100 features, each feature that moved is in the end set back to its
    original value, or for l2 part of the way, where the row stays adversarial without it, those
    moved farthest first.

    What differs from the paper: how far probes are is chosen for each row between two shares of its
    distance, the one that gained more when it was last tried; the paper's share shrinks with the
    number of features, and sees nothing of the steps of which the boundaries of trees are made. In
    few dimensions there are fewer probes, in proportion. Each direction keeps some of the one
    before, which makes up for noise and was measured to end 6% nearer in linf.

    References
    ----------
    J. Chen, M. I. Jordan, M. J. Wainwright, "HopSkipJumpAttack: a query-efficient decision-based
    attack", IEEE Symposium on Security and Privacy 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_privfair.attacks import HopSkipJumpAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RandomForestClassifier(10, random_state=0)
    >>> attack = HopSkipJumpAttack(model, n_queries=200, random_state=0).fit(X, y)
    >>> found = attack.generate(X[::10], y[::10])
    >>> bool(found.success[found.attacked].all())
    True
    >>> int(found.n_forward.max()) <= 200
    True
    """

    asks = "decisions"
    keeps_budget = False
    _start = Starts()
    _goal: Any = None  # distances that are near enough, where it runs within a budget

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {2, np.inf})],
        "n_queries": [Interval(Integral, 3, None, closed="left")],
        "n_probes": [Interval(Integral, 10, None, closed="left")],
        "starts": ["array-like", StrOptions({"data"}), None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=2,
        n_queries=5000,
        n_probes=100,
        starts=None,
        target=None,
        bounds="auto",
        constraints=None,
        batch_size=256,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.norm = norm
        self.n_queries = n_queries
        self.n_probes = n_probes
        self.starts = starts
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None):
        """Take a fitted model to attack, or fit `estimator` on data and attack that.

        Parameters
        ----------
        X : fitted model, or array-like of shape (n_samples, ...)
            A model, which is attacked as it is; or data, on which a clone of `estimator` is fitted
            (a `FrozenEstimator` is not), from which ``bounds="auto"`` and ``starts="data"`` learn.
        y : array-like of shape (n_samples,), default=None
            Labels, when X is data and `estimator` is to be fitted.

        Returns
        -------
        self : object
        """
        super().fit(X, y)
        self.starts_ = None
        if not is_model(X):
            table = read(self, X)
            chosen = np.unique(np.linspace(0, len(table) - 1, _KEPT).round().astype(int))
            self.starts_ = table.iloc[chosen] if hasattr(table, "iloc") else table[chosen]
        return self

    def _members(self, job):
        twin = copy.copy(self)
        points = self.starts
        if isinstance(points, str):
            points = self.starts_
            if points is None:
                raise ValueError(
                    "starts='data', but the attack was fitted on a model: fit it on data, "
                    "attack.fit(X, y), or give rows, starts=X."
                )
        twin._start = Starts.of(self, job, points)
        return (twin,)

    def _attack(self, rows):
        if rows.eps is not None:  # in an ensemble with a budget
            self._attack_within(rows)
            return
        units = Units(rows)
        spare = self._spare(rows, units)
        for count in rows.steps(self.n_queries):
            if count == 0:
                self._begin(rows, units, spare)
            else:
                self._step(rows, units, spare, count)
            self._rest(rows)

    def _attack_within(self, rows):
        """Look for the nearest row, until it is within eps."""
        inside = Inside(rows, budget=rows.n_left)
        inside.problem = replace(inside.problem, norm=self.norm)
        twin = copy.copy(self)
        twin._goal = (rows.norm, rows.eps[inside.index.to(rows.eps.device)])
        inside.run(twin, rows.module)
        inside.report()

    def _rest(self, rows):
        """Let rows go that are near enough."""
        if self._goal is not None:
            norm, eps = self._goal
            near = rows.found.x[rows.index].to(rows.x0) - rows.x0
            far = torch.where(
                rows.found.distance[rows.index].isinf(),
                torch.inf,
                row_norm(near.cpu(), norm).double(),
            )
            rows.done |= far <= eps.cpu()[rows.index]

    def _spare(self, rows, units):
        """Give the number of questions that are kept for the end."""
        return min(_LAST + self._n_tidying(rows, units), self.n_queries // 3)

    def _n_tidying(self, rows, units):
        """Give the number of those that go to single features, which pays in tables."""
        if units.n > _MANY:
            return 0
        return min((1 + 2 * (self.norm == 2)) * units.n, self.n_queries // _SHARE)

    def _begin(self, rows, units, spare):
        x, ready = self._start.find(rows, spare)
        rows.done |= ~ready
        free = units.n_free(rows)
        rows.state = {"free": free, "n_bisections": n_bisections(free, _THETA)}
        rows.state["direction"] = torch.zeros_like(x)
        hopes = torch.tensor([_HOPES[units.n > _MANY]])
        rows.state["gains"] = hopes.to(x).repeat(len(rows), 1)
        rows.state["n_bisections"] = rows.state["n_bisections"].to(x.device)
        rows.x = self._approach(rows, x, spare)

    def _approach(self, rows, x, spare, chosen=None):
        chosen = torch.ones_like(rows.done) if chosen is None else chosen
        return approach(rows, x, chosen, rows.state["n_bisections"].cpu(), spare)

    def _step(self, rows, units, spare, count):
        """Estimate the normal, go along it, and back to the boundary."""
        far = row_norm(rows.x - rows.x0, self.norm)
        costs = rows.state["n_bisections"].cpu() + 3
        first = torch.clamp(2 * rows.state["free"], _FEW, max(_FEW, self.n_probes)).cpu()
        wanted = (first * math.sqrt(count)).long()
        left = (rows.n_left - spare - costs).clamp_min(0)
        n_probes = torch.minimum(wanted, left) // GRAIN * GRAIN
        rows.done |= n_probes == 0
        if rows.done.all():
            return
        n_probes = torch.where(rows.done, 0, n_probes)
        arm, delta = self._delta(rows, units)
        direction, _ = slope(rows, units, rows.x, delta, n_probes, count)
        direction = _unit(_unit(direction) + _MEMORY * rows.state["direction"])
        rows.state["direction"] = direction
        direction = direction if self.norm == 2 else direction.sign()
        moved, chosen = self._hop(rows, direction, far / math.sqrt(count), spare)
        back = self._approach(rows, moved, spare, chosen)
        rows.x = torch.where(columns(chosen.to(far.device), back), back, rows.x)
        gain = 1 - row_norm(rows.x - rows.x0, self.norm) / far
        rows.state["gains"].scatter_(1, arm[:, None], gain[:, None])

    def _delta(self, rows, units):
        """Choose how far the probes are: as far as gained more when it was last tried."""
        arm = rows.state["gains"].argmax(1)
        shares = torch.tensor(_DELTAS[units.n > _MANY]).to(rows.x)
        return arm, row_norm(rows.x - rows.x0, 2) * shares[arm]

    def _hop(self, rows, direction, length, spare):
        """Halve the step until it ends beyond the boundary; tell which rows' steps do."""
        moved, going = rows.x, ~rows.done
        chosen = torch.zeros_like(going)
        for _ in range(_HALVINGS):
            point = rows._snapped(rows.clip(rows.x + columns(length, rows.x) * direction))
            going &= ~(point == rows.x).flatten(1).all(1).cpu() & (rows.n_left > spare)
            if not going.any():
                break
            there = ask_some(rows, point[None], going)[0]
            moved = torch.where(columns(there, moved), point, moved)
            chosen |= there.cpu()
            going &= ~there.cpu()
            length = length / 2
        return moved, chosen

    def _polish(self, rows):
        """Give single features back, in part or whole, and come nearer on the line."""
        units = Units(rows)
        self._rest(rows)
        for _ in rows.steps(1):
            x = rows.found.x[rows.index].to(rows.x0)
            if self._n_tidying(rows, units):
                x = give_back(rows, units, x, shares=(1.0,), spare=_LAST)
                if self.norm == 2:
                    x = give_back(rows, units, x, shares=(0.5, 0.25, 0.125), spare=_LAST)
            n_last = torch.full_like(rows.label, _LAST).cpu()
            approach(rows, x, ~rows.done, n_last, 0)


def _unit(direction):
    """Give directions of unit length in l2."""
    length = row_norm(direction, 2)
    return direction / columns(length.where(length > 0, torch.ones_like(length)), direction)
