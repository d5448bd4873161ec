"""Every kind of classifier is audited, by what it gives, and is left as it was."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from _instances import tiny_net
from _victims import KINDS, make_case
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, make_blobs
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from audit._cases import QUICK
from sklearn_privfair.attacks import Constraints
from sklearn_privfair.audit import ModelAudit


def _audit(model, parts, groups=None, **params):
    params = QUICK | {"membership": ["loss", "lira"], "on_error": "raise"} | params
    return ModelAudit(model, **params).run(*parts, groups)


def _access(report):
    return report.to_dict()["robustness"]["access"]


@pytest.mark.parametrize("kind", KINDS)
def test_victims_with_gradients(kind):
    case = make_case(kind)
    X, y = case.X, case.y
    before = copy.deepcopy(case.net.state_dict()) if case.net is not None else {}
    mode = case.net.training if case.net is not None else None
    gradients = _gradients(case.net)
    report = _audit(case.model, (X[:20], y[:20], X[20:], y[20:]), max_rows=10)
    assert _access(report) == "gradients"
    assert report.metrics["robust_accuracy"] <= report.metrics["clean_accuracy"]
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "membership_shadows")
    if kind == "module":
        assert step["status"] == "left_out"
        assert "give shadow_estimator" in step["why"]
    else:
        assert step["status"] == "done"
    if case.net is not None:
        assert case.net.training == mode
        for name, tensor in case.net.state_dict().items():
            assert torch.equal(tensor, before[name])
        assert _gradients(case.net) == gradients


def _gradients(net):
    """What training has left; an attack leaves nothing."""
    return [] if net is None else [repr(weight.grad) for weight in net.parameters()]


def _blobs(n=200, **params):
    X, y = make_blobs(n, n_features=3, centers=2, cluster_std=3, random_state=0, **params)
    half = n // 2
    return X[:half], y[:half], X[half:], y[half:]


def test_a_search_is_audited_by_what_it_found():
    parts = _blobs()
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, cv=2)
    report = _audit(search.fit(*parts[:2]), parts)
    assert _access(report) == "scores"
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "membership_shadows")
    assert step["parameters"]["shadow_estimator"].startswith("DecisionTreeClassifier")
    assert "shadow_estimator=model.best_estimator_" in step["reproduce"]


def test_decisions_alone():
    parts = _blobs()
    trees = [(f"t{k}", DecisionTreeClassifier(max_depth=k, random_state=0)) for k in (1, 2, 3)]
    report = _audit(VotingClassifier(trees).fit(*parts[:2]), parts)
    assert _access(report) == "decisions"
    assert report.metrics["robust_accuracy"] < report.metrics["accuracy"]
    assert "log_loss" not in report.metrics


def test_missing_numbers():
    X_train, y_train, X_test, y_test = _blobs()
    for X in (X_train, X_test):
        X[::7, 0] = np.nan
    model = HistGradientBoostingClassifier(max_iter=10).fit(X_train, y_train)
    report = _audit(model, (X_train, y_train, X_test, y_test))
    assert _access(report) == "scores"


def test_categories_and_words():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"age": rng.integers(20, 60, 240), "job": rng.choice(["cook", "smith", "clerk"], 240)}
    ).astype({"job": "category"})
    good = (frame["age"] > 40) ^ (frame["job"] == "cook") ^ (rng.random(240) < 0.1)
    y = np.where(good, "yes", "no")
    encode = make_column_transformer((OneHotEncoder(), ["job"]), (StandardScaler(), ["age"]))
    model = make_pipeline(encode, DecisionTreeClassifier(random_state=0)).fit(frame[:120], y[:120])
    parts = (frame[:120], y[:120], frame[120:], y[120:])
    report = _audit(model, parts, "job", eps=1.0)
    assert _access(report) == "scores"
    assert report.metrics["robust_accuracy"] < report.metrics["accuracy"]
    assert report.to_dict()["fairness"]["pos_label"] == "yes"  # the second of the classes
    assert "as pos_label was not given" in report.to_html()
    report = _audit(model, parts, "job", families=["fairness"], pos_label="no")
    assert report.to_dict()["fairness"] | {"rates": []} == {
        "rates": [],
        "pos_label": "no",
        "chosen_by_us": False,
    }


def test_a_net_behind_an_encoder():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"age": rng.integers(20, 60, 200), "job": rng.choice(["cook", "smith", "clerk"], 200)}
    )
    y = ((frame["age"] > 40) ^ (frame["job"] == "cook")).to_numpy().astype(np.int64)
    encode = make_column_transformer((OneHotEncoder(), ["job"]), (StandardScaler(), ["age"]))
    net = tiny_net(
        module=nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)), callbacks=[]
    ).set_params(max_epochs=30, lr=0.3, batch_size=20)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make_pipeline(encode, FunctionTransformer(np.float32), net)
        model.fit(frame[:100], y[:100])
    parts = (frame[:100], y[:100], frame[100:], y[100:])
    report = _audit(model, parts, "job", eps=1.0, families=["robustness"])
    data = report.to_dict()
    assert _access(report) == "scores"
    assert data["robustness"]["why"] == "OneHotEncoder has no derivative."
    assert [step["status"] for step in data["steps"]] == ["done"] * len(data["steps"])
    assert report.metrics["robust_accuracy"] < report.metrics["accuracy"]


def _odd_columns(n):
    return {
        "dates": pd.date_range("2020", periods=n),
        "durations": pd.to_timedelta(np.arange(n), unit="h"),
        "gaps": pd.array(["x", None] * (n // 2), dtype="string"),
        "mixed": [1, "a"] * (n // 2),
        "lists": [[k] for k in range(n)],
        "ids": [f"id{k}" for k in range(n)],
    }


@pytest.mark.parametrize("kind", _odd_columns(2))
def test_columns_that_the_model_ignores(kind):
    """A smooth model of the numbers, beside which there are other things."""
    X_train, y_train, X_test, y_test = _blobs(400)
    frame = pd.DataFrame(np.concatenate([X_train, X_test]), columns=list("abc"))
    numbers = make_column_transformer((StandardScaler(), ["a", "b", "c"]))
    frame["odd"] = _odd_columns(400)[kind]
    model = make_pipeline(numbers, LogisticRegression()).fit(frame[:200], y_train)
    parts = (frame[:200], y_train, frame[200:], y_test)
    report = _audit(model, parts, eps=1.0, families=["robustness"])
    data = report.to_dict()
    assert _access(report) == "scores"
    assert data["robustness"]["why"] == "Columns hold no numbers, which have no gradient: odd."
    assert {step["status"] for step in data["steps"]} == {"done"}
    steps = [step for step in data["steps"] if step["family"] == "robustness"]
    rules = [step["parameters"]["constraints"] for step in steps]
    still = {"immutable": ["odd"]} if kind in ("dates", "durations", "lists", "ids") else {}
    assert rules == [{"scale": "std", **still}] * 2
    assert report.metrics["robust_accuracy"] < report.metrics["accuracy"]


def test_categories_that_no_training_row_has():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "town": rng.choice(["a", "b"], 200)})
    frame.loc[150:170, "town"] = "c"
    y = (frame["x"] > 0).to_numpy().astype(int)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["town"]), remainder="passthrough"
    )
    model = make_pipeline(encode, LogisticRegression()).fit(frame[:100], y[:100])
    parts = (frame[:100], y[:100], frame[100:], y[100:])
    report = _audit(model, parts, families=["robustness"], max_rows=100)
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "minimum_norm")
    assert step["parameters"]["constraints"]["categories"] == {"town": ["a", "b", "c"]}
    assert "categories={'town': ('a', 'b', 'c')}" in step["reproduce"]
    assert "standard deviations" in report.to_html()


def test_images():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32).reshape(-1, 1, 8, 8)[:300]
    net = tiny_net(
        module=nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), callbacks=[], max_epochs=15
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net.fit(X[:150], y[:150])
    parts = (X[:150], y[:150], X[150:], y[150:300])
    report = _audit(net, parts, eps=0.1, max_rows=30)
    assert report.metrics["robust_accuracy"] < report.metrics["accuracy"] - 0.1
    data = report.to_dict()
    assert data["data"]["shape"] == [1, 8, 8]
    assert "standard deviations" not in report.to_html()


def test_constraints_of_the_users_own():
    parts = _blobs()
    model = LogisticRegression().fit(*parts[:2])
    rules = Constraints(immutable=[0, 1, 2])
    report = _audit(model, parts, constraints=rules, eps=5.0, families=["robustness"])
    assert report.metrics["robust_accuracy"] == pytest.approx(
        report.to_dict()["robustness"]["curves"][0]["accuracy"][0]
    )  # nothing may move
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "minimum_norm")
    assert step["parameters"]["constraints"] == {"immutable": [0, 1, 2]}
    assert "constraints=Constraints(immutable=(0, 1, 2))" in step["reproduce"]


def test_many_classes():
    X, y = make_blobs(600, centers=12, cluster_std=2, random_state=0)
    parts = (X[:300], y[:300], X[300:], y[300:])
    model = DecisionTreeClassifier(random_state=0).fit(*parts[:2])
    group = np.where(np.arange(300) % 3, "a", "b")
    report = _audit(model, parts, (group, group), n_shadow_models=4)
    html = report.to_html()
    assert "more are in the data" in html
    assert len(report.to_dict()["fairness"]["rates"]) == 12
    assert report.metrics["membership_auc_worst_class"] >= report.metrics["membership_auc"]
