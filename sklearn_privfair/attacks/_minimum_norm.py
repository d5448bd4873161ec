"""The least budget with which an attack succeeds: any attack with `eps`, made one without.

Each row's least eps is bracketed and bisected, as robustness curves are made of runs with many eps
(Dong et al. 2020, "Benchmarking adversarial robustness on image classification").
"""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._losses import margin
from sklearn_privfair.attacks._nested import Inside, part
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._pgd import PGDAttack
from sklearn_privfair.attacks._polish import polish
from sklearn_privfair.differentiable._victim import is_model

_DUAL = {1: np.inf, 2: 2, np.inf: 1}
_DOUBLINGS = 8  # runs at most, until the first success
_FASTEST = 1e3
_OVER = 1.5  # the first eps, in distances to the boundary as the slope at the row tells it
_DOWN = 0.5  # where in the bracket the next eps lies, from above
_WALKS = 3  # bisections of the line back to the row, after each success
_POLISH = 12  # passes at most, at the end
_OUTSIDE = {"target": None, "bounds": "auto", "constraints": None}


class MinimumNormAttack(BaseAttack):
    """Make an attack with a budget look for the nearest adversarial row.

    Each row has its own bracket: an eps that failed, and the distance of the nearest adversarial
    row found. The eps grows until the attack succeeds; then the bracket is bisected. After each
    success the point found is moved back along its line as far as it stays adversarial, which
    costs few passes and often saves a run.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    attack : attack with a parameter `eps`, default=None
        What runs with each eps; its parameters are searchable, as ``attack__n_steps``. None:
        ``PGDAttack()``. It gives the norm. Its `estimator`, `batch_size`, `n_jobs`, `random_state`
        and `verbose` are not used, those of this attack are; nor is its `eps`, but for the first
        guess where there are no gradients.
    eps_init : float, default=None
        The first eps. None: for each row, half as far again as the gradient at the row tells that
        the boundary is; for attacks without gradients, the `eps` of `attack`.
    n_bisections : int, default=8
        Runs of `attack` at most, after the first one that succeeded.
    tol : float, default=0.01
        A row is finished when its bracket is narrower than this share of the distance found.
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
        Seed of all runs. A row's random numbers depend on the seed and on the row alone.
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
    CWL2Attack : The nearest row in l2, for fewer passes.
    PGDAttack : Within one budget.

    Notes
    -----
    For an attack of which ``eps`` says how it moves, as FGSM, a larger eps need not find what a
    smaller one does; bisecting then finds one of several least budgets.

    Where there are gradients, the row found is at last moved onto the boundary's tangent plane, as
    near as it is in the norm, while that pays: for a linear model that is exact.

    An attack that asks for scores or decisions shares its `n_queries` between all runs: it is the
    limit for each row as a whole.

    References
    ----------
    Y. Dong, Q.-A. Fu, X. Yang, T. Pang, H. Su, Z. Xiao, J. Zhu, "Benchmarking adversarial
    robustness on image classification", CVPR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import MinimumNormAttack, PGDAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[y < 2], y[y < 2]
    >>> model = LogisticRegression().fit(X, y)
    >>> attack = MinimumNormAttack(attack=PGDAttack(n_steps=5), bounds=None, random_state=0)
    >>> found = attack.fit(model).generate(X, y)
    >>> exact = abs(model.decision_function(X)) / abs(model.coef_).sum()
    >>> bool(np.all(found.distance["linf"] < 1.01 * exact))
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "attack": [BaseAttack, None],
        "eps_init": [Interval(Real, 0, None, closed="neither"), None],
        "n_bisections": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        attack=None,
        eps_init=None,
        n_bisections=8,
        tol=0.01,
        target=None,
        bounds="auto",
        constraints=None,
        batch_size=256,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.attack = attack
        self.eps_init = eps_init
        self.n_bisections = n_bisections
        self.tol = tol
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def _inner(self):
        return as_inner(self, getattr(self, "estimator_", None))

    norm = property(lambda self: self._inner.norm)  # type: ignore[assignment]
    asks = property(lambda self: self._inner.asks)  # type: ignore[assignment]
    confidence = property(lambda self: self._inner.confidence)  # type: ignore[assignment]

    @property
    def n_queries(self):
        """The limit for each row: that of `attack`, where it asks for no gradients."""
        # an ensemble that asks for them limits one of its members
        return None if self.asks == "gradient" else self._inner.n_queries

    def _validate_params(self):
        super()._validate_params()
        check_inner(self, needs_eps=True)

    def fit(self, X, y=None):
        """Take a fitted model to attack, or fit `estimator` on data and attack that.

        Parameters
        ----------
        X : fitted model, or array-like of shape (n_samples, ...)
            A model, which is attacked as it is. Or data: on them a clone of `estimator` is fitted
            (a `FrozenEstimator` is not), and what `attack` has to learn, as a surrogate.
        y : array-like of shape (n_samples,), default=None
            Labels, when X is data and `estimator` is to be fitted.

        Returns
        -------
        self : object
        """
        self._inside = {}
        super().fit(X, y)
        if not is_model(X) and self.attack is not None:
            self._inside = self.attack._learn_inside(self, X, y)
        return self

    def _members(self, job):
        twin = copy.copy(self)
        members = self._inner._members(job)
        twin._runs = [(member, job.view(member.asks)) for member in members]
        return (twin,)

    def _attack(self, rows):
        runs = getattr(self, "_runs", [(self._inner, rows.module)])
        self._begin(rows)
        for number in rows.steps(_DOUBLINGS + 1 + self.n_bisections):
            budget = self._budget(rows, number)
            if rows.done.all():
                return
            inside = Inside(rows, number + 1, rows.state["eps"], budget)
            for turn, (member, module) in enumerate(runs):
                inside.run(self._with_share(member), module, number=turn)
            inside.report()
            won = torch.zeros_like(rows.done)
            won[inside.index] = inside.found.distance.isfinite()
            if won.any():
                self._walk_back(rows, won)
            self._bisect(rows, won.to(rows.x.device))

    def _budget(self, rows, number):
        """Share the questions that are left between the runs that are left."""
        if rows.budget is None:
            return None
        left = rows.n_left - _WALKS
        rows.done |= left < 1
        return left // max(1, self.n_bisections + 2 - number)

    def _with_share(self, member):
        if self.n_queries is None:
            return member
        share = copy.copy(member)  # a schedule made for the questions of one run
        share.n_queries = max(3, self.n_queries // (self.n_bisections + 2))
        return share

    def _begin(self, rows):
        """Choose the first eps of each row."""
        first = self._inner.eps if self.eps_init is None else self.eps_init
        eps = torch.full_like(rows.label, first, dtype=torch.float64)
        if self.eps_init is None and self.asks == "gradient":
            for _ in rows.steps(1):
                answer = rows.ask(rows.x0, margin)
                slope = row_norm(answer.gradient, _DUAL[self.norm]).double()
                guess = _OVER * answer.loss.double().abs() / slope
                eps = torch.where(guess.isfinite() & (guess > 0), guess, first)
        reach = torch.full_like(eps, torch.inf)
        if rows.lower is not None:
            corner = torch.maximum(rows.upper - rows.x0, rows.x0 - rows.lower)
            reach = row_norm(corner, self.norm).double()
        rows.state = {
            "reach": reach,
            "eps": torch.minimum(eps, reach),
            "low": torch.zeros_like(eps),
            "factor": torch.full_like(eps, 2.0),
            "n_runs": torch.zeros_like(rows.label),  # since the first that succeeded
            "ever": torch.zeros_like(rows.label, dtype=torch.bool),
        }
        rows.done |= (reach == 0).cpu()

    def _walk_back(self, rows, won):
        """Bisect the part of the line back to the row that no run has shown to be too short."""
        some = part(rows, won)
        x = some.found.x[some.index].to(some.x0)
        far = some.found.distance[some.index].to(x.device)
        low = (some.state["low"] / far).clamp_max(1).to(x.dtype)
        some.state = {"x": x, "low": low, "high": torch.ones_like(low)}
        for _ in some.steps(_WALKS):
            state = some.state
            middle = (state["low"] + state["high"]) / 2
            point = some.clip(some.x0 + columns(middle, x) * (state["x"] - some.x0))
            beyond = some.margin(some.logits(point)) > 0
            state["high"] = torch.where(beyond, middle, state["high"])
            state["low"] = torch.where(beyond, state["low"], middle)

    def _bisect(self, rows, won):
        """Narrow the brackets and choose the next eps of each row."""
        state = rows.state
        high = rows.found.distance[rows.index].to(rows.x.device)
        ever = high.isfinite()
        low = torch.where(won, state["low"], torch.maximum(state["low"], state["eps"]))
        # at first the eps grows ever faster: 2, 4, 16 times
        grown = torch.minimum(state["factor"] * low, state["reach"])
        between = high - _DOWN * (high - low)
        wide = (low > 0) & (high > 4 * low)
        between = torch.where(wide, (high * low).sqrt(), between)
        state["low"], state["eps"] = low, torch.where(ever, between, grown)
        state["factor"] = (state["factor"] * state["factor"]).clamp_max(_FASTEST)
        narrow = ever & (high - low <= self.tol * high)
        out_of_reach = ~ever & (low >= state["reach"])
        state["n_runs"] = torch.where(ever & ~state["ever"], 0, state["n_runs"] + 1)
        state["ever"] = ever
        most = torch.where(ever, self.n_bisections, _DOUBLINGS)
        rows.done |= (narrow | out_of_reach | (state["n_runs"] >= most)).cpu()

    def _polish(self, rows):
        if self.asks == "gradient":
            polish(rows, _POLISH)


def as_inner(outer, model):
    """Give the attack that another one runs, as fitted on a model and with the outer one's target.

    Parameters
    ----------
    outer : BaseAttack
        With a parameter `attack`.
    model : object
        None: not fitted.

    Returns
    -------
    attack : BaseAttack
    """
    inner = copy.copy(PGDAttack() if outer.attack is None else outer.attack)
    inner.target = outer.target
    for name, value in getattr(outer, "_inside", {}).items():
        setattr(inner, name, value)
    if model is not None:
        inner.estimator_ = model
    return inner


def check_inner(outer, needs_eps=False):
    """Raise if the attack that another one runs cannot be run by it.

    Parameters
    ----------
    outer : BaseAttack
        With a parameter `attack`.
    needs_eps : bool, default=False
        Whether it is to run with a budget.
    """
    inner = outer.attack
    if inner is None:
        return
    inner._validate_params()
    name = type(outer).__name__
    if needs_eps and inner.eps is None:
        raise ValueError(
            f"attack={inner!r} has no eps: it looks for the nearest row by itself. Use it without "
            f"{name}, or give {name} an attack with a budget, as PGDAttack or APGDAttack."
        )
    for parameter, default in _OUTSIDE.items():
        value = getattr(inner, parameter, default)
        if not (value is default or (isinstance(value, str) and value == default)):
            raise ValueError(
                f"attack has {parameter}={value!r}, which would not be used: it is {name} that "
                f"is asked about rows. Give it the parameter: {name}(..., {parameter}=...)."
            )
