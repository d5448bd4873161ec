"""Distances against numpy's norms, and the median against numpy's median of repeated rows."""

import numpy as np
import pandas as pd
import pytest

from sklearn_privfair.metrics import (
    _distance,
    median_perturbation_distance,
    perturbation_distance,
)


@pytest.mark.parametrize("norm", [0, 1, 2, np.inf])
@pytest.mark.parametrize("shape", [(7, 5), (7, 3, 4, 4), (1, 1)])
def test_agrees_with_numpy(norm, shape, monkeypatch):
    monkeypatch.setattr(_distance, "_BLOCK", 10)  # several blocks, the last one short
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    X_adv = X + rng.normal(size=shape) * (rng.random(shape) < 0.5)
    expected = [np.linalg.norm((a - x).ravel(), norm) for x, a in zip(X, X_adv, strict=True)]
    distance = perturbation_distance(X, X_adv, norm=norm)
    assert distance.dtype == np.float64
    np.testing.assert_allclose(distance, expected, rtol=1e-14)


def test_default_is_euclidean():
    assert perturbation_distance([[0.0, 0.0]], [[3.0, 4.0]]) == [5.0]


def test_unsigned_integers_do_not_wrap():
    X, X_adv = np.array([[200, 0]], np.uint8), np.array([[0, 255]], np.uint8)
    assert perturbation_distance(X, X_adv, norm=1) == [455.0]
    assert perturbation_distance(X, X_adv, norm=np.inf) == [255.0]


def test_float32_is_measured_in_float64():
    X, X_adv = np.array([[0.1]], np.float32), np.array([[0.4]], np.float32)
    exact = float(X_adv[0, 0]) - float(X[0, 0])
    assert exact != float(X_adv[0, 0] - X[0, 0])  # float32 would round
    assert perturbation_distance(X, X_adv) == [exact]


def test_data_frames_count_like_arrays():
    X = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    X_adv = X.add(np.array([[1, 0], [0, 2]]))
    np.testing.assert_array_equal(perturbation_distance(X, X_adv), [1.0, 2.0])
    np.testing.assert_array_equal(perturbation_distance(X, X_adv.to_numpy()), [1.0, 2.0])
    with pytest.raises(ValueError, match="same columns"):
        perturbation_distance(X, X_adv[["b", "a"]])


@pytest.mark.parametrize(
    ("X", "X_adv", "match"),
    [
        ([[0.0]], [[0.0, 1.0]], r"shape \(1, 1\) and X_adv \(1, 2\)"),
        ([0.0], [0.0], "2D array"),
        ([[np.nan]], [[0.0]], "X contains NaN"),
        ([["red"]], [["blue"]], "numeric"),
    ],
)
def test_bad_rows(X, X_adv, match):
    with pytest.raises(ValueError, match=match):
        perturbation_distance(X, X_adv)


@pytest.mark.parametrize("norm", [3, "l2", None, -np.inf])
def test_bad_norm(norm):
    with pytest.raises(ValueError, match="norm"):
        perturbation_distance([[0.0]], [[0.0]], norm=norm)


@pytest.mark.parametrize("seed", range(20))
def test_weighted_median_is_the_median_of_repeated_rows(seed):
    rng = np.random.default_rng(seed)
    distance = rng.choice([0.0, 0.5, 1.0, 2.0, np.inf], size=rng.integers(1, 9))
    weight = rng.integers(0, 4, size=len(distance))
    weight[0] += 1
    expected = np.median(np.repeat(distance, weight))
    assert median_perturbation_distance(distance, sample_weight=weight) == expected
    assert median_perturbation_distance(distance) == np.median(distance)


def test_failures_are_infinitely_far():
    assert median_perturbation_distance([1.0, 2.0, np.inf]) == 2.0
    assert median_perturbation_distance([1.0, np.inf]) == np.inf


@pytest.mark.parametrize(
    ("distance", "match"),
    [([], "minimum of 1"), ([np.nan], "NaN"), ([-1.0], "not negative"), ([[1.0]], "shape")],
)
def test_bad_distances(distance, match):
    with pytest.raises(ValueError, match=match):
        median_perturbation_distance(distance)
