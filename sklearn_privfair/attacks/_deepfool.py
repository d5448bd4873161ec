"""DeepFool: step by step onto the nearest of the boundaries, each taken for a plane.

Moosavi-Dezfooli, Fawzi & Frossard (2016), "DeepFool: a simple and accurate method to fool deep
neural networks"; Abroshan, Hosseini, Moosavi-Dezfooli (2023), "SuperDeepFool: a new fast and
accurate minimal adversarial attack".
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._boundaries import (
    DUAL,
    box_around,
    nearest_boundary,
    rank_losses,
    tolerance,
)
from sklearn_privfair.attacks._hyperplane import nearest_on_plane
from sklearn_privfair.attacks._losses import margin
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._polish import polish

_PATIENCE = 2  # projections that brought a row no nearer, before it leaves
_NEARER = 1e-3  # by how much, relative to the distance, that it counts
_GROWTH = 1.4  # of the longest step, with each step that did not reach the boundary
_LITTLE = 1e-5  # of the way come so far, lest rounding keep a row on the boundary itself
_TINY = 1e-30


class DeepFoolAttack(BaseAttack):
    """DeepFool and SuperDeepFool: the least perturbation, in very few passes.

    Takes the boundary with each of the likeliest other classes for a plane, steps onto the nearest,
    and looks again, until the row is beyond one. With ``refinement="super"`` the *original* row is
    then projected onto the tangent of the boundary found, which is nearer, and the steps go on
    from there, until that brings a row no nearer.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=2
        The norm in which the perturbation is to be small.
    n_steps : int, default=50
        Steps at most, each one forward and `n_candidates` backward passes.
    overshoot : float, default=0.02
        How much further than to the plane a step goes.
    n_candidates : int, default=3
        Other classes whose boundaries are looked at in each step, the likeliest at that point.
        None: all of them.
    refinement : {"super"} or None, default="super"
        None: the plain algorithm of 2016, which stops at the first adversarial point.
    n_polish_steps : int, default=12
        At the end, steps that bring what was found nearer, each a forward and a backward pass; 0:
        none.
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
        Not used: the attack draws no random numbers. Present for API consistency.
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
    CWL2Attack : Nearer rows in l2, for more passes.

    Notes
    -----
    The plain algorithm is ``refinement=None, n_candidates=None, n_polish_steps=0``: there a step
    knows nothing of the bounds, and is cut off at them.

    What differs from SuperDeepFool as published, each measured to find nearer rows: it is for all
    norms, not l2 alone; the projection onto the tangent is the nearest point of it within the
    bounds; a step is no longer than the way to the plane would be without bounds, times 1.4 for
    every step since the last projection, lest bounds that leave little room drive it far away;
    and a row goes on past a projection that is adversarial.

    References
    ----------
    S.-M. Moosavi-Dezfooli, A. Fawzi, P. Frossard, "DeepFool: a simple and accurate method to fool
    deep neural networks", CVPR 2016.

    A. Abroshan, M. Hosseini, S.-M. Moosavi-Dezfooli, "SuperDeepFool: a new fast and accurate
    minimal adversarial attack", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import DeepFoolAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[y < 2], y[y < 2]
    >>> model = LogisticRegression().fit(X, y)
    >>> found = DeepFoolAttack(bounds=None).fit(model).generate(X, y)
    >>> exact = abs(model.decision_function(X)) / np.linalg.norm(model.coef_)
    >>> bool(np.all(found.distance["l2"] < 1.001 * exact))
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "overshoot": [Interval(Real, 0, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "refinement": [StrOptions({"super"}), None],
        "n_polish_steps": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=2,
        n_steps=50,
        overshoot=0.02,
        n_candidates=3,
        refinement="super",
        n_polish_steps=12,
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
        self.overshoot = overshoot
        self.n_candidates = n_candidates
        self.refinement = refinement
        self.n_polish_steps = n_polish_steps
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _attack(self, rows):
        losses = self._losses(rows)
        none = torch.zeros_like(rows.x0.flatten(1)[:, 0])
        rows.state = {"longest": none + 1, "nearest": none + torch.inf, "vain": none}
        for _ in rows.steps(self.n_steps):
            x = rows.x
            answer = rows.ask_each(x, losses)
            slack = tolerance(answer.logits).to(x)
            beyond = rows.margin(answer.logits) > slack / 2
            if self.refinement is None:
                rows.x = rows.clip(x + self._plain_step(rows, answer, slack))
                rows.done |= beyond.cpu()
            else:
                onward = x + self._step(rows, answer, slack)
                back = rows.x0 + self._onto_tangent(rows, answer, slack)
                rows.x = rows.clip(torch.where(columns(beyond, x), back, onward))
                self._note(rows, x, beyond)
            rows.done |= (rows.x == x).flatten(1).all(1).cpu()  # stuck
        rows.finish()

    def _polish(self, rows):
        polish(rows, self.n_polish_steps)

    def _losses(self, rows):
        """Give the differences of logits whose zeros are the boundaries."""
        if rows.target is not None:  # there is but one region to reach
            return [margin]
        n_others = 1
        for _ in rows.steps(1):
            n_others = rows.logits(rows.x0).shape[1] - 1
        return rank_losses(min(n_others, self.n_candidates or n_others))

    def _plain_step(self, rows, answer, slack):
        """Step onto the nearest plane without regard to the bounds."""
        # but not in l1, where a step moves one feature, which may be at its bound already
        low, high = box_around(rows, rows.x) if self.norm == 1 else (None, None)
        normal, value = nearest_boundary(answer.gradient, answer.loss, low, high, self.norm)
        gain = (1 + self.overshoot) * (slack - value) + _LITTLE * _along(rows, normal).abs()
        return nearest_on_plane(normal, gain, low, high, self.norm)[0]

    def _step(self, rows, answer, slack):
        """Step towards the nearest plane within the bounds, no further than is the longest way."""
        low, high = box_around(rows, rows.x)
        normal, value = nearest_boundary(answer.gradient, answer.loss, low, high, self.norm)
        gain = (1 + self.overshoot) * (slack - value) + _LITTLE * _along(rows, normal).abs()
        step = nearest_on_plane(normal, gain, low, high, self.norm)[0]
        straight = gain / row_norm(normal, DUAL[self.norm]).clamp_min(_TINY)
        share = rows.state["longest"] * straight / row_norm(step, self.norm).clamp_min(_TINY)
        return columns(share.clamp_max(1), step) * step

    def _onto_tangent(self, rows, answer, slack):
        """Step from the original row to the tangent of the boundary that a row has crossed."""
        normal = answer.gradient[:, 0]  # of the likeliest class
        gain = (1 + _LITTLE) * (_along(rows, normal) + slack - answer.loss[:, 0])
        low, high = box_around(rows, rows.x0)
        return nearest_on_plane(normal, gain, low, high, self.norm)[0]

    def _note(self, rows, x, beyond):
        """Keep count of each row's progress."""
        state = rows.state
        state["longest"] = torch.where(beyond, 1.0, _GROWTH * state["longest"])
        distance = row_norm(x - rows.x0, self.norm)
        vain = beyond & (distance > (1 - _NEARER) * state["nearest"])
        nearest = torch.minimum(state["nearest"], distance)
        state["nearest"] = torch.where(beyond, nearest, state["nearest"])
        state["vain"] = state["vain"] + vain
        rows.done |= (state["vain"] > _PATIENCE).cpu()


def _along(rows, normal):
    """How much a linear function with this gradient has risen on the way come so far."""
    return (normal * (rows.x - rows.x0)).flatten(1).sum(1)
