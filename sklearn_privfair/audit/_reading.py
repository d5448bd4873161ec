"""How figures are written, and what they say in words: sentences for people who know no jargon."""

import math

# what metrics are called, and what their values mean
NAMES = {
    "accuracy": "accuracy",
    "train_accuracy": "accuracy on training rows",
    "generalization_gap": "gap, training less test",
    "log_loss": "log loss",
    "train_log_loss": "log loss on training rows",
    "accuracy_gap": "accuracy, largest difference",
    "robust_accuracy": "robust accuracy",
    "robust_if_right": "share that holds, of rows classified correctly",
    "clean_accuracy": "accuracy on the rows attacked",
    "median_distance": "median distance of the nearest adversarial row",
    "membership_auc": "area under the ROC curve",
    "membership_blind_auc": "rows and labels alone, without the model",
    "membership_tpr@0.01": "members found at 1% false alarms",
    "membership_tpr@0.001": "members found at 0.1% false alarms",
    "demographic_parity_difference": "demographic parity difference",
    "equal_opportunity_difference": "equal opportunity difference",
    "equalized_odds_difference": "equalized odds difference",
    "demographic_parity_ratio": "demographic parity ratio",
    "equal_opportunity_ratio": "equal opportunity ratio",
    "equalized_odds_ratio": "equalized odds ratio",
}
MEANINGS = {
    "demographic_parity_difference": "how often the answer is given at all; 0 is equal",
    "equal_opportunity_difference": "how often those who merit the answer get it; 0 is equal",
    "equalized_odds_difference": "how often it is given, to those who merit it and to those who do "
    "not, whichever differs more; 0 is equal",
    "demographic_parity_ratio": "the same as a ratio, lowest to highest; 1 is equal",
    "equal_opportunity_ratio": "the same as a ratio; 1 is equal",
    "equalized_odds_ratio": "the same as a ratio; 1 is equal",
}
METHODS = {
    "loss": "loss (Yeom et al.)",
    "shadow": "shadow models (Shokri et al.)",
    "lira": "LiRA (Carlini et al.)",
    "rmia": "RMIA (Zarifzadeh et al.)",
    "attack_r": "Attack R (Ye et al.)",
    "learned": "learned from all signals",
    "correctness": "correctness",
}


def number(value, digits=3):
    """Write a number to some digits; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    least = 10.0**-digits
    if 0 < abs(value) < least / 2:
        return f"<{least:g}" if value > 0 else f"−<{least:g}"
    text = f"{value:.{digits}f}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "−")


def interval(figure, digits=3):
    """Write the bounds of a figure; nothing where there are none."""
    low, high = figure["low"], figure["high"]
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {number(high, digits)}"
    return (
        f"at least {number(low, digits)}"
        if high is None
        else (f"{number(low, digits)} to {number(high, digits)}")
    )


def of_hundred(value):
    """Write a share as so many of 100."""
    exact = 100 * value
    if 0 < exact < 0.5:
        return "fewer than 1 of 100"
    if 99.5 < exact < 100:
        return "more than 99 of 100"
    return f"{exact:.0f} of 100"


def budget(data, eps):
    """Say what an attacker may do within a budget."""
    norm, unit = data["parameters"]["norm"], unit_of(data)
    amount = f"{eps:g}{unit}"
    rules = data["parameters"]["constraints"] or {}
    if set(rules) - {"scale"}:
        amount += ", as the constraints allow"
    if norm in ("inf", math.inf):
        return f"every feature may be moved by up to {amount}"
    return f"a row may be moved by up to {amount} in all (l{norm:g})"


def unit_of(data):
    """Give the unit of budgets and distances."""
    rules = data["parameters"]["constraints"]
    by_default = rules is None and len(data["data"]["shape"]) == 1
    scale = "std" if by_default else (rules or {}).get("scale")
    if scale == "std":
        return " standard deviations"
    return "" if scale is None else " of the scale given"


class Figures:
    """The figures of one report, found by what they tell.

    Parameters
    ----------
    data : dict
        Of a report.
    """

    def __init__(self, data):
        self.all = data["figures"]

    def one(self, metric, method=None, by="all", group=None):
        """Give a figure, or None where there is none."""
        for figure in self.all:
            found = (figure["metric"], figure["method"], figure["by"], figure["group"])
            if found == (metric, method, by, group):
                return figure
        return None

    def told(self, metric, **keys):
        """Give a figure that has a value, or None."""
        figure = self.one(metric, **keys)
        return None if figure is None or figure["value"] is None else figure

    def groups(self, metric, by):
        """Give the groups of which a metric is told, in order."""
        found = [f["group"] for f in self.all if f["metric"] == metric and f["by"] == by]
        return [group for group in found if group is not None]

    def features(self, metric):
        """Give the features by whose groups a metric is told, less the classes."""
        found = [f["by"] for f in self.all if f["metric"] == metric and f["group"] is not None]
        return [by for by in dict.fromkeys(found) if by not in ("all", "class")]


def why_not(data, family, otherwise="it was not asked for"):
    """Say why a family has no figure."""
    reasons = [s["why"] for s in data["steps"] if s["family"] == family and s["why"]]
    return f"Not measured: {reasons[0] if reasons else otherwise}."


def robustness(data):
    """Say in words what was found of robustness: a list of sentences."""
    figures = Figures(data)
    robust = figures.told("robust_accuracy")
    if robust is None:
        return [why_not(data, "robustness")]
    eps, right = _first(data["parameters"]["eps"]), figures.told("clean_accuracy")
    lines = [
        "Of the test rows attacked, the model classifies "
        f"{of_hundred(right['value'])} correctly. If {budget(data, eps)}, "
        f"{of_hundred(robust['value'])} are still correct under attack."
    ]
    stuck = _stuck(data, eps)
    if stuck:
        lines.append(
            f"A single step of these features costs more than that, and they stayed as they were: "
            f"{stuck}."
        )
    near = figures.one("median_distance")
    if near is not None and near["value"] is not None:
        unit = unit_of(data) or " in the units of the data"
        lines.append(
            "Half of the rows that it gets right are turned by moves of "
            f"{number(near['value'])}{unit} or less."
        )
    elif near is not None and near["n"]:
        lines.append("For half of the rows it gets right or more, no adversarial row was found.")
    return lines


def _stuck(data, eps, most=8):
    """Name the features that the budget did not let move."""
    found = (s["parameters"] for s in data["steps"] if s["name"] == f"auto_attack@{eps:g}")
    names = [name for parameters in found for name in parameters.get("cannot_move", ())]
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([f"“{name}”" for name in names[:most]] + more)


def privacy(data):
    """Say in words what was found of privacy: a list of sentences."""
    figures = Figures(data)
    area = figures.told("membership_auc")
    if area is None:
        return [why_not(data, "privacy")]
    lines = [
        "Shown one training record and one other, the strongest attack tells which is which in "
        f"{of_hundred(area['value'])} cases; a coin does in 50."
    ]
    found = figures.told("membership_tpr@0.01")
    if found is not None:
        lines.append(
            f"Accusing 1 of 100 others wrongly, it finds {of_hundred(found['value'])} members."
        )
    blind = figures.told("membership_blind_auc")
    apart = blind is not None and (blind["low"] or 0) > 0.5
    if apart:
        more = (area["low"] or 0) > (blind["high"] or 1)
        lines.append(
            "Training and test rows differ in themselves: without the model they are told apart in "
            f"{of_hundred(blind['value'])} cases. They are not from one source, and "
            + ("this is a part of what is found." if more else "what is found may be just that.")
        )
    if (area["low"] or 0) > 0.5:
        if not apart:
            lines.append("The model gives training records away: its interval is above guessing.")
    else:
        lines.append("No leak was shown, which does not prove that there is none.")
    return lines


def fairness(data):
    """Say in words what was found of fairness: a list of sentences."""
    figures = Figures(data)
    gap = figures.told("demographic_parity_difference")
    if gap is None:
        return [why_not(data, "fairness")]
    label = data["fairness"]["pos_label"]
    what = "an answer is given" if label is None else f"the answer “{label}” is given"
    lines = [_gap(f"How often {what} differs by", gap) + _surer(figures, gap)]
    for metric, words in (
        ("equal_opportunity_difference", "How often those who merit it get it differs by"),
        ("robust_accuracy_gap", "Robust accuracy differs by"),
        ("membership_auc_gap", "Leakage (the area) differs by"),
    ):
        figure = figures.told(metric)
        if figure is not None:
            lines.append(_gap(words, figure) + _surer(figures, figure))
    return lines


def _surer(figures, largest):
    """Name a smaller gap, by another feature, that is no chance, where the largest may be."""
    if (largest["low"] or 0) > 0:
        return ""
    others = [
        figure
        for figure in figures.all
        if figure["metric"] == largest["metric"]
        and figure["by"] not in ("all", "class")
        and (figure["low"] or 0) > 0
    ]
    if not others:
        return ""
    sure = max(others, key=lambda figure: figure["value"])
    return (
        f" By {sure['by']} it differs by {number(sure['value'])} ({interval(sure)}), "
        f"{sure['note']}, which is hardly chance."
    )


def _gap(words, figure):
    by, _, groups = (figure["note"] or "").partition(": ")
    sure = (figure["low"] or 0) > 0 or figure["value"] == 0
    chance = "" if sure else " This may be chance."
    return f"{words} {number(figure['value'])} ({interval(figure)}) by {by}, {groups}.{chance}"


def _first(eps):
    return eps[0] if isinstance(eps, list) else eps
