"""Fairness: rates by group, and the gaps between groups with their intervals.

Hardt, Price & Srebro (2016), "Equality of opportunity in supervised learning".
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_privfair.audit import _intervals
from sklearn_privfair.audit._by_group import (
    record_by_group,
    record_largest_gap,
    record_worst_group,
)
from sklearn_privfair.audit._steps import LeaveOut
from sklearn_privfair.metrics import fairness_report, group_rates_interval

FAMILY = "fairness"
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
COMPARED = {  # by each of the measures: rates that a group may lack
    "demographic_parity": [],
    "equal_opportunity": ["true_positive_rate"],
    "equalized_odds": ["true_positive_rate", "false_positive_rate"],
}


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
        together = _intervals.together(run.audit.confidence, len(data.groups_test))
        for by, names in data.groups_test.items():
            if len(np.unique(names)) < 2:
                _leave_out(step, f"all rows are of one group of {by!r}, {names[0]!r}")
                continue
            how = {"pos_label": label, "random_state": run.seeds[FAMILY]}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UndefinedMetricWarning)  # shown as such
                rates = group_rates_interval(
                    data.y_test,
                    predicted,
                    sensitive_features=names,
                    confidence=run.audit.confidence,
                    **how,
                )
            tables += _keep_rates(run, by, rates)
            rows = data.y_test, predicted, names
            for lacking in _keep_gaps(run, by, rows, rates, how | {"confidence": together}):
                _leave_out(step, f"by {by!r} {lacking}")
        record_by_group(run, "accuracy", FAMILY, data.right, data.groups_test)
        for measure in (*(f"{name}_difference" for name in COMPARED), "accuracy_gap"):
            record_largest_gap(run, measure, FAMILY)
        for measure in COMPARED:  # of ratios the lowest is the worst
            record_largest_gap(run, f"{measure}_ratio", FAMILY, worst=min)
        record_worst_group(run, "accuracy", FAMILY)
        step.n_rows = len(data.y_test)
        step.reproduce = _code(run, label, together)
    return found


def _leave_out(step, what):
    step.status = "partial"
    step.why = what if step.why is None else f"{step.why}; {what}"


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


def _keep_gaps(run, by, rows, rates, how):
    """Keep the measures, each among the groups that have its rates; say which groups have not."""
    n, left_out, reports = len(rows[0]), [], {}
    for name, compared in COMPARED.items():
        lacks = rates[compared].isna().any(axis=1).groupby(level=0).any()
        without = [str(group) for group in lacks.index[lacks]]
        kept = ~np.isin(rows[2], without)
        if without:
            kind = " and ".join(f"a {rate.replace('_', ' ')}" for rate in compared)
            what = name.replace("_", " ")
            left_out.append(f"{_listed(without)} cannot be compared for {what}, for want of {kind}")
        if len(np.unique(rows[2][kept])) < 2:
            for measure in (f"{name}_difference", f"{name}_ratio"):
                note = "undefined: fewer than two groups have the rates"
                run.figure(measure, FAMILY, (np.nan,) * 3, n=n, by=by, note=note)
            continue
        if tuple(without) not in reports:  # for most measures the same groups
            y_true, y_pred, names = (values[kept] for values in rows)
            report = fairness_report(y_true, y_pred, sensitive_features=names, **how)
            reports[tuple(without)] = report
        for measure in (f"{name}_difference", f"{name}_ratio"):
            line = reports[tuple(without)].loc[measure]
            note = _who(line) + (f", without {_listed(without)}" if without else "")
            values = (line["value"], line["low"], line["high"])
            run.figure(measure, FAMILY, values, n=int(kept.sum()), by=by, note=note)
    return left_out


def _who(line):
    if pd.isna(line["value"]):
        return "undefined: nobody gets the answer"
    if line["lowest"] == line["highest"]:
        return "the same for all"
    note = f"lowest for {line['lowest']}, highest for {line['highest']}"
    return f"class {line['class']}: {note}" if "class" in line.index else note


def _listed(names, most=5):
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _code(run, label, confidence):
    return "\n".join(
        [
            "from sklearn_privfair.metrics import fairness_report",
            "",
            "report = fairness_report(",
            "    y_test,",
            "    model.predict(X_test),",
            "    sensitive_features=groups,",
            f"    pos_label={label!r},",
            f"    confidence={confidence!r},",
            f"    random_state={run.seeds[FAMILY]},",
            ")",
            'print(report["value"])',
        ]
    )
