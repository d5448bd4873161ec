"""Projected gradient ascent on the loss within an lp ball.

Kurakin, Goodfellow & Bengio (2017), "Adversarial examples in the physical world" (linf); Madry et
al. (2018), "Towards deep learning models resistant to adversarial attacks" (random start,
projection); Dong et al. (2018) for the momentum; Tramèr & Boneh (2019) for the sparse l1 step.
"""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._losses import LOSSES
from sklearn_privfair.attacks._norms import columns, random_in_ball, row_norm, steepest


class PGDAttack(BaseAttack):
    """Projected gradient descent, the standard first-order attack within a budget `eps`.

    Each step follows the steepest direction of the loss in `norm` and projects back, exactly, onto
    the ball around the row cut by the bounds. With ``norm=np.inf`` projecting is clipping. A row
    is finished, and leaves, as soon as it is adversarial.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=np.inf
        The norm of the budget.
    eps : float, default=0.3
        The budget: how far a row may be moved, in the units of X.
    n_steps : int, default=40
        Steps at most.
    step_size : float, default=None
        Length of the first step in `norm`. None: `eps`, or ``2.5 * eps / n_steps`` when all steps
        are equally long.
    step_schedule : {"cosine", "linear", "constant"}, default="cosine"
        How steps shrink towards 0. Long first steps that shrink were measured to find more
        adversarial rows in fewer passes than equal steps do, most of all on defended nets.
    momentum : float, default=0.0
        In [0, 1). Share of the accumulated gradient that is kept; each gradient is first scaled to
        l1 norm 1.
    loss : {"ce", "margin", "dlr"}, default="ce"
        Cross-entropy (followed by its log-odds: the same direction, but it does not vanish where
        the model is sure), logit margin, or difference of logits ratio.
    random_start : bool, default=True
        Whether to start from a random point of the ball; restarts always do. From the row itself
        (False) a linear model is attacked exactly; from a random point an attack is not stopped
        by a gradient that is masked at the row.
    n_restarts : int, default=1
        Runs from different random points; rows already found do not run again.
    quantile : float, default=0.99
        For ``norm=1``: a step spreads over the coordinates whose gradient exceeds this quantile.
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
    FGSMAttack : One step.
    CWL2Attack : The least perturbation, without a budget.

    References
    ----------
    A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu, "Towards deep learning models resistant
    to adversarial attacks", ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import PGDAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> attack = PGDAttack(eps=0.5, bounds=None, random_state=0).fit(model)
    >>> X_adv = attack.transform(X, y)
    >>> model.score(X_adv, y) < model.score(X, y)
    True
    >>> bool(abs(X_adv - X).max() <= 0.5)
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither"), None],
        "step_schedule": [StrOptions({"constant", "linear", "cosine"})],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "loss": [StrOptions(set(LOSSES))],
        "random_start": ["boolean"],
        "n_restarts": [Interval(Integral, 1, None, closed="left")],
        "quantile": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        eps=0.3,
        n_steps=40,
        step_size=None,
        step_schedule="cosine",
        momentum=0.0,
        loss="ce",
        random_start=True,
        n_restarts=1,
        quantile=0.99,
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
        self.step_size = step_size
        self.step_schedule = step_schedule
        self.momentum = momentum
        self.loss = loss
        self.random_start = random_start
        self.n_restarts = n_restarts
        self.quantile = quantile
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _attack(self, rows):
        loss = LOSSES[self.loss]
        if self.random_start or rows.restart > 0:
            start = random_in_ball(rows.random, rows.x0, rows.eps, self.norm)
            rows.x = rows.project(rows.x0 + start)
        for count in rows.steps(self.n_steps):
            gradient = rows.ask(rows.x, loss).gradient
            if self.momentum:
                length = columns(row_norm(gradient, 1), gradient)
                gradient = gradient / length.where(length > 0, torch.ones_like(length))
                gradient = gradient + self.momentum * rows.state.get("velocity", 0)
                rows.state["velocity"] = gradient
            length = columns(self._step_length(count, rows.eps), gradient)
            rows.x = rows.project(rows.x + length * steepest(rows, gradient, self.quantile))
        rows.finish()

    def _step_length(self, count, eps):
        """Length of the step that follows `count` others, for each row."""
        done = count / self.n_steps
        if self.step_schedule == "constant":
            factor, first = 1.0, 2.5 * eps / self.n_steps
        else:
            factor, first = 1 - done, eps
            if self.step_schedule == "cosine":
                factor = (1 + math.cos(math.pi * done)) / 2
        given = torch.full_like(eps, self.step_size or 0.0)
        return factor * (first if self.step_size is None else given)
