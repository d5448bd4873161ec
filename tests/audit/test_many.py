"""Many classes and many groups: the worst are drawn, and it is said that they are not all."""

import re

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from audit._cases import Case, audit_of, linear_case
from audit._html import Page
from sklearn_privfair.audit import AuditComparison

TOWNS = np.array([f"town {i:02d}" for i in range(12)])


@pytest.fixture(scope="module")
def many():
    X, y = make_blobs(720, centers=6, cluster_std=4, random_state=0)
    town = np.random.default_rng(0).choice(TOWNS, 720)
    parts = X[:360], y[:360], X[360:], y[360:]
    model = LogisticRegression().fit(*parts[:2])
    case = Case(model, parts, (town[:360], town[360:]))
    return case, audit_of(case, max_rows=120).run(*parts, case.groups)


def _captions(report):
    return re.findall("<figcaption>(.*?)</figcaption>", report.to_html())


def test_the_worst_are_drawn_and_counted(many):
    _, report = many
    captions = _captions(report)
    assert "Robust accuracy against the budget, by group (the 8 least robust of 12)" in captions
    assert any(
        re.fullmatch(r"Members found against false alarms, by group \(the 8 most .*\)", caption)
        for caption in captions
    )
    rates = [caption for caption in captions if caption.startswith("Rates by group, of class")]
    assert len(rates) == 4
    gaps = {}
    for table in report.to_dict()["fairness"]["rates"]:
        names = ("selection_rate", "true_positive_rate", "false_positive_rate")
        known = [[r[n] for r in table["rows"] if r[n] is not None] for n in names]
        gaps[table["class"]] = max(max(values) - min(values) for values in known)
    worst = sorted(gaps, key=lambda label: -gaps[label])[:4]
    assert set(rates) == {f"Rates by group, of class {label}" for label in worst}


def test_least_robust_curves(many):
    _, report = many
    curves = [c for c in report.to_dict()["robustness"]["curves"] if c["by"] == "group"]
    robust = sorted(curves, key=lambda curve: -np.mean(curve["accuracy"]))[:4]
    assert len(curves) == 12
    page = Page(report.to_html())
    title = r"Robust accuracy against the budget, by group \(the 8 [^)]*\)"
    (words,) = re.findall(rf"{title}, in words and numbers\s+(.*)", page.text)
    named = set(re.findall(r"town \d\d", words))
    assert named == set(TOWNS) - {curve["group"] for curve in robust}


def test_two_models_share_the_picture(many):
    """Each with its own worst groups: none is cut off because it comes second."""
    case, report = many
    other = audit_of(case, name="other", max_rows=120).run(*case.parts, case.groups)
    captions = _captions(AuditComparison(report, other))
    assert "Robust accuracy against the budget, by group (the 4 least robust of 12)" in captions


def test_groups_that_differ_are_drawn_apart(many):
    case, report = many
    fewer = tuple(np.where(part == TOWNS[0], TOWNS[1], part) for part in case.groups)
    audit = audit_of(case, name="other", families=["fairness"], pos_label=None)
    captions = _captions(AuditComparison(report, audit.run(*case.parts, fewer)))
    for name in (report.to_dict()["model"]["name"], "other"):
        assert sum(c.startswith("Rates by group") and c.endswith(f", of {name}") for c in captions)


def test_what_differs_between_two_is_said_of_each():
    case = linear_case()
    reports = [
        audit_of(case, name=name, pos_label=label, max_rows=n).run(*case.parts, case.groups)
        for name, label, n in (("one", 1, 20), ("two", 0, 24))
    ]
    text = " ".join(Page(AuditComparison(*reports).to_html()).text.split())
    assert "one: The good answer is “1”, as given. two: The good answer is “0”, as given." in text
    rows = [
        figure["n"]
        for report in reports
        for figure in report.to_dict()["figures"]
        if (figure["metric"], figure["group"]) == ("robust_accuracy", "fine")
    ]
    assert f"fine {rows[0]} and {rows[1]} rows" in text
