"""Square attack: random search that redraws one square at a time, and needs scores alone.

Andriushchenko, Croce, Flammarion & Hein (2020), "Square Attack: a query-efficient black-box
adversarial attack via random search".
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._losses import margin
from sklearn_privfair.attacks._nested import ask_ahead
from sklearn_privfair.attacks._norms import columns
from sklearn_privfair.attacks._square_images import SquareMoves
from sklearn_privfair.attacks._square_tables import BlockMoves

# After how many of 10,000 steps the share of the square is halved again (section 3.2).
_HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_AT_ONCE = 4096  # random numbers drawn in one go for each row, about
# Points of a table asked about at once, from the same best point: a share of those before, so that
# slow models are called less often.
_AHEAD, _MOST_AHEAD = 0.03, 8


class SquareAttack(BaseAttack):
    """Square attack, a search within a budget `eps` that asks the model for scores alone.

    Starting from vertical stripes (linf) or tiles (l1, l2), each step draws one square of the
    image anew, at a random place, and keeps it if the loss does not fall; the squares shrink as
    the search goes on. It needs no gradient, and so works on any classifier that has
    `decision_function` or `predict_proba`, and on nets that hide their gradient.

    Rows that are no images are tables: instead of a square a random block of features is drawn
    anew, those that can move: numbers go to an end of the interval that `eps`, bounds and
    constraints leave them, or to a point inside; for l1 and l2 the budget of the block is spread
    over it anew; whole numbers go in whole steps, and groups to another member, if the budget
    affords it.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=np.inf
        The norm of the budget.
    eps : float, default=0.3
        The budget: how far a row may be moved, in the units of X.
    n_queries : int, default=5000
        How many rows the model is asked about for each row of X, at most; at least 3. One is the
        row itself, and one the proof of what was found.
    p_init : float, default=0.8
        In (0, 1]. Share of the pixels, or features, that the first square holds.
    loss : {"margin", "ce"}, default="margin"
        What is not to fall: the margin, or the cross-entropy, which the paper has for targeted
        attacks.
    resc_schedule : bool or None, default=None
        Whether the squares shrink in proportion to `n_queries`, or as they would in 10,000. None:
        in proportion, but for images in the norms 1 and 2, where large squares find more with few
        questions.
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
        Seed of the search. A row's random numbers depend on the seed and on the row alone.
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
    RandomSearchAttack : Asks for decisions alone, and does not learn from them.
    PGDAttack : Follows the gradient, where there is one.

    Notes
    -----
    Arrays of shape (n, channels, height, width) and (n, height, width) are images, unless they
    have one-hot groups; all others are tables. Each row draws its own squares. As in the paper,
    and other than in some implementations, squares reach the last row and column, and a square
    that would change nothing is drawn in the opposite colour instead of being asked about. Tables
    are asked about several points from the same best point at once, up to 8 and up to 3% of those
    before; all of them count, those behind the first that is adversarial too.

    References
    ----------
    M. Andriushchenko, F. Croce, N. Flammarion, M. Hein, "Square Attack: a query-efficient
    black-box adversarial attack via random search", ECCV 2020.

    F. Croce, M. Hein, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers",
    ICML 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_privfair.attacks import SquareAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RandomForestClassifier(10, random_state=0)
    >>> attack = SquareAttack(model, eps=0.5, n_queries=50, random_state=0).fit(X, y)
    >>> X_adv = attack.transform(X, y)
    >>> attack.estimator_.score(X_adv, y) < attack.estimator_.score(X, y)
    True
    >>> bool(abs(X_adv - X).max() <= 0.5)
    True
    """

    asks = "scores"

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "n_queries": [Interval(Integral, 3, None, closed="left")],
        "p_init": [Interval(Real, 0, 1, closed="right")],
        "loss": [StrOptions({"margin", "ce"})],
        "resc_schedule": ["boolean", None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        eps=0.3,
        n_queries=5000,
        p_init=0.8,
        loss="margin",
        resc_schedule=None,
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
        self.p_init = p_init
        self.loss = loss
        self.resc_schedule = resc_schedule
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _attack(self, rows):
        loss = margin if self.loss == "margin" else _log_odds
        images = _are_images(rows)
        moves = SquareMoves(rows) if images else BlockMoves(rows)
        rows.done |= ~moves.movable(rows).cpu() | (rows.n_left < 1)
        rescaled = self.resc_schedule
        if rescaled is None:
            rescaled = not images or self.norm == np.inf
        asked = 0  # points of each row
        for _ in rows.steps(self.n_queries):
            if asked == 0:
                points = moves.start(rows)[None]
            else:
                n_points = 1 if images else min(max(int(_AHEAD * asked), 1), _MOST_AHEAD)
                numbers = self._numbers(rows, moves.n_numbers, n_points)
                points = torch.stack(
                    [
                        moves.propose(rows, part, self._share(asked - 1, rescaled))
                        for part in numbers
                    ]
                )
            for x, logits in zip(points, ask_ahead(rows, points), strict=True):
                value = loss(logits, rows.label, rows.target)
                keep = value >= rows.state.get("loss", -torch.inf)
                rows.x = torch.where(columns(keep, x), x, rows.x)
                rows.state["loss"] = torch.where(keep, value, rows.state.get("loss", value))
            asked += len(points)
            rows.done |= rows.n_left < 1

    def _numbers(self, rows, n, n_points):
        """Give the `n` random numbers of some points, those of many points being drawn together."""
        pool = rows.state.get("numbers")
        if pool is None or pool.shape[1] < n_points:
            pool = rows.random.uniform(max(min(_AT_ONCE // n, 64), n_points), n)
        rows.state["numbers"] = pool[:, n_points:]
        return pool[:, :n_points].unbind(1)

    def _share(self, step, rescaled):
        """Give the share of the pixels that a square holds after so many steps."""
        place = step * 10_000 // self.n_queries if rescaled else step
        return self.p_init / 2 ** sum(place > bound for bound in _HALVED_AFTER)


def _are_images(rows):
    snap = rows._problem.snap
    return rows.x0.ndim in (3, 4) and (snap is None or not snap.groups)


def _log_odds(logits, label, target=None):
    """Give the log-odds, which rise with the cross-entropy, the same bits in any batch.

    As :func:`~sklearn_privfair.attacks._losses.log_odds`, without torch.exp and torch.log, whose
    rounding depends on the place in a tensor.
    """
    chosen = (label if target is None else target)[:, None]
    others = logits.double().scatter(1, chosen, -torch.inf)
    top, place = others.max(dim=1, keepdim=True)
    half = torch.tanh((top - others) / 2)
    share = ((1 - half) / (1 + half)).scatter(1, place, 0.0).sum(1)
    odds = (top - logits.double().gather(1, chosen)).squeeze(1) + torch.log1p(share)
    return odds if target is None else -odds
