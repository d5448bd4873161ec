"""What an audit finds is true: closed forms, other implementations, made data; and its rules."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from audit._cases import QUICK, Case, audit_of, linear_case, without_times
from audit._html import Page
from sklearn_privfair.audit import ModelAudit, _privacy, _robustness
from sklearn_privfair.audit._clock import Clock
from sklearn_privfair.audit._steps import how_long
from sklearn_privfair.metrics import equalized_odds_difference


def _value(report, metric, **keys):
    keys = {"by": "all", "method": None, "group": None} | keys
    frame = report.to_frame()
    frame = frame[frame["metric"] == metric]
    for name, wanted in keys.items():
        frame = frame[frame[name].isna() if wanted is None else frame[name] == wanted]
    assert len(frame) == 1, (metric, keys)
    return frame.iloc[0]


def test_robustness_of_a_linear_model_is_the_closed_form():
    case = linear_case(frame=False)
    X_train, _, X_test, y_test = case.parts
    audit = audit_of(
        case, families=["robustness"], bounds=None, max_rows=None, eps=[0.3, 0.1], n_steps=30
    )
    report = audit.run(*case.parts, case.groups)
    slope = case.model[-1].coef_[0] / case.model[0].scale_
    distance = abs(case.model.decision_function(X_test)) / (abs(slope) @ X_train.std(axis=0))
    right = case.model.predict(X_test) == y_test
    for eps, metric in ((0.3, "robust_accuracy"), (0.1, "robust_accuracy@0.1")):
        assert abs(distance - eps).min() > 1e-4  # no row so near that rounding decides
        expected = np.mean(right & (distance > eps))
        assert _value(report, metric)["value"] == pytest.approx(expected)
        method = _value(report, f"robust_accuracy@{eps:g}", method="AutoAttack")
        assert method["value"] == pytest.approx(expected)
    median = _value(report, "median_distance")
    assert median["value"] == pytest.approx(np.median(distance[right]), rel=1e-4)
    assert median["low"] < median["value"] < median["high"]
    texture = case.groups[1]["texture"].to_numpy()
    shares = {}
    for name in ("coarse", "fine"):
        held = (right & (distance > 0.3))[texture == name]
        found = _value(report, "robust_accuracy", by="texture", group=name)
        assert found["value"] == pytest.approx(held.mean())
        shares[name] = held.sum() / right[texture == name].sum()
        found = _value(report, "robust_if_right", by="texture", group=name)
        assert found["value"] == pytest.approx(shares[name])
    gap = _value(report, "robust_if_right_gap", by="texture")
    assert gap["value"] == pytest.approx(abs(shares["coarse"] - shares["fine"]))
    assert gap["low"] <= gap["value"] <= gap["high"]


@pytest.mark.parametrize(("norm", "key"), [(1, "l1"), (2, "l2")])
def test_other_norms(norm, key):
    case = linear_case(frame=False)
    report = audit_of(case, families=["robustness"], bounds=None, norm=norm, eps=0.1).run(
        *case.parts
    )
    scale = case.parts[0].std(axis=0)
    slope = case.model[-1].coef_[0] / case.model[0].scale_ * scale
    index = np.random.default_rng(report.to_dict()["seeds"]["robustness"]).permutation(
        len(case.parts[2])
    )[: QUICK["max_rows"]]
    X, y = case.parts[2][index], case.parts[3][index]
    length = abs(slope).max() if norm == 1 else np.linalg.norm(slope)
    distance = abs(case.model.decision_function(X)) / length
    right = case.model.predict(X) == y
    expected = np.median(distance[right])
    assert _value(report, "median_distance")["value"] == pytest.approx(expected, rel=2e-3)


def test_accuracy_before_and_after_is_that_of_the_same_rows(report):
    case, data = linear_case(), report.to_dict()
    rows = np.random.default_rng(data["seeds"]["robustness"]).permutation(len(case.parts[3]))[:60]
    right = case.model.predict(case.parts[2]) == case.parts[3]
    clean = report.metrics["clean_accuracy"]
    assert clean == right[rows].mean()
    assert clean != report.metrics["accuracy"]
    assert clean == data["robustness"]["curves"][0]["accuracy"][0]
    assert clean >= report.metrics["robust_accuracy"]
    assert f"the model classifies {100 * clean:.0f} of 100 correctly" in report.to_html()


def test_what_any_attack_found_counts(report):
    data = report.to_dict()
    curve = data["robustness"]["curves"][0]
    at = np.searchsorted(curve["eps"], 0.1, side="right") - 1
    assert curve["accuracy"][at] == pytest.approx(report.metrics["robust_accuracy"])
    alone = _value(report, "robust_accuracy@0.1", method="AutoAttack")["value"]
    assert report.metrics["robust_accuracy"] <= alone


def test_membership_by_the_loss_is_the_area_over_all_records(report):
    case = linear_case()
    X_train, y_train, X_test, y_test = case.parts
    order = np.random.default_rng(report.to_dict()["seeds"]["privacy"]).permutation(len(y_test))
    others = order[len(order) // 4 :]
    X, y = pd.concat([X_train, X_test.iloc[others]]), np.append(y_train, y_test[others])
    proba = case.model.predict_proba(X)[np.arange(len(y)), y]
    membership = np.arange(len(y)) < len(y_train)
    expected = roc_auc_score(membership, proba)
    assert _value(report, "membership_auc", method="loss")["value"] == pytest.approx(expected)


def _two_groups(n=300):
    """Labels that follow the first feature, for some; for others they are noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * n, 4))
    noisy = np.arange(2 * n) % 2 == 0
    y = np.where(noisy, rng.integers(2, size=2 * n), X[:, 0] > 0).astype(int)
    X[:, 1] = noisy
    group = np.where(noisy, "noisy", "plain")
    model = DecisionTreeClassifier(random_state=0).fit(X[:n], y[:n])
    return Case(model, (X[:n], y[:n], X[n:], y[n:]), (group[:n], group[n:]))


def test_a_group_that_is_learned_by_heart_is_found_to_leak_most():
    case = _two_groups()
    audit = audit_of(case, families=["privacy", "fairness"], membership=["loss", "lira"])
    report = audit.run(*case.parts, case.groups)
    noisy = _value(report, "membership_auc", by="group", group="noisy")
    plain = _value(report, "membership_auc", by="group", group="plain")
    assert noisy["low"] > 0.6
    assert plain["high"] < noisy["low"]
    gap = _value(report, "membership_auc_gap", by="group")
    assert gap["low"] > 0
    assert gap["note"] == "lowest for plain, highest for noisy"
    worst = _value(report, "membership_auc_worst_group")
    assert (worst["value"], worst["note"]) == (noisy["value"], "group: noisy")
    assert report.metrics["train_accuracy"] == 1
    assert report.metrics["generalization_gap"] == pytest.approx(1 - report.metrics["accuracy"])
    assert _value(report, "accuracy_gap")["low"] > 0


def test_groups_that_are_treated_alike_are_said_to_be():
    case = linear_case()
    X_train, y_train, X_test, y_test = case.parts
    parts = (X_train, y_train, pd.concat([X_test, X_test]), np.append(y_test, y_test))
    group = ["a"] * len(y_test) + ["b"] * len(y_test)  # the same rows twice
    report = audit_of(case, families=["fairness"]).run(*parts, group)
    gap = _value(report, "demographic_parity_difference")
    assert (gap["value"], gap["note"]) == (0, "group: the same for all")
    text = " ".join(Page(report.to_html()).text.split())
    assert "by group, the same for all." in text
    assert "the same for all. This may be chance" not in text


def test_fairness_figures_are_those_of_the_metrics(report):
    case = linear_case()
    predicted, texture = case.model.predict(case.parts[2]), case.groups[1]["texture"]
    rates = pd.Series(predicted).groupby(texture.to_numpy()).mean()
    expected = rates.max() - rates.min()
    assert report.metrics["demographic_parity_difference"] == pytest.approx(expected)
    odds = equalized_odds_difference(case.parts[3], predicted, sensitive_features=texture)
    assert report.metrics["equalized_odds_difference"] == pytest.approx(odds)
    assert _value(report, "selection_rate", by="texture", group="fine")["value"] == rates["fine"]


def test_rows_that_are_in_both_parts_are_not_judged_as_strangers():
    case = linear_case(frame=False)
    X_train, y_train, X_test, y_test = case.parts
    parts = (X_train, y_train, np.vstack([X_test, X_train[:40]]), np.append(y_test, y_train[:40]))
    report = audit_of(case, families=["privacy"], membership=["loss"]).run(*parts)
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "membership_loss")
    left_out = step["parameters"]["n_doubles_left_out"]
    assert 20 < left_out <= 40
    n_test = len(y_test) + 40
    assert step["parameters"]["n_non_members"] == n_test - n_test // 4 - left_out
    names = case.names | dict(zip(("X_train", "y_train", "X_test", "y_test"), parts, strict=True))
    assert _printed(step["reproduce"], names) == pytest.approx([report.metrics["membership_auc"]])


def _printed(code, names):
    """Run code, and give the numbers that it prints at the ends of lines."""
    lines = []
    exec(code, names | {"print": lambda *values: lines.append(values[-1])})
    return lines


def _figures_of(report, step):
    metrics = {
        "accuracy": [("train_accuracy", None), ("accuracy", None)],
        "minimum_norm": [("median_distance", None)],
        "auto_attack@0.1": [("robust_accuracy@0.1", "AutoAttack")],
        "membership_loss": [("membership_auc", "loss")],
        "membership_blind": [("membership_blind_auc", None)],
        "membership_shadows": [
            ("membership_auc", method) for method in step["parameters"].get("methods", ())
        ],
    }[step["name"]]
    return [_value(report, metric, method=method)["value"] for metric, method in metrics]


@pytest.mark.parametrize("kind", ["frame", "array"])
def test_code_that_repeats_a_step_gives_the_same_figures(kind, report):
    case = linear_case(frame=kind == "frame")
    if kind == "array":  # and with parameters of the user's
        audit = audit_of(case, norm=2, bounds=(-1, 1e4), membership=["loss", "rmia"])
        report = audit.run(*case.parts)
    for step in report.to_dict()["steps"]:
        if step["status"] == "left_out" or step["name"] == "group_rates":
            continue
        found = _printed(step["reproduce"], case.names)
        assert found == pytest.approx(_figures_of(report, step), rel=1e-6), step["name"]


def test_code_that_repeats_the_group_rates(report):
    case = linear_case()
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "group_rates")
    (values,) = _printed(step["reproduce"], case.names | {"groups": case.groups[1]})
    for measure, value in values.items():
        assert value == _value(report, measure, by="texture")["value"]


def test_the_seed_decides_everything(report):
    case = linear_case()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    again = audit_of(case, name="linear", n_jobs=2).run(*case.parts, case.groups)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert without_times(again.to_dict()) == without_times(report.to_dict())


def test_another_seed_draws_other_rows(report):
    case = linear_case()
    other = audit_of(case, random_state=1, families=["robustness"]).run(*case.parts)
    assert other.to_dict()["seeds"]["robustness"] != report.to_dict()["seeds"]["robustness"]


def test_a_clone_of_the_audit_has_its_parameters():
    audit = ModelAudit(LogisticRegression(), eps=[0.1, 0.2], membership=["rmia"], verbose=2)
    twin = clone(audit)
    assert twin.get_params()["eps"] == [0.1, 0.2]
    assert twin.membership == ["rmia"]


@pytest.fixture
def time(monkeypatch):
    """A clock by which a row attacked takes half a second, and a model trained three."""
    moment = {"now": 0.0}
    monkeypatch.setattr(Clock, "now", staticmethod(lambda: moment["now"]))
    attack, fit = _robustness.Rows.attack, _privacy.fit_anew

    def attack_slowly(rows, attack_, index):
        moment["now"] += 0.5 * len(index)
        return attack(rows, attack_, index)

    def fit_slowly(*args, **kwargs):
        moment["now"] += 3.0
        return fit(*args, **kwargs)

    monkeypatch.setattr(_robustness.Rows, "attack", attack_slowly)
    monkeypatch.setattr(_privacy, "fit_anew", fit_slowly)
    return moment


def _within(budget, **params):
    case = linear_case()
    report = audit_of(case, time_budget=budget, max_rows=200, **params).run(*case.parts)
    return report, {step["name"]: step for step in report.to_dict()["steps"]}


def test_a_budget_cuts_steps_and_the_report_says_so(time):
    report, steps = _within(90, families=["robustness"], n_queries=50)
    attacked = steps["minimum_norm"]
    assert attacked["status"] == "partial"
    assert attacked["n_rows"] == 72  # of 90 s 8/20, at half a second each
    assert attacked["why"].startswith("72 of 200 rows attacked: all would have taken about 100 s")
    assert "time budget of 90 s" in attacked["why"]
    assert steps["auto_attack@0.1"]["n_rows"] == 108  # what is left, 54 s
    assert _value(report, "robust_accuracy")["n"] == 108
    assert [step["name"] for step in report.left_out] == ["minimum_norm", "auto_attack@0.1"]
    page = Page(report.to_html()).text
    assert attacked["why"] in page
    assert "curve of Pipeline is of the first 72 of the 108 rows of the table" in page


def test_what_there_is_no_time_for_is_left_out(time):
    report, steps = _within(3, families=["robustness", "privacy"])
    assert steps["minimum_norm"]["n_rows"] == 64  # the first rows, to tell how long they take
    for name in ("auto_attack@0.1", "membership_shadows"):
        assert steps[name]["status"] == "left_out"
        assert "time budget of 3 s was used up" in steps[name]["why"]
    for metric in ("accuracy", "membership_auc"):  # what costs nothing comes first
        assert report.metrics[metric] is not None
    assert _value(report, "robust_accuracy")["note"].startswith("without AutoAttack")
    assert "left out" in Page(report.to_html()).text


def test_fewer_questions_where_fewer_rows_are_not_enough(monkeypatch):
    moment = {"now": 0.0}
    monkeypatch.setattr(Clock, "now", staticmethod(lambda: moment["now"]))
    attack = _robustness.Rows.attack

    def slowly(rows, attack_, index):  # as long for a batch as for a row
        moment["now"] += 0.01 * attack_.n_queries
        return attack(rows, attack_, index)

    monkeypatch.setattr(_robustness.Rows, "attack", slowly)
    case = linear_case(forest=True)
    audit = audit_of(case, families=["robustness"], n_queries=5000, max_rows=64, time_budget=32)
    report = audit.run(*case.parts)
    steps = {step["name"]: step for step in report.to_dict()["steps"]}
    nearest = steps["minimum_norm"]  # 8/20 of 32 s; a quarter second for trials, 4/5 of the rest
    assert nearest["parameters"]["n_queries"] == pytest.approx(0.8 * 12.55 * 100, abs=2)
    assert nearest["status"] == "partial"
    assert nearest["why"].startswith(f"{nearest['parameters']['n_queries']:,} of 5,000 questions")
    assert nearest["estimated_seconds"] == pytest.approx(50)
    assert steps["auto_attack@0.1"]["n_rows"] == 64
    assert moment["now"] <= 32
    code = nearest["reproduce"]
    assert f"n_queries={nearest['parameters']['n_queries']}" in code
    audit.set_params(time_budget=1.5)
    steps = {step["name"]: step for step in audit.run(*case.parts).to_dict()["steps"]}
    assert "5,000 questions about each of 64 rows would have" in steps["minimum_norm"]["why"]


def test_shadow_models_that_there_is_no_time_for(time):
    asked = {"families": ["privacy"], "membership": ["loss", "lira"], "n_shadow_models": 40}
    _, steps = _within(30, **asked)
    step = steps["membership_shadows"]
    assert step["status"] == "partial"
    assert step["n_rows"] == 8  # 27 s after the first one, an even number
    assert step["why"].startswith("8 of 40 shadow models trained: all would have taken about 120 s")
    report, steps = _within(14, **asked)
    assert "4 shadow models, the fewest to judge by" in steps["membership_shadows"]["why"]
    assert report.metrics["membership_auc"] is not None  # by the loss


class _Broken(LogisticRegression):
    def fit(self, X, y):
        raise RuntimeError("the disk is full")


def test_a_step_that_fails_is_left_out_and_the_report_says_why():
    case = linear_case()
    audit = audit_of(case, families=["privacy"], shadow_estimator=_Broken())
    report = audit.run(*case.parts)
    (step,) = report.left_out
    assert step["why"] == "RuntimeError: the disk is full"
    assert report.metrics["membership_auc"] is not None  # by the loss
    audit.set_params(on_error="raise")
    with pytest.raises(RuntimeError, match="the disk is full"):
        audit.run(*case.parts)


def test_without_groups_fairness_is_left_out():
    case = linear_case()
    report = audit_of(case, families=["fairness"]).run(*case.parts)
    assert [step["why"] for step in report.left_out] == ["no sensitive features were given"]
    assert "Not measured: no sensitive features were given." in report.to_html()


def test_groups_of_test_rows_alone_compare_all_but_leakage():
    case = linear_case()
    audit = audit_of(case, membership=["loss"])
    report = audit.run(*case.parts, case.groups[1]["texture"].tolist())
    assert "robust_accuracy_gap" in report.metrics
    assert "accuracy_gap" in report.metrics
    assert "membership_auc_gap" not in report.metrics


def test_groups_named_as_columns():
    case = linear_case()
    X_train, y_train, X_test, y_test = case.parts
    X_train, X_test = (X.assign(size=X["mean area"] > 500) for X in (X_train, X_test))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train)
    audit = ModelAudit(model, families=["fairness", "privacy"], membership=["loss"], random_state=0)
    report = audit.run(X_train, y_train, X_test, y_test, "size")
    assert set(report.to_dict()["data"]["groups"]["size"]) == {"True", "False"}
    assert _value(report, "membership_auc", by="size", group="True")["value"] > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", "no columns of X"),
        ([0.5] * 319, "continuous"),
        (["a"] * 5, "5 values for 319 rows"),
        ((["a"], ["b"], ["c"]), "a tuple of 3"),
        (({"a": ["x"] * 250}, {"b": ["x"] * 319}), "other features"),
    ],
)
def test_groups_that_cannot_be(given, message):
    case = linear_case()
    with pytest.raises(ValueError, match=message):
        audit_of(case).run(*case.parts, given)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"eps": [0.1, 0.1]}, "twice"),
        ({"eps": [0.1, -1]}, "above 0"),
        ({"eps": -1.0}, "eps"),
        ({"families": ["speed"]}, "names others than"),
        ({"membership": ["guess"]}, "the methods are"),
        ({"membership": "loss"}, "give a list"),
        ({"n_shadow_models": 5}, "use 6"),
        ({"norm": 3}, "norm"),
        ({"time_budget": 0}, "time_budget"),
    ],
)
def test_parameters_that_cannot_be(params, message):
    case = linear_case()
    with pytest.raises(ValueError, match=message):
        audit_of(case, **params).run(*case.parts)


def test_labels_and_rows_that_cannot_be():
    case = linear_case()
    X_train, y_train, X_test, y_test = case.parts
    with pytest.raises(ValueError, match="y_test holds"):
        audit_of(case).run(X_train, y_train, X_test, y_test + 5)
    with pytest.raises(ValueError, match="inconsistent"):
        audit_of(case).run(X_train, y_train[:-1], X_test, y_test)
    with pytest.raises(ValueError, match="X_test has shape"):
        audit_of(case).run(X_train, y_train, np.zeros(3), [0, 0, 0])


class _Recorder:
    """A callback that keeps what it is told."""

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        self.told.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.told.append(f"end {context.task_name}")

    def teardown(self, estimator, context):
        self.told.append("teardown")


def test_callbacks_are_told_of_every_step():
    case, recorder = linear_case(), _Recorder()
    audit = audit_of(case, families=["privacy"], membership=["loss"]).set_callbacks(recorder)
    audit.run(*case.parts)
    steps = ["Accuracy", "Membership by the loss", "Membership without the model"]
    inside = [f"{when} {step}" for step in steps for when in ("begin", "end")]
    assert recorder.told == ["setup", "begin audit", *inside, "end audit", "teardown"]


def test_scikit_learns_progress_bar(capsys):
    case = linear_case()
    audit = audit_of(case, families=["privacy"], membership=["loss"])
    audit.set_callbacks(ProgressBar()).run(*case.parts)


def test_a_group_without_a_rate_hides_no_other():
    """A lonely row has no rate of true positives; the others have, and are compared."""
    case = linear_case()
    _, _, _, y_test = case.parts
    texture = case.groups[1]["texture"].to_numpy().astype(object)
    texture[np.flatnonzero(y_test == 0)[0]] = "lonely"
    audit = audit_of(case, families=["fairness"])
    report = audit.run(*case.parts, texture)
    rest = texture != "lonely"
    predicted = case.model.predict(case.parts[2])
    expected = equalized_odds_difference(
        y_test[rest], predicted[rest], sensitive_features=texture[rest]
    )
    figure = _value(report, "equalized_odds_difference")
    assert figure["value"] == pytest.approx(expected)
    assert figure["n"] == rest.sum()
    assert figure["note"].endswith("without lonely")
    (step,) = report.left_out
    assert "lonely cannot be compared for equal opportunity, for want of a true" in step["why"]
    assert report.metrics["demographic_parity_difference"] is not None


def test_what_no_two_groups_have_is_kept_as_undefined():
    case = linear_case()
    y_test = case.parts[3]
    report = audit_of(case, families=["fairness"]).run(*case.parts, y_test)  # the label itself
    assert report.metrics["equal_opportunity_difference"] is None
    assert "fewer than two groups" in _value(report, "equal_opportunity_difference")["note"]


def test_the_best_of_several_is_held_to_more():
    """So that of many methods, and of many features, one does not stand out by chance."""
    case, methods = linear_case(), ["loss", "lira"]
    audit = audit_of(case, families=["privacy"], membership=methods)
    report = audit.run(*case.parts, case.groups)
    best = _value(report, "membership_auc")
    method = best["note"].split(",")[0].removeprefix("by ")
    alone = _value(report, "membership_auc", method=method)
    assert alone["value"] == best["value"]
    assert best["low"] < alone["low"] < alone["high"] < best["high"]
    single = audit_of(case, families=["fairness"]).run(*case.parts, case.groups)
    more = [part.assign(parity=np.arange(len(part)) % 2) for part in case.groups]
    both = audit_of(case, families=["fairness"]).run(*case.parts, tuple(more))
    for metric in ("accuracy_gap", "demographic_parity_difference"):
        one, two = (_value(report, metric, by="texture") for report in (single, both))
        assert one["value"] == two["value"]
        assert one["high"] < two["high"]


def test_verbose_tells_each_step(capsys):
    case = linear_case()
    audit_of(case, families=["fairness"], verbose=1).run(*case.parts)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("[audit] Rates by group: left out")
    assert lines[1].endswith("no sensitive features were given")


def test_verbose_tells_how_long_questions_will_take(capsys):
    """Also without a budget of time, and without any effect on what is found."""
    case = linear_case(forest=True)
    parameters = {"families": ["robustness"], "n_queries": 120, "max_rows": 8}
    told, quiet = (audit_of(case, **parameters, verbose=v).run(*case.parts) for v in (1, 0))
    line = next(line for line in capsys.readouterr().out.splitlines() if "Nearest" in line)
    assert re.match(r"\[audit\] Nearest adversarial rows, about \d+ (s|min|h): done, ", line)
    assert told.to_dict()["figures"] == quiet.to_dict()["figures"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "about 1 s"), (90, "about 90 s"), (1380, "about 23 min"), (9000, "about 2 h")],
)
def test_how_long(seconds, said):
    assert how_long(seconds) == said


class _Warning(LogisticRegression):
    def fit(self, X, y):
        warnings.warn("one of many", UserWarning, stacklevel=2)
        return super().fit(X, y)


def test_warnings_on_the_way_are_kept_once():
    case = linear_case()
    shadow = make_pipeline(StandardScaler(), _Warning())
    report = audit_of(case, families=["privacy"], shadow_estimator=shadow).run(*case.parts)
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "membership_shadows")
    assert "UserWarning: one of many (4 times)" in step["warnings"]
    assert "one of many" in report.to_html()


@pytest.mark.parametrize("frame", [False, True])
def test_rows_that_differ_in_themselves_are_no_leak(frame):
    """A constant model remembers nothing; where classes' shares differ, an attack finds that."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1200, 3)), np.arange(1200) % 2
    y[:600] |= rng.random(600) < 0.5  # three quarters of the training rows, half of the others
    if frame:
        X = pd.DataFrame(X, columns=["a", "b", "c"]).assign(town=rng.choice(["x", "y"], 1200))
    parts = X[:600], y[:600], X[600:], y[600:]
    audit = ModelAudit(
        DummyClassifier().fit(*parts[:2]), families=["privacy"], membership=["loss"], random_state=0
    )
    report = audit.run(*parts)
    area, blind = _value(report, "membership_auc"), _value(report, "membership_blind_auc")
    assert area["low"] > 0.5
    assert blind["low"] > 0.5
    text = " ".join(Page(report.to_html()).text.split())
    assert "They are not from one source, and what is found may be just that." in text
    assert "gives training records away" not in text
    step = next(s for s in report.to_dict()["steps"] if s["name"] == "membership_blind")
    names = dict(zip(("X_train", "y_train", "X_test", "y_test"), parts, strict=True))
    assert _printed(step["reproduce"], names) == pytest.approx([blind["value"]])


def test_rows_of_one_source_are_not_told_apart():
    case = linear_case()
    rng = np.random.default_rng(0)
    X, y = pd.concat(case.parts[::2]), np.concatenate(case.parts[1::2])
    order = rng.permutation(len(X))
    first, second = order[:250], order[250:]
    ids = np.array([f"patient {i}" for i in range(len(X))])  # of which the order tells nothing
    X = X.assign(id=rng.permutation(ids))
    model = DummyClassifier().fit(X.iloc[first], y[first])
    audit = ModelAudit(model, families=["privacy"], membership=["loss"], random_state=0)
    report = audit.run(X.iloc[first], y[first], X.iloc[second], y[second])
    blind = _value(report, "membership_blind_auc")
    assert blind["low"] < 0.5 < blind["high"]
    assert "differ in themselves" not in Page(report.to_html()).text
