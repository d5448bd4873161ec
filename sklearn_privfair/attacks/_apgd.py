"""Auto-PGD: projected gradient ascent that sets its own steps.

Croce & Hein (2020), "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks"; for l1 Croce & Hein (2021), "Mind the box: l1-APGD for sparse adversarial
attacks on image classifiers".
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._apgd_l1 import SparseAscent
from sklearn_privfair.attacks._apgd_steps import Ascent
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._losses import LOSSES, log_odds
from sklearn_privfair.attacks._norms import columns

_SUFFIX = "_targeted"
_SCREEN = 10  # steps of the first look at a class, in hundredths of a full run


def _gap(logits, label, target):
    """How far the target's logit is above the label's."""
    pair = logits.gather(1, target[:, None]) - logits.gather(1, label[:, None])
    return pair.squeeze(1)


_ONE_BY_ONE = {name + _SUFFIX: loss for name, loss in (LOSSES | {"margin": _gap}).items()}


class APGDAttack(BaseAttack):
    """Auto-PGD, the first-order attack that needs no step size.

    A run begins with steps of ``2 * eps``. At checkpoints that come ever closer together each row
    looks back: if too few steps raised its loss, or its best point has not become better, its step
    is halved and it goes on from its best point. With a loss that ends in ``_targeted`` there is
    one run for each of the most likely other classes. A row is finished, and leaves, as soon as it
    is adversarial.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=np.inf
        The norm of the budget.
    eps : float, default=0.3
        The budget: how far a row may be moved, in the units of X.
    n_steps : int, default=100
        Steps of a run at most.
    loss : {"ce", "margin", "dlr", "ce_targeted", "margin_targeted", "dlr_targeted"}, default="ce"
        What each step raises: the cross-entropy (followed by its log-odds: the same direction, but
        it does not vanish where the model is sure), the logit margin, or the difference of logits
        ratio, which needs 3 classes. With ``_targeted`` each run raises the loss of one other class
        alone, the most likely first, and any misclassification is a success;
        ``"dlr_targeted"``, the paper's, needs 4 classes, ``"margin_targeted"``, the difference of
        two logits, any number.
    n_target_classes : int, default=9
        Classes that a ``_targeted`` loss aims at, at most.
    n_full_runs : int, default=3
        Of those classes, how many get a full run. First every class gets one of a tenth of the
        steps; then those towards which the loss climbed highest get one of `n_steps`. None: all
        of them, as in the paper. Three were measured to find as many rows in less than half of the
        passes.
    rho : float, default=0.75
        In (0, 1). Share of the steps between two checkpoints that has to raise the loss. Not for
        ``norm=1``, where steps grow shorter unless the perturbation grows sparser.
    multi_eps : bool, default=True
        For ``norm=1``: whether a run begins outside the ball, with 30% of its steps within
        ``3 * eps`` and 30% within ``2 * eps``.
    random_start : bool, default=True
        Whether to start from a random point of the ball; restarts always do.
    n_restarts : int, default=1
        Runs from different random points; rows already found do not run again.
    target : None, label, array-like of shape (n_samples,) or "least_likely", default=None
        The class to reach: one for all rows, one for each, or the least likely. None: any class
        but the label. Not with a ``_targeted`` loss, which picks classes itself.
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
        Seed of the random starts. A row's random numbers depend on the seed and on the row alone.
    verbose : int, default=0
        Whether to show progress.

    Attributes
    ----------
    estimator_ : object
        The model attacked.
    bounds_ : tuple of two ndarrays, "auto" or None
        The bounds in force; "auto" when they depend on the rows.
    n_features_in_ : int
        Features seen in `fit`, or those of the model where it says so.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    PGDAttack : Steps of a given length; fewer passes.

    Notes
    -----
    Whether a step is halved depends on which losses are larger, not on how much: the log-odds, an
    increasing function of the cross-entropy, takes the same decisions.

    Differences from the paper: points are projected onto ball and box together, not onto one after
    the other; for ``norm=1`` a step passes over the features that a bound stops; not every class
    gets a full run, unless ``n_full_runs=None``.

    References
    ----------
    F. Croce, M. Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks", ICML 2020.

    F. Croce, M. Hein, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers",
    ICML 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import APGDAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> attack = APGDAttack(norm=2, eps=0.5, bounds=None, random_state=0).fit(model)
    >>> X_adv = attack.transform(X, y)
    >>> model.score(X_adv, y) < model.score(X, y)
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "loss": [StrOptions({*LOSSES, *_ONE_BY_ONE})],
        "n_target_classes": [Interval(Integral, 1, None, closed="left")],
        "n_full_runs": [Interval(Integral, 1, None, closed="left"), None],
        "rho": [Interval(Real, 0, 1, closed="neither")],
        "multi_eps": ["boolean"],
        "random_start": ["boolean"],
        "n_restarts": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        eps=0.3,
        n_steps=100,
        loss="ce",
        n_target_classes=9,
        n_full_runs=3,
        rho=0.75,
        multi_eps=True,
        random_start=True,
        n_restarts=1,
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
        self.eps = eps
        self.n_steps = n_steps
        self.loss = loss
        self.n_target_classes = n_target_classes
        self.n_full_runs = n_full_runs
        self.rho = rho
        self.multi_eps = multi_eps
        self.random_start = random_start
        self.n_restarts = n_restarts
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def keeps_budget(self):  # type: ignore[override]
        """Whether every point that it asks about lies within eps."""
        return not (self.norm == 1 and self.multi_eps)

    def _attack(self, rows):
        if self.loss not in _ONE_BY_ONE:
            self._run(rows, LOSSES[self.loss], self.n_steps)
            rows.x = rows.state.get("best_x", rows.x)
            return
        if rows.target is not None:
            raise ValueError(
                f"loss={self.loss!r} picks the classes that it aims at itself, and target= gives "
                f"another one; use loss={self.loss.removesuffix(_SUFFIX)!r} with target=."
            )
        n_classes = self._rank_classes(rows)
        if bool(rows.done.all()):
            return
        if self.n_full_runs is not None and self.n_full_runs < n_classes:
            self._screen(rows, n_classes)
            n_classes = self.n_full_runs
        for turn in range(n_classes):
            self._run(rows, _ONE_BY_ONE[self.loss], self.n_steps, turn)
            if rows.climbing:
                self._keep_worst(rows)

    def _ascents(self, n_steps):
        """Give the stages of a run."""
        if self.norm != 1:
            return [Ascent(n_steps, self.rho)]
        first = 3 * n_steps // 10
        if not self.multi_eps or first == 0:
            return [SparseAscent(n_steps)]
        last = n_steps - 2 * first
        return [
            SparseAscent(n, radius, fresh=False)
            for n, radius in ((first, 3), (first, 2), (last, 1))
        ]

    def _run(self, rows, loss, n_steps, turn=None):
        """Climb through all stages, from a start; `turn` counts the classes aimed at."""

        def of(logits, label, target):
            aim = target if turn is None else rows.state["aims"][:, turn]
            return loss(logits, label, aim)

        for number, ascent in enumerate(self._ascents(n_steps)):
            rows.keeps_budget = ascent.radius == 1
            for count in rows.steps(ascent.n_steps + 1):
                if count == 0:
                    self._start(rows, ascent, number)
                if count < ascent.n_steps:
                    answer = rows.ask(rows.x, of)
                    ascent.note(rows, answer.loss, answer.gradient)
                    ascent.climb(rows, answer.gradient, count)
                else:
                    logits = rows.logits(rows.x)
                    ascent.note(rows, of(logits, rows.label, rows.target).to(rows.x.dtype))

    def _start(self, rows, ascent, number):
        if number > 0:
            rows.x = ascent.project(rows, rows.state["best_x"])
        else:
            rows.x = rows.x0
            if self.random_start or rows.restart > 0:
                rows.x = ascent.project(rows, rows.x0 + ascent.noise(rows))
        ascent.begin(rows)

    def _rank_classes(self, rows):
        """Put the classes to aim at into the rows' state, the most likely first; count them."""
        n_aims = 0
        for _ in rows.steps(1):
            logits = rows.logits(rows.x0)
            n_classes = logits.shape[1]
            if self.loss == "dlr_targeted" and n_classes < 4:
                raise ValueError(
                    "loss='dlr_targeted' needs at least 4 classes, the model has "
                    f"{n_classes}; use loss='margin_targeted'."
                )
            others = logits.scatter(1, rows.label[:, None], -torch.inf)
            order = others.sort(dim=1, descending=True, stable=True).indices
            n_aims = min(self.n_target_classes, n_classes - 1)
            rows.state["aims"] = order[:, :n_aims]
        return n_aims

    def _screen(self, rows, n_classes):
        """Order the classes anew, by how high a short run towards each of them climbs."""
        n_steps = max(1, _SCREEN * self.n_steps // 100)
        for turn in range(n_classes):
            self._run(rows, _ONE_BY_ONE[self.loss], n_steps, turn)
            reached = rows.state.get("reached", torch.empty_like(rows.x0.flatten(1)[:, :0]))
            reached = torch.cat([reached, rows.state["best_loss"][:, None]], dim=1)
            rows.state["reached"] = reached
        order = rows.state["reached"].sort(dim=1, descending=True, stable=True).indices
        rows.state["aims"] = rows.state["aims"].gather(1, order)

    def _keep_worst(self, rows):
        """Of the ends of all runs so far, the one of highest cross-entropy; for training."""
        x = rows.state["best_x"]
        loss = log_odds(rows.logits(x), rows.label)
        worst = rows.state.get("worst_loss", torch.full_like(loss, -torch.inf))
        further = loss > worst
        rows.state["worst_loss"] = torch.where(further, loss, worst)
        rows.state["worst_x"] = torch.where(columns(further, x), x, rows.state.get("worst_x", x))
        rows.x = rows.state["worst_x"]
