"""From plain data to a page: sections made of texts, tables and pictures; then the templates."""

from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sklearn_privfair.audit import _pictures, _reading, _tables
from sklearn_privfair.audit._reading import NAMES, Figures, interval, number

_FOLDER = Path(__file__).parent / "templates"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,  # every value is text, whatever it holds
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
MEASURES = (
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "demographic_parity_ratio",
    "equal_opportunity_ratio",
    "equalized_odds_ratio",
)
_HEADLINES = {
    "robustness": ("robust_accuracy", "robust accuracy", "1 is best"),
    "privacy": ("membership_auc", "leakage: area under the ROC curve", "0.5 is guessing"),
    "fairness": (
        "demographic_parity_difference",
        "largest difference in how often groups get the answer",
        "0 is equal",
    ),
}
_TITLES = {"robustness": "Robustness", "privacy": "Privacy", "fairness": "Fairness"}
_QUESTIONS = {
    "robustness": "How often is the model right when somebody changes rows a little, on purpose?",
    "privacy": "Can the model's answers tell who was in its training set?",
    "fairness": "Does the model treat groups alike?",
}
_LIMITS = {
    "robustness": [
        "It is an upper bound: an attack that was not tried may find more. It is no certificate.",
        "It is about changes of the size stated. Larger ones, or others (a rotated picture, say), "
        "are not covered.",
        "The test rows stand for rows like them, and for no others.",
    ],
    "privacy": [
        "An attack that fails proves nothing; a stronger one may succeed. Only training with "
        "differential privacy bounds them all.",
        "An average hides single records: a few may be exposed entirely while the area is near "
        "0.5. Look at the members found at 1% false alarms.",
        "It supposes that training and test rows are from the same source. If they are not, an "
        "attack finds the source.",
        "The intervals are about the choice of rows, not about the luck of one training.",
    ],
    "fairness": [
        "Equal rates are not justice: which measure is to be equal is a decision about what is "
        "owed to whom, and they cannot all be.",
        "Labels are taken for the truth. Where they are biased, a model that repeats them looks "
        "fair.",
        "Groups that were not named were not compared; nor were their overlaps.",
    ],
}
_ACCESS = {
    "gradients": "its gradients (white box)",
    "scores": "its scores alone (black box)",
    "decisions": "its decisions alone (black box)",
}
_WHATS = {
    "minimum_norm": "looks for the nearest row that the model gets wrong",
    "membership_blind": "trees learn to tell members from others by rows and labels alone",
    "membership_loss": "a record with a low loss is taken for a member",
    "membership_shadows": "models trained alike, on known records, show how members are answered",
    "group_rates": "counts answers and errors by group",
    "accuracy": "asks the model about all rows",
}


@dataclass
class Section:
    """A section: what is asked, the answer, tables and pictures, what it does not prove, how."""

    id: str
    title: str
    question: str = ""
    answers: list = field(default_factory=list)
    parts: list = field(default_factory=list)
    limits: list = field(default_factory=list)
    steps: list = field(default_factory=list)


@dataclass
class Part:
    """A part of a section under a heading of its own."""

    title: str
    text: str = ""
    tables: list = field(default_factory=list)
    pictures: list = field(default_factory=list)


def page(reports, differences=(), framed=False):
    """Give a whole page.

    Parameters
    ----------
    reports : list of dict
        The data of one report, or of two.
    differences : list of str, default=()
        What else differs between two.
    framed : bool, default=False
        Whether it goes into the ``srcdoc`` of a frame, where links to places of the page lead to
        the page around it unless a base is given.

    Returns
    -------
    html : str
    """
    return _ENVIRONMENT.get_template("page.html").render(
        **_summary(reports, differences),
        framed=framed,
        sections=[_accuracy(reports), *_families(reports)],
        style=Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),  # noqa: S704  (ours)
    )


def fragment(reports, differences=()):
    """Give what a notebook shows: the summary, and the page within."""
    return _ENVIRONMENT.get_template("fragment.html").render(
        **_summary(reports, differences), page=page(reports, differences, framed=True)
    )


def _summary(reports, differences):
    names = [data["model"]["name"] for data in reports]
    return {
        "title": f"Audit of {' and '.join(names)}",
        "reports": reports,
        "differences": list(differences),
        "cards": [_card(reports, family) for family in _HEADLINES],
        "left_out": [
            {"model": data["model"]["name"], **step}
            for data in reports
            for step in data["steps"]
            if step["status"] != "done"
        ],
        "warnings": [
            {"model": data["model"]["name"], "title": step["title"], "text": text}
            for data in reports
            for step in data["steps"]
            for text in step["warnings"]
        ],
        "number": number,
        "several": len(reports) > 1,
    }


def _card(reports, family):
    metric, what, ideal = _HEADLINES[family]
    values = []
    for data in reports:
        figure = Figures(data).told(metric)
        values.append(
            {
                "model": data["model"]["name"],
                "value": "–" if figure is None else number(figure["value"]),
                "interval": "" if figure is None else interval(figure),
                "confidence": data["parameters"]["confidence"],
                "sentences": getattr(_reading, family)(data),
            }
        )
    title, question = _TITLES[family], _QUESTIONS[family]
    card = {"family": family, "title": title, "question": question, "values": values}
    return card | {"what": what, "ideal": ideal}


def _accuracy(reports):
    tables = [_tables.accuracy(reports)]
    text = (
        "A gap between training and test rows is overfitting. It gives members away by itself: an "
        "attacker who calls every record that is classified correctly a member is right in half of "
        "the cases plus half of the gap."
    )
    section = Section("accuracy", "Accuracy", "What is the model worth as it is?")
    section.parts = [Part("On training and on test rows", text, tables)]
    section.steps = _steps(reports, "accuracy")
    return section


def _families(reports):
    for family, fill in (
        ("robustness", _fill_robustness),
        ("privacy", _fill_privacy),
        ("fairness", _fill_fairness),
    ):
        section = Section(family, _TITLES[family], _QUESTIONS[family], limits=_LIMITS[family])
        section.answers = [
            {"model": data["model"]["name"], "sentences": getattr(_reading, family)(data)}
            for data in reports
        ]
        section.parts = [part for part in fill(reports) if part.tables or part.pictures]
        section.steps = _steps(reports, family)
        yield section


def _fill_robustness(reports):
    pictures = _pictures.robustness_curves(reports)
    access = [
        f"{data['model']['name']} is attacked by {_ACCESS[data['robustness']['access']]}: "
        f"{data['robustness']['why']}"
        for data in reports
        if data["robustness"]
    ]
    text = (
        "Each row is attacked on its own. A row counts as robust if the model is right about it "
        "before and after every attack. " + " ".join([*access, *_other_rows(reports)])
    )
    yield Part("For all rows", text, _some(_tables.budgets(reports)), pictures[:1])
    for by in _tables.features(reports, "robust_accuracy"):
        tables = _some(
            _tables.groups(
                reports, "robust_accuracy", by, f"Robust accuracy by {by}", "robust_accuracy_gap"
            ),
            _tables.groups(
                reports,
                "robust_if_right",
                by,
                f"Of the rows that the model gets right, the share that holds, by {by}",
                "robust_if_right_gap",
            ),
        )
        text = (
            "A group can be less robust because the model is less accurate for it, or because it "
            "is nearer to the boundary: the second table leaves accuracy out."
        )
        yield Part(f"By {by}", text, tables, _of(pictures, by))


def _other_rows(reports):
    """Say so where the curve and the table do not rest on the same rows."""
    for data in reports:
        clean, n = Figures(data).told("clean_accuracy"), (data["robustness"] or {}).get("n_rows")
        if clean is not None and n and clean["n"] != n:
            yield (
                f"For want of time, the curve of {data['model']['name']} is of {n:,} rows, and the "
                f"table of the first {clean['n']:,} of them."
                if clean["n"] < n
                else f"For want of time, the curve of {data['model']['name']} is of the first "
                f"{n:,} of the {clean['n']:,} rows of the table."
            )


def _fill_privacy(reports):
    pictures = _pictures.roc_curves(reports)
    tables = _some(
        _tables.areas(reports, "Area under the ROC curve; 0.5 is guessing"),
        _tables.methods(reports, "membership_tpr@0.01", NAMES["membership_tpr@0.01"].capitalize()),
    )
    text = (
        "The first axis is how many others are taken for members, the second how many members are "
        "found; what matters is at the left, where few are accused wrongly."
    )
    yield Part("For all records", text, tables, pictures[:1])
    for by in ("class", *_tables.features(reports, "membership_auc")):
        tables = _some(
            _tables.groups(
                reports,
                "membership_auc",
                by,
                f"Area by {by}, strongest attack",
                "membership_auc_gap",
            )
        )
        text = "Classes and groups of few records are often given away first."
        yield Part(f"By {by}", text, tables, _of(pictures, by))


def _fill_fairness(reports):
    pictures, text = _pictures.rates_by_group(reports), _good_answers(reports)
    for by in _tables.features(reports, "accuracy"):
        tables = _some(
            _tables.gaps(reports, by, MEASURES),
            _tables.groups(reports, "accuracy", by, f"Accuracy by {by}", "accuracy_gap"),
        )
        yield Part(f"By {by}", text, tables, _of(pictures, by))


def _good_answers(reports):
    """Say which answer counts as the good one, for each model where they differ."""
    found = {data["model"]["name"]: data["fairness"] for data in reports if data["fairness"]}
    said = {name: _good_answer(fairness) for name, fairness in found.items()}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return " ".join(f"{name}: {text}" for name, text in said.items())


def _good_answer(fairness):
    if fairness["pos_label"] is None:
        return "Each class in turn counts as the good answer."
    how = (
        "the second of the two classes, as pos_label was not given"
        if fairness["chosen_by_us"]
        else "as given"
    )
    return f"The good answer is “{fairness['pos_label']}”, {how}."


def _some(*tables):
    return [table for table in tables if table is not None]


def _of(pictures, by):
    return [picture for picture in pictures if picture.by == by]


def _steps(reports, family):
    return [
        {
            "model": data["model"]["name"],
            "what": _WHATS.get(step["name"], "AutoAttack: several attacks, each on what is left"),
            **step,
        }
        for data in reports
        for step in data["steps"]
        if step["family"] == family
    ]
