"""The tables of a report: figures of one model, or of several side by side."""

from dataclasses import dataclass

from sklearn_privfair.audit._reading import (
    MEANINGS,
    METHODS,
    NAMES,
    Figures,
    interval,
    number,
    unit_of,
)

_MOST = 10  # classes shown


@dataclass
class Table:
    """A table: what it holds, its columns, and rows whose cells are a text and a smaller one."""

    caption: str
    head: list
    rows: list
    foot: str = ""


def _cell(figure, digits=3):
    if figure is None:
        return "–", ""
    return number(figure["value"], digits), interval(figure, digits)


def _columns(reports, first, single="value"):
    names = [data["model"]["name"] for data in reports]
    return [first, *(names if len(reports) > 1 else [single])]


def of_metrics(reports, metrics, caption, first="measure", foot=""):
    """Give a table with a line for each metric: pairs of what it is called and where it is."""
    found = [Figures(data) for data in reports]
    rows = []
    for name, keys in metrics:
        cells = [figures.one(**keys) for figures in found]
        if any(cell is not None for cell in cells):
            rows.append([(name, MEANINGS.get(keys["metric"], "")), *map(_cell, cells)])
    return Table(caption, _columns(reports, first), rows, foot) if rows else None


def accuracy(reports):
    """Give the table of accuracy and overfitting."""
    names = ("accuracy", "train_accuracy", "generalization_gap", "log_loss", "train_log_loss")
    metrics = [(NAMES[name], {"metric": name}) for name in names]
    return of_metrics(reports, metrics, "Accuracy, and how much of it is learned by heart")


def budgets(reports):
    """Give the table of robust accuracy at the budgets."""
    metrics = [("without attack", {"metric": "clean_accuracy"})]
    budgets_ = {eps: None for data in reports for eps in _listed(data["parameters"]["eps"])}
    for eps in sorted(budgets_):
        name = f"robust_accuracy@{eps:g}"
        where = f"within {eps:g}{unit_of(reports[0])}"
        metrics += [
            (f"{where}, AutoAttack alone", {"metric": name, "method": "AutoAttack"}),
            (f"{where}, worst of all attacks", {"metric": name}),
        ]
    metrics.append((NAMES["median_distance"], {"metric": "median_distance"}))
    return of_metrics(reports, metrics, "Accuracy under attack", "budget")


def _listed(value):
    return value if isinstance(value, list) else [value]


def methods(reports, metric, caption):
    """Give a table with a line for each method of a metric."""
    found = dict.fromkeys(
        figure["method"]
        for data in reports
        for figure in data["figures"]
        if figure["metric"] == metric and figure["method"] is not None
    )
    metrics = [(METHODS.get(m, m), {"metric": metric, "method": m}) for m in found]
    return of_metrics(reports, metrics, caption, "attack")


def areas(reports, caption):
    """Give the table of all attacks on membership, and of what the rows tell without the model."""
    table = methods(reports, "membership_auc", caption)
    blind = of_metrics(
        reports, [(NAMES["membership_blind_auc"], {"metric": "membership_blind_auc"})], ""
    )
    if table is not None and blind is not None:
        table.rows += blind.rows
    return table


def groups(reports, metric, by, caption, gap=None):
    """Give a table with a line for each group, and one for the largest difference."""
    found = [Figures(data) for data in reports]
    names = list(dict.fromkeys(name for figures in found for name in figures.groups(metric, by)))
    if not names:
        return None
    rows = []
    for name in names:
        cells = [figures.one(metric, by=by, group=name) for figures in found]
        counts = dict.fromkeys(f"{cell['n']:,}" for cell in cells if cell is not None)
        rows_ = "1 row" if list(counts) == ["1"] else f"{' and '.join(counts)} rows"
        few = next((c["note"] for c in cells if c is not None and c["note"]), rows_)
        rows.append([(name, few), *map(_cell, cells)])
    hidden = 0
    if by == "class" and len(rows) > _MOST:
        values = [max(_value(f.one(metric, by=by, group=n)) for f in found) for n in names]
        order = sorted(range(len(rows)), key=lambda i: -values[i])
        hidden, rows = len(rows) - _MOST, [rows[i] for i in order[:_MOST]]
    if gap is not None:
        cells = [figures.one(gap, by=by) for figures in found]
        if any(cell is not None for cell in cells):
            rows.append([("largest difference", ""), *map(_cell, cells)])
    foot = f"The {_MOST} highest; {hidden} more are in the data." if hidden else ""
    return Table(caption, _columns(reports, by), rows, foot)


def _value(figure):
    return -1.0 if figure is None or figure["value"] is None else figure["value"]


def features(reports, metric):
    """Give the sensitive features by whose groups a metric is told."""
    found = [name for data in reports for name in Figures(data).features(metric)]
    return list(dict.fromkeys(found))


def gaps(reports, by, measures):
    """Give the table of the measures of fairness for one sensitive feature."""
    metrics = [(NAMES[name], {"metric": name, "by": by}) for name in measures]
    return of_metrics(reports, metrics, f"Differences between groups of {by}", "measure")
