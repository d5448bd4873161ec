"""The pictures of a report: the package's displays, made of plain data, with their text."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from sklearn_privfair.audit._reading import METHODS, number, unit_of
from sklearn_privfair.audit._svg import inline_svg, label
from sklearn_privfair.inspection import (
    GroupRatesDisplay,
    MembershipRocDisplay,
    RobustnessCurveDisplay,
)

_WIDE, _HIGH = 3.9, 3.0  # inches: letters stay readable on a phone
_MOST = 8  # curves in one picture
_CLASSES = 4  # of which the rates by group are drawn
_GROUPS = 20  # in the picture of their rates
_LINES = 9  # of the table beside a curve


@dataclass
class Picture:
    """A picture with what it shows in words and in numbers; `by` what it is broken down."""

    svg: Markup
    by: str
    title: str
    words: str
    head: list
    rows: list


def _named(data, what, several):
    """Name a curve by what it shows, and by its model where there are several."""
    if not several:
        return what
    name = data["model"]["name"]
    return name if what is None else f"{name}: {what}"


def robustness_curves(reports):
    """Give the pictures of robust accuracy against the budget: for all, and by group."""
    pictures = []
    found = [(data["robustness"] or {}).get("curves", []) for data in reports]
    features = dict.fromkeys(curve["by"] for curves in found for curve in curves)
    for place, by in enumerate(features):
        parts = [[curve for curve in curves if curve["by"] == by] for curves in found]
        shown = [_worst(part, len(reports), lambda c: np.mean(c["accuracy"])) for part in parts]
        chosen = [
            (_named(data, curve["group"], len(reports) > 1), curve)
            for data, curves in zip(reports, shown, strict=True)
            for curve in curves
        ]
        title = "Robust accuracy against the budget"
        title += "" if by == "all" else f", by {by}{_cut(shown, parts, 'least robust')}"
        data = next(d for d, curves in zip(reports, found, strict=True) if curves)
        pictures.append(_robustness_picture(chosen, data, by, title, f"robust{place}"))
    return pictures


def _worst(curves, n_reports, value):
    """Choose the curves of lowest value, where there are too many; in their order."""
    worst = sorted(curves, key=value)[: _MOST // n_reports]
    return [curve for curve in curves if any(curve is one for one in worst)]


def _cut(shown, parts, which):
    """Say that not all curves are shown, where that is so."""
    n_shown, n = max(map(len, shown)), max(map(len, parts))
    return f" (the {n_shown} {which} of {n})" if n_shown < n else ""


def _robustness_picture(chosen, data, by, title, key):
    norm = data["parameters"]["norm"]
    norm = math.inf if norm == "inf" else norm
    end = max((curve["eps"][-1] for _, curve in chosen), default=0) or 1.0
    grid = np.linspace(0, end, _LINES)
    names = [name or "all rows" for name, _ in chosen]

    def at(curve, eps):
        return curve["accuracy"][max(np.searchsorted(curve["eps"], eps, side="right") - 1, 0)]

    def draw(figure):
        axes = figure.subplots()
        RobustnessCurveDisplay(
            [np.array(curve["eps"]) for _, curve in chosen],
            [np.array(curve["accuracy"]) for _, curve in chosen],
            name=None if [name for name, _ in chosen] == [None] else [label(n) for n in names],
            norm=norm,
            exact=True,
        ).plot(ax=axes)
        unit = unit_of(data) or " units of the data"
        symbol = axes.get_xlabel().split(" (")[0]
        axes.set_xlabel(f"{symbol} ({unit.strip()})")

    words = "; ".join(
        f"{name}: from {number(curve['accuracy'][0])} without attack to "
        f"{number(at(curve, end / 4))} at {number(end / 4)} and {number(curve['accuracy'][-1])} at "
        f"{number(curve['eps'][-1])}"
        for name, curve in zip(names, (c for _, c in chosen), strict=True)
    )
    rows = [[number(eps), *(number(at(curve, eps)) for _, curve in chosen)] for eps in grid]
    svg = inline_svg(draw, key, title, words, (_WIDE, _HIGH))
    return Picture(svg, by, title, f"{words}.", ["budget", *names], rows)


def roc_curves(reports):
    """Give the pictures of membership inference: all methods, the strongest by class and group."""
    pictures = []
    found = [data["privacy"] or {"roc": [], "by_group": []} for data in reports]
    features = dict.fromkeys(c["by"] for part in found for c in [*part["roc"], *part["by_group"]])
    for place, by in enumerate(features):
        parts = [_curves_of(part, by, len(reports)) for part in found]
        shown = [_worst(part, len(reports), lambda curve: -curve["auc"]) for part in parts]
        chosen = [
            (_named(data, _curve_name(curve), len(reports) > 1), curve)
            for data, curves in zip(reports, shown, strict=True)
            for curve in curves
        ]
        title = "Members found against false alarms"
        title += "" if by == "all" else f", by {by}{_cut(shown, parts, 'most exposed')}"
        if chosen:
            pictures.append(_roc_picture(chosen, by, title, f"roc{place}"))
    return pictures


def _curves_of(part, by, n_reports):
    """Give the curves; of methods of several models the strongest."""
    curves = [curve for curve in [*part["roc"], *part["by_group"]] if curve["by"] == by]
    if by == "all" and n_reports > 1:
        return [curve for curve in curves if curve["name"] == part["strongest"]]
    return curves


def _curve_name(curve):
    if curve["by"] == "all":
        return METHODS.get(curve["name"], curve["name"]).split(" (")[0]
    return f"class {curve['name']}" if curve["by"] == "class" else curve["name"]


def _roc_picture(chosen, by, title, key):
    names, curves = [name for name, _ in chosen], [curve for _, curve in chosen]
    rates = (0.001, 0.01, 0.1, 0.5)

    def found(curve, rate):
        if curve["n_non_members"] < 1 / rate:
            return None
        return curve["tpr"][np.searchsorted(curve["fpr"], rate, side="right") - 1]

    def draw(figure):
        axes = figure.subplots()
        MembershipRocDisplay(
            [np.array(curve["fpr"]) for curve in curves],
            [np.array(curve["tpr"]) for curve in curves],
            roc_auc=[curve["auc"] for curve in curves],
            n_members=[curve["n_members"] for curve in curves],
            n_non_members=[curve["n_non_members"] for curve in curves],
            name=[label(name) for name in names],
        ).plot(ax=axes)
        handles, texts = axes.get_legend_handles_labels()
        axes.get_legend().remove()  # below, where it hides nothing
        style = {"loc": "outside lower left", "frameon": False, "fontsize": 8, "alignment": "left"}
        figure.legend(handles, texts, title="area, found at 1%", title_fontsize=8, **style)

    words = "; ".join(
        f"{name}: area {number(curve['auc'])}, of members found at 10% false alarms "
        f"{number(found(curve, 0.1))}"
        for name, curve in chosen
    )
    rows = [
        [name, number(curve["auc"]), *(number(found(curve, rate)) for rate in rates)]
        for name, curve in chosen
    ]
    head = ["whose", "area", *(f"at {rate:.1%} false alarms" for rate in rates)]
    svg = inline_svg(draw, key, title, words, (_WIDE, 3.6 + 0.17 * len(chosen)))
    return Picture(svg, by, title, f"{words}.", head, rows)


def rates_by_group(reports):
    """Give the pictures of rates by group: for each sensitive feature, and the worst classes."""
    pictures: list = []
    found = [(data["fairness"] or {}).get("rates", []) for data in reports]
    names = [data["model"]["name"] for data in reports]
    for by in dict.fromkeys(table["by"] for part in found for table in part):
        parts = [{t["class"]: t["rows"] for t in part if t["by"] == by} for part in found]
        classes = list(dict.fromkeys(label_ for part in parts for label_ in part))
        worst = sorted(classes, key=lambda c: -max(_apart(part.get(c, [])) for part in parts))
        for label_ in [c for c in classes if c in worst[:_CLASSES]]:
            kept = {n: part[label_] for n, part in zip(names, parts, strict=True) if label_ in part}
            groups = {tuple(row["group"] for row in rows) for rows in kept.values()}
            alike = [kept] if len(groups) == 1 else [{name: kept[name]} for name in kept]
            for one in alike:
                whose = "" if len(alike) == 1 else f", of {next(iter(one))}"
                title = f"Rates by {by}" + ("" if label_ is None else f", of class {label_}")
                pictures.append(_rates_picture(one, by, title + whose, f"rates{len(pictures)}"))
    return pictures


def _apart(rows):
    """Give how far apart groups are, by the rate of which they are the furthest."""
    rates = [[row[rate] for row in rows if row[rate] is not None] for rate in _RATES[:3]]
    return max((max(part) - min(part) for part in rates if part), default=0.0)


_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def _rates_picture(kept, by, title, key):
    n = len(next(iter(kept.values())))
    if n > _GROUPS:
        title += f" (the {_GROUPS} largest of {n} groups)"
        kept = {name: _largest(rows) for name, rows in kept.items()}
    tables = {}
    for name, rows in kept.items():
        frame = pd.DataFrame(rows).set_index("group")
        values = frame.drop(columns="count").astype(float)
        tables[label(name)] = values.assign(count=frame["count"]).rename(index=label)

    def draw(figure):
        panels = figure.subplots(2, 2).reshape(1, -1)
        display = GroupRatesDisplay(tables)
        display.plot(ax=panels)
        names = [tick.get_text() for tick in panels[0, 0].get_yticklabels()]
        panels[0, 2].set_yticks(range(len(names)), names)
        if len(tables) > 1:
            panels[0, -1].get_legend().remove()
            handles = [display.points_[name, _RATES[-1]] for name in tables]
            figure.legend(handles, list(tables), loc="outside lower center", frameon=False)

    lines = [(name, row) for name, part in kept.items() for row in part]
    rows = [
        [name, row["group"], f"{row['count']:,}", *(number(row[rate]) for rate in _RATES)]
        for name, row in lines
    ]
    words = "; ".join(_in_words(row, name if len(kept) > 1 else "") for name, row in lines)
    n_groups = len(next(iter(kept.values())))
    high = 2 * (0.9 + n_groups * max(0.42, 0.2 * len(kept)))
    svg = inline_svg(draw, key, title, words, (_WIDE, high))
    head = ["model", "group", "rows", *(rate.replace("_", " ") for rate in _RATES)]
    return Picture(svg, by, title, f"{words}.", head, rows)


def _largest(rows):
    least = sorted((row["count"] for row in rows), reverse=True)[_GROUPS - 1]
    return [row for row in rows if row["count"] >= least][:_GROUPS]


def _in_words(row, name):
    who = row["group"] + (f" ({name})" if name else "")
    selected, true, false, right = (number(row[rate]) for rate in _RATES)
    return (
        f"{who}: the answer is given to {selected}, to {true} of those who merit it and to {false} "
        f"of others; accuracy {right}"
    )
