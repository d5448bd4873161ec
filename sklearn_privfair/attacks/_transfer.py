"""Transfer: adversarial rows of one model, tried on another.

Szegedy et al. (2014) found that they transfer; Papernot et al. (2017), "Practical black-box
attacks against machine learning", that a model trained on the victim's answers will do.
"""

import copy
from numbers import Integral, Number

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods, Interval

from sklearn_privfair.attacks._base import BaseAttack
from sklearn_privfair.attacks._checks import check_complete
from sklearn_privfair.attacks._climbing import Climber, Notes, without_groups
from sklearn_privfair.attacks._evaluation import read
from sklearn_privfair.attacks._minimum_norm import as_inner, check_inner
from sklearn_privfair.attacks._nested import Inside, ask_some, beyond
from sklearn_privfair.attacks._norms import columns, random_in_ball
from sklearn_privfair.attacks._random import RowStreams
from sklearn_privfair.attacks._space import Space
from sklearn_privfair.attacks._surrogate import InPlace, default_surrogate, extract, is_fitted
from sklearn_privfair.attacks._views import CoordinateView
from sklearn_privfair.differentiable import Victim
from sklearn_privfair.differentiable._seeds import draw_seed
from sklearn_privfair.differentiable._victim import is_model

# How far beyond the surrogate's boundary a row is moved, in distances to it, till the victim
# gives way; then bisected.
_REACHES = (1.0, 1.15, 1.35, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 7.0, 10.0)
_NARROW = 0.01
_AROUND = 1 << 40  # of its random numbers
_SHAKES = (0.5, 1.0)  # how far around the surest point it looks at last, in eps


class TransferAttack(BaseAttack):
    """Attack a surrogate by its gradients, and try what is found on the model.

    The model itself is asked for few decisions and nothing else, so that it may be anything that
    predicts. The attack on the surrogate takes all its steps, far beyond the surrogate's own
    boundary; of its points the one of which the surrogate is surest is tried first, then the last
    one, then earlier ones, and random points around the first at last. Of an attack without a
    budget the point found is moved on along its line until the model gives way, and then back by
    bisection.

    Parameters
    ----------
    estimator : classifier, skorch net or torch.nn.Module, default=None
        Fitted on the data given to `fit`, unless it is a `FrozenEstimator`. Not needed when `fit`
        is given a fitted model.
    surrogate : classifier, skorch net or torch.nn.Module, default=None
        The model whose gradients are followed. One that is fitted, or in a `FrozenEstimator`, is
        taken as it is: a net's outputs stand for the labels of the model in their order, where
        there are as many. Of another one a clone is trained when the attack is fitted on data: on
        the model's own predictions of them, or on y if these are all of one class; of a table with
        categorical features it sees these one-hot. None: a standard scaler and an `MLPClassifier`.
    attack : attack, default=None
        What runs on the surrogate, with a budget or without; its parameters are searchable, as
        ``attack__eps``. None: ``PGDAttack()``. It gives `norm` and `eps`. Its `estimator`,
        `batch_size`, `n_jobs`, `random_state` and `verbose` are not used.
    n_queries : int, default=30
        How many rows the model is asked about for each row of X, at most; at least 3. One is the
        row itself, and one the proof of what was found. The predictions on which a surrogate is
        trained do not count.
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
        Seed of the training of the surrogate and of the attack on it. A row's random numbers
        depend on the seed and on the row alone.
    verbose : int, default=0
        Whether to show progress.

    Attributes
    ----------
    estimator_ : object
        The model attacked.
    surrogate_ : object
        The fitted surrogate.
    bounds_ : tuple of two ndarrays, "auto" or None
        The bounds in force; "auto" when they depend on the rows.
    n_features_in_ : int
        Features seen in `fit`, or those of the model where it says so.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    SquareAttack : For models that have scores; needs no surrogate.
    HopSkipJumpAttack : By decisions alone; needs no surrogate.

    Notes
    -----
    `n_forward` of the result counts what the model was asked; passes through the surrogate are
    free to an attacker, and not counted. Restarts of `attack` give more points to try. The attack
    on the surrogate leaves one-hot groups and categorical features as they are; the random points
    that are tried at last do not.

    References
    ----------
    N. Papernot, P. McDaniel, I. Goodfellow, S. Jha, Z. B. Celik, A. Swami, "Practical black-box
    attacks against machine learning", ASIA CCS 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.svm import SVC
    >>> from sklearn_privfair.attacks import PGDAttack, TransferAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> inner = PGDAttack(eps=0.5, n_restarts=3)
    >>> attack = TransferAttack(forest, surrogate=SVC(), attack=inner, random_state=0).fit(X, y)
    >>> X_adv = attack.transform(X, y)
    >>> attack.estimator_.score(X_adv, y) < attack.estimator_.score(X, y)
    True
    """

    asks = "decisions"
    _one_hot = False  # whether the surrogate was trained on one-hot codes

    _parameter_constraints: dict = {
        **BaseAttack._parameter_constraints,
        "surrogate": [HasMethods(["predict"]), torch.nn.Module, None],
        "attack": [BaseAttack, None],
        "n_queries": [Interval(Integral, 3, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        surrogate=None,
        attack=None,
        n_queries=30,
        target=None,
        bounds="auto",
        constraints=None,
        batch_size=256,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.surrogate = surrogate
        self.attack = attack
        self.n_queries = n_queries
        self.target = target
        self.bounds = bounds
        self.constraints = constraints
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def _inner(self):
        return as_inner(self, getattr(self, "surrogate_", None))

    norm = property(lambda self: self._inner.norm)  # type: ignore[assignment]
    eps = property(lambda self: self._inner.eps)

    def _validate_params(self):
        super()._validate_params()
        check_inner(self)

    def fit(self, X, y=None):
        """Take a fitted model to attack, or fit `estimator` on data, and train the surrogate.

        Parameters
        ----------
        X : fitted model, or array-like of shape (n_samples, ...)
            A model, which is attacked as it is: then `surrogate` has to be fitted. Or data: on
            them a clone of `estimator` is fitted (a `FrozenEstimator` is not), and on what it
            predicts for them a clone of `surrogate`, unless it is fitted.
        y : array-like of shape (n_samples,), default=None
            Labels, when X is data and `estimator` is to be fitted.

        Returns
        -------
        self : object
        """
        super().fit(X, y)
        self.__dict__.pop("surrogate_", None)
        self._one_hot = False
        surrogate = default_surrogate() if self.surrogate is None else self.surrogate
        if is_model(X) or is_fitted(surrogate):
            self.surrogate_ = self._fitted_surrogate()
        else:
            self.surrogate_ = self._train(surrogate, X, y)
        Victim(self.surrogate_)  # raises if it is no classifier
        return self

    def _learn_inside(self, outer, X, y):
        surrogate = default_surrogate() if self.surrogate is None else self.surrogate
        if is_fitted(surrogate):
            return {}
        twin = copy.copy(self)
        fitted = {name: value for name, value in vars(outer).items() if name.endswith("_")}
        twin.__dict__.update(fitted)
        for name in ("_learned", "random_state", "constraints"):
            setattr(twin, name, getattr(outer, name))
        surrogate = twin._train(surrogate, X, y)
        learned = {"_learned": twin._learned, "_one_hot": twin._one_hot}
        return {"surrogate_": surrogate, **learned}

    def _train(self, surrogate, X, y):
        table, seed = read(self, X), draw_seed(self.random_state)
        names = list(X.columns) if hasattr(X, "columns") else None
        space = Space(table, names, self.constraints, self._learned, norm=2)
        check_complete(space)
        self._one_hot = not space.plain
        coordinates = None
        if self._one_hot:
            view = CoordinateView(torch.nn.Identity(), space, self._learned.categories)
            rows = torch.as_tensor(space.encode(table) / view.unit)
            coordinates = view.see(rows).numpy()
        rows = X if hasattr(X, "iloc") else table
        return extract(surrogate, Victim(self.estimator_), rows, y, seed, coordinates)

    def _fitted_surrogate(self):
        """Give the surrogate; that of an attack inside another, which is not fitted, too."""
        if hasattr(self, "surrogate_"):
            return self.surrogate_
        if self.surrogate is None or not is_fitted(self.surrogate):
            raise ValueError(
                f"surrogate={self.surrogate!r} is not fitted, and there are no data to train it "
                "on: give a fitted one, or fit the attack on data, with the model as "
                "TransferAttack(FrozenEstimator(model), surrogate=...).fit(X, y)."
            )
        return self.surrogate

    def __sklearn_clone__(self):
        twin = super().__sklearn_clone__()
        bare = isinstance(self.surrogate, (torch.nn.Module, FrozenEstimator))
        if self.surrogate is not None and not bare and is_fitted(self.surrogate):
            twin.surrogate = FrozenEstimator(self.surrogate)
        return twin

    def _members(self, job):
        twin = copy.copy(self)
        labels = job.victim.decode(np.arange(job.n_classes))
        there = copy.copy(job)  # the same rows, before the surrogate
        there.victim = Victim(self._fitted_surrogate())
        there.n_classes = len(labels) if self._one_hot else there.count_classes()
        check_complete(job.space)
        if self._one_hot:  # for an ensemble within, which looks at the model itself, too
            learned = self._learned.categories
            there.view = lambda *_: CoordinateView(there.victim.module, there.space, learned)
        else:
            self._check_codes(job.space)
        twin._runs = [
            (member, InPlace(there.view(member.asks), there.victim, labels))
            for member in self._inner._members(there)
        ]
        return (twin,)

    def _check_codes(self, space):
        names = [space.table.name(i) for i in space.table.carried]
        names += [
            space.table.name(i)
            for i, categories in space.table.categories.items()
            if not all(isinstance(value, Number) for value in categories)
        ]
        if names:
            raise ValueError(
                "surrogate is fitted, and its gradient cannot be followed through features that "
                f"hold no numbers, {', '.join(names[:5])}; give one that is not fitted, and data "
                "to fit: it is trained on their one-hot codes."
            )

    def _attack(self, rows):
        rows.done |= rows.n_left < 1
        if rows.done.all():
            return
        if rows.eps is None:
            self._go_beyond(rows)
            return
        rows.state["points"] = self._points(rows)
        for number in rows.steps(rows.state["points"].shape[1]):
            points = rows.state["points"]
            again = (points[:, number, None] == points[:, :number]).flatten(2).all(2).any(1)
            ask_some(rows, points[None, :, number], ~again.cpu())
            rows.done |= rows.found.distance[rows.index].isfinite() | (rows.n_left < 1)
        rows.use_streams(RowStreams(rows.x0, rows.seed, _AROUND))
        for number in rows.steps(self.n_queries):
            step = random_in_ball(rows.random, rows.x0, rows.eps, rows.norm)
            share = _SHAKES[number % len(_SHAKES)]
            rows.logits(rows.project(rows.state["points"][:, 0] + share * step))
            rows.done |= rows.n_left < 1

    def _points(self, rows):
        """Give points to try for each row, (n, n_points, ...), the most promising first."""
        notes: list[Notes] = []
        inside = Inside(rows, eps=rows.eps)
        inside.problem = without_groups(inside.problem)
        for number, (member, module) in enumerate(self._runs):
            for climber in inside.run(member, module, kind=Climber, number=number):
                climber.logits(climber.x)  # the end of its last step
                notes.append(climber.notes)
        best = torch.stack([note.best for note in notes]).argsort(dim=0, descending=True)
        surest = torch.stack([note.surest for note in notes])
        each = torch.arange(best.shape[1], device=best.device)
        points = [surest[turn, each] for turn in best]
        points += [note.last for note in notes]
        points += [x for note in notes for x in reversed(note.early)]
        tried = []
        for x in points:
            whole = rows.x0.index_copy(0, inside.index.to(x.device), x)
            tried.append(rows._snapped(rows.project(whole)))
        return torch.stack(tried, dim=1)

    def _go_beyond(self, rows):
        """Follow the line to the surrogate's nearest point, and beyond, to the model's boundary."""
        inside = Inside(rows)
        inside.problem = without_groups(inside.problem)
        for number, (member, module) in enumerate(self._runs):
            inside.run(member, module, number=number)
        index = inside.index
        rows.done[index[inside.found.distance.isinf()]] = True
        x = rows.x0.index_copy(0, index.to(rows.x0.device), inside.found.x.to(rows.x0))
        high = torch.full_like(x.flatten(1)[:, 0], torch.inf)
        rows.state = {"x": x, "before": rows.x0, "low": torch.zeros_like(high), "high": high}
        for number in rows.steps(self.n_queries):
            state = rows.state
            low, high = state["low"], state["high"]
            share = (low + high) / 2
            if number < len(_REACHES):
                share = torch.where(high.isinf(), _REACHES[number], share)
            else:
                rows.done |= high.isinf().cpu()
            share = torch.where(share.isinf(), 1.0, share)
            point = rows.x0 + columns(share, rows.x0) * (state["x"] - rows.x0)
            point = rows._snapped(rows.clip(point))
            # at the corner of the box nothing moves any more
            rows.done |= (point == state["before"]).flatten(1).all(1).cpu()
            there = beyond(rows, rows.logits(point)[None])[0]
            state["before"] = point
            state["high"] = torch.where(there, share, high)
            state["low"] = torch.where(there, low, share)
            narrow = state["high"] - state["low"] <= _NARROW * state["high"]
            rows.done |= (narrow & state["high"].isfinite()).cpu() | (rows.n_left < 1)
