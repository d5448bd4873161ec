"""Carlini & Wagner's l2 attack: the least perturbation that changes the decision.

Carlini & Wagner (2017), "Towards evaluating the robustness of neural networks".
"""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_privfair.attacks._aims import aimed, nearest_classes
from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._boundaries import box_around
from sklearn_privfair.attacks._hyperplane import nearest_on_plane
from sklearn_privfair.attacks._losses import LOSSES
from sklearn_privfair.attacks._norms import columns, row_norm
from sklearn_privfair.attacks._polish import polish

_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-12
_INSIDE = 0.99  # rows start this far out in tanh space: at 1 the derivative is 0
_REACH = 8  # how far a step may move a row, in distances to the boundary
_FIRST_CONST = 6  # 2 balances both terms at the boundary of a linear model
_AIMS = 9  # classes aimed at one by one, at most
_FLOOR = 0.001
_CHECKS = 10  # looks at the progress of a run, for the early abort
_LOSSES = {name: LOSSES[name] for name in ("ce", "margin")}


class CWL2Attack(BaseAttack):
    """Carlini and Wagner's l2 attack: find the nearest adversarial row.

    Minimises ``||x' - x||^2 + c * f(x')``, where ``f`` is positive until the row is adversarial
    with the `confidence` asked for, by Adam over ``x' = tanh(w)``, which keeps it within the
    bounds. The constant ``c`` is searched for each row by itself: after a run that found an
    adversarial row it shrinks, after one that did not it grows. Each row keeps its own clock: one
    that makes no more progress goes on to its next ``c`` without waiting for the others.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    confidence : float, default=0.0
        The margin, in logits, by which the row is to be misclassified: kappa in the paper.
    binary_search_steps : int, default=5
        Constants ``c`` that are tried for each row.
    n_steps : int, default=75
        Steps of Adam at most, for each ``c``.
    learning_rate : float, default=0.3
        Of Adam, in tanh space; it falls to 1% by a cosine over the steps.
    initial_const : float, default=None
        The first ``c``. None: for each row, from the model's gradient at the row, the constant
        that would balance both terms at the boundary, which does not depend on units.
    loss : {"ce", "margin"}, default="ce"
        What falls to make the row adversarial: the cross-entropy, as its log-odds, which weighs
        all other classes, or the paper's recommended margin to the best other class. The first
        finds nearer rows in fewer passes.
    abort_early : bool, default=True
        Whether a row goes on to its next ``c`` when its objective has stopped falling.
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
    PGDAttack : Within a budget.

    Notes
    -----
    What differs from the paper, each measured to find nearer rows in fewer passes: the learning
    rate falls, and starts in proportion to the distance at which the boundary is expected; every
    second constant is tried towards one class alone, the nearest by the slope at the row first;
    at the end the row is projected onto the tangent of the boundary found, within the bounds, which
    is exact for a linear model. With the defaults a row costs at most 400 forward passes.

    Nearest to the paper's settings: ``loss="margin", initial_const=0.001, learning_rate=0.01,
    binary_search_steps=9, n_steps=1000``.

    Without bounds Adam moves the perturbation itself, in units of each row's distance to the
    boundary as the gradient at the row estimates it.

    References
    ----------
    N. Carlini, D. Wagner, "Towards evaluating the robustness of neural networks", IEEE Symposium
    on Security and Privacy 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import CWL2Attack
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[y < 2], y[y < 2]
    >>> model = LogisticRegression().fit(X, y)
    >>> found = CWL2Attack(bounds=None).fit(model).generate(X, y)
    >>> exact = abs(model.decision_function(X)) / np.linalg.norm(model.coef_)
    >>> bool(np.all(found.distance["l2"] < 1.02 * exact))
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "confidence": [Interval(Real, 0, None, closed="left")],
        "binary_search_steps": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "initial_const": [Interval(Real, 0, None, closed="neither"), None],
        "loss": [StrOptions(set(_LOSSES))],
        "abort_early": ["boolean"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        confidence=0.0,
        binary_search_steps=5,
        n_steps=75,
        learning_rate=0.3,
        initial_const=None,
        loss="ce",
        abort_early=True,
        target=None,
        bounds="auto",
        constraints=None,
        batch_size=256,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.confidence = confidence
        self.binary_search_steps = binary_search_steps
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.initial_const = initial_const
        self.loss = loss
        self.abort_early = abort_early
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _attack(self, rows):
        self._begin(rows)
        for _ in rows.steps(self.binary_search_steps * self.n_steps):
            x, slope = _from_free(rows)
            answer = rows.ask(x, self._loss_of(rows.state["aim"]))
            self._descend(rows, x, slope, answer)
            self._search(rows)

    def _polish(self, rows):
        polish(rows)

    def _loss_of(self, aim):
        return aimed(_LOSSES[self.loss], aim)

    def _begin(self, rows):
        """Look around: the slope at the row says where the boundaries are, and how far."""
        everywhere = torch.full_like(rows.label, -1)
        answer = rows.ask(rows.x0, self._loss_of(everywhere))
        length = row_norm(answer.gradient, 2).clamp_min(_TINY)
        aims: tuple[torch.Tensor, ...] = (everywhere,)
        if rows.target is None and answer.logits.shape[1] > 2:
            classes, feet = nearest_classes(rows, answer.logits.shape[1], _AIMS)
            aims, foot = classes.unbind(1), feet[:, 0]
        else:
            low, high = box_around(rows, rows.x0)
            foot = nearest_on_plane(answer.gradient, answer.loss.abs(), low, high, 2)[0]
        distance = row_norm(foot, 2)
        rows.logits(rows.clip(rows.x0 + 1.01 * foot))
        const = _FIRST_CONST * distance / length
        if self.initial_const is not None:
            const = torch.full_like(const, self.initial_const)
        rows.state = {
            "aims": torch.stack(aims, dim=1),
            "unit": _REACH * distance / math.sqrt(rows.x0[0].numel()),
            "distance": distance,
            "const": const,
            "const_low": torch.zeros_like(const),
            "const_high": torch.full_like(const, torch.inf),
            "n_consts": torch.zeros_like(rows.label),
        }
        self._restart(rows, torch.ones_like(rows.label, dtype=torch.bool))

    def _restart(self, rows, which):
        """Put rows back to their origin, for a run with their new constant."""
        found = rows.found.distance[rows.index].to(rows.x0)
        ran = rows.state["n_consts"] > 0
        distance = torch.where(found.isfinite() & ran, found, rows.state["distance"])
        reach = _REACH * distance / row_norm(_width(rows), 2).clamp_min(_TINY)
        rows.state["distance"] = torch.where(which, 4 * distance, rows.state["distance"])
        # every second run aims at one class alone, the nearest first
        turn, aims = rows.state["n_consts"], rows.state["aims"]
        aim = aims.gather(1, (turn // 2).clamp_max(aims.shape[1] - 1)[:, None]).squeeze(1)
        fresh = {
            "aim": torch.where(turn % 2 == 1, aim, -1),
            "free": _to_free(rows, rows.x0),
            "mean": torch.zeros_like(rows.x0),
            "square": torch.zeros_like(rows.x0),
            "rate": self.learning_rate * (reach if rows.lower is None else reach.clamp_max(1)),
            "step": torch.zeros_like(rows.label),
            "reached": torch.zeros_like(which),
            "lowest": torch.full_like(distance, torch.inf),
            "checked": torch.full_like(distance, torch.inf),
        }
        for name, value in fresh.items():
            old = rows.state.get(name, value)
            rows.state[name] = torch.where(columns(which, value), value, old)

    def _descend(self, rows, x, slope, answer):
        """One step of Adam on the objective, each row at its own step of its own schedule."""
        state = rows.state
        short = rows.margin(answer.logits) <= 0
        delta = x - rows.x0
        state["reached"] |= ~short
        objective = row_norm(delta, 2) ** 2 - state["const"] * answer.loss * short
        state["lowest"] = torch.minimum(state["lowest"], objective)
        pull = columns(state["const"] * short, x) * answer.gradient
        gradient = (2 * delta - pull) * slope
        state["step"] = state["step"] + 1
        first, second, rate = self._schedule(x)[:, state["step"] - 1]
        state["mean"] = _BETA1 * state["mean"] + (1 - _BETA1) * gradient
        state["square"] = _BETA2 * state["square"] + (1 - _BETA2) * gradient**2
        mean, square = state["mean"] / columns(first, x), state["square"] / columns(second, x)
        move = columns(rate * state["rate"], x) * mean / (square.sqrt() + _TINY)
        state["free"] = state["free"] - move

    def _schedule(self, x):
        """Adam's two corrections and the cosine of the learning rate, for every step."""
        # a table: powers and cosines of a tensor round differently at different places in it
        step = np.arange(self.n_steps)
        cosine = (1 + np.cos(np.pi * step / self.n_steps)) / 2
        rate = _FLOOR + (1 - _FLOOR) * cosine
        table = np.stack([1 - _BETA1 ** (step + 1.0), 1 - _BETA2 ** (step + 1.0), rate])
        return torch.as_tensor(table, dtype=x.dtype, device=x.device)

    def _search(self, rows):
        """Give the rows whose run is over their next constant."""
        state = rows.state
        over = state["step"] >= self.n_steps
        if self.abort_early:
            # not in the first half, where long steps still wander
            look = (2 * state["step"] >= self.n_steps) & (
                state["step"] % max(1, self.n_steps // _CHECKS) == 0
            )
            over |= look & (state["lowest"] > 0.9999 * state["checked"])
            state["checked"] = torch.where(look, state["lowest"], state["checked"])
        if not over.any():
            return
        const, reached = state["const"], state["reached"]
        high = torch.where(over & reached, const, state["const_high"])
        low = torch.where(over & ~reached, const, state["const_low"])
        state["const_high"], state["const_low"] = high, low
        following = torch.where(high.isinf(), 10 * const, (low + high) / 2)
        state["const"] = torch.where(over, following, const)
        state["n_consts"] = state["n_consts"] + over
        rows.done |= (state["n_consts"] >= self.binary_search_steps).cpu()
        self._restart(rows, over)


def _width(rows):
    """How far one unit of Adam's variable moves each feature, at most."""
    unit = columns(rows.state["unit"], rows.x0).expand_as(rows.x0)
    if rows.lower is None:
        return unit
    half = (rows.upper - rows.lower) / 2
    return torch.where(half.isfinite(), half, unit)


def _to_free(rows, x):
    """From rows to the variable that Adam moves freely: tanh space where there are bounds."""
    if rows.lower is None:
        return torch.zeros_like(x)
    half, middle = (rows.upper - rows.lower) / 2, (rows.upper + rows.lower) / 2
    inside = _INSIDE * torch.where(half > 0, (x - middle) / half, 0).clamp(-1, 1)
    # by logarithms: torch.atanh rounds differently at different places in a tensor
    return torch.where(half.isfinite(), (torch.log1p(inside) - torch.log1p(-inside)) / 2, 0)


def _from_free(rows):
    """Give the rows at Adam's variable, and their derivative with respect to it."""
    free, slope = rows.state["free"], _width(rows)
    x = rows.x0 + slope * free
    if rows.lower is None:
        return x, slope
    half, middle = (rows.upper - rows.lower) / 2, (rows.upper + rows.lower) / 2
    squashed = torch.tanh(free)
    x = torch.where(half.isfinite(), middle + half * squashed, x)
    slope = torch.where(half.isfinite(), half * (1 - squashed**2), slope)
    return rows.clip(x), slope
