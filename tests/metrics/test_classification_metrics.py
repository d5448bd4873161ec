"""Robust accuracy and success rate against a count row by row."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_privfair.metrics import attack_success_rate, robust_accuracy_score


def draw(kind, n=200, seed=0):
    codes = np.random.default_rng(seed).integers(3, size=(3, n))
    names = {"int": [0, 1, 2], "str": ["ant", "bee", "cat"], "float": [0.0, 1.0, 2.0]}[kind]
    return np.asarray(names)[codes]


def count(y_true, y_pred, y_pred_adv, target, weight):
    """Weighted counts by a plain loop: attacked, turned, robust, all."""
    attacked = turned = robust = total = 0.0
    for t, p, a, g, w in zip(y_true, y_pred, y_pred_adv, target, weight, strict=True):
        total += w
        robust += w * (t == p == a)
        if p == t and g != t:
            attacked += w
            turned += w * (a == g if g is not None else a != t)
    return attacked, turned, robust, total


@pytest.mark.parametrize("kind", ["int", "str", "float"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("targeted", ["no", "one", "each"])
def test_both_agree_with_a_loop(kind, weighted, targeted):
    y_true, y_pred, y_pred_adv = draw(kind)
    n = len(y_true)
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 4, n).astype(float) if weighted else np.ones(n)
    target = {"no": None, "one": y_true[0], "each": rng.permutation(y_true)}[targeted]
    per_row = [target] * n if targeted != "each" else target
    attacked, turned, robust, total = count(y_true, y_pred, y_pred_adv, per_row, weight)
    sample_weight = weight if weighted else None
    rate = attack_success_rate(
        y_true, y_pred, y_pred_adv, target=target, sample_weight=sample_weight
    )
    assert rate == pytest.approx(turned / attacked, abs=1e-12)
    score = robust_accuracy_score(y_true, y_pred, y_pred_adv, sample_weight=sample_weight)
    assert score == pytest.approx(robust / total, abs=1e-12)
    assert isinstance(score, float)
    assert isinstance(rate, float)


def test_a_row_that_the_attack_corrects_is_not_robust():
    assert robust_accuracy_score([1, 1], [0, 1], [1, 1]) == 0.5


def test_robust_accuracy_is_accuracy_times_failure_rate():
    y_true, y_pred, y_pred_adv = draw("int")
    rate = attack_success_rate(y_true, y_pred, y_pred_adv)
    expected = np.mean(y_true == y_pred) * (1 - rate)
    assert robust_accuracy_score(y_true, y_pred, y_pred_adv) == pytest.approx(expected)


def test_pandas_labels():
    y_true, y_pred, y_pred_adv = draw("str")
    expected = attack_success_rate(y_true, y_pred, y_pred_adv, target="bee")
    for dtype in ("category", "string", object):
        series = [pd.Series(y, dtype=dtype) for y in (y_true, y_pred, y_pred_adv)]
        assert attack_success_rate(*series, target="bee") == expected


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kwargs"),
    [
        ([0, 1], [1, 0], {}),  # nothing classified correctly
        ([1, 1], [1, 1], {"target": 1}),  # all are the target already
        ([0, 1], [0, 0], {"sample_weight": [0, 1]}),  # the only candidate has no weight
    ],
)
def test_success_rate_without_candidates_is_nan_and_says_so(y_true, y_pred, kwargs):
    with pytest.warns(UndefinedMetricWarning, match="no correctly classified row") as record:
        assert np.isnan(attack_success_rate(y_true, y_pred, [0, 1], **kwargs))
    assert record[0].filename == __file__


@pytest.mark.parametrize("metric", [robust_accuracy_score, attack_success_rate])
@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (([0, 1], [0, 1], [0]), "inconsistent numbers of samples"),
        (([0, 1], ["a", "b"], [0, 1]), "labels of one kind"),
        (([[0, 1]], [0, 1], [0, 1]), r"y_true has shape \(1, 2\)"),
        (([], [], []), "at least one row"),
        (([0.0, np.nan], [0.0, 1.0], [0.0, 1.0]), "NaN"),
    ],
)
def test_bad_labels(metric, labels, match):
    with pytest.raises(ValueError, match=match):
        metric(*labels)


def test_bad_target_and_weight():
    with pytest.raises(ValueError, match="inconsistent numbers"):
        attack_success_rate([0, 1], [0, 1], [0, 1], target=[1])
    with pytest.raises(ValueError, match="labels of one kind"):
        attack_success_rate([0, 1], [0, 1], [0, 1], target="one")
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        attack_success_rate([0, 1], [0, 1], [0, 1], sample_weight=[-1, 1])
    with pytest.raises(ValueError, match="at least one non-zero"):
        robust_accuracy_score([0, 1], [0, 1], [0, 1], sample_weight=[0, 0])
    with pytest.raises(ValueError, match="y_true"):
        robust_accuracy_score(3, [0], [0])
