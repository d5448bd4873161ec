"""Our attacks, found by walking ``sklearn_privfair.attacks.__all__``.

Those that answer a task of the peers have a line in `SETTINGS`; every other public attack gets a
row of its own, at its defaults and the budget of each norm it takes, without being listed.
"""

import inspect
from functools import partial

import numpy as np
from _data import EPS
from _tasks import Task

from sklearn_privfair import attacks

# For each task of the peers: our attacks, what the table calls them, and their settings.
SETTINGS = {
    "pgd_linf": [
        ("PGDAttack", "defaults", {}),
        ("PGDAttack", "equal steps", {"step_schedule": "constant"}),
    ],
    "pgd_l2": [
        ("PGDAttack", "defaults", {}),
        ("PGDAttack", "equal steps", {"step_schedule": "constant"}),
    ],
    "cw_l2": [("CWL2Attack", "defaults", {})],
    "min_l2": [
        ("DDNAttack", "DDN", {}),
        ("DDNAttack", "DDN 40 steps", {"n_steps": 40}),
        ("FMNAttack", "FMN", {}),
        ("DeepFoolAttack", "DeepFool", {}),
        ("FABAttack", "FAB", {}),
    ],
    "min_linf": [
        ("FMNAttack", "FMN", {}),
        ("FMNAttack", "FMN 40 steps", {"n_steps": 40}),
        ("DeepFoolAttack", "DeepFool", {}),
        ("FABAttack", "FAB", {}),
    ],
    "min_l1": [
        ("FMNAttack", "FMN", {}),
        ("FMNAttack", "FMN 40 steps", {"n_steps": 40}),
        ("FABAttack", "FAB", {}),
    ],
    "min_l0": [("FMNAttack", "FMN", {}), ("FMNAttack", "FMN 40 steps", {"n_steps": 40})],
    "apgd_linf": [
        ("APGDAttack", "ce", {}),
        ("APGDAttack", "dlr targeted", {"loss": "dlr_targeted"}),
    ],
    "apgd_l2": [
        ("APGDAttack", "ce", {}),
        ("APGDAttack", "dlr targeted", {"loss": "dlr_targeted"}),
    ],
    "square_linf": [("SquareAttack", "1000 queries", {"n_queries": 1000})],
    "square_l2": [("SquareAttack", "1000 queries", {"n_queries": 1000})],
    "hopskipjump_l2": [("HopSkipJumpAttack", "1000 queries", {"n_queries": 1000})],
    "hopskipjump_linf": [("HopSkipJumpAttack", "1000 queries", {"n_queries": 1000})],
    "autoattack_linf": [
        ("AutoAttack", "standard", {"version": "standard"}),
        ("AutoAttack", "standard, another seed", {"version": "standard", "random_state": 1}),
    ],
    "autoattack_l2": [("AutoAttack", "standard", {"version": "standard"})],
    "autoattack_l1": [("AutoAttack", "standard", {"version": "standard"})],
}


def public_attacks():
    """Give the public attack classes by name."""
    found = {name: getattr(attacks, name) for name in attacks.__all__}
    return {name: kind for name, kind in found.items() if hasattr(kind, "generate")}


def runs(task):
    """List our runs for one of the peers' tasks, as ``_peers.RUNS`` has them."""
    found = public_attacks()
    return [
        (label, 96 if "HopSkip" in name else None, partial(_run, found[name], given))
        for name, label, given in SETTINGS.get(task.name, [])
        if name in found
    ]


def other_tasks(dataset):
    """List ``(task, runs)`` of the attacks that answer no task of the peers."""
    listed = {name for settings in SETTINGS.values() for name, _, _ in settings}
    found = []
    for name, kind in public_attacks().items():
        parameters = inspect.signature(kind).parameters
        if name in listed:
            continue
        for norm in (np.inf, 2, 1) if "norm" in parameters else (2,):
            if not _takes(kind, norm):
                continue
            eps = EPS[dataset][norm] if "eps" in parameters else None
            label = f"{name} l{'inf' if norm == np.inf else norm}"
            found.append((Task(label, norm, eps), [("defaults", None, partial(_run, kind, {}))]))
    return found


def _takes(kind, norm):
    if "norm" not in inspect.signature(kind).parameters:
        return True
    constraints = kind._parameter_constraints["norm"]
    options = [getattr(constraint, "options", ()) for constraint in constraints]
    return any(norm in values for values in options)


def _run(kind, settings, net, X, y, task, batch_size):
    settings = {
        "norm": task.norm,
        "eps": task.eps,
        "bounds": (0, 1),
        "batch_size": batch_size,
        "random_state": 0,
        "n_jobs": 1,
    } | settings
    parameters = inspect.signature(kind).parameters
    settings = {key: value for key, value in settings.items() if key in parameters}
    if task.eps is None:
        settings.pop("eps", None)
    return kind(**settings).fit(net).generate(X, y).X_adv
