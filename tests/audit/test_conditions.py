"""Conditions are read by a pattern; nothing else is a condition, and nothing is run."""

import pytest

from sklearn_privfair.audit._conditions import read_condition
from sklearn_privfair.audit._names import INFINITE, known_metrics

KNOWN = known_metrics(["robustness", "privacy"], [0.1, 2.0])


def _figure(value, low=0.4, high=0.6, note=None, metric="robust_accuracy"):
    figure = {"metric": metric, "by": "all", "method": None, "value": value, "note": note}
    return [figure | {"method": "AutoAttack", "value": -1.0}, figure | {"low": low, "high": high}]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("robust_accuracy<0.5", False),
        ("robust_accuracy <= .5", True),
        (" robust_accuracy > 4.9e-1 ", True),
        ("robust_accuracy>=0.51", False),
        ("robust_accuracy.low<0.45", True),
        ("robust_accuracy.high > 0.6", False),
        ("robust_accuracy>-1", True),
    ],
)
def test_read_and_compared(text, holds):
    assert read_condition(text, KNOWN).holds(_figure(0.5)) is holds


@pytest.mark.parametrize("written", ["1e-05", "0.00001", "1.0e-5"])
def test_a_budget_is_a_number_however_it_is_written(written):
    known = known_metrics(["robustness"], [1e-05])
    condition = read_condition(f"robust_accuracy@{written}.low<0.5", known)
    assert (condition.metric, condition.part) == ("robust_accuracy@1e-05", "low")


@pytest.mark.parametrize(
    "text",
    [
        "robust_accuracy@1..2<0.5",
        "robust_accuracy",
        "robust_accuracy<",
        "<0.5",
        "robust_accuracy=0.5",
        "robust_accuracy==0.5",
        "robust_accuracy<0.5 or True",
        "robust_accuracy<__import__('os').system('true')",
        "robust_accuracy<0.5;1",
        "robust_accuracy.middle<0.5",
        "robust_accuracy<nan",
        "0.5<robust_accuracy",
        "0.2<robust_accuracy<0.5",
        "",
    ],
)
def test_what_is_no_condition(text):
    with pytest.raises(ValueError, match=r"cannot be read|is no number"):
        read_condition(text, KNOWN)


def test_an_unknown_metric_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match="does not measure") as caught:
        read_condition("robust_acuracy<0.5", KNOWN)
    for name in KNOWN:
        assert name in str(caught.value)
    with pytest.raises(ValueError, match="does not measure"):
        read_condition("accuracy_gap<0.5", KNOWN)  # of a family that is not asked
    assert read_condition("robust_accuracy@2<0.5", KNOWN).metric == "robust_accuracy@2"


def test_what_was_not_measured_does_not_pass():
    condition = read_condition("robust_accuracy<0.5", KNOWN)
    assert condition.holds([]) is None
    assert condition.holds(_figure(None)) is None
    assert read_condition("robust_accuracy.low<1", KNOWN).holds(_figure(0.5, low=None)) is None


def test_an_infinite_distance_is_above_all_numbers():
    figures = _figure(None, low=3.0, high=None, note=INFINITE, metric="median_distance")
    assert read_condition("median_distance<1", KNOWN).holds(figures) is False
    assert read_condition("median_distance.high>1e9", KNOWN).holds(figures) is True
    assert read_condition("median_distance.low<4", KNOWN).holds(figures) is True


def test_all_metrics_of_a_report_are_known(report, strange_report):
    families = ["robustness", "privacy", "fairness"]
    assert set(report.metrics) == set(known_metrics(families, [0.1]))
    assert set(strange_report.metrics) <= set(known_metrics(families, [0.1]))
