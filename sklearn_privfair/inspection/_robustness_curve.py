"""Picture: robust accuracy against the perturbation budget, several models on one axes."""

import copy
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_privfair.inspection._axes import (
    NORM_KEYS,
    NORM_SYMBOLS,
    check_norm,
    colour,
)
from sklearn_privfair.metrics import robust_accuracy_curve, robust_accuracy_score

_GID = "robustness-curve"  # marks our lines, so that the next display takes the next colour


class RobustnessCurveDisplay:
    """Robust accuracy against the perturbation budget.

    Minimal distances give the exact curve, drawn as steps; accuracies measured at some budgets
    are drawn as dots joined by lines. Both start at budget 0 with the accuracy on clean rows.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions`. All parameters
    are stored as attributes.

    Parameters
    ----------
    eps : list of ndarray of shape (n_budgets,)
        The budgets of each curve, ascending.
    accuracy : list of ndarray of shape (n_budgets,)
        Robust accuracy at each budget, in [0, 1].
    name : list of str or None, default=None
        Name of each curve. `None`: no legend.
    norm : {0, 1, 2, numpy.inf}, default=None
        Norm in which the budgets are measured, for the label.
    exact : bool, default=False
        Whether the curves are step functions that hold between their budgets too.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of Line2D
        One per curve.

    See Also
    --------
    sklearn_privfair.metrics.robust_accuracy_curve : The numbers.
    AttackComparisonDisplay : Bars for several attacks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.inspection import RobustnessCurveDisplay
    >>> display = RobustnessCurveDisplay.from_predictions(
    ...     [0, 0, 1, 1], [0, 0, 1, 0], distance=[0.1, 0.2, np.inf, 0.0], name="model"
    ... )
    >>> display.frame()
        name  eps  accuracy
    0  model  0.0      0.75
    1  model  0.1      0.50
    2  model  0.2      0.25
    """

    def __init__(self, eps, accuracy, *, name=None, norm=None, exact=False):
        self.eps = eps
        self.accuracy = accuracy
        self.name = name
        self.norm = norm
        self.exact = exact

    @classmethod
    def from_estimator(cls, estimator, X, y, *, eps=None, norm=None, name=None, ax=None):
        """Attack rows and draw the curve.

        A minimum-norm attack (one whose `eps` is `None` or that has none) runs once. An attack
        with a budget runs once for each budget in `eps`, from the smallest to the largest and only
        on the rows that still hold: what a smaller budget turned, a larger one turns too.

        Parameters
        ----------
        estimator : fitted attack or mapping of str to fitted attack
            One attack, or one per curve, for instance the same attack on several models.
        X : array-like or data frame of shape (n_samples, ...)
            Rows to attack.
        y : array-like of shape (n_samples,)
            True labels.
        eps : array-like of shape (n_budgets,), default=None
            Budgets, in the units of the features. `None`: every distance found, for which a
            minimum-norm attack is needed.
        norm : {0, 1, 2, numpy.inf}, default=None
            Norm of the budgets. `None`: the attack's own.
        name : str, default=None
            Name of the curve, for one attack.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : RobustnessCurveDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If `eps` is `None` for an attack with a budget, or the attacks' norms differ and
            `norm` is `None`.
        """
        attacks = estimator if isinstance(estimator, Mapping) else {name: estimator}
        norms = {getattr(attack, "norm", 2) for attack in attacks.values()}
        if norm is None and len(norms) > 1:
            raise ValueError(f"The attacks have different norms, {norms}; say which with norm=.")
        norm = norms.pop() if norm is None else check_norm(norm)
        budgets = None if eps is None else np.unique(np.append(_check_budgets(eps), 0.0))
        curves, exact = [], budgets is None
        for attack in attacks.values():
            if getattr(attack, "eps", None) is None:
                result = attack.generate(X, y)
                y_pred, distance = result.y_pred, result.distance[NORM_KEYS[norm]]
            elif budgets is None:
                raise ValueError(
                    f"{type(attack).__name__} has a budget of its own, eps={attack.eps}; pass the "
                    "budgets of the curve, eps=[...], or a minimum-norm attack."
                )
            else:
                y_pred, distance = _budget_that_turns(attack, X, y, budgets[1:])
            curves.append(robust_accuracy_curve(y, y_pred, distance, budgets))
        return cls._draw(curves, list(attacks), norm, exact, ax)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        distance=None,
        y_pred_adv=None,
        eps=None,
        norm=None,
        name=None,
        ax=None,
    ):
        """Draw the curve from minimal distances, or from predictions at some budgets.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_pred : array-like of shape (n_samples,) or mapping of str to array-like
            Labels predicted on the clean rows; for several curves, by name.
        distance : array-like of shape (n_samples,) or mapping, default=None
            Distance of the nearest adversarial example per row, inf if there is none. Either this
            or `y_pred_adv` is needed.
        y_pred_adv : array-like of shape (n_budgets, n_samples) or mapping, default=None
            Labels predicted on the adversarial rows, for each budget in `eps`.
        eps : array-like of shape (n_budgets,), default=None
            The budgets; needed with `y_pred_adv`. `None`: every distance.
        norm : {0, 1, 2, numpy.inf}, default=None
            Norm of the budgets, for the label.
        name : str, default=None
            Name of a single curve.
        ax : Axes, default=None
            Axes to draw in. `None`: a new figure.

        Returns
        -------
        display : RobustnessCurveDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If not exactly one of `distance` and `y_pred_adv` is given, or lengths do not fit.
        """
        if (distance is None) == (y_pred_adv is None):
            raise ValueError("Pass either distance or y_pred_adv (with eps), and not both.")
        attacked = distance if y_pred_adv is None else y_pred_adv
        if not isinstance(y_pred, Mapping):
            y_pred, attacked = {name: y_pred}, {name: attacked}
        if not isinstance(attacked, Mapping) or set(attacked) != set(y_pred):
            raise ValueError(
                "With a mapping of predictions, distance or y_pred_adv must be a mapping with the "
                f"same names, {list(y_pred)}."
            )
        budgets = None if eps is None else _check_budgets(eps)
        if y_pred_adv is not None and budgets is None:
            raise ValueError("y_pred_adv needs eps, the budget of each of its rows.")
        curves = []
        for key, labels in y_pred.items():
            if y_pred_adv is None:
                grid = None if budgets is None else np.unique(np.append(budgets, 0.0))
                curves.append(robust_accuracy_curve(y_true, labels, attacked[key], grid))
            else:
                curves.append(_measured(y_true, labels, attacked[key], budgets))
        return cls._draw(curves, list(y_pred), norm, y_pred_adv is None and eps is None, ax)

    @classmethod
    def _draw(cls, curves, names, norm, exact, ax):
        eps, accuracy = (list(values) for values in zip(*curves, strict=True))
        name = None if names == [None] else [str(n) for n in names]
        return cls(eps, accuracy, name=name, norm=norm, exact=exact).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in; curves that are there already stay. `None`: a new figure.
        **kwargs : dict
            Passed to matplotlib's `plot`, for all curves.

        Returns
        -------
        display : RobustnessCurveDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, []
        used = sum(line.get_gid() == _GID for line in ax.lines)
        style = {"drawstyle": "steps-post"} if self.exact else {"marker": "o", "markersize": 4}
        names = self.name or [None] * len(self.eps)
        end = 1.05 * max(eps[-1] for eps in self.eps)
        for i, (eps, accuracy, name) in enumerate(zip(self.eps, self.accuracy, names, strict=True)):
            if self.exact:  # it holds on beyond its last step
                eps, accuracy = np.append(eps, end), np.append(accuracy, accuracy[-1])
            options = {"color": colour(used + i), "linewidth": 1.8, "label": name} | style | kwargs
            (line,) = ax.plot(eps, accuracy, **options)
            line.set_gid(_GID)
            self.lines_.append(line)
        unit = "feature units" if self.norm != 0 else "features changed"
        norm = f" ({NORM_SYMBOLS[self.norm]}, {unit})" if self.norm in NORM_SYMBOLS else ""
        ax.set(xlabel=f"perturbation budget $\\epsilon${norm}", ylabel="robust accuracy")
        ax.set_ylim(-0.02, 1.02)
        ax.set_xlim(left=0)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        if self.name is not None:
            ax.legend(frameon=False, fontsize=9)
        return self

    def frame(self):
        """Give the data of the picture.

        Returns
        -------
        frame : pandas.DataFrame
            One line per curve and budget: ``name``, ``eps``, ``accuracy``.
        """
        names = self.name or [None] * len(self.eps)
        parts = [
            pd.DataFrame({"name": name, "eps": eps, "accuracy": accuracy})
            for name, eps, accuracy in zip(names, self.eps, self.accuracy, strict=True)
        ]
        return pd.concat(parts, ignore_index=True)


def _check_budgets(eps):
    budgets = np.asarray(eps, dtype=float)
    if budgets.ndim != 1 or not len(budgets) or not (budgets >= 0).all() or not budgets.any():
        raise ValueError(
            f"eps must be a sequence of budgets, not negative and one of them above 0; got {eps!r}."
        )
    return budgets


def _budget_that_turns(attack, X, y, budgets):
    """Return predictions on the clean rows and the first budget that turns each row, else inf."""
    y = np.asarray(y)
    turns, y_pred, index = np.full(len(y), np.inf), None, np.arange(len(y))
    for budget in budgets:
        twin = copy.copy(attack).set_params(eps=float(budget))  # keeps what was fitted
        result = twin.generate(_safe_indexing(X, index), y[index])
        y_pred = result.y_pred if y_pred is None else y_pred
        turns[index[result.success]] = budget
        index = np.flatnonzero((y_pred == y) & np.isinf(turns))
        if not len(index):
            break
    return y_pred, turns


def _measured(y_true, y_pred, y_pred_adv, budgets):
    if len(y_pred_adv) != len(budgets):
        raise ValueError(
            f"y_pred_adv has {len(y_pred_adv)} rows for {len(budgets)} budgets in eps; pass the "
            "labels predicted under each budget."
        )
    points = {0.0: robust_accuracy_score(y_true, y_pred, y_pred)}
    for budget, labels in zip(budgets, y_pred_adv, strict=True):
        points[float(budget)] = robust_accuracy_score(y_true, y_pred, labels)
    eps = np.array(sorted(points))
    return eps, np.array([points[budget] for budget in eps])
