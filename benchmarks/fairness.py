"""Fair classifiers: ours beside Fairlearn and AIF360, on the same encoded rows. See README.

Every model is judged on test rows, over ten seeds; nothing was tuned on them but the weight decay.
Of each the table has the mean accuracy, and of each gap between the groups mean, standard deviation
and worst seed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse
import time
import warnings
from functools import partial
from itertools import product

import _fairness_methods as methods
import numpy as np
from _fairness_rows import ROWS
from _fairness_speed import measure as speed
from _report import save, show

from sklearn_privfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)

GAPS = {
    "demographic_parity": demographic_parity_difference,
    "equalized_odds": equalized_odds_difference,
    "equal_opportunity": equal_opportunity_difference,
}
SHORT = {"demographic_parity": "dp", "equalized_odds": "odds", "equal_opportunity": "tpr"}
TOLERANCES = {
    "demographic_parity": (0.01, 0.05),
    "equalized_odds": (0.01, 0.02),
    "equal_opportunity": (0.01,),
}
ALPHAS = {"fairlearn": (0.1, 1.0, 10.0), "aif360": (0.1, 0.3, 1.0)}
BOUNDS = (0.01, 0.02, 0.05)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--constraints", nargs="+", choices=list(GAPS), default=list(GAPS))
    parser.add_argument("--methods", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--speed", action="store_true", help="CPU time per epoch instead")
    parser.add_argument("--output", help="JSON file to write")
    return parser.parse_args()


def judge(name, constraint, load, seeds, predict):
    """Give one line: a method over seeds. `predict` is from rows and a seed to predictions."""
    accuracy, gaps, seconds, diverged = [], {key: [] for key in GAPS}, [], 0
    for seed in range(seeds):
        rows = load(seed)
        start = time.process_time()
        try:
            predicted = np.asarray(predict(rows, seed)).astype(int)
        except RuntimeError as error:  # Fairlearn's, when its weights are no numbers any more
            print(name, "seed", seed, "failed:", error)
            diverged += 1
            continue
        seconds.append(time.process_time() - start)
        accuracy.append(np.mean(predicted == rows.y_test))
        for key, gap in GAPS.items():
            gaps[key].append(gap(rows.y_test, predicted, sensitive_features=rows.group_test))
    line = {"method": name, "constraint": constraint or "-"}
    if not accuracy:
        return line | {"diverged": diverged}
    line["accuracy"] = np.mean(accuracy)
    line |= {"accuracy_std": np.std(accuracy), "accuracy_min": np.min(accuracy)}
    for key in GAPS:
        short = SHORT[key]
        line |= {short: np.mean(gaps[key]), f"{short}_std": np.std(gaps[key])}
        line |= {f"{short}_max": np.max(gaps[key])}
    line |= {"seconds": np.mean(seconds), "diverged": diverged}
    line["each"] = {"accuracy": accuracy, **gaps}
    return line


def unmitigated(constraints):
    del constraints
    yield "net, unmitigated", None, methods.plain
    yield "logistic, unmitigated", None, partial(methods.plain, make=methods.logistic)
    yield "boosting, unmitigated", None, partial(methods.plain, make=methods.boosting)


def ours(constraints):
    for constraint in constraints:
        for tolerance in TOLERANCES[constraint]:
            how = partial(methods.ours, constraint=constraint, tolerance=tolerance)
            yield f"ours, tolerance {tolerance}", constraint, how


def decay(constraints):
    for constraint in constraints:
        how = partial(methods.ours, constraint=constraint, decay=3e-3)
        yield "ours, weight decay .003", constraint, how


def penalty(constraints):
    for constraint in constraints:
        how = partial(methods.ours, constraint=constraint, method="penalty")
        yield "ours, penalty, tolerance 0.01", constraint, how


def paper(constraints):
    for constraint in constraints:
        how = partial(methods.ours, constraint=constraint, **methods.PAPER)
        yield "ours, the paper's recipe", constraint, how


def fairlearn_adversarial(constraints):
    for constraint in set(constraints) & {"demographic_parity", "equalized_odds"}:
        for alpha, epochs in product(ALPHAS["fairlearn"], (5, methods.EPOCHS)):
            how = partial(
                methods.fairlearn_adversarial, constraint=constraint, alpha=alpha, epochs=epochs
            )
            yield f"Fairlearn adversarial, alpha {alpha:g}, {epochs} epochs", constraint, how


def reductions(constraints):
    for constraint in constraints:
        for bound in BOUNDS:
            for name, base in (("logistic", methods.logistic), ("boosting", methods.boosting)):
                if name == "logistic" or bound == BOUNDS[0]:
                    how = methods.Reductions(constraint, bound, base)
                    yield f"Fairlearn reductions, {name}, {bound}", constraint, how


def thresholds(constraints):
    for constraint in constraints:
        for name, make in (("net", None), ("boosting", methods.boosting)):
            how = partial(methods.thresholds, constraint=constraint, make=make)
            yield f"Fairlearn thresholds, {name}", constraint, how


def aif360(constraints):
    del constraints
    for alpha in ALPHAS["aif360"]:
        yield f"AIF360 adversarial, alpha {alpha:g}", None, partial(methods.aif360, alpha=alpha)


FAMILIES = {
    "unmitigated": (unmitigated, None),
    "ours": (ours, None),
    "decay": (decay, None),
    "penalty": (penalty, None),
    "paper": (paper, None),
    "fairlearn": (fairlearn_adversarial, "fairlearn"),
    "reductions": (reductions, "fairlearn"),
    "thresholds": (thresholds, "fairlearn"),
    "aif360": (aif360, "aif360"),
}


def main():
    args = arguments()
    warnings.simplefilter("ignore")
    if args.speed:
        lines = speed()
        show(lines)
        if args.output:
            save(args.output, lines, vars(args))
        return
    lines = []
    for data in args.rows:
        for family in args.methods:
            make, package = FAMILIES[family]
            if package is not None and not methods.installed(package):
                print(f"{package} is not installed, and left out")
                continue
            for name, constraint, predict in make(args.constraints):
                line = {"rows": data} | judge(name, constraint, ROWS[data], args.seeds, predict)
                lines.append(line)
                show([{key: value for key, value in line.items() if key != "each"}])
                if args.output:
                    save(args.output, lines, vars(args))


if __name__ == "__main__":
    main()
