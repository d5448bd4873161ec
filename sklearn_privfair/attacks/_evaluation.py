"""One evaluation: what an attack is asked about a set of rows, and what is said of its findings."""

import numpy as np
import torch
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_feature_names, _check_n_features, validate_data

from sklearn_privfair.attacks import _engine
from sklearn_privfair.attacks._checks import check_complete, check_rules, warn_if_too_dear
from sklearn_privfair.attacks._masking import warn_if_masked
from sklearn_privfair.attacks._result import AttackResult
from sklearn_privfair.attacks._rows import Problem
from sklearn_privfair.attacks._space import Space
from sklearn_privfair.attacks._table import check_numeric, is_typed
from sklearn_privfair.attacks._targets import resolve_target
from sklearn_privfair.attacks._views import ModuleView, Oracle
from sklearn_privfair.differentiable import NotDifferentiableError, Victim

FLOATS = (np.float64, np.float32)


def read(attack, X, reset=False):
    """Validate rows: an array of floats, or the data frame itself where its dtypes are to be kept.

    Parameters
    ----------
    attack : BaseAttack
        Whose `n_features_in_` and `feature_names_in_` are checked, or set.
    X : array-like or data frame
    reset : bool, default=False

    Returns
    -------
    X : ndarray or data frame
    """
    _check_types(X)
    if is_typed(X) or (attack.constraints is not None and hasattr(X, "select_dtypes")):
        if reset or hasattr(attack, "n_features_in_"):
            _check_feature_names(attack, X, reset=reset)
            _check_n_features(attack, X, reset=reset)
        check_array(
            np.zeros(X.shape, bool), estimator=attack, input_name="X"
        )  # no rows, no columns
        return X
    how = {
        "dtype": FLOATS,
        "allow_nd": True,
        "ensure_all_finite": "allow-nan" if attack._takes_missing else True,
    }
    if reset or hasattr(attack, "n_features_in_"):
        return validate_data(attack, X, reset=reset, **how)
    # a net, which has never heard of features or their names
    return check_array(X, estimator=attack, input_name="X", **how)


class Evaluation:
    """The rows of one call of `generate`: validated, labelled, boxed, and judged in the end.

    Parameters
    ----------
    attack : BaseAttack
        Fitted.
    X : array-like of shape (n_samples, ...)
    y : array-like of shape (n_samples,), or None
    """

    def __init__(self, attack, X, y):
        self.attack, self.X = attack, X
        self.victim = Victim(attack.estimator_)  # anew: the model may have been trained further
        if not attack._takes_missing:
            check_numeric(X)
        table = read(attack, X)
        names = list(X.columns) if hasattr(X, "columns") else None
        self.space = Space(table, names, attack.constraints, attack._learned, attack.norm)
        # torch wants to be able to write
        self.rows = np.require(self.space.encode(table), requirements=["C", "W"])
        check_rules(self.space, self.rows)
        if not attack._takes_missing:
            check_complete(self.space)
        warn_if_too_dear(self.space, attack.eps, attack.norm)
        self.lower, self.upper = attack._box(self.space, self.rows)
        self.before = self.predict(self.rows)
        self.label = self.before if y is None else self.victim.encode(_check_labels(y, table))
        self.aside = 2  # questions about each row that no attack asks: of what it is, and of proof
        self.n_classes = self.count_classes()
        self.victim.check_outputs(self.label, self.n_classes)
        n = len(self.rows)
        self.target = resolve_target(attack.target, self.victim, n, self.n_classes, self._logits)
        self.attacked = self.before == self.label
        if self.target is not None:
            self.attacked &= self.target != self.label

    def predict(self, rows, index=None):
        """Ask the real model for the classes at coordinates, the rows `index` of X."""
        return self.victim.predict(self.space.decode(rows, self.X, index))

    def count_classes(self):
        """Count the classes of the model: of a net the outputs, which it is asked for."""
        if self.victim.classes_ is not None:
            return len(self.victim.classes_)
        view = self.view("scores")
        self.aside += isinstance(view, Oracle)
        with torch.no_grad():
            return view(self._coordinates(self.rows[:1])).shape[1]

    def view(self, asks):
        """Give a torch module from coordinates to logits.

        Parameters
        ----------
        asks : {"gradient", "scores", "decisions"}

        Returns
        -------
        module : torch.nn.Module
            Of a model that can be differentiated its module, whatever is asked, if it can take
            the rows: if every cell is a number.
        """
        victim = self.victim
        try:
            module = victim.module
            if asks != "gradient" and not self.space.table.is_numeric:
                raise NotDifferentiableError(victim.model, "not every cell is a number")
        except NotDifferentiableError:
            if asks == "gradient":
                raise
            n_classes = self.n_classes if asks == "decisions" else None
            return Oracle(victim, self.space, self._like(), n_classes, self.rows.dtype)
        if self.space.plain and self.space.unit is None:
            return module
        return ModuleView(module, self.space)

    def _like(self):
        """Give what the model is to be asked in: an empty frame, or array, like X."""
        return self.X[:0] if hasattr(self.X, "columns") else self.rows[:0]

    def _logits(self):
        """Logits, or scores, of all rows."""
        self.aside += 1
        view, x = self.view("scores"), self._coordinates(self.rows)
        with torch.no_grad():
            return torch.cat([view(part) for part in x.split(1024)]).cpu().numpy()

    def _coordinates(self, rows):
        """Give rows in the units of the attack, where the model computes."""
        scale = 1 if self.space.unit is None else self.space.unit.reshape(1, *rows.shape[1:])
        return torch.as_tensor(rows / scale, dtype=self._dtype(), device=self.victim.device)

    def _dtype(self):
        """Give the coarser of the precisions of the model and of the rows."""
        dtype = torch.promote_types(self.victim.dtype, torch.float32)
        return torch.float32 if self.rows.dtype == np.float32 else dtype

    def problem(self):
        """Give what is asked of the attack, for the rows attacked."""
        index = np.flatnonzero(self.attacked)
        rows, unit, dtype = self.rows[index], self.space.unit, self._dtype()

        def tensor(array):
            if array is None:
                return None
            if len(array) != 1 or len(self.rows) == 1:
                array = array[index] if len(array) == len(self.rows) else array
            if unit is not None:
                array = np.broadcast_to(array, (len(array), *self.rows.shape[1:]))
                array = array / unit.reshape(1, *self.rows.shape[1:])
            return torch.as_tensor(array, dtype=dtype)

        x = tensor(self.rows)
        eps = self.attack.eps
        return Problem(
            x=x,
            label=torch.as_tensor(self.label[index]),
            target=None if self.target is None else torch.as_tensor(self.target[index]),
            lower=tensor(self.lower),
            upper=tensor(self.upper),
            eps=None if eps is None else torch.full((len(rows),), eps, dtype=dtype),
            norm=self.attack.norm,
            snap=self.space.snap,
            aside=self.aside,
        )

    def result(self, parts, problem, members, return_trace):
        """Judge by the real model what was found, and say all about it."""
        index = np.flatnonzero(self.attacked)
        candidates, reached = self.rows.copy(), np.zeros(len(self.rows), dtype=bool)
        passes = np.zeros((2, len(self.rows)), dtype=np.int64)
        flat, finder = np.zeros_like(reached), np.full(len(self.rows), -1)
        if parts:
            moved = torch.cat([part.x for part in parts])
            # what was not moved is as it came, not as the model's precision has it
            same = (moved == problem.x).numpy()
            raw = moved.double().numpy()
            if self.space.unit is not None:
                raw = raw * self.space.unit.reshape(1, *moved.shape[1:])
            candidates[index] = np.where(same, self.rows[index], self.space.tidy(raw))
            reached[index] = torch.cat([part.distance for part in parts]).isfinite().numpy()
            passes[0, index] = torch.cat([part.n_forward for part in parts]).numpy()
            passes[1, index] = torch.cat([part.n_backward for part in parts]).numpy()
            flat[index] = torch.cat([part.flat for part in parts]).numpy()
            finder[index] = torch.cat([part.member for part in parts]).numpy()
        rows_adv, success, after = _engine.prove(
            self.predict,
            self._is_adversarial,
            candidates,
            self.rows,
            reached,
            self._constrain,
            # where each question counts, none is asked twice
            np.isin(finder, [i for i, member in enumerate(members) if member.n_queries is None]),
        )
        after = np.where(success | ~reached, after, self.before)
        warn_if_masked(flat & ~success, self.attacked)
        distance = {
            name: np.where(self.attacked, np.where(success, values, np.inf), 0.0)
            for name, values in self.space.distances(self.rows, rows_adv).items()
        }
        ensemble = type(members[0]) is not type(self.attack)
        names = np.array([*(type(member).__name__ for member in members), ""], dtype=object)
        return AttackResult(
            X=self.X,
            X_adv=self.space.decode(rows_adv, self.X),
            y=self.victim.decode(self.label),
            y_pred=self.victim.decode(self.before),
            y_pred_adv=self.victim.decode(after),
            attacked=self.attacked,
            success=success,
            distance=distance,
            n_forward=passes[0],
            n_backward=passes[1],
            found_by=names[np.where(success, finder, -1)] if ensemble else None,
            members=tuple(names[:-1]),
            trace=_gather_traces(parts, index, len(self.rows)) if return_trace else None,
        )

    def _is_adversarial(self, codes, index):
        if self.target is None:
            return codes != self.label[index]
        return codes == self.target[index]

    def _constrain(self, rows, index):
        low, high = (b if b is None or len(b) == 1 else b[index] for b in (self.lower, self.upper))
        space, attack = self.space, self.attack
        fixed = space.fixed if space.fixed.any() else None
        rows, origin = space.tidy(rows), self.rows[index]
        rows = _engine.fit_into(rows, origin, low, high, attack.eps, attack.norm, space.unit, fixed)
        return space.hold(rows, origin)


def _check_types(X):
    """Raise if an array holds what only a data frame tells apart: names beside numbers."""
    if isinstance(X, np.ndarray) and X.dtype.kind == "O":
        try:
            np.asarray(X, dtype=np.float64)
        except ValueError as error:  # names; what is no value at all is for scikit-learn
            raise ValueError(
                "X is an array of objects that are not all numbers; give a pandas DataFrame, "
                f"whose columns have types of their own ({error})."
            ) from error


def _check_labels(y, rows):
    y = column_or_1d(y)
    check_consistent_length(rows, y)
    return y


def _gather_traces(parts, index, n):
    """Put the traces of all batches side by side: NaN where a row had left."""
    n_steps = max((len(part.trace["distance"]) for part in parts), default=0)
    traces = {name: np.full((n, n_steps), np.nan) for name in ("loss", "distance")}
    for name, out in traces.items():
        start = 0
        for part in parts:
            batch = index[start : start + len(part.x)]
            for step, values in enumerate(part.trace[name]):
                out[batch, step] = values.numpy()
            start += len(part.x)
    return traces
