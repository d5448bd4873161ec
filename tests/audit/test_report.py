"""The report: plain data by its schema, a table, and a page that is whole, safe and accessible."""

import json
import re
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest

import sklearn_privfair.audit
from audit._cases import SCRIPT, STRANGE
from audit._html import Page
from sklearn_privfair.audit import AuditReport
from sklearn_privfair.audit._svg import inline_svg, label

FOLDER = Path(sklearn_privfair.audit.__file__).parent
SCHEMA = json.loads((FOLDER / "schema.json").read_text())
REPORTS = ["report", "other_report", "strange_report"]


@pytest.fixture(params=REPORTS)
def any_report(request):
    return request.getfixturevalue(request.param)


def test_data_are_as_the_schema_says(any_report):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(any_report.to_json()), SCHEMA)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda data: data.pop("figures"),
        lambda data: data.update(schema_version="2.0"),
        lambda data: data["figures"][0].update(value="0.9"),
        lambda data: data["figures"][0].update(family="speed"),
        lambda data: data["steps"][0].update(status="forgotten"),
        lambda data: data["robustness"].update(access="keys"),
        lambda data: data["privacy"]["roc"][0].update(auc=1.5),
        lambda data: data.update(extra=1),
    ],
)
def test_the_schema_refuses_other_data(report, break_it):
    data = report.to_dict()
    break_it(data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


def test_there_and_back(any_report, tmp_path):
    path = tmp_path / "report.json"
    any_report.to_json(path)
    again = AuditReport.from_json(path)
    assert again.to_dict() == any_report.to_dict()
    assert again.to_html() == any_report.to_html()


def test_data_of_another_version(report):
    with pytest.raises(ValueError, match="run the audit again"):
        AuditReport(report.to_dict() | {"schema_version": "2.0"})
    assert AuditReport(report.to_dict() | {"schema_version": "1.7"}).metrics == report.metrics


def test_what_is_given_out_is_a_copy(report):
    before = report.to_json()
    report.to_dict()["figures"].clear()
    report.metrics.clear()
    assert report.to_json() == before


def test_frame(report):
    frame = report.to_frame()
    assert len(frame) == len(report.to_dict()["figures"])
    overall = frame[(frame["by"] == "all") & frame["method"].isna()]
    assert overall["metric"].is_unique
    assert dict(zip(overall["metric"], overall["value"], strict=True))["accuracy"] > 0.8
    inside = frame.dropna(subset=["value", "low", "high"])
    assert (inside["low"] <= inside["value"] + 1e-9).all()
    assert (inside["value"] <= inside["high"] + 1e-9).all()
    assert len(inside) > 40


def test_repr(report):
    assert re.fullmatch(
        r"AuditReport\('linear', accuracy=0\.\d+, robust_accuracy=0\.\d+, "
        r"membership_auc=0\.\d+, demographic_parity_difference=0\.\d+\)",
        repr(report),
    )


def test_page_is_well_formed_and_whole(any_report):
    html = any_report.to_html()
    page = Page(html)
    assert html.startswith("<!doctype html>")
    assert page.unclosed == []
    assert len(page.ids()) == len(set(page.ids()))
    assert page.all("script") == page.all("iframe") == page.all("img") == []
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href", "action", "data"):
                assert value.startswith(("#", "data:")), (tag, value)
            assert "url(http" not in (value or "")
    assert "@import" not in html
    assert "http-equiv" in html


def test_links_lead_somewhere(any_report):
    page = Page(any_report.to_html())
    links = [a["href"] for a in page.all("a")]
    assert len(links) >= 8
    assert {link.removeprefix("#") for link in links} <= set(page.ids())


def test_what_assistive_technology_needs(any_report):
    page = Page(any_report.to_html())
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("main")) == len(page.all("header")) == len(page.all("nav")) == 1
    first_link = page.all("a")[0]
    assert first_link == {"class": "skip", "href": "#summary"}
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all(th.get("scope") in ("col", "row") for th in page.all("th"))
    ids = set(page.ids())
    pictures = page.all("svg")
    assert len(pictures) >= 3
    for picture in pictures:
        assert picture["role"] == "img"
        assert set(picture["aria-labelledby"].split()) <= ids
    for _, attributes in page.elements:
        if "aria-labelledby" in attributes:
            assert set(attributes["aria-labelledby"].split()) <= ids
    # what scrolls can be reached by the keyboard, and has a name
    for attributes in page.all("div"):
        if attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0"
            assert attributes["aria-label"]


def test_every_picture_has_its_words(report):
    page = Page(report.to_html())
    figures, details = len(page.all("figure")), page.text.count("in words and numbers")
    assert figures == details >= 6
    assert "from 0." in page.text  # of a curve


def test_summary_says_what_the_data_say(report):
    text = " ".join(Page(report.to_html()).text.split())
    robust = report.metrics["robust_accuracy"]
    assert f"{100 * robust:.0f} of 100 are still correct" in text
    assert "every feature may be moved by up to 0.1 standard deviations" in text
    assert f"{100 * report.metrics['membership_auc']:.0f} of 100 cases" in text
    assert f"{report.metrics['demographic_parity_difference']:.3f}" in text
    assert "What this does not prove" in text
    for name, seed in report.to_dict()["seeds"].items():
        assert str(seed) in text, name
    for name, version in report.to_dict()["environment"]["packages"].items():
        assert f"{name}{version}" in text.replace(" ", ""), name


def test_every_value_is_text(strange_report):
    """Names that are markup, mathematics, or hidden to matplotlib, come out as they are."""
    html = strange_report.to_html()
    page = Page(html)
    assert "<script" not in html
    assert page.comments == []
    for name in STRANGE[:4]:
        assert page.text.count(name) >= 3, name
    assert "a&b\x07'\"" in page.text
    assert 'Audit of <script>alert("name")</script>' in page.text
    data = strange_report.to_dict()
    assert set(data["model"]["classes"]) == set(STRANGE[:3])
    assert set(data["data"]["groups"][SCRIPT]) == set(STRANGE)


def test_what_a_notebook_shows_is_safe_too(strange_report):
    html = strange_report._repr_html_()
    page = Page(html)
    assert "<script" not in html
    assert page.unclosed == []
    (frame,) = page.all("iframe")
    assert "sandbox" in frame
    base = '<base href="about:srcdoc">\n'  # else its links lead to the notebook's page
    assert base in frame["srcdoc"]
    assert frame["srcdoc"].replace(base, "") == strange_report.to_html()  # the page as an attribute


@pytest.mark.parametrize(
    "name", ["$x$", r"\$", "$", r"$\frac{1}$", "a$b", "_x", "__", "\x00\ud800"]
)
def test_names_in_pictures_are_no_mathematics(name):
    svg = inline_svg(
        lambda figure: figure.text(0.5, 0.5, label(name)), "key", name, name, (3.0, 2.0)
    )
    shown = re.sub(r"[\x00-\x1f\ud800]", "\ufffd", name)
    assert shown in Page(str(svg)).text


def test_pictures_share_no_names():
    def draw(figure):
        axes = figure.subplots()
        axes.plot([0, 1], marker="o")

    one, again, two = (inline_svg(draw, k, "t", "d", (2, 2)) for k in ("one", "one", "two"))
    assert set(Page(str(one)).ids()).isdisjoint(Page(str(two)).ids())
    assert one == again
    uses = [use["xlink:href"].removeprefix("#") for use in Page(str(one)).all("use")]
    assert uses
    assert set(uses) <= set(Page(str(one)).ids())


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, two):
    lighter, darker = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_colours_have_the_contrast_that_wcag_asks_for():
    css = (FOLDER / "templates" / "style.css").read_text()
    themes = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    assert len(themes) == 3  # light, dark, print
    for theme in themes[:2]:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme))
        for ink in ("ink", "soft", "link"):
            for paper in ("paper", "panel", "notice"):
                assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
