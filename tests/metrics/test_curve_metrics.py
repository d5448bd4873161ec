"""The curve against the accuracy counted afresh at each budget."""

import numpy as np
import pytest

from sklearn_privfair.metrics import robust_accuracy_curve


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=60)
    y_pred = np.where(rng.random(60) < 0.7, y_true, rng.integers(3, size=60))
    distance = rng.choice([0.1, 0.25, 0.5, 1.0, np.inf], size=60)
    return y_true, y_pred, distance, rng.integers(0, 3, size=60).astype(float)


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_rows_beyond_each_budget(run, weighted):
    y_true, y_pred, distance, weight = run
    budgets = [0.5, 0.0, 0.1, 0.3, 7.0]  # unsorted, on and between the distances
    eps, accuracy = robust_accuracy_curve(
        y_true, y_pred, distance, budgets, sample_weight=weight if weighted else None
    )
    np.testing.assert_array_equal(eps, budgets)
    weight = weight if weighted else np.ones(60)
    expected = [
        np.average((y_true == y_pred) & (distance > budget), weights=weight) for budget in budgets
    ]
    np.testing.assert_allclose(accuracy, expected, rtol=1e-13)


def test_default_budgets_give_the_whole_step_function(run):
    y_true, y_pred, distance, _ = run
    eps, accuracy = robust_accuracy_curve(y_true, y_pred, distance)
    np.testing.assert_array_equal(eps, [0.0, 0.1, 0.25, 0.5, 1.0])
    assert accuracy[0] == pytest.approx(np.mean(y_true == y_pred))
    assert accuracy[-1] == pytest.approx(np.mean((y_true == y_pred) & np.isinf(distance)))
    assert (np.diff(accuracy) < 0).all()
    # Between two of its budgets the curve does not move.
    _, between = robust_accuracy_curve(y_true, y_pred, distance, np.nextafter(eps[1:], 0))
    np.testing.assert_array_equal(between, accuracy[:-1])


def test_distances_of_misclassified_rows_do_not_matter(run):
    y_true, y_pred, distance, _ = run
    changed = np.where(y_true == y_pred, distance, np.inf)
    for a, b in zip(
        robust_accuracy_curve(y_true, y_pred, distance),
        robust_accuracy_curve(y_true, y_pred, changed),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_string_labels():
    _, accuracy = robust_accuracy_curve(["a", "b"], ["a", "a"], [1.0, 1.0], [0.0, 1.0])
    np.testing.assert_array_equal(accuracy, [0.5, 0.0])


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"distance": [1.0]}, "inconsistent"),
        ({"distance": [1.0, np.nan]}, "NaN"),
        ({"eps": [-0.1]}, "eps"),
        ({"eps": [[0.1]]}, "eps"),
        ({"eps": [np.nan]}, "eps"),
        ({"sample_weight": [0, 0]}, "at least one non-zero"),
        ({"y_pred": ["a", "b"]}, "labels of one kind"),
    ],
)
def test_bad_input(kwargs, match):
    good = {"y_true": [0, 1], "y_pred": [0, 1], "distance": [1.0, 2.0]}
    with pytest.raises(ValueError, match=match):
        robust_accuracy_curve(**(good | kwargs))
