"""FAB, the fast adaptive boundary attack: along the boundary, towards the original row.

Croce & Hein (2020), "Minimally distorted adversarial examples with a fast adaptive boundary
attack".
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._boundaries import (
    box_around,
    nearest_boundary,
    rank_losses,
    tolerance,
)
from sklearn_privfair.attacks._hyperplane import project_on_plane
from sklearn_privfair.attacks._losses import margin
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._polish import polish

_HOLD, _GONE = 5, 25  # steps in vain after which the bias to the original row fades, and is gone
_TINY = 1e-12


class FABAttack(BaseAttack):
    """FAB: the least perturbation, or one within a budget, by projections onto linear boundaries.

    In each step the nearest boundary is taken for a plane, and both the present point and the
    original row are projected onto it within the bounds. The next point lies between the two
    projections, and a little beyond the plane; after an adversarial point it sets out again nearer
    to the original row. So it travels along the boundary to where that is nearest.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=np.inf
        The norm in which the perturbation is to be small.
    eps : float, default=None
        None: the least perturbation. A number: a success is a row within this distance, in the
        units of X, and the first one found will do.
    n_steps : int, default=100
        Steps of a run at most, each one forward and `n_candidates` backward passes.
    alpha_max : float, default=0.1
        In [0, 1]. How far towards the original row's projection the next point lies, at most.
    eta : float, default=1.05
        At least 1. How much further than onto the plane a step goes.
    beta : float, default=0.9
        In (0, 1]. At what share of its distance from the original row an adversarial point sets
        out again.
    n_candidates : int, default=3
        Other classes whose boundaries are looked at in each step, the likeliest at that point.
        None: all of them, as in the paper.
    n_target_classes : int, default=None
        None: one run, for whichever class is nearest. A number: as many runs, each for the boundary
        with one class alone, the likeliest first; any misclassification is a success. Of such a run
        a step costs one backward pass.
    n_restarts : int, default=1
        Runs; all but the first from random points, half as far away as `eps` or as what was found.
    n_polish_steps : int, default=6
        Without `eps`, at the end: steps that bring what was found nearer, each a forward and a
        backward pass; 0: none.
    target : None, label, array-like of shape (n_samples,) or "least_likely", default=None
        The class to reach: one for all rows, one for each, or the least likely. None: any class
        but the label. Not with `n_target_classes`, which picks classes itself.
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
        Seed of the restarts. A row's random numbers depend on the seed and on the row alone.
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
    DeepFoolAttack : Fewer passes, rows not quite so near.
    APGDAttack : Within a budget.

    Notes
    -----
    What differs from the paper, each measured to find rows as near or nearer, or more of them, in
    fewer passes:

    - Whether a point is adversarial is read off the pass that also gives its gradients: half the
      forward passes. From such a point the step back is a step of its own.
    - Which boundary is the nearest is decided within the bounds.
    - After 5 steps in a row without an adversarial point the bias to the original row fades, and
      is gone after 25. With it, rows of nets with a hidden gradient go round in circles and are
      never found.
    - The final search projects the original row onto the tangent where the boundary was crossed,
      which is exact for a linear model, before it looks along the line between both.
    - Restarts without `eps` set out as far as the row found says, not one number for all.

    References
    ----------
    F. Croce, M. Hein, "Minimally distorted adversarial examples with a fast adaptive boundary
    attack", ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import FABAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[y < 2], y[y < 2]
    >>> model = LogisticRegression().fit(X, y)
    >>> found = FABAttack(norm=2, n_steps=10, bounds=None).fit(model).generate(X, y)
    >>> exact = abs(model.decision_function(X)) / np.linalg.norm(model.coef_)
    >>> bool(np.all(found.distance["l2"] < 1.001 * exact))
    True
    """

    keeps_budget = False

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "eps": [Interval(Real, 0, None, closed="neither"), None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "alpha_max": [Interval(Real, 0, 1, closed="both")],
        "eta": [Interval(Real, 1, None, closed="left")],
        "beta": [Interval(Real, 0, 1, closed="right")],
        "n_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "n_target_classes": [Interval(Integral, 1, None, closed="left"), None],
        "n_restarts": [Interval(Integral, 1, None, closed="left")],
        "n_polish_steps": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        eps=None,
        n_steps=100,
        alpha_max=0.1,
        eta=1.05,
        beta=0.9,
        n_candidates=3,
        n_target_classes=None,
        n_restarts=1,
        n_polish_steps=6,
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
        self.alpha_max = alpha_max
        self.eta = eta
        self.beta = beta
        self.n_candidates = n_candidates
        self.n_target_classes = n_target_classes
        self.n_restarts = n_restarts
        self.n_polish_steps = n_polish_steps
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _attack(self, rows):
        if rows.target is not None:
            if self.n_target_classes is not None:
                raise ValueError(
                    f"n_target_classes={self.n_target_classes} lets the attack pick the classes "
                    "that it aims at, and target= gives another one; use n_target_classes=None "
                    "with target=."
                )
            self._run(rows, [margin])
            return
        n_others = self._rank_classes(rows)
        if self.n_target_classes is None:
            self._run(rows, rank_losses(min(n_others, self.n_candidates or n_others)))
            return
        for turn in range(min(n_others, self.n_target_classes)):
            self._run(rows, [self._towards(rows, turn)])

    def _polish(self, rows):
        polish(rows, self.n_polish_steps)

    def _rank_classes(self, rows):
        """Put the other classes into the rows' state, the likeliest first; count them."""
        n_others = 1
        for _ in rows.steps(1):
            logits = rows.logits(rows.x0)
            n_others = logits.shape[1] - 1
            others = logits.scatter(1, rows.label[:, None], -torch.inf)
            order = others.sort(dim=1, descending=True, stable=True).indices
            rows.state["aims"] = order[:, :n_others]
        return n_others

    def _towards(self, rows, turn):
        """Give the loss of a run for the boundary with one class."""

        def loss(logits, label, target):  # noqa: ARG001 -- the signature of a loss
            aim = rows.state["aims"][:, turn, None]
            return (logits.gather(1, aim) - logits.gather(1, label[:, None])).squeeze(1)

        return loss

    def _run(self, rows, losses):
        for count in rows.steps(self.n_steps):
            if count == 0:
                rows.x = self._start(rows, losses)
                rows.state["vain"] = torch.zeros_like(rows.label)
            answer = rows.ask_each(rows.x, losses)
            slack = tolerance(answer.logits).to(rows.x)
            beyond = rows.margin(answer.logits) > slack / 2
            rows.state["vain"] = torch.where(beyond, 0, rows.state["vain"] + 1)
            again = rows.x0 + self.beta * (rows.x - rows.x0)
            onward = self._step(rows, answer, slack)
            rows.x = torch.where(columns(beyond, again), again, onward)
        rows.finish()

    def _step(self, rows, answer, slack):
        """Give the next point: between the projections of the present and of the original one."""
        normal, gain = self._plane(rows, answer, slack)
        low, high = box_around(rows, rows.x)
        step = project_on_plane(normal, gain, low, high, self.norm)[0]
        gain = gain + (normal * (rows.x - rows.x0)).flatten(1).sum(1)
        low, high = box_around(rows, rows.x0)
        whole = project_on_plane(normal, gain, low, high, self.norm)[0]
        length, distance = (row_norm(d, self.norm).clamp_min(_TINY) for d in (step, whole))
        alpha = columns(torch.minimum(length / (length + distance), self._bias(rows)), step)
        ahead, behind = rows.x + self.eta * step, rows.x0 + self.eta * whole
        return rows.clip((1 - alpha) * ahead + alpha * behind)

    def _plane(self, rows, answer, slack):
        """Give the normal of the nearest boundary, and what is to be gained to reach it."""
        low, high = box_around(rows, rows.x)
        values = answer.loss - slack[:, None]
        normal, value = nearest_boundary(answer.gradient, values, low, high, self.norm)
        return normal, -value

    def _bias(self, rows):
        """Give the largest share that the original row's projection may have."""
        vain = rows.state["vain"].to(rows.x0)
        return self.alpha_max * ((_GONE - vain) / (_GONE - _HOLD)).clamp(0, 1)

    def _start(self, rows, losses):
        """Give the first point of a run: the row itself, or in restarts a random one near it."""
        if rows.restart == 0:
            return rows.x0
        radius = rows.found.distance[rows.index].to(rows.x0)
        if rows.eps is not None:
            radius = torch.minimum(radius, rows.eps)
        else:  # where nothing was found, as far as the nearest boundary seems to be
            rows.x = rows.x0
            answer = rows.ask_each(rows.x, losses)
            slack = tolerance(answer.logits).to(rows.x)
            normal, gain = self._plane(rows, answer, slack)
            low, high = box_around(rows, rows.x0)
            step = project_on_plane(normal, gain, low, high, self.norm)[0]
            radius = torch.where(radius.isfinite(), radius, row_norm(step, self.norm))
        shape = rows.x0.shape[1:]
        noise = rows.random.normal(*shape)
        if self.norm == np.inf:
            noise = 2 * rows.random.uniform(*shape) - 1
        length = row_norm(noise, self.norm).clamp_min(_TINY)
        return rows.clip(rows.x0 + columns(radius / 2 / length, noise) * noise)
