"""Rates and gaps against Fairlearn where Fairlearn is right, and against loops where it is not."""

import warnings
from itertools import combinations

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score

from sklearn_privfair import metrics
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
    equalized_odds_ratio,
    fairness_report,
    group_rates,
)

MEASURES = [
    f"{notion}_{kind}"
    for notion in ("demographic_parity", "equal_opportunity", "equalized_odds")
    for kind in ("difference", "ratio")
]
KINDS = {
    "strings": np.array(["no", "yes"]),
    "1 and 2": np.array([1, 2]),
    "bool": np.array([False, True]),
    "-1 and 1": np.array([-1, 1]),
    "floats": np.array([0.0, 1.0]),
    "object": np.array(["no", "yes"], dtype=object),
}


def draw(seed, n=300, n_groups=3, n_labels=2):
    rng = np.random.default_rng(seed)
    group, y_true = rng.integers(n_groups, size=n), rng.integers(n_labels, size=n)
    y_pred = np.where(rng.random(n) < 0.4 + 0.1 * group, y_true, rng.integers(n_labels, size=n))
    return y_true, y_pred, group, rng.random(n)


def loop(y_true, y_pred, weight, positive):
    """Rates by a plain loop over the rows."""
    total = dict.fromkeys(["all", "selected", "positive", "found", "negative", "false", "right"], 0)
    for true, pred, w in zip(y_true, y_pred, weight, strict=True):
        total["all"] += w
        total["right"] += w * (true == pred)
        total["selected"] += w * (pred == positive)
        total["positive" if true == positive else "negative"] += w
        total["found" if true == positive else "false"] += w * (pred == positive)
    return {
        "selection_rate": total["selected"] / total["all"],
        "true_positive_rate": total["found"] / total["positive"],
        "false_positive_rate": total["false"] / total["negative"],
        "accuracy": total["right"] / total["all"],
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_all_agree_with_fairlearn_on_zeros_and_ones(seed, weighted):
    y_true, y_pred, group, weight = draw(seed)
    other = np.array(["u", "v"])[np.random.default_rng(100 + seed).integers(2, size=len(group))]
    features = pd.DataFrame({"a": group, "b": other})
    weight = {"sample_weight": weight} if weighted else {}
    names = {
        "count": fl.count,
        "selection_rate": fl.selection_rate,
        "true_positive_rate": fl.true_positive_rate,
        "false_positive_rate": fl.false_positive_rate,
        "accuracy": accuracy_score,
    }
    frame = fl.MetricFrame(
        metrics=names,
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=features,
        sample_params={name: weight for name in names if name != "count"},
    )
    ours = group_rates(y_true, y_pred, sensitive_features=features, **weight)
    pd.testing.assert_frame_equal(ours, frame.by_group, check_dtype=False, check_index_type=False)
    for name in MEASURES:
        arguments = {"sensitive_features": features, **weight}
        theirs = getattr(fl, name)(y_true, y_pred, **arguments)
        assert getattr(metrics, name)(y_true, y_pred, **arguments) == pytest.approx(theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_any_labels_give_what_zeros_and_ones_give(kind):
    """Fairlearn's demographic parity is 0.0 for strings, and 1.0 for labels 1 and 2."""
    y_true, y_pred, group, weight = draw(0)
    names = KINDS[kind]
    known = kind in ("bool", "-1 and 1", "floats")
    pos_label = {} if known else {"pos_label": names[1].item() if kind == "1 and 2" else names[1]}
    for name in MEASURES:
        arguments = {"sensitive_features": group, "sample_weight": weight}
        expected = getattr(metrics, name)(y_true, y_pred, **arguments)
        value = getattr(metrics, name)(names[y_true], names[y_pred], **arguments, **pos_label)
        assert value == pytest.approx(expected, abs=1e-12)
    pd.testing.assert_frame_equal(
        group_rates(names[y_true], names[y_pred], sensitive_features=group, **pos_label),
        group_rates(y_true, y_pred, sensitive_features=group),
    )
    if not known:
        with pytest.raises(ValueError, match=r"pos_label is None.*pass it"):
            group_rates(names[y_true], names[y_pred], sensitive_features=group)


@pytest.mark.parametrize("dtype", ["category", "string", object])
def test_pandas_labels_with_any_index(dtype):
    y_true, y_pred, group, weight = draw(1)
    names = KINDS["strings"]
    rng = np.random.default_rng(0)
    series = [
        pd.Series(values, index=rng.permutation(len(values))).astype(kind)
        for values, kind in [
            (names[y_true], dtype),
            (names[y_pred], dtype),
            (np.array(list("xyz"))[group], dtype),
            (weight, float),
        ]
    ]
    rates = group_rates(
        series[0], series[1], sensitive_features=series[2], pos_label="yes", sample_weight=series[3]
    )
    for i, name in enumerate("xyz"):
        mine = group == i
        expected = loop(y_true[mine], y_pred[mine], weight[mine], 1)
        assert rates.loc[name].drop("count").to_dict() == pytest.approx(expected)


def test_integer_weights_repeat_rows():
    y_true, y_pred, group, _ = draw(2)
    weight = np.random.default_rng(0).integers(0, 4, len(group))
    for name in MEASURES:
        measure = getattr(metrics, name)
        repeated = [np.repeat(values, weight) for values in (y_true, y_pred, group)]
        expected = measure(*repeated[:2], sensitive_features=repeated[2])
        value = measure(y_true, y_pred, sensitive_features=group, sample_weight=weight)
        assert value == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["numbers", "strings"])
def test_each_of_many_classes_against_the_rest(kind):
    y_true, y_pred, group, weight = draw(3, n=900, n_labels=4)
    labels = np.arange(4) if kind == "numbers" else np.array(list("abcd"))
    y_true, y_pred = labels[y_true], labels[y_pred]
    arguments = {"sensitive_features": group, "sample_weight": weight}
    rates = group_rates(y_true, y_pred, **arguments)
    assert rates.index.names == ["group", "class"]
    for (g, label), line in rates.iterrows():
        mine = group == g
        expected = loop(y_true[mine], y_pred[mine], weight[mine], label)
        assert line.drop("count").to_dict() == pytest.approx(expected)
        assert line["count"] == mine.sum()
    for name in MEASURES:
        each = [
            getattr(metrics, name)(
                y_true, y_pred, pos_label=label.item() if kind == "numbers" else label, **arguments
            )
            for label in labels
        ]
        worst = max(each) if name.endswith("difference") else min(each)
        assert getattr(metrics, name)(y_true, y_pred, **arguments) == worst
        assert len(set(each)) == 4
    one = group_rates(y_true, y_pred, pos_label=labels[2].item(), **arguments)
    pd.testing.assert_frame_equal(one, rates.xs(labels[2], level="class"))


def test_gap_is_that_of_the_widest_pair():
    y_true, y_pred, group, _ = draw(4, n=600, n_groups=5)
    rate = group_rates(y_true, y_pred, sensitive_features=group)
    for name, column in [
        ("demographic_parity_difference", "selection_rate"),
        ("equal_opportunity_difference", "true_positive_rate"),
    ]:
        pairs = combinations(rate[column], 2)
        expected = max(abs(a - b) for a, b in pairs)
        assert getattr(metrics, name)(y_true, y_pred, sensitive_features=group) == expected


def test_missing_values_are_a_group():
    y_true, y_pred, group, _ = draw(5)
    names = np.array(["f", "m", None], dtype=object)[group]
    expected = group_rates(y_true, y_pred, sensitive_features=group)
    for values in (names, list(names), pd.Series(names), pd.Series(names, dtype="category")):
        rates = group_rates(y_true, y_pred, sensitive_features=values)
        assert rates.index[:2].tolist() == ["f", "m"]
        assert pd.isna(rates.index[2])
        np.testing.assert_array_equal(rates, expected)
    numbers = np.array([1.0, 2.0, np.nan])[group]
    rates = group_rates(y_true, y_pred, sensitive_features={"s": numbers, "t": names})
    np.testing.assert_array_equal(rates, expected)  # missing in both: one joint group
    assert rates.index.names == ["s", "t"]


def test_every_container_of_sensitive_features():
    y_true, y_pred, group, _ = draw(6)
    other = np.array(["u", "v"])[np.random.default_rng(0).integers(2, size=len(group))]
    frame = pd.DataFrame({"a": group, "b": other})
    expected = group_rates(y_true, y_pred, sensitive_features=frame)
    rows = list(zip(group.tolist(), other.tolist(), strict=True))
    for features in (
        {"a": group, "b": list(other)},
        frame.to_numpy(),
        frame.set_index(frame.index[::-1] % 7),
        rows,
    ):
        rates = group_rates(y_true, y_pred, sensitive_features=features)
        np.testing.assert_array_equal(rates, expected)
        assert rates.index.tolist() == expected.index.tolist()
    assert expected.index.tolist() == sorted(set(rows))
    single = group_rates(y_true, y_pred, sensitive_features=group[:, None])
    pd.testing.assert_frame_equal(single, group_rates(y_true, y_pred, sensitive_features=group))
    named = group_rates(y_true, y_pred, sensitive_features=frame["a"])
    assert named.index.name == "a"
    assert single.index.name == "group"


def test_undefined_rates_are_nan_and_say_so():
    """Group b has no positive row; Fairlearn calls its true-positive rate 0."""
    y_true, y_pred = [1, 0, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0]
    group = ["a", "a", "a", "b", "b", "b"]
    with pytest.warns(UndefinedMetricWarning, match=r"true positive rate is NaN for group 'b'"):
        rates = group_rates(y_true, y_pred, sensitive_features=group)
    assert np.isnan(rates.loc["b", "true_positive_rate"])
    assert rates.isna().to_numpy().sum() == 1
    assert rates.loc["b", "false_positive_rate"] == pytest.approx(1 / 3)
    for name in MEASURES[2:]:
        with pytest.warns(UndefinedMetricWarning, match="no row of the positive class") as record:
            value = getattr(metrics, name)(y_true, y_pred, sensitive_features=group)
        assert np.isnan(value)
        assert record[0].filename == __file__
    parity = demographic_parity_difference(y_true, y_pred, sensitive_features=group)
    assert parity == pytest.approx(0)
    with pytest.warns(UndefinedMetricWarning, match="another class than the positive one"):
        value = equalized_odds_difference([1, 1, 0], [1, 0, 1], sensitive_features=[0, 1, 1])
    assert np.isnan(value)


def test_a_group_without_weight_is_undefined():
    weight = [0.1, 0.7, 0.2, 0.0, 0.0]
    with pytest.warns(UndefinedMetricWarning, match="selection rate is NaN for group 1"):
        value = demographic_parity_difference(
            [0, 1, 1, 0, 1], [1, 0, 1, 0, 1], sensitive_features=[0, 0, 0, 1, 1],
            sample_weight=weight,
        )  # fmt: skip
    assert np.isnan(value)


def test_weights_that_cancel_badly_leave_no_rate():
    """All of group 0 is positive: total minus positive weight is 1e-17 or so, but no row."""
    weight = np.random.default_rng(0).random(50)
    y_true, group = np.repeat([1, 0, 1], [40, 5, 5]), np.repeat([0, 1], [40, 10])
    y_pred = np.arange(50) % 3 == 0
    with pytest.warns(UndefinedMetricWarning, match="false positive rate is NaN for group 0"):
        rates = group_rates(y_true, y_pred, sensitive_features=group, sample_weight=weight)
    assert np.isnan(rates.loc[0, "false_positive_rate"])
    assert (rates.drop(columns="count").loc[1] <= 1).all()


@pytest.mark.parametrize("name", MEASURES)
def test_one_group_cannot_be_compared(name):
    with pytest.warns(UndefinedMetricWarning, match="all rows are of one group, 'x'") as record:
        value = getattr(metrics, name)([0, 1, 0], [1, 1, 0], sensitive_features=["x"] * 3)
    assert np.isnan(value)
    assert record[0].filename == __file__


def test_a_ratio_of_zeros_is_nan():
    with pytest.warns(UndefinedMetricWarning, match="a rate is 0 in every group"):
        value = equalized_odds_ratio(
            [0, 1, 0, 1], [0, 1, 0, 1], sensitive_features=[0, 0, 1, 1]
        )  # fmt: skip
    assert np.isnan(value)


def test_positive_class_that_nobody_has():
    """A fold may be like that; with one label alone nothing says that pos_label is a mistake."""
    with pytest.warns(UndefinedMetricWarning):
        rates = group_rates(
            ["no"] * 4, ["no"] * 4, sensitive_features=[0, 0, 1, 1], pos_label="yes"
        )
    assert rates["selection_rate"].tolist() == [0, 0]
    assert rates["true_positive_rate"].isna().all()
    with pytest.warns(UndefinedMetricWarning):
        value = equal_opportunity_difference([0, 0], [0, 0], sensitive_features=[0, 1])
    assert np.isnan(value)


def test_bad_input():
    good = {"sensitive_features": [0, 1, 0]}
    y = [0, 1, 1]
    for arguments, message in [
        ((y, [0.1, 0.7, 0.9], good), "y_pred holds continuous values"),
        ((y, ["a", "b", "a"], good), "mix strings and numbers"),
        ((y, [0, 1], good), "lengths differ: y_true has 3, y_pred has 2"),
        ((y, [[0], [1], [1]], good), r"y_pred has shape \(3, 1\)"),
        (([0.0, 1.0, np.nan], y, good), "y_true holds missing values"),
        ((y, y, good | {"pos_label": 3}), r"pos_label=3 is not among the labels, \[0, 1\]"),
        ((y, y, {"sensitive_features": [0, 1]}), "sensitive_features has 2 rows"),
        ((y, y, {"sensitive_features": {"s": [0, 1]}}), "sensitive_features has 2 rows"),
        ((y, y, {"sensitive_features": [0.5, 1.5, 2.5]}), r"continuous.*qcut"),
        ((y, y, {"sensitive_features": np.zeros((3, 2, 2))}), "sensitive_features has shape"),
        ((y, y, {"sensitive_features": {}}), "at least one column"),
        ((y, y, good | {"sample_weight": [1, -1, 1]}), "[Nn]egative"),
        (([], [], {"sensitive_features": []}), "at least one row"),
    ]:
        for measure in (group_rates, demographic_parity_difference, fairness_report):
            y_true, y_pred, rest = arguments
            with pytest.raises(ValueError, match=message):
                measure(y_true, y_pred, **rest)
    with pytest.raises(ValueError, match="'sensitive_features' parameter"):
        group_rates(y, y, sensitive_features=None)


def test_continuous_features_may_be_cut():
    y_true, y_pred, _, age = draw(7)
    quarters = pd.qcut(age, 4)
    rates = group_rates(y_true, y_pred, sensitive_features=quarters)
    assert rates["count"].tolist() == [75] * 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = np.floor(10 * age)  # floats, but whole ones: codes
        assert len(group_rates(y_true, y_pred, sensitive_features=whole)) == 10
