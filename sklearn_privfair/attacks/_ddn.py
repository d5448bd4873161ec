"""Decoupled direction and norm: one follows the gradient, the other the boundary.

Rony et al. (2019), "Decoupling direction and norm for efficient gradient-based L2 adversarial
attacks and defenses".
"""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_privfair.attacks._adaptive_radius import AdaptiveRadiusAttack, onto_sphere, unit
from sklearn_privfair.attacks._base import BaseAttack

_LOSSES = ("ce", "margin")


class DDNAttack(AdaptiveRadiusAttack):
    """Decoupled direction and norm (DDN): the nearest adversarial row in l2, in few passes.

    The row is moved to a sphere around it, in a direction that follows the gradient of the loss by
    ever smaller steps. The radius shrinks while the point is adversarial and grows while it is not,
    so that the point travels along the boundary, and the direction finds where that is nearest.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    n_steps : int, default=84
        Steps in all, each one forward and one backward pass. The look around at the beginning and
        the polish at the end cost at most 14 more.
    n_runs : int, default=4
        The steps are shared out among so many runs. The first goes for any other class, each
        further one for one class alone, the nearest by the slope at the row first. 1: as in the
        paper.
    gamma : float, default=0.5
        In (0, 1). The largest relative change of the radius in one step; it falls to a tenth by a
        cosine over the run.
    step_size : float, default=1.5
        Length of the first step of a run, in radii; it falls to 1% by a cosine.
    initial_radius : float, default=None
        The first radius, in the units of X. None: for each row the distance to the boundary as the
        slope at the row has it, which does not depend on units.
    loss : {"ce", "margin"}, default="ce"
        What rises: the cross-entropy (as its log-odds: the same direction, but it does not vanish
        where the model is sure), or the margin to the best other class.
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
        Seed of the direction in which a row sets out where the model is flat. A row's random
        numbers depend on the seed and on the row alone.
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
    FMNAttack : The same for l0, l1 and linf.
    CWL2Attack : By a penalty instead of a radius, in four times the passes.

    Notes
    -----
    What differs from the paper, each measured to find nearer rows in fewer passes:

    - The *direction* is kept apart from the bounds: it is the running mean of the gradients, and
      the row goes along it, and then along the bounds, until the radius is used up. The paper cuts
      the row off at the bounds and goes on from there, which forgets whatever a bound stopped.
    - The radius changes by what the margin and its slope ask for, at most by `gamma`, where the
      paper's always changes by 5%.
    - The first radius and the length of the steps are each row's own, so that neither depends on
      units; runs are aimed at classes; nothing is rounded to levels of grey.
    - At the end what was found is projected onto the tangent of the boundary within the bounds,
      which is exact for a linear model.

    References
    ----------
    J. Rony, L. G. Hafemann, L. S. Oliveira, I. Ben Ayed, R. Sabourin, E. Granger, "Decoupling
    direction and norm for efficient gradient-based L2 adversarial attacks and defenses", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_privfair.attacks import DDNAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[y < 2], y[y < 2]
    >>> model = LogisticRegression().fit(X, y)
    >>> found = DDNAttack(bounds=None).fit(model).generate(X, y)
    >>> exact = abs(model.decision_function(X)) / np.linalg.norm(model.coef_)
    >>> bool(np.all(found.distance["l2"] < 1.001 * exact))
    True
    """

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "n_runs": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, 1, closed="neither")],
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "initial_radius": [Interval(Real, 0, None, closed="neither"), None],
        "loss": [StrOptions(set(_LOSSES))],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_steps=84,
        n_runs=4,
        gamma=0.5,
        step_size=1.5,
        initial_radius=None,
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
        self.n_steps = n_steps
        self.n_runs = n_runs
        self.gamma = gamma
        self.step_size = step_size
        self.initial_radius = initial_radius
        self.loss = loss
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _move(self, rows, gradient, length):
        along = unit(rows.state["along"]) + self.step_size * length * unit(gradient)
        rows.state["along"] = along
        rows.state["delta"] = onto_sphere(rows, along)
