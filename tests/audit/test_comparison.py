"""Two reports side by side."""

import numpy as np
import pandas as pd
import pytest

from audit._html import Page
from sklearn_privfair.audit import AuditComparison, AuditReport
from sklearn_privfair.audit._inputs import fingerprint


@pytest.fixture(scope="module")
def both(report, other_report):
    return AuditComparison(report, other_report)


def test_frame(both, report, other_report):
    frame = both.to_frame()
    assert frame.columns[-3:].tolist() == ["linear", "forest", "difference"]
    line = frame[(frame["metric"] == "accuracy") & (frame["by"] == "all")].iloc[0]
    assert line["linear"] == report.metrics["accuracy"]
    assert line["forest"] == other_report.metrics["accuracy"]
    assert line["difference"] == line["forest"] - line["linear"]
    only = frame[frame["method"] == "learned"]  # the forest was not attacked by it
    assert only["linear"].notna().any()
    assert np.isnan(only["forest"]).all()
    assert not frame.duplicated(["metric", "family", "method", "by", "group"]).any()


def test_page(both, report, other_report):
    page = Page(both.to_html())
    assert page.unclosed == []
    assert len(page.ids()) == len(set(page.ids()))
    text = " ".join(page.text.split())
    assert "Audit of linear and forest" in text
    for one in (report, other_report):
        assert f"{one.metrics['robust_accuracy']:.3f}" in text
    assert "linear: coarse" in text  # curves of both in one picture
    assert "forest: coarse" in text


def test_what_else_differs_is_said(both):
    assert both.differences == [
        "membership: ['loss', 'lira', 'learned', 'shadow'] and ['loss', 'lira']"
    ]
    assert both.differences[0] in Page(both.to_html()).text
    data = both.second.to_dict()
    data["data"]["n_test"] += 1
    data["environment"]["packages"]["numpy"] = "0.1"
    more = AuditComparison(both.first, AuditReport(data)).differences
    assert any(line.startswith("test rows: 319 and 320") for line in more)
    assert any(line.startswith("version of numpy") for line in more)


def test_other_rows_are_noticed_though_there_are_as_many(both):
    data = both.second.to_dict()
    data["data"]["hash_test"] = "another"
    more = AuditComparison(both.first, AuditReport(data)).differences
    assert "the test rows, though there are as many" in more
    del data["data"]["hash_test"]  # a report of an earlier version
    assert AuditComparison(both.first, AuditReport(data)).differences == both.differences


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame])
def test_the_fingerprint_is_of_values(kind):
    X, y = np.arange(12.0).reshape(4, 3), np.array(["a", "b", "a", "b"])
    known = fingerprint(kind(X), y)
    assert fingerprint(kind(X.copy()), y.astype(object)) == known
    assert fingerprint(kind(X[::-1]), y) != known
    assert fingerprint(kind(X + 1e-9), y) != known
    assert fingerprint(kind(X), y[::-1]) != known
    mixed = pd.DataFrame({"a": ["x", 1, None, 2.5], "b": pd.Categorical(["u", "v", "u", "u"])})
    assert fingerprint(mixed, y) == fingerprint(mixed.copy(), y)
    assert fingerprint(mixed, y) != fingerprint(mixed[["b", "a"]], y)


def test_names(report):
    same = AuditComparison(report, report)
    assert same.to_frame().columns[-3:-1].tolist() == ["linear (1)", "linear (2)"]
    assert same.differences == []
    given = AuditComparison(report, report, names=("before", "<b>after</b>"))
    assert given.to_frame().columns[-3:-1].tolist() == ["before", "<b>after</b>"]
    assert "<b>" not in given.to_html()
    assert "<b>" not in given._repr_html_()
    assert report.to_dict()["model"]["name"] == "linear"
    with pytest.raises(ValueError, match="must be two"):
        AuditComparison(report, report, names=("before",))


def test_other_groups(report, strange_report):
    assert Page(AuditComparison(report, strange_report).to_html()).unclosed == []
