"""Fast minimum-norm attack: projected gradient steps on a ball whose radius follows the boundary.

Pintor et al. (2021), "Fast minimum-norm adversarial attacks through adaptive norm constraints".
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._adaptive_radius import AdaptiveRadiusAttack, onto_sphere, unit
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._boundaries import box_around
from sklearn_privfair.attacks._norms import columns
from sklearn_privfair.attacks._projections import project_ball
from sklearn_privfair.attacks._sparse import corner_of, room

_LOSSES = ("ce", "margin")
_STEP_SIZES = {0: 0.5, 1: 0.5, 2: 1.5, np.inf: 1.0}
_STARTS = 6  # random points looked at for one beyond the boundary, each run farther away
_HALVINGS = 6  # of the way from there
_FARTHER = 3


class FMNAttack(AdaptiveRadiusAttack):
    """Fast minimum-norm attack (FMN): the nearest adversarial row in l0, l1, l2 or linf.

    Each step goes along the gradient of the loss and back onto a ball around the row. The radius
    shrinks while the point is adversarial and grows while it is not, by as much as the margin and
    its slope ask for, so that it settles at the distance of the nearest adversarial row.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {0, 1, 2, np.inf}, default=np.inf
        The norm in which the perturbation is to be small; 0 counts the features changed.
    n_steps : int, default=84
        Steps in all, each one forward and one backward pass. The look around at the beginning and
        the polish at the end cost at most 14 more.
    n_runs : int, default=3
        The steps are shared out among so many runs. The first goes for any other class, each
        further one for one class alone, the nearest by the slope at the row first. 1: as in the
        paper.
    gamma : float, default=0.5
        In (0, 1). The largest relative change of the radius in one step; it falls to a tenth by a
        cosine over the run.
    step_size : float, default=None
        Length of the first step of a run, in radii; it falls to 1% by a cosine. None: 0.5 for l0
        and l1, 1.5 for l2, 1 for linf.
    initial_radius : float, default=None
        The first radius, in the units of X. None: for each row the distance to the boundary as the
        slope at the row has it, which does not depend on units.
    start : {"row", "random", "boundary"}, default="row"
        Where the first run begins: at the row, at a random point on the first ball, or at the
        boundary, by a bisection between the row and a random adversarial point, where one of 6
        is (12 passes more).
    loss : {"ce", "margin"}, default="ce"
        What rises: the cross-entropy (as its log-odds: the same direction, but it does not vanish
        where the model is sure), or the margin to the best other class, which is the paper's.
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
        Seed of random starts, and of the direction in which a row sets out where the model is
        flat. A row's random numbers depend on the seed and on the row alone.
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
    DDNAttack : The same step as here in l2, which it is from.
    DeepFoolAttack : Fewer passes, farther rows.

    Notes
    -----
    What differs from the paper, each measured to find nearer rows in fewer passes:

    - The projection is onto the ball and the box together, not onto one after the other.
    - The step is the norm's own: along the sign of the gradient in linf, along the gradient in
      l1; in l2 it is :class:`DDNAttack`'s. In l0 the running mean of the gradients says which
      features promise most, and those go to their bounds.
    - The radius changes by what the margin and its slope ask for from the first step on, not only
      until the row is found.
    - The length of the steps is in radii, so that it does not depend on units; runs are aimed at
      classes.
    - At the end what was found is projected onto the tangent of the boundary within the bounds,
      which is exact for a linear model; in l0 changes that are not needed are taken back.

    References
    ----------
    M. Pintor, F. Roli, W. Brendel, B. Biggio, "Fast minimum-norm adversarial attacks through
    adaptive norm constraints", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import FMNAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[y < 2], y[y < 2]
    >>> model = LogisticRegression().fit(X, y)
    >>> found = FMNAttack(norm=1, bounds=None).fit(model).generate(X, y)
    >>> exact = abs(model.decision_function(X)) / abs(model.coef_).max()
    >>> bool(np.all(found.distance["l1"] < 1.001 * exact))
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {0, 1, 2, np.inf})],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "n_runs": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, 1, closed="neither")],
        "step_size": [Interval(Real, 0, None, closed="neither"), None],
        "initial_radius": [Interval(Real, 0, None, closed="neither"), None],
        "start": [StrOptions({"row", "random", "boundary"})],
        "loss": [StrOptions(set(_LOSSES))],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        n_steps=84,
        n_runs=3,
        gamma=0.5,
        step_size=None,
        initial_radius=None,
        start="row",
        loss="ce",
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
        self.n_steps = n_steps
        self.n_runs = n_runs
        self.gamma = gamma
        self.step_size = step_size
        self.initial_radius = initial_radius
        self.start = start
        self.loss = loss
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _begin(self, rows):
        super()._begin(rows)
        if self.norm == 0:
            rows.state["radius"] = rows.state["radius"].clamp_min(1)

    def _move(self, rows, gradient, length):
        state, norm = rows.state, self.norm
        length = length * (_STEP_SIZES[norm] if self.step_size is None else self.step_size)
        if norm == 2:
            state["along"] = unit(state["along"]) + length * unit(gradient)
            state["delta"] = onto_sphere(rows, state["along"])
        elif norm == 0:
            low, high = room(rows, state["reach"])
            width = high - low
            state["along"] = unit(state["along"]) + length * unit(gradient * width)
            slope = state["along"] / width.where(width > 0, torch.ones_like(width))
            state["delta"] = corner_of(slope, low, high, state["radius"])
        else:
            step = gradient.sign() if norm == np.inf else unit(gradient)
            aim = state["delta"] + columns(length * state["radius"], step) * step
            low, high = box_around(rows, rows.x0)
            state["delta"] = project_ball(aim, low, high, state["radius"], norm)

    def _follow(self, rows, height, gradient, gamma):
        if self.norm > 0:
            return super()._follow(rows, height, gradient, gamma)
        state = rows.state
        radius, found = state["radius"], rows.found.distance[rows.index].to(height)
        # without bounds a feature may always go farther
        state["reach"] = state["reach"] * torch.where(height > 0, 1.0, 1 + gamma)
        fewer = torch.minimum(radius - 1, (radius * (1 - gamma)).floor())
        more = torch.maximum(radius + 1, (radius * (1 + gamma)).floor())
        return torch.where(height > 0, torch.minimum(fewer, found), more).clamp_min(1)

    def _start_run(self, rows, run):
        super()._start_run(rows, run)
        if self.norm == 0:
            rows.state["radius"] = (rows.state["radius"] - 1).clamp_min(1)
        if run == 0 and self.start != "row":
            getattr(self, f"_start_{self.start}")(rows)

    def _start_random(self, rows):
        state = rows.state
        state["along"] = self._noise(rows, 0)
        state["delta"] = onto_sphere(rows, state["along"])

    def _start_boundary(self, rows):
        """Begin where the way from the row to a random adversarial point crosses the boundary."""
        state = rows.state
        radius, far = state["radius"], torch.zeros_like(rows.x0)
        lost = torch.ones_like(rows.label, dtype=torch.bool)
        for _ in range(_STARTS):
            state["radius"] = torch.minimum(_FARTHER * state["radius"], state["corner"])
            delta = onto_sphere(rows, rows.random.normal(*rows.x0.shape[1:]))
            beyond = lost & (rows.margin(rows.logits(rows.clip(rows.x0 + delta))) > 0)
            far, lost = torch.where(columns(beyond, far), delta, far), lost & ~beyond
        low, high = torch.zeros_like(radius), torch.ones_like(radius)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            x = rows.clip(rows.x0 + columns(middle, far) * far)
            beyond = rows.margin(rows.logits(x)) > 0
            low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
        state["delta"] = state["along"] = columns(high, far) * far
        length = rows.found.distance[rows.index].to(radius)
        state["radius"] = torch.where(lost | length.isinf(), radius, length)
