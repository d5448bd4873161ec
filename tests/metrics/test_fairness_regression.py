"""Means and distributions by group, against Fairlearn, SciPy and the measures of labels."""

from itertools import combinations

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import root_mean_squared_error

from sklearn_privfair.metrics import (
    demographic_parity_difference,
    group_means,
    mean_prediction_difference,
    sensitive_correlation,
    statistical_parity_difference,
)


def draw(seed, n=400, n_groups=3, tied=False):
    rng = np.random.default_rng(seed)
    group = rng.integers(n_groups, size=n)
    y_true = rng.normal(group, 1.0)
    y_pred = rng.normal(0.3 * group, 1.0 + 0.3 * group)
    return y_true, np.round(y_pred) if tied else y_pred, group, rng.random(n)


@pytest.mark.parametrize("weighted", [False, True])
def test_means_agree_with_fairlearn(weighted):
    y_true, y_pred, group, weight = draw(0)
    weight = {"sample_weight": weight} if weighted else {}
    frame = fl.MetricFrame(
        metrics={"mean": fl.mean_prediction, "rmse": root_mean_squared_error, "n": fl.count},
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=group,
        sample_params={"mean": weight, "rmse": weight},
    )
    means = group_means(y_true, y_pred, sensitive_features=group, **weight)
    np.testing.assert_allclose(means["mean_prediction"], frame.by_group["mean"])
    np.testing.assert_allclose(means["root_mean_squared_error"], frame.by_group["rmse"])
    assert means["count"].tolist() == frame.by_group["n"].tolist()
    np.testing.assert_allclose(means["mean_error"], means["mean_prediction"] - means["mean_target"])
    gap = mean_prediction_difference(y_true, y_pred, sensitive_features=group, **weight)
    assert gap == pytest.approx(frame.difference()["mean"])
    without = group_means(None, y_pred, sensitive_features=group, **weight)
    pd.testing.assert_frame_equal(without, means[["count", "mean_prediction"]])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n_groups", [2, 4])
def test_statistical_parity_is_the_largest_distance_of_kolmogorov_and_smirnov(tied, n_groups):
    _, y_pred, group, _ = draw(1, n_groups=n_groups, tied=tied)
    each = [y_pred[group == g] for g in range(n_groups)]
    expected = max(ks_2samp(a, b).statistic for a, b in combinations(each, 2))
    value = statistical_parity_difference(None, y_pred, sensitive_features=group)
    assert value == pytest.approx(expected)
    shuffled = np.random.default_rng(0).permutation(len(group))
    again = statistical_parity_difference(
        None, y_pred[shuffled], sensitive_features=group[shuffled]
    )
    assert again == pytest.approx(expected)


def test_integer_weights_repeat_rows():
    _, y_pred, group, _ = draw(2, tied=True)
    weight = np.random.default_rng(0).integers(0, 4, len(group))
    for measure in (mean_prediction_difference, statistical_parity_difference):
        value = measure(None, y_pred, sensitive_features=group, sample_weight=weight)
        repeated = np.repeat(y_pred, weight)
        expected = measure(None, repeated, sensitive_features=np.repeat(group, weight))
        assert value == pytest.approx(expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_of_labels_both_are_demographic_parity(weighted):
    y_true, y_pred, group, weight = draw(3)
    arguments = {"sensitive_features": group, "sample_weight": weight if weighted else None}
    labels = (y_pred > 0).astype(int)
    expected = demographic_parity_difference(labels, labels, **arguments)
    for measure in (mean_prediction_difference, statistical_parity_difference):
        assert measure(y_true, labels, **arguments) == pytest.approx(expected)


def test_equal_distributions_have_no_gap():
    values = np.array([1.0, 2.0, 2.0, 5.0])
    y_pred, group = np.tile(values, 2), np.repeat([0, 1], 4)
    assert statistical_parity_difference(None, y_pred, sensitive_features=group) == 0
    assert statistical_parity_difference(None, np.ones(8), sensitive_features=group) == 0
    assert mean_prediction_difference(None, y_pred, sensitive_features=group) == 0
    # the same mean, another distribution
    y_pred[4:] = [2.0, 2.5, 2.5, 3.0]
    assert mean_prediction_difference(None, y_pred, sensitive_features=group) == 0
    assert statistical_parity_difference(None, y_pred, sensitive_features=group) == 0.5


@pytest.mark.parametrize("measure", [mean_prediction_difference, statistical_parity_difference])
def test_undefined(measure):
    with pytest.warns(UndefinedMetricWarning, match="all rows are of one group") as record:
        assert np.isnan(measure(None, [1.0, 2.0], sensitive_features=["a", "a"]))
    assert record[0].filename == __file__
    with pytest.warns(UndefinedMetricWarning, match="NaN for group 'b': there is no row") as record:
        value = measure(
            None, [1.0, 2.0, 3.0], sensitive_features=["a", "b", "c"], sample_weight=[1, 0, 1]
        )
    assert np.isnan(value)
    assert record[0].filename == __file__


def test_group_without_weight_has_no_means():
    with pytest.warns(UndefinedMetricWarning, match="means are NaN for group 'b'"):
        means = group_means(
            [1.0, 2.0], [2.0, 2.0], sensitive_features=["a", "b"], sample_weight=[1, 0]
        )
    assert means.loc["b"].isna().tolist() == [False, True, True, True, True]
    assert means.loc["a"].tolist() == [1, 2, 1, 1, 1]


def test_bad_input():
    y = [1.0, 2.0, 3.0]
    for measure in (group_means, mean_prediction_difference, statistical_parity_difference):
        with pytest.raises(ValueError, match="y_pred contains NaN"):
            measure(y, [1.0, np.nan, 2.0], sensitive_features=[0, 1, 1])
        with pytest.raises(ValueError, match="y_true has 3, y_pred has 2"):
            measure(y, [1.0, 2.0], sensitive_features=[0, 1])
        with pytest.raises(ValueError, match=r"y_pred has shape \(3, 2\).*predict_proba"):
            measure(y, np.ones((3, 2)), sensitive_features=[0, 1, 1])
        with pytest.raises(ValueError, match="sensitive_features has 2 rows"):
            measure(y, y, sensitive_features=[0, 1])


@pytest.mark.parametrize("weighted", [False, True])
def test_correlation_with_a_continuous_feature(weighted):
    _, y_pred, group, weight = draw(4)
    rng = np.random.default_rng(0)
    features = {"age": -y_pred + rng.normal(size=400), "income": group + rng.normal(size=400)}
    weight = weight if weighted else None
    expected = []
    for values in features.values():
        c = np.cov(y_pred, values, aweights=weight)
        expected.append(abs(c[0, 1]) / np.sqrt(c[0, 0] * c[1, 1]))
    for given in (features, pd.DataFrame(features, index=range(400, 0, -1))):
        value = sensitive_correlation(None, y_pred, sensitive_features=given, sample_weight=weight)
        assert value == pytest.approx(max(expected))
    labels = np.where(y_pred > 0, "yes", "no")
    value = sensitive_correlation(
        labels, labels, sensitive_features=features["age"], pos_label="yes"
    )
    assert value == pytest.approx(abs(np.corrcoef(y_pred > 0, features["age"])[0, 1]))


def test_correlation_of_constants():
    age = [0.1, 0.2, 0.5]
    assert sensitive_correlation(None, [0.3] * 3, sensitive_features=age) == 0.0
    with pytest.warns(UndefinedMetricWarning, match="a sensitive feature is constant") as record:
        assert np.isnan(sensitive_correlation(None, age, sensitive_features=[0.3] * 3))
    assert record[0].filename == __file__
    assert sensitive_correlation(None, age, sensitive_features=age) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="give pos_label, if they are labels"):
        sensitive_correlation(None, ["a", "b", "a"], sensitive_features=age)
    with pytest.raises(ValueError, match="sensitive_features must be numbers"):
        sensitive_correlation(None, age, sensitive_features=["a", "b", "a"])
    with pytest.raises(ValueError, match="sensitive_features contains NaN"):
        sensitive_correlation(None, age, sensitive_features=[1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="y_true has 1, y_pred has 3"):
        sensitive_correlation([1.0], age, sensitive_features=age)
