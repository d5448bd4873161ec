"""Random search: points drawn uniformly from the budget, until one is adversarial.

The baseline against which a black-box attack has to show that it learns from its answers.
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._features import Features
from sklearn_privfair.attacks._nested import ask_ahead

_AHEAD = 0.25  # of the points asked so far are asked at once, so that slow models are called less
_AT_ONCE = 2**16  # numbers drawn in one go for each row, at most


class RandomSearchAttack(BaseAttack):
    """Uniform points within the budget `eps`, asked about one after the other.

    It is what other attacks without gradients are measured against: one that finds no more, within
    as many queries, has not made use of the answers. It asks for decisions alone, and so works on
    any classifier. On tables with few features that can move it is not bad; the volume of a ball
    of many dimensions is too large to find anything rare.

    Whole numbers and the members of groups are drawn among those that bounds and budget allow; for
    l1 and l2 groups are drawn first, and numbers from what they leave of the budget.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=np.inf
        The norm of the budget.
    eps : float, default=0.3
        The budget: how far a row may be moved, in the units of X.
    n_queries : int, default=1000
        How many rows the model is asked about for each row of X, at most; at least 3. One is the
        row itself, and one the proof of what was found.
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
    n_features_in_ : int
        Features seen in `fit`, or those of the model where it says so.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    SquareAttack : Learns from the scores.

    Notes
    -----
    For linf points are uniform in the cube cut by the bounds; for l1 and l2 in the ball of the
    features that can move, and then cut by the bounds. Several points of a row are asked about
    together, as many as a quarter of those before, so that a row found may have been asked about
    up to a quarter more points than it needed; all count.

    References
    ----------
    F. Barthe, O. Guédon, S. Mendelson, A. Naor, "A probabilistic approach to the geometry of the
    lp^n-ball", Annals of Probability 2005.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_privfair.attacks import RandomSearchAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RandomForestClassifier(10, random_state=0)
    >>> attack = RandomSearchAttack(model, eps=0.5, n_queries=50, random_state=0).fit(X, y)
    >>> X_adv = attack.transform(X, y)
    >>> attack.estimator_.score(X_adv, y) < attack.estimator_.score(X, y)
    True
    """

    asks = "decisions"

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "n_queries": [Interval(Integral, 3, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        eps=0.3,
        n_queries=1000,
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
        self.n_queries = n_queries
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _attack(self, rows):
        features = Features(rows)
        rows.done |= ~features.movable(rows).any(1).cpu() | (rows.n_left < 1)
        most = max(_AT_ONCE // rows.x0[0].numel(), 1)
        asked = 0
        for _ in rows.steps(self.n_queries):
            n_points = min(max(int(_AHEAD * asked), 1), most)
            points = _box_points if self.norm == np.inf else _ball_points
            ask_ahead(rows, torch.stack(points(rows, features, n_points)))
            asked += n_points
            rows.done |= rows.n_left < 1


def _box_points(rows, features, n_points):
    """Draw points of which every number and every group is uniform."""
    low, high = rows.state["low"], rows.state["high"]
    numbers = rows.random.uniform(n_points, features.n_features)
    values, draws = numbers.split([len(features.numbers), features.n_groups], dim=2)
    points = []
    for value, draw in zip(values.unbind(1), draws.unbind(1), strict=True):
        steps = low + value * (high - low)
        n_whole = ((high - low) * features.unit).round() + 1
        whole = low + torch.minimum((value * n_whole).floor(), n_whole - 1) / features.unit
        steps = torch.where(features.whole, whole, steps)
        members = features.draw_member(rows.state["open"], draw)
        points.append(features.put(rows, steps, members))
    return points


def _ball_points(rows, features, n_points):
    """Draw points from l1 or l2 balls: groups first, numbers uniform in what these leave.

    Barthe, Guédon, Mendelson & Naor (2005), "A probabilistic approach to the geometry of the lp^n
    ball": with g of density exp(-|t|**p) and e exponential, g / (sum |g|**p + e)**(1/p) is uniform.
    """
    low, high, norm = rows.state["low"], rows.state["high"], rows.norm
    n = len(features.numbers)
    if norm == 2:
        shape = rows.random.normal(n_points, n) / 2**0.5
    else:
        sign = 1 - 2 * (rows.random.uniform(n_points, n) < 0.5).to(low.dtype)
        shape = rows.random.exponential(n_points, n) * sign
    beyond = rows.random.exponential(n_points)
    draws = rows.random.uniform(n_points, 2 * features.n_groups + 1)
    budget = features.power(rows.eps)
    points = []
    for g, e, draw in zip(shape.unbind(1), beyond.unbind(1), draws.unbind(1), strict=True):
        part, keys, members = draw.split([1, *[features.n_groups] * 2], dim=1)
        wanted = features.draw_member(rows.state["open"], members)
        members, spent = features.afford(rows, wanted, keys, part[:, 0] * budget)
        room = budget - spent
        slack = 32 * torch.finfo(room.dtype).eps * budget
        room = (room - slack).clamp_min(0)[:, None]
        g = g * (low < high)
        length = features.power(g.abs()).sum(1, keepdim=True) + e[:, None]
        radius = room.sqrt() / length.sqrt() if norm == 2 else room / length
        steps = features.rounded(torch.clamp(g * radius, low, high))
        points.append(features.put(rows, steps, members))
    return points
