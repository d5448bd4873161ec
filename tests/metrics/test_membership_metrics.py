"""Rates against scikit-learn's ROC curve and thresholds tried one by one; the report by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, ks_2samp
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    balanced_accuracy_score,
    make_scorer,
    precision_score,
    roc_auc_score,
    roc_curve,
)
from sklearn.model_selection import cross_val_score

from sklearn_privfair.metrics import (
    max_membership_advantage,
    membership_advantage,
    membership_report,
    tpr_at_fpr,
    tpr_at_fpr_interval,
)
from sklearn_privfair.metrics._binomial import proportion_high, proportion_low

RATES = (0.003, 0.01, 0.07, 0.29, 0.57, 1.0)  # 0.29 * 100 is below 29, 0.07 * 100 above 7


def attack(n_members=150, n_others=100, tied=False, seed=0):
    rng = np.random.default_rng(seed)
    membership = rng.permutation(np.repeat([1, 0], [n_members, n_others]))
    score = rng.normal(membership, 1.0)
    return membership, np.round(score) if tied else score


def best_rate(membership, score, fpr):
    """Try every threshold, and both sides of it."""
    best = 0.0
    for threshold in np.unique(score):
        for accused in (score > threshold, score >= threshold):
            if np.mean(accused[membership == 0]) <= fpr:
                best = max(best, np.mean(accused[membership == 1]))
    return best


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    ("n_others", "fpr"), [(n, fpr) for n in (100, 400, 997) for fpr in RATES if n * fpr >= 1]
)
def test_rate_is_the_best_of_all_thresholds(tied, n_others, fpr):
    membership, score = attack(n_others=n_others, tied=tied)
    rate = tpr_at_fpr(membership, score, fpr=fpr)
    assert rate == best_rate(membership, score, fpr)
    false, true, _ = roc_curve(membership, score, drop_intermediate=False)
    assert rate == true[false <= fpr].max()


def test_tied_records_are_accused_together_and_nothing_is_interpolated():
    # the two thresholds: 0 of 4 and 0 of 4, 3 of 4 and 2 of 4; scikit-learn's line gives 3/8
    membership, score = [1, 1, 1, 1, 0, 0, 0, 0], [5, 5, 5, 1, 5, 5, 1, 1]
    assert np.interp(0.25, *roc_curve(membership, score)[:2]) == 3 / 8
    assert tpr_at_fpr(membership, score, fpr=0.25) == 0
    assert tpr_at_fpr(membership, score, fpr=0.5) == 3 / 4


@pytest.mark.parametrize("dtype", [bool, int, float, object, "boolean"])
def test_kinds_of_membership(dtype):
    membership, score = attack()
    expected = tpr_at_fpr(membership, score, fpr=0.1)
    kinds = pd.Series(membership, index=membership[::-1]).astype(bool).astype(dtype)
    assert tpr_at_fpr(kinds, pd.Series(score), fpr=0.1) == expected
    assert tpr_at_fpr(list(membership), list(score), fpr=0.1) == expected


def test_only_the_order_of_scores_counts():
    membership, score = attack(tied=True)
    assert tpr_at_fpr(membership, score, fpr=0.1) == tpr_at_fpr(membership, np.exp(score), fpr=0.1)
    assert max_membership_advantage(membership, score) == max_membership_advantage(
        membership, score**3
    )


def test_a_rate_that_the_non_members_cannot_show_is_no_number():
    membership, score = attack(n_others=99)
    with pytest.warns(UndefinedMetricWarning, match="0.01 needs 100 non-members .* there are 99"):
        assert np.isnan(tpr_at_fpr(membership, score, fpr=0.01))
    with pytest.warns(UndefinedMetricWarning, match="0.001 needs 1000 "):
        assert np.isnan(tpr_at_fpr_interval(membership, score, fpr=0.001)).all()
    membership, score = attack(n_others=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tpr_at_fpr(membership, score, fpr=0.01) > 0


@pytest.mark.parametrize("value", [0, 1])
def test_one_kind_of_records(value):
    membership, score = np.full(200, value), np.arange(200.0)
    lacking = "non-member" if value else "member"
    for metric in (tpr_at_fpr, max_membership_advantage):
        with pytest.warns(UndefinedMetricWarning, match=lacking):
            assert np.isnan(metric(membership, score))
    with pytest.warns(UndefinedMetricWarning, match=f"there is no {lacking}"):
        assert np.isnan(membership_advantage(membership, 1 - membership))


@pytest.mark.parametrize("confidence", [0.9, 0.99])
@pytest.mark.parametrize("n_found", [0, 1, 37, 59, 60])
def test_interval_is_that_of_the_members_where_the_threshold_is_known(n_found, confidence):
    """Where no threshold that is possible parts them otherwise: Clopper's and Pearson's."""
    score = np.r_[np.arange(100.0), np.full(n_found, 200.0), np.full(60 - n_found, -1.0)]
    membership = np.repeat([0, 1], [100, 60])
    result = binomtest(n_found, 60).proportion_ci(confidence, method="exact")
    low, high = tpr_at_fpr_interval(membership, score, fpr=0.5, confidence=confidence)
    assert (low, high) == pytest.approx((result.low, result.high), abs=1e-12)
    assert low <= tpr_at_fpr(membership, score, fpr=0.5) <= high


def test_proportion_bounds_of_arrays():
    count = np.array([0, 3, 40])
    for bound, side in ((proportion_low, "greater"), (proportion_high, "less")):
        exact = [binomtest(int(k), 40, alternative=side).proportion_ci(0.98) for k in count]
        exact = [ci.low if side == "greater" else ci.high for ci in exact]
        np.testing.assert_allclose(bound(count, 40, 0.02), exact, atol=1e-12)


@pytest.mark.parametrize("fpr", [0.01, 0.05, 0.4])
@pytest.mark.parametrize("lead", [0.0, 0.3])
def test_interval_holds_the_true_rate(fpr, lead):
    """As often as it says, though the threshold is another one each time: both are uncertain."""
    rng, missed, runs = np.random.default_rng(0), [0, 0], 800
    membership = np.repeat([1, 0], [500, 400])
    truth = fpr + lead  # of scores that are spread evenly over [0, 1], and shifted
    for _ in range(runs):
        score = rng.uniform(size=900) + lead * membership
        low, high = tpr_at_fpr_interval(membership, score, fpr=fpr, confidence=0.8)
        assert low <= tpr_at_fpr(membership, score, fpr=fpr) <= high
        missed[0] += low > truth
        missed[1] += high < truth
    assert max(missed) / runs < 0.1  # on either side
    assert sum(missed) > 0  # it is not so wide that it says nothing


@pytest.mark.parametrize("fpr", [0.05, 1.0])
def test_interval_of_a_perfect_attack(fpr):
    membership = np.repeat([1, 0], [50, 200])
    for score in (membership, membership + np.linspace(0, 0.5, 250)):
        expected = float(proportion_low(50, 50, 0.025)), 1.0
        assert tpr_at_fpr_interval(membership, score, fpr=fpr) == pytest.approx(expected)


def test_advantage():
    membership, score = attack()
    guess = (score > 0.7).astype(int)
    expected = balanced_accuracy_score(membership, guess, adjusted=True)
    assert membership_advantage(membership, guess) == pytest.approx(expected)
    assert membership_advantage(membership, 1 - guess) == pytest.approx(-expected)
    assert membership_advantage(membership, membership) == 1


@pytest.mark.parametrize("tied", [False, True])
def test_largest_advantage(tied):
    membership, score = attack(tied=tied)
    best = max_membership_advantage(membership, score)
    tried = [membership_advantage(membership, score >= t) for t in np.unique(score)]
    assert best == pytest.approx(max(tried))
    ks = ks_2samp(score[membership == 1], score[membership == 0], alternative="less")
    assert best == pytest.approx(ks.statistic)
    assert max_membership_advantage(membership, membership == 0) == 0  # at worst nobody is accused


def test_largest_advantage_of_noise_is_as_stated():
    rng, n = np.random.default_rng(0), 200
    found = [
        max_membership_advantage(np.repeat([1, 0], n), rng.normal(size=2 * n)) for _ in range(300)
    ]
    assert np.mean(found) == pytest.approx(0.85 / np.sqrt(n), rel=0.1)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"membership": [1, -1]}, "got -1, 1.*membership == value"),
        ({"membership": ["in", "out"]}, "got 'in', 'out'"),
        ({"membership": [0.5, 1.0]}, "got 0.5, 1.0"),
        ({"membership": [np.nan, 1.0]}, "got 1.0, nan"),
        ({"membership": [1, 0, 1]}, "inconsistent"),
        ({"membership": [[1, 0], [1, 0]]}, "1d array"),
        ({"score": [np.nan, 0.0]}, "score contains NaN"),
        ({"score": [np.inf, 0.0]}, "score contains infinity"),
        ({"score": [[0.1, 0.9], [0.2, 0.8]]}, "column of class 1"),
        ({"fpr": 0.0}, "'fpr' parameter"),
        ({"fpr": 1.1}, "'fpr' parameter"),
    ],
)
def test_bad_input(kwargs, match):
    good = {"membership": [1, 0], "score": [2.0, 1.0], "fpr": 1.0}
    with pytest.raises(ValueError, match=match):
        tpr_at_fpr(**(good | kwargs))


def test_bad_guesses():
    with pytest.raises(ValueError, match="membership_pred must hold 1"):
        membership_advantage([1, 0], [0.7, 0.2])
    with pytest.raises(ValueError, match="inconsistent"):
        membership_advantage([1, 0], [1, 0, 1])


def test_scorers():
    """An attack that is a plain classifier, of features such as the victim's loss."""
    membership, score = attack(600, 600)
    model, X = LogisticRegression(), score[:, None]
    rates = cross_val_score(
        model,
        X,
        membership,
        scoring=make_scorer(tpr_at_fpr, response_method="decision_function", fpr=0.05),
        cv=2,
    )
    halves = cross_val_score(model, X, membership, scoring=make_scorer(membership_advantage), cv=2)
    assert ((rates > 0.1) & (rates < 0.5)).all()  # normal scores one apart: 0.26
    np.testing.assert_allclose(halves, 0.38, atol=0.08)


def grouped():
    membership, score = attack(300, 400)
    species = np.array(["cat", "dog", "owl"])[np.random.default_rng(1).integers(3, size=700)]
    return membership, score, species


def test_report_of_all_records():
    membership, score, _ = grouped()
    report = membership_report(membership, score, fpr=(0.01, 0.25), threshold=0.5, confidence=0.9)
    assert list(report.index) == [("all", "all")]
    guess = score > 0.5
    expected = {
        "n_members": 300,
        "n_non_members": 400,
        "auc": roc_auc_score(membership, score),
        "balanced_accuracy": balanced_accuracy_score(membership, guess),
        "precision": precision_score(membership, guess),
        "advantage": membership_advantage(membership, guess),
    }
    for fpr in (0.01, 0.25):
        expected[f"tpr@{fpr}"] = tpr_at_fpr(membership, score, fpr=fpr)
        low, high = tpr_at_fpr_interval(membership, score, fpr=fpr, confidence=0.9)
        expected |= {f"tpr@{fpr}_low": low, f"tpr@{fpr}_high": high}
    assert list(report.columns) == list(expected)
    assert report.iloc[0].to_dict() == pytest.approx(expected)
    # a record exactly at the threshold is not accused
    at_a_score = membership_report(membership, score, threshold=np.sort(score)[-1 - 5])
    accused = score >= np.sort(score)[-5]
    expected = membership_advantage(membership, accused)
    assert at_a_score["advantage"].item() == pytest.approx(expected)


def test_a_group_is_reported_as_if_alone():
    membership, score, species = grouped()
    report = membership_report(membership, score, groups=species, fpr=0.1)
    assert list(report.index) == [("all", "all")] + [("group", s) for s in np.unique(species)]
    for name in np.unique(species):
        rows = species == name
        alone = membership_report(membership[rows], score[rows], fpr=0.1)
        np.testing.assert_array_equal(report.loc[("group", name)], alone.iloc[0])


def test_several_groupings():
    membership, score, species = grouped()
    old = pd.Series(score[::-1] > 0, index=np.arange(700)[::-1])  # its index means nothing
    both = {"species": species, "old": old}
    report = membership_report(membership, score, groups=both)
    assert report.index.names == ["by", "group"]
    assert report.xs("old", level="by")["n_members"].to_dict() == {
        flag: int(membership[old.to_numpy() == flag].sum()) for flag in (False, True)
    }
    frame = pd.DataFrame({"species": species, "old": old.to_numpy()})
    pd.testing.assert_frame_equal(membership_report(membership, score, groups=frame), report)
    named = membership_report(membership, score, groups=pd.Series(species, name="species"))
    pd.testing.assert_frame_equal(named, report.iloc[:4], check_index_type=False)


def test_missing_values_are_a_group_and_unused_categories_none():
    membership, score, species = grouped()
    some = pd.Series(species).astype(pd.CategoricalDtype(["cat", "dog", "owl", "yeti"]))
    some[species == "owl"] = np.nan
    report = membership_report(membership, score, groups=some)
    assert len(report) == 4
    assert report["n_members"].iloc[1:].sum() == 300
    assert report["n_members"].iloc[3] == membership[species == "owl"].sum()


def test_what_a_group_does_not_say_is_nan():
    membership = np.r_[np.ones(6), np.zeros(6)]
    score = np.r_[np.ones(6), -np.ones(6)]
    groups = np.r_[["members"] * 4, ["mixed"] * 4, ["others"] * 4]
    report = membership_report(membership, score, groups=groups, fpr=0.5).droplevel("by")
    nan = report.isna()
    rates = ["tpr@0.5", "tpr@0.5_low", "tpr@0.5_high"]
    undefined = ["auc", "balanced_accuracy", "advantage", *rates]
    assert nan.columns[nan.loc["members"]].tolist() == undefined
    assert set(nan.columns[nan.loc["others"]]) == {*undefined, "precision"}
    assert not nan.loc[["all", "mixed"]].any().any()
    fine = membership_report(membership, score, fpr=0.01)
    assert fine.filter(like="tpr").isna().all().all()


def test_a_threshold_that_is_not_of_these_scores():
    membership, score, _ = grouped()
    with pytest.warns(UserWarning, match=r"above threshold=0.0.*probabilities the threshold is"):
        report = membership_report(membership, 1 / (1 + np.exp(-score)))
    assert report["balanced_accuracy"].item() == 0.5
    with pytest.warns(UserWarning, match="at or below threshold=0"):
        report = membership_report(membership, score - 100)
    assert np.isnan(report["precision"].item())


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"fpr": (0.1, 0.0)}, "fpr must be rates above 0"),
        ({"fpr": [1.5]}, "fpr must be rates above 0"),
        ({"groups": ["a"]}, "inconsistent"),
        ({"groups": [["a", "b"], ["a", "b"]]}, r"groups has shape \(2, 2\)"),
        ({"groups": {"g": ["a"]}}, "inconsistent"),
        ({"threshold": np.inf}, "'threshold' parameter"),
        ({"confidence": 1.0}, "'confidence' parameter"),
    ],
)
def test_bad_report(kwargs, match):
    good = {"membership": [1, 0], "score": [2.0, -1.0]}
    with pytest.raises(ValueError, match=match):
        membership_report(**(good | kwargs))
