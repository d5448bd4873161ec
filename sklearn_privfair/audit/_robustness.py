"""Robustness: the accuracy left at every budget, and at given budgets, for all and by group.

Carlini et al. (2019), "On evaluating adversarial robustness": robust accuracy counts rows that are
right before and after; each row by the worst that any attack found. AutoAttack is that of Croce &
Hein (2020).
"""

import math

import numpy as np
from sklearn.frozen import FrozenEstimator
from torch import nn

from sklearn_privfair.attacks import (
    AutoAttack,
    Constraints,
    DDNAttack,
    FMNAttack,
    HopSkipJumpAttack,
    MinimumNormAttack,
    RandomSearchAttack,
)
from sklearn_privfair.attacks._checks import too_dear
from sklearn_privfair.attacks._evaluation import read
from sklearn_privfair.attacks._space import Space
from sklearn_privfair.attacks._table import categorical_columns, without_numbers
from sklearn_privfair.audit import _intervals, _reproduce
from sklearn_privfair.audit._by_group import (
    record_by_group,
    record_largest_gap,
    record_worst_group,
)
from sklearn_privfair.audit._inputs import rows_of
from sklearn_privfair.audit._names import INFINITE
from sklearn_privfair.audit._pacing import attack_rows
from sklearn_privfair.audit._steps import LEFT_OUT
from sklearn_privfair.metrics import robust_accuracy_curve

FAMILY = "robustness"
_MANY = 100  # values of a column without numbers, beyond which it may be told from a category
KEYS = {1: "l1", 2: "l2", np.inf: "linf"}


class Rows:
    """The test rows that are attacked, in the order in which they are, and what became of them.

    Parameters
    ----------
    data : AuditData
    seed : int
    n : int
        How many at most.
    """

    def __init__(self, data, seed, n):
        order = np.random.default_rng(seed).permutation(len(data.y_test))
        self.index = order[: len(order) if n is None else n]
        self.data = data
        self.right = data.right[self.index]
        # the distance of the nearest adversarial row that any attack found
        self.distance = np.where(self.right, np.inf, 0.0)
        self.groups = {by: names[self.index] for by, names in data.groups_test.items()}

    def __len__(self):
        return len(self.index)

    def attack(self, attack, index):
        """Attack some of the rows, given by their place in the order."""
        rows = self.index[index]
        return attack.generate(rows_of(self.data.X_test, rows), self.data.y_test[rows])


def run_robustness(run):
    """Attack test rows: first for the nearest adversarial rows, then within the budgets.

    Returns
    -------
    curves : dict
        What pictures need.
    """
    access, why = run.data.access()
    rows = Rows(run.data, run.seeds[FAMILY], run.audit.max_rows)
    n_curve = _minimum_norm(run, rows, access)
    reached = [_within(run, rows, eps, n_curve) for eps in run.budgets]
    curves = _curves(run, rows, n_curve)
    if reached and reached[0]:
        _by_group(run, rows, reached[0], run.budgets[0])
    return {"access": access, "why": why, "curves": curves, "n_rows": n_curve}


def _common(run):
    """Give the parameters that all attacks share, and the constraints in force."""
    audit = run.audit
    rules = audit.constraints
    if rules is None and run.data.is_table:
        still = _left_alone(run.data)
        more = _more_categories(run.data, still)
        rules = Constraints(scale="std", categories=more, immutable=still)
    return {
        "norm": audit.norm,
        "bounds": audit.bounds,
        "constraints": rules,
        "n_jobs": audit.n_jobs,
        "random_state": run.seeds[FAMILY],
    }


def _left_alone(data):
    """Name the columns of which no other value is to be chosen: dates, names of single rows."""
    if not data.is_frame:
        return ()
    X, named = data.X_train, categorical_columns(data.X_train)
    alone = {*without_numbers(X)} - {*named}
    for place in named:
        n_values = X.iloc[:, place].nunique()
        if n_values > max(_MANY, len(X) / 2):
            alone.add(place)
    return tuple(X.columns[place] for place in sorted(alone) if isinstance(X.columns[place], str))


def _more_categories(data, still):
    """Give all categories of the columns of which test rows have some that no training row has."""
    if not data.is_frame:
        return None
    more = {}
    for place in categorical_columns(data.X_test):
        name = data.X_test.columns[place]
        if name in still:
            continue
        seen, met = (set(X[name].dropna().unique()) for X in (data.X_train, data.X_test))
        if met - seen:
            more[name] = sorted(seen | met, key=str)
    return more or None


def _frozen(model):
    return model if isinstance(model, nn.Module) else FrozenEstimator(model)


def nearest_attack(access, norm, n_queries):
    """Choose what looks for the nearest adversarial row; give its class and parameters."""
    if access == "gradients":
        return (DDNAttack, {}) if norm == 2 else (FMNAttack, {"norm": norm})
    if norm == 1:
        inner = RandomSearchAttack(norm=1, n_queries=n_queries)
        return MinimumNormAttack, {"attack": inner}
    return HopSkipJumpAttack, {"norm": norm, "n_queries": n_queries, "starts": "data"}


def _minimum_norm(run, rows, access):
    """Find the nearest adversarial row of each; give how many rows were attacked."""
    with run.step("minimum_norm", FAMILY, "Nearest adversarial rows") as step:
        run.need_time()
        common = _common(run)
        norm = common.pop("norm")
        kind, own = nearest_attack(access, norm, run.audit.n_queries)
        attack = kind(_frozen(run.data.model), **own, **common)
        attack.fit(run.data.X_train, run.data.y_train)

        def take(index, result):
            nearest = result.distance[KEYS[norm]]
            rows.distance[index] = np.minimum(rows.distance[index], nearest)

        attack, done = attack_rows(run, step, rows, attack, take)
        step.parameters = _reproduce.parameters(attack)
        step.reproduce = _reproduce.of_distances(run, attack, done, KEYS[norm])
        return done
    return 0


def _within(run, rows, eps, n_curve):
    """Run AutoAttack within a budget on the rows that hold; give how many rows that judges."""
    title = f"AutoAttack within {eps:g}"
    asked, done = len(rows), 0
    turned = np.zeros(asked, dtype=bool)
    with run.step(f"auto_attack@{eps:g}", FAMILY, title) as step:
        run.need_time()
        attack = AutoAttack(
            _frozen(run.data.model),
            eps=eps,
            n_steps=run.audit.n_steps,
            n_queries=run.audit.n_queries,
            **_common(run),
        )
        attack.fit(run.data.X_train, run.data.y_train)
        finders: dict = {}

        def take(index, result):
            turned[index] = result.success
            for name in result.found_by[result.success]:
                finders[str(name)] = finders.get(str(name), 0) + 1

        attack, done = attack_rows(run, step, rows, attack, take)
        stuck = {"cannot_move": _stuck(attack, run.data.X_test)}
        step.parameters = _reproduce.parameters(attack) | {"found_by": finders} | stuck
        held = rows.right[:done] & ~turned[:done]
        values = _intervals.share(held.sum(), done, run.audit.confidence)
        run.figure(f"robust_accuracy@{eps:g}", FAMILY, values, n=done, method="AutoAttack")
        step.reproduce = _reproduce.of_auto_attack(run, attack, done)
    rows.distance[turned] = np.minimum(rows.distance[turned], eps)
    if step.status == LEFT_OUT:
        done = n_curve  # what the other attack found still stands
    if done and eps == run.budgets[0]:
        values = _intervals.share(rows.right[:done].sum(), done, run.audit.confidence)
        run.figure("clean_accuracy", FAMILY, values, n=done, note="on the rows attacked")
    if done:
        note = "" if step.status != LEFT_OUT else "without AutoAttack, which was left out"
        held = rows.distance[:done] > eps
        values = _intervals.share(held.sum(), done, run.audit.confidence)
        names = [f"robust_accuracy@{eps:g}"]
        if eps == run.budgets[0]:
            names.insert(0, "robust_accuracy")
        for name in names:
            run.figure(name, FAMILY, values, n=done, note=note or None)
    return done


def _stuck(attack, X):
    """Name the features of which a single step costs more than the budget."""
    table, names = read(attack, X), list(X.columns) if hasattr(X, "columns") else None
    space = Space(table, names, attack.constraints, attack._learned, attack.norm)
    dear = too_dear(space, attack.eps, attack.norm)
    return [f"feature {i}" if names is None else str(names[i]) for i in dear]


def _curves(run, rows, done):
    """Give the curve of all rows and those of the groups, and keep the median distances."""
    if not done:
        return []
    confidence, right = run.audit.confidence, rows.right[:done]
    distance = rows.distance[:done]
    values = _intervals.median(distance[right], confidence)
    note = None
    if right.any() and math.isinf(np.median(distance[right])):
        note = INFINITE
    run.figure("median_distance", FAMILY, values, n=right.sum(), note=note)
    parts = [("all", None, np.ones(done, dtype=bool))]
    for by, names in rows.groups.items():
        parts += [(by, name, names[:done] == name) for name in np.unique(names[:done])]
    curves = []
    for by, name, chosen in parts:
        eps, accuracy = robust_accuracy_curve(
            np.ones(chosen.sum(), dtype=int), right[chosen].astype(int), distance[chosen]
        )
        curve = {"by": by, "group": name, "n": int(chosen.sum())}
        curves.append(curve | {"eps": eps.tolist(), "accuracy": accuracy.tolist()})
        if name is not None:
            values = _intervals.median(distance[chosen & right], confidence)
            n = (chosen & right).sum()
            run.figure("median_distance", FAMILY, values, n=n, by=by, group=name)
    return curves


def _by_group(run, rows, done, eps):
    """Tell whether the model holds less well for one group than for another."""
    groups = {by: names[:done] for by, names in rows.groups.items()}
    held, right = rows.distance[:done] > eps, rows.right[:done]
    record_by_group(run, "robust_accuracy", FAMILY, held, groups)
    record_by_group(run, "robust_if_right", FAMILY, held, groups, among=right)
    for metric in ("robust_accuracy", "robust_if_right"):
        record_largest_gap(run, f"{metric}_gap", FAMILY)
    record_worst_group(run, "robust_accuracy", FAMILY)
    values = _intervals.share(held.sum(), right.sum(), run.audit.confidence)
    run.figure("robust_if_right", FAMILY, values, n=right.sum())
