"""What the report says in words is so of the features and rules that it was measured with."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from audit._cases import Case, audit_of, linear_case
from audit._html import Page
from sklearn_privfair.attacks import Constraints
from sklearn_privfair.audit._reading import fairness


def test_features_that_the_budget_does_not_let_move_are_named():
    """Else "every feature may be moved" would be said of a category that no attack changed."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"height": rng.normal(size=200), "town": rng.choice(["a", "b"], 200)})
    y = (X["height"] + (X["town"] == "a") > 0.5).astype(int).to_numpy()
    numbers = StandardScaler(), make_column_selector(dtype_include="number")
    columns = make_column_transformer(numbers, (OneHotEncoder(), ["town"]))
    model = make_pipeline(columns, LogisticRegression()).fit(X[:100], y[:100])
    case = Case(model, (X[:100], y[:100], X[100:], y[100:]), None)
    report = audit_of(case, families=["robustness"], eps=[0.1, 1.5]).run(*case.parts)
    stuck = {s["name"]: s["parameters"].get("cannot_move") for s in report.to_dict()["steps"]}
    assert stuck["auto_attack@0.1"] == ["town"]
    assert stuck["auto_attack@1.5"] == []
    page = Page(report.to_html()).text
    assert "they stayed as they were: “town”." in page
    assert "AutoAttack: several attacks" in page  # in its own letters
    assert "heighttown" not in page
    assert "height, town" in page
    assert "make_column_selector object" in page
    assert " at 0x" not in page  # a place in memory, another in each run


def test_rules_are_said_where_the_budget_is():
    case = linear_case()
    rules = Constraints(scale="std", immutable=["mean radius"])
    report = audit_of(case, families=["robustness"], constraints=rules).run(*case.parts)
    assert "0.1 standard deviations, as the constraints allow" in Page(report.to_html()).text


def _fairness_data(low):
    gap = {"metric": "demographic_parity_difference", "family": "fairness", "method": None}
    gap |= {"group": None, "n": 100, "low": low, "high": 0.9}
    notes = {"race": "lowest for A, highest for B", "sex": "lowest for f, highest for m"}
    race = gap | {"by": "race", "value": 0.3, "note": notes["race"]}
    sex = gap | {"by": "sex", "value": 0.2, "low": 0.1, "high": 0.25, "note": notes["sex"]}
    largest = race | {"by": "all", "note": f"race: {notes['race']}"}
    return {"figures": [race, sex, largest], "fairness": {"pos_label": "yes"}, "steps": []}


def test_a_gap_that_may_be_chance_does_not_hide_one_that_is_not():
    (line,) = fairness(_fairness_data(low=0.0))
    assert "differs by 0.300 (0.000 to 0.900) by race, lowest for A, highest for B." in line
    assert line.endswith(
        "This may be chance. By sex it differs by 0.200 (0.100 to 0.250), lowest for f, highest "
        "for m, which is hardly chance."
    )
    (line,) = fairness(_fairness_data(low=0.05))
    assert line.endswith("highest for B.")
