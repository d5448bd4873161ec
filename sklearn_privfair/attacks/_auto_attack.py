"""AutoAttack: an ensemble without parameters to tune, each member on the rows that still hold.

Croce & Hein (2020), "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks".
"""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._apgd import APGDAttack
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._fab import FABAttack
from sklearn_privfair.attacks._hopskipjump import HopSkipJumpAttack
from sklearn_privfair.attacks._masking import warn_if_outdone, warn_if_random
from sklearn_privfair.attacks._random_search import RandomSearchAttack
from sklearn_privfair.attacks._square import SquareAttack
from sklearn_privfair.differentiable import NotDifferentiableError, Victim

_TARGETS = {np.inf: 9, 2: 9, 1: 5}  # classes that APGD-T aims at
_CE_RUNS = {np.inf: 1, 2: 1, 1: 5}


class AutoAttack(BaseAttack):
    """AutoAttack, the standard ensemble: attacks that fail for different reasons, in turn.

    APGD on the cross-entropy, APGD aimed at one class after the other (difference of logits
    ratio), FAB aimed likewise, and Square, which sees no gradient. Each runs on the rows that all
    before it have left; a row that is found is finished.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=np.inf
        The norm of the budget.
    eps : float, default=0.3
        The budget: how far a row may be moved, in the units of X.
    version : {"auto", "standard", "plus"}, default="auto"
        "standard" is the ensemble of the paper, for the figure that others report; it needs
        gradients and 4 classes. "plus" adds untargeted APGD on the difference of logits ratio and
        untargeted FAB, and more restarts. "auto" is "standard" where the model allows it; with
        fewer classes the margin takes the place of the difference of logits ratio, which they do
        not have; without gradients, or where numbers are missing in X, Square and HopSkipJump are
        left, or without scores HopSkipJump alone (for ``norm=1``, which it does not know, random
        search).
    n_steps : int, default=100
        Steps of each run of APGD and FAB.
    n_queries : int, default=5000
        Queries of Square, and of HopSkipJump, for each row.
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

    Warns
    -----
    GradientMaskingWarning
        If Square turns rows that the members with gradients could not, more than one row and 0.2%
        of those attacked; or if the model answers the same question differently when asked again.

    See Also
    --------
    APGDAttack : Its first and second member.
    FABAttack : Its third.
    SquareAttack : Its fourth.
    MinimumNormAttack : From "within this budget?" to "within which budget?".

    Notes
    -----
    `AttackResult.found_by` tells which member turned each row.

    References
    ----------
    F. Croce, M. Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks", ICML 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_privfair.attacks import AutoAttack, Constraints
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = RandomForestClassifier(20, random_state=0)
    >>> attack = AutoAttack(
    ...     model, eps=0.3, n_queries=200, constraints=Constraints(scale="std"), random_state=0
    ... )
    >>> result = attack.fit(X[:400], y[:400]).generate(X[400:440], y[400:440])
    >>> sorted(set(result.found_by) - {""})
    ['SquareAttack']
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "version": [StrOptions({"auto", "standard", "plus"})],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "n_queries": [Interval(Integral, 3, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        eps=0.3,
        version="auto",
        n_steps=100,
        n_queries=5000,
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
        self.version = version
        self.n_steps = n_steps
        self.n_queries = n_queries
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def asks(self):  # type: ignore[override]
        """What its members ask of the model at most."""
        if self.version != "auto":
            return "gradient"
        if not hasattr(self, "estimator_"):  # nothing that could be followed in a training
            return "scores"
        victim = Victim(self.estimator_)
        try:
            victim.module  # noqa: B018  (whether there is one)
        except NotDifferentiableError:
            return "scores" if victim.has_scores else "decisions"
        return "gradient"

    def generate(self, X, y=None, return_trace=False):
        """Attack the rows and tell all about it.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            See :meth:`transform`.
        y : array-like of shape (n_samples,), default=None
            See :meth:`transform`.
        return_trace : bool, default=False
            Whether to record loss and distance at every step.

        Returns
        -------
        result : AttackResult
            With `found_by`.
        """
        result = super().generate(X, y, return_trace)
        warn_if_outdone(result)
        return result

    def _attack(self, rows):
        raise ValueError(
            "AutoAttack is an ensemble and cannot run inside another attack or a training; use one "
            "of its members, as APGDAttack."
        )

    @property
    def _takes_missing(self):
        return self.version == "auto"

    def _members(self, job):
        asks = self.asks
        if asks == "gradient" and not job.space.table.is_numeric:
            asks = "scores" if job.victim.has_scores else "decisions"
        if asks != "gradient":
            return [*([self._square()] if asks == "scores" else []), self._by_decisions()]
        try:
            view = job.view("gradient")
        except NotDifferentiableError as error:
            raise NotDifferentiableError(
                error.step,
                f"version={self.version!r} needs gradients; version='auto' takes attacks that "
                "need none",
            ) from error
        warn_if_random(view, job.problem().x)
        n_classes = job.n_classes
        if self.version != "auto" and n_classes < 4:
            raise ValueError(
                f"version={self.version!r} needs at least 4 classes for its difference of logits "
                f"ratio, and the model has {n_classes}; use version='auto'."
            )
        ratio = "dlr" if n_classes >= 4 else "margin"
        aims = {"n_target_classes": min(_TARGETS[self.norm], n_classes - 1)}
        aimed = self._apgd(loss=f"{ratio}_targeted", **aims)
        fab_aimed = self._fab(n_target_classes=min(9, n_classes - 1))
        if self.target is not None:  # one class is aimed at anyway
            aimed, fab_aimed = self._apgd(loss=ratio), self._fab()
        plus, square = self.version == "plus", self._square(resc_schedule=False)
        first = [self._apgd(loss="ce", n_restarts=5 if plus else _CE_RUNS[self.norm])]
        if not plus:
            return [*first, aimed, fab_aimed, square]
        more = [self._apgd(loss=ratio, n_restarts=5), self._fab(n_restarts=5), square]
        return [*first, *more, aimed, fab_aimed]

    def _apgd(self, **settings):
        return APGDAttack(norm=self.norm, eps=self.eps, n_steps=self.n_steps, **settings)

    def _fab(self, **settings):
        return FABAttack(norm=self.norm, eps=self.eps, n_steps=self.n_steps, **settings)

    def _square(self, **settings):
        return SquareAttack(norm=self.norm, eps=self.eps, n_queries=self.n_queries, **settings)

    def _by_decisions(self):
        if self.norm == 1:
            return RandomSearchAttack(norm=1, eps=self.eps, n_queries=self.n_queries)
        return HopSkipJumpAttack(norm=self.norm, n_queries=self.n_queries)
