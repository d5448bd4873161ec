"""Intervals against resamples of rows, and against the truth that they must hold."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_privfair import metrics
from sklearn_privfair.metrics import fairness_report, group_rates, group_rates_interval
from sklearn_privfair.metrics._fairness_gaps import MEASURES

RATES = ["selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"]


def draw(seed, sizes, selected, n_labels=2):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    y_true = rng.integers(n_labels, size=len(group))
    y_pred = (rng.random(len(group)) < np.asarray(selected)[group]).astype(int)
    return y_true, y_pred, group, rng


@pytest.mark.parametrize("weights", ["none", "two", "all different"])
def test_intervals_of_rates_are_those_of_rows_drawn_afresh(weights):
    y_true, y_pred, group, rng = draw(0, [150, 90], [0.3, 0.5])
    weight = {"none": None, "two": rng.choice([0.5, 2.0], 240), "all different": rng.random(240)}
    weight = weight[weights]
    ours = group_rates_interval(
        y_true,
        y_pred,
        sensitive_features=group,
        sample_weight=weight,
        confidence=0.9,
        n_resamples=4000,
        random_state=0,
    )
    w = np.ones(240) if weight is None else weight
    for g in (0, 1):
        rows = np.flatnonzero(group == g)
        drawn = rows[rng.integers(len(rows), size=(4000, len(rows)))]
        t, p, v = y_true[drawn], y_pred[drawn], w[drawn]
        for name, values, among in [
            ("selection_rate", p, t >= 0),
            ("true_positive_rate", p, t == 1),
            ("false_positive_rate", p, t == 0),
            ("accuracy", p == t, t >= 0),
        ]:
            rates = (v * values * among).sum(axis=1) / (v * among).sum(axis=1)
            bounds = ours.loc[g, [f"{name}_low", f"{name}_high"]]
            # a quantile of 4,000 draws is off by sqrt(.05 * .95 / 4000) / density(1.64): .03 sd
            np.testing.assert_allclose(
                bounds, np.quantile(rates, [0.05, 0.95]), atol=0.2 * rates.std()
            )
            assert ours.loc[g, name] == pytest.approx(rates.mean(), abs=0.1 * rates.std())


def test_a_rate_of_zero_or_one_is_not_certain():
    y_true, y_pred, group = [1] * 12, [1] * 5 + [0] * 7, [0] * 5 + [1] * 7
    with pytest.warns(UndefinedMetricWarning, match="false positive rate"):
        table = group_rates_interval(
            y_true, y_pred, sensitive_features=group, confidence=0.9, random_state=0
        )
    for g, hits, n in [(0, 5, 5), (1, 0, 7)]:
        exact = binomtest(hits, n).proportion_ci(0.9)
        bounds = table.loc[g, ["true_positive_rate_low", "true_positive_rate_high"]]
        assert bounds.tolist() == pytest.approx([exact.low, exact.high])
    with pytest.warns(UndefinedMetricWarning):
        report = fairness_report(y_true, y_pred, sensitive_features=group, random_state=0)
    line = report.loc["equal_opportunity_difference"]
    assert line["value"] == line["high"] == 1.0
    assert 0.0 < line["low"] < 0.3


def test_equal_weights_of_any_size_say_as_much_as_rows():
    y_true, y_pred, group, _ = draw(1, [40, 20], [0.5, 0.0])
    arguments = {"sensitive_features": group, "random_state": 3}
    plain = group_rates_interval(y_true, y_pred, **arguments)
    weighted = group_rates_interval(y_true, y_pred, sample_weight=np.full(60, 0.25), **arguments)
    np.testing.assert_allclose(weighted, plain)


@pytest.mark.parametrize(
    ("sizes", "selected"),
    [
        ([100, 100], [0.3, 0.3]),
        ([150, 60], [0.3, 0.5]),
        ([80] * 6, [0.3] * 6),  # percentiles of the widest gap would never hold 0
        ([200, 8], [0.1, 0.1]),
    ],
)
def test_intervals_of_gaps_hold_the_truth(sizes, selected):
    truth = {
        "demographic_parity_difference": max(selected) - min(selected),
        "demographic_parity_ratio": min(selected) / max(selected),
    }
    held = dict.fromkeys(truth, 0)
    n_runs = 120
    for seed in range(n_runs):
        y_true, y_pred, group, _ = draw(seed, sizes, selected)
        y_true = np.arange(len(group)) % 2  # both labels in every group
        report = fairness_report(
            y_true, y_pred, sensitive_features=group, n_resamples=200, random_state=seed
        )
        assert (report["low"] <= report["value"]).all()
        assert (report["value"] <= report["high"]).all()
        for name, value in truth.items():
            held[name] += (
                report.loc[name, "low"] <= value + 1e-12 <= report.loc[name, "high"] + 1e-9
            )
    # of 120 intervals at 95%, 107 or fewer hold the truth with probability .005
    assert min(held.values()) > 107
    assert report["low"].min() >= 0
    assert report["high"].max() <= 1


def test_interval_of_two_groups_is_as_wide_as_it_should_be():
    """Not just safe: for two large groups it is the normal interval of a difference."""
    y_true, y_pred, group, _ = draw(0, [3000, 2000], [0.3, 0.5])
    report = fairness_report(
        y_true, y_pred, sensitive_features=group, n_resamples=4000, random_state=0
    )
    p = group_rates(y_true, y_pred, sensitive_features=group)["selection_rate"]
    half = 1.96 * np.sqrt((p * (1 - p) / [3000, 2000]).sum())
    line = report.loc["demographic_parity_difference"]
    assert line["high"] - line["value"] == pytest.approx(half, rel=0.05)
    assert line["value"] - line["low"] == pytest.approx(half, rel=0.05)
    log_half = 1.96 * np.sqrt(((1 - p) / p / [3000, 2000]).sum())
    line = report.loc["demographic_parity_ratio"]
    assert np.log(line["high"] / line["low"]) == pytest.approx(2 * log_half, rel=0.05)


@pytest.mark.parametrize("n_labels", [2, 4])
def test_report_says_who(n_labels):
    y_true, _, group, rng = draw(2, [300, 200, 100], [0.5] * 3, n_labels)
    y_pred = np.where(rng.random(600) < 0.2 + 0.2 * group, y_true, rng.integers(n_labels, size=600))
    names = np.array(["f", "m", "x"])[group]
    report = fairness_report(y_true, y_pred, sensitive_features=names, random_state=0)
    rates = group_rates(y_true, y_pred, sensitive_features=names)
    assert list(report.index) == list(MEASURES)
    for name, line in report.iterrows():
        measure = getattr(metrics, name)
        assert line["value"] == measure(y_true, y_pred, sensitive_features=names)
        column = rates[line["rate"]]
        if n_labels > 2:
            column = column.xs(line["class"], level="class")
        low, high = column[line["lowest"]], column[line["highest"]]
        value = high - low if name.endswith("difference") else low / high
        assert line["value"] == pytest.approx(value)
    assert ("class" in report) == (n_labels > 2)


def test_random_state_decides():
    y_true, y_pred, group, _ = draw(3, [50, 30], [0.3, 0.6])
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    def tables(random_state):
        arguments = {"sensitive_features": group, "random_state": random_state}
        return [
            table(y_true, y_pred, **arguments).filter(regex="low$|high$").to_numpy()
            for table in (group_rates_interval, fairness_report)
        ]

    for one, same, other in zip(tables(0), tables(0), tables(1), strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_undefined_is_nan_and_the_rest_is_told():
    y_true, y_pred, group, _ = draw(4, [50, 30], [0.3, 0.6])
    y_true[group == 1] = 0
    with pytest.warns(UndefinedMetricWarning, match="true positive rate is NaN for group 1"):
        report = fairness_report(y_true, y_pred, sensitive_features=group, random_state=0)
    known = report["value"].notna()
    assert known.tolist() == ["demographic" in name for name in report.index]
    assert report.loc[known, ["low", "high", "rate", "lowest"]].notna().all(axis=None)
    assert report.loc[~known].isna().all(axis=None)
    with pytest.warns(UndefinedMetricWarning, match="all rows are of one group"):
        report = fairness_report(y_true, y_pred, sensitive_features=np.zeros(80))
    assert report.isna().all(axis=None)
    with pytest.warns(UndefinedMetricWarning, match="true positive rate is NaN for group 1"):
        table = group_rates_interval(y_true, y_pred, sensitive_features=group, random_state=0)
    assert table.loc[1].isna().sum() == 3
    assert table.loc[0].notna().all()


def test_resamples_without_positive_rows_are_left_out():
    """Of 3 rows with 1 positive, a resample lacks it with probability 8/27."""
    y_true, y_pred = [1, 0, 0, 1, 0, 0], [1, 0, 1, 1, 1, 0]
    table = group_rates_interval(
        y_true, y_pred, sensitive_features=[0, 0, 0, 1, 1, 1], random_state=0
    )
    assert table.notna().all(axis=None)
    for name in RATES:
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()


def test_bad_parameters():
    y, group = [0, 1, 0, 1], [0, 0, 1, 1]
    for bad in ({"confidence": 1.0}, {"n_resamples": 1}, {"n_resamples": 2.5}):
        for table in (group_rates_interval, fairness_report):
            with pytest.raises(ValueError, match=next(iter(bad))):
                table(y, y, sensitive_features=group, **bad)
