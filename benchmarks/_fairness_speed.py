"""CPU time of an epoch on Adult: what debiasing adds to a plain loop, ours and Fairlearn's."""

import time

import _fairness_methods as methods
from _fairness_rows import adult

SHORT, LONG = 2, 10


def fits(rows):
    """Give by name what trains for so many epochs."""
    plain = lambda epochs: methods.net(rows, max_epochs=epochs).fit(rows.X, rows.y)  # noqa: E731
    found = {"skorch, plain": plain}
    settings = {
        "ours, no adversary": {"tolerance": None, "alpha": 0.0, "method": "penalty"},
        "ours, penalty": {"method": "penalty"},
        "ours, one adversary step": {"adversary_steps": 1, "tolerance": None},
        "ours, projected, one step": {
            "adversary_steps": 1,
            "projection": True,
            "tolerance": None,
        },
        "ours, defaults": {},
    }
    for name, params in settings.items():
        found[name] = lambda epochs, params=params: methods.ours(
            rows, 0, "demographic_parity", epochs=epochs, **params
        )
    if methods.installed("fairlearn"):
        found["Fairlearn, adversarial"] = lambda epochs: methods.fairlearn_adversarial(
            rows, 0, "demographic_parity", 0.1, epochs=epochs
        )
    return found


def measure(repeats=3):
    """Give a line for each: the least CPU seconds of an epoch, over that of the plain loop."""
    lines = {name: [] for name in fits(adult(0))}
    rows = adult(0)
    for _ in range(repeats):
        for name, fit in fits(rows).items():
            seconds = []
            for epochs in (SHORT, LONG):
                start = time.process_time()
                fit(epochs)
                seconds.append(time.process_time() - start)
            lines[name].append((seconds[1] - seconds[0]) / (LONG - SHORT))
    plain = min(lines["skorch, plain"])
    return [
        {"training": name, "seconds per epoch": min(each), "over skorch": min(each) / plain}
        for name, each in lines.items()
    ]
