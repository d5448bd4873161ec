"""Rates and gaps of anything that holds or does not hold for a row, by sensitive group."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_privfair.audit import _intervals
from sklearn_privfair.metrics import fairness_report


def record_by_group(run, metric, family, held, groups, *, among=None):
    """Keep the share of rows for which something holds, by group, and the largest gap.

    The gap's interval holds for all pairs of groups, and for all features, together; it is made by
    resampling rows within groups.

    Parameters
    ----------
    run : Run
    metric : str
    family : str
    held : bool ndarray of shape (n_rows,)
    groups : dict of str to ndarray of str of shape (n_rows,)
    among : bool ndarray of shape (n_rows,), default=None
        Which rows count.
    """
    confidence = run.audit.confidence
    for by, names in groups.items():
        chosen = np.ones(len(held), dtype=bool) if among is None else among
        kept, names = held[chosen], names[chosen]
        found = np.unique(names)
        for name in found:
            part = kept[names == name]
            values = _intervals.share(part.sum(), len(part), confidence)
            run.figure(metric, family, values, n=len(part), by=by, group=name)
        if len(found) < 2:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)  # of rates that are not used
            report = fairness_report(
                kept.astype(int),
                kept.astype(int),
                sensitive_features=names,
                pos_label=1,
                confidence=_intervals.together(confidence, len(groups)),
                random_state=run.seeds[family],
            ).loc["demographic_parity_difference"]
        note = f"lowest for {report['lowest']}, highest for {report['highest']}"
        note = note if report["value"] > 0 else "the same for all"
        values = (report["value"], report["low"], report["high"])
        run.figure(f"{metric}_gap", family, values, n=len(kept), by=by, note=note)


def record_largest_gap(run, metric, family, *, leave="all", worst=max):
    """Keep, over all sensitive features, the worst gap of a metric, as a figure of its own."""
    figures = [
        figure
        for figure in run.figures
        if figure["metric"] == metric and figure["by"] not in ("all", leave)
    ]
    gaps = [figure for figure in figures if figure["value"] is not None]
    if not gaps:
        if figures:
            note = f"{figures[0]['by']}: {figures[0]['note']}"
            run.figure(metric, family, (np.nan,) * 3, n=figures[0]["n"], note=note)
        return
    figure = worst(gaps, key=lambda one: one["value"])
    values = (figure[part] for part in ("value", "low", "high"))
    note = f"{figure['by']}: {figure['note']}"
    run.figure(metric, family, values, n=figure["n"], note=note)


def record_worst_group(run, metric, family, *, worst=min, suffix="worst_group", by=None):
    """Keep the worst value that any group has of a metric, as a figure of its own."""
    figures = [
        figure
        for figure in run.figures
        if figure["metric"] == metric
        and figure["group"] is not None
        and figure["value"] is not None
        and (figure["by"] == by if by is not None else figure["by"] != "class")
    ]
    if not figures:
        return
    figure = worst(figures, key=lambda one: one["value"])
    values = (figure[part] for part in ("value", "low", "high"))
    note = f"{figure['by']}: {figure['group']}"
    run.figure(f"{metric}_{suffix}", family, values, n=figure["n"], note=note)
