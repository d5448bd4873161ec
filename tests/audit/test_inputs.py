"""What an audit is given: a wrong name is an error that says so, before any step; few rows do."""

import numpy as np
import pandas as pd
import pytest

from audit._cases import audit_of, linear_case
from sklearn_privfair.attacks import Constraints


def _with_columns():
    """Give the case with its groups as columns of the rows, and two of them."""
    case = linear_case()
    X_train, y_train, X_test, y_test = case.parts
    case.model.fit(X_train.assign(sex=0, race=0), y_train)
    parts = []
    for X, groups in zip((X_train, X_test), case.groups, strict=True):
        sex = (groups["texture"] == "fine").astype(int).to_numpy()
        parts.append(X.assign(sex=sex, race=np.arange(len(X)) % 3))
    case.parts = parts[0], y_train, parts[1], y_test
    return case


@pytest.mark.parametrize("names", [("sex", "race"), ["sex", "race"], pd.Index(["sex", "race"])])
def test_names_of_columns(names):
    case = _with_columns()
    report = audit_of(case, families=["fairness"]).run(*case.parts, names)
    assert list(report.to_dict()["data"]["groups"]) == ["sex", "race"]


@pytest.mark.parametrize("names", ["rcae", ("sex", "rcae"), ["sex", "rcae"], pd.Index(["rcae"])])
def test_a_name_that_is_no_column(names):
    case = _with_columns()
    with pytest.raises(ValueError, match=r"names \['rcae'\], which are no columns of X"):
        audit_of(case).run(*case.parts, names)


def test_a_list_with_a_value_for_each_row_is_no_list_of_names():
    case = linear_case()
    values = case.groups[1]["texture"].tolist()
    report = audit_of(case, families=["fairness"]).run(*case.parts, values)
    assert list(report.to_dict()["data"]["groups"]) == ["group"]


def test_ages_are_no_groups():
    case = linear_case()
    ages = np.arange(len(case.parts[2])) % 50 + 18
    with pytest.raises(ValueError, match=r"'group' has 50 different numbers, too many.*qcut"):
        audit_of(case).run(*case.parts, ages)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pos_label": "maybe"}, r"pos_label='maybe' is none of the labels, \[.*0.*1.*\]"),
        ({"constraints": Constraints(immutable=["no such"])}, "no such"),
    ],
)
def test_what_the_data_contradict_is_an_error(parameters, message):
    case = linear_case()
    with pytest.raises(ValueError, match=message):
        audit_of(case, **parameters).run(*case.parts)


@pytest.mark.parametrize("n_test", [1, 2, 3, 4, 5, 6, 12])
def test_few_test_rows(n_test):
    case = linear_case()
    X_train, y_train, X_test, y_test = case.parts
    audit = audit_of(case, membership=["loss"])
    report = audit.run(X_train, y_train, X_test[:n_test], y_test[:n_test])
    assert "How it was made" in report.to_html()
    assert report.metrics["accuracy"] is not None
    judged = report.metrics.get("membership_auc")
    assert (judged is None) == (n_test < 5)
    if n_test < 5:
        whys = [s["why"] for s in report.left_out if s["name"] == "membership_loss"]
        assert whys[0].startswith(f"{n_test} test rows are too few")
