"""Fairness: rates by group, and the gaps between groups with their intervals.

Hardt, Price & Srebro (2016), "Equality of opportunity in supervised learning".
"""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_privfair.audit._by_group import (
    record_by_group,
    record_largest_gap,
    record_worst_group,
)
from sklearn_privfair.audit._steps import LeaveOut
from sklearn_privfair.metrics import fairness_report, group_rates_interval

FAMILY = "fairness"
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
MEASURES = (
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "demographic_parity_ratio",
    "equal_opportunity_ratio",
    "equalized_odds_ratio",
)


def run_fairness(run):
    """Compare the groups' rates.

    Returns
    -------
    found : dict
        What pictures need.
    """
    tables: list = []
    found: dict = {"rates": tables, "pos_label": None, "chosen_by_us": False}
    with run.step("group_rates", FAMILY, "Rates by group") as step:
        data = run.data
        if not data.groups_test:
            raise LeaveOut("no sensitive features were given")
        label, ours = positive_label(run.audit.pos_label, data.victim)
        found |= {"pos_label": None if label is None else str(label), "chosen_by_us": ours}
        step.parameters = {"pos_label": found["pos_label"], "confidence": run.audit.confidence}
        predicted = data.victim.decode(data.predicted)
        for by, names in data.groups_test.items():
            if len(np.unique(names)) < 2:
                step.status = "partial"
                step.why = f"all rows are of one group of {by!r}, {names[0]!r}"
                continue
            how = {
                "sensitive_features": names,
                "pos_label": label,
                "confidence": run.audit.confidence,
                "random_state": run.seeds[FAMILY],
            }
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UndefinedMetricWarning)  # shown as such
                rates = group_rates_interval(data.y_test, predicted, **how)
                report = fairness_report(data.y_test, predicted, **how)
            tables += _keep_rates(run, by, rates)
            _keep_gaps(run, by, report)
        record_by_group(run, "accuracy", FAMILY, data.right, data.groups_test)
        for measure in (*MEASURES[:3], "accuracy_gap"):
            record_largest_gap(run, measure, FAMILY)
        for measure in MEASURES[3:]:  # ratios, of which the lowest is the worst
            record_largest_gap(run, measure, FAMILY, worst=min)
        record_worst_group(run, "accuracy", FAMILY)
        step.n_rows = len(data.y_test)
        step.reproduce = _code(run, label)
    return found


def positive_label(given, victim):
    """Give the label that counts as positive, and whether it was not the user who said so.

    None for three classes and more: each in turn.
    """
    if given is not None:
        return given, False
    labels = np.arange(2) if victim.classes_ is None else victim.classes_
    if len(labels) > 2 or victim.classes_ is None:
        return None, False
    last = labels[1]
    return (last.item() if isinstance(last, np.generic) else last), True


def _keep_rates(run, by, rates):
    """Keep the rates as figures, and as rows for the picture: one table for each class."""
    lines = rates.reset_index(names=["group"] if rates.index.nlevels == 1 else ["group", "class"])
    classes = lines["class"].unique() if "class" in lines else [None]
    tables = []
    for label in classes:
        part = lines if label is None else lines[lines["class"] == label]
        rows = []
        for line in part.to_dict("records"):
            group = str(line["group"])
            row = {"group": group, "count": int(line["count"])}
            for rate in RATES:
                values = [line[rate], line[f"{rate}_low"], line[f"{rate}_high"]]
                kept = [float(v) if np.isfinite(v) else None for v in values]
                row |= dict(zip((rate, f"{rate}_low", f"{rate}_high"), kept, strict=True))
                name = rate if label is None else f"{rate}[{label}]"
                if rate != "accuracy":
                    run.figure(name, FAMILY, values, n=row["count"], by=by, group=group)
            rows.append(row)
        tables.append({"by": by, "class": None if label is None else str(label), "rows": rows})
    return tables


def _keep_gaps(run, by, report):
    for measure in MEASURES:
        line = report.loc[measure]
        note = None
        if line["rate"] is not None and line["lowest"] == line["highest"]:
            note = "the same for all"
        elif line["rate"] is not None:
            note = f"lowest for {line['lowest']}, highest for {line['highest']}"
            if "class" in report:
                note = f"class {line['class']}: {note}"
        values = (line["value"], line["low"], line["high"])
        run.figure(measure, FAMILY, values, n=len(run.data.y_test), by=by, note=note)


def _code(run, label):
    return "\n".join(
        [
            "from sklearn_privfair.metrics import fairness_report",
            "",
            "report = fairness_report(",
            "    y_test,",
            "    model.predict(X_test),",
            "    sensitive_features=groups,",
            f"    pos_label={label!r},",
            f"    confidence={run.audit.confidence!r},",
            f"    random_state={run.seeds[FAMILY]},",
            ")",
            'print(report["value"])',
        ]
    )
