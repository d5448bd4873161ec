"""The fast gradient sign method, and its l2 and l1 forms: one step of length eps.

Goodfellow, Shlens & Szegedy (2015), "Explaining and harnessing adversarial examples".
"""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._losses import LOSSES
from sklearn_privfair.attacks._norms import columns, steepest


class FGSMAttack(BaseAttack):
    """Fast gradient sign method: one step of length `eps` up the steepest direction of the loss.

    The cheapest attack (two forward passes and one backward), and a weak one: a model that holds
    against it has shown nothing yet. With ``norm=2`` the step follows the gradient (the fast
    gradient method), with ``norm=1`` its largest coordinates.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    norm : {1, 2, np.inf}, default=np.inf
        The norm of the budget.
    eps : float, default=0.3
        The budget: how far a row may be moved, in the units of X.
    loss : {"ce", "margin", "dlr"}, default="ce"
        Cross-entropy (followed by its log-odds: the same direction, but it does not vanish where
        the model is sure), logit margin, or difference of logits ratio.
    quantile : float, default=0.99
        For ``norm=1``: the step spreads over the coordinates whose gradient exceeds this quantile.
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
    PGDAttack : Many such steps, projected back into the ball.

    References
    ----------
    I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and harnessing adversarial examples", ICLR
    2015.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import FGSMAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> X_adv = FGSMAttack(eps=0.5, bounds=None).fit(model).transform(X, y)
    >>> model.score(X_adv, y) < model.score(X, y)
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "norm": [Options(Real, {1, 2, np.inf})],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "loss": [StrOptions(set(LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        norm=np.inf,
        eps=0.3,
        loss="ce",
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
        self.loss = loss
        self.quantile = quantile
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _attack(self, rows):
        gradient = rows.ask(rows.x0, LOSSES[self.loss]).gradient
        direction = steepest(rows, gradient, self.quantile)
        rows.x = rows.project(rows.x0 + columns(rows.eps, direction) * direction)
        rows.finish()
