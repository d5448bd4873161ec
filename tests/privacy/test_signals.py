"""Signals against formulas written out in numbers of enough digits."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from sklearn_privfair.privacy import _signals

from ._membership_harness import random_proba

CODES = np.array([0, 2, 1, 1, 2, 0])
PROBA = random_proba((6, 3), seed=0)

# rows that sum to 1 only if one keeps all digits: 1 - p cancels in each
TINY_SHARES = [("1e-3", "1e-9"), ("1e-17", "3e-17"), ("2e-20", "1e-30"), ("1e-9", "4e-12")]


def exact_rows():
    """Rows (1 - a - b, a, b) in exact decimals, and as floats."""
    with localcontext(prec=60):
        rows = [[1 - Decimal(a) - Decimal(b), Decimal(a), Decimal(b)] for a, b in TINY_SHARES]
    return rows, np.array([[float(p) for p in row] for row in rows])


def decimal_modified_entropy(row, label):
    """Song & Mittal (2021), equation 8."""
    total = -(1 - row[label]) * row[label].ln()
    for i, p in enumerate(row):
        if i != label:
            total -= p * (1 - p).ln()
    return float(total)


FORMULAS = {
    "log_odds": lambda row, label: float((row[label] / (1 - row[label])).ln()),
    "log_loss": lambda row, label: float(-row[label].ln()),
    "entropy": lambda row, _: float(-sum(p * p.ln() for p in row)),
    "modified_entropy": decimal_modified_entropy,
}


def signal(name, proba, codes, **params):
    if name == "entropy":
        return _signals.entropy(proba, **params)
    return getattr(_signals, name)(proba, codes, **params)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("label", [0, 1, 2])
def test_no_digits_lost_near_one(name, label):
    exact, floats = exact_rows()
    codes = np.full(len(floats), label)
    with localcontext(prec=60):
        expected = [FORMULAS[name](row, label) for row in exact]
    found = signal(name, floats, codes, clip=1e-300)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_moderate_rows(name):
    """With queries and models in front, and in float32."""
    with localcontext(prec=40):
        rows = [[Decimal(float(p)) for p in row] for row in PROBA]
        rows = [[p / sum(row) for p in row] for row in rows]
        expected = [FORMULAS[name](row, label) for row, label in zip(rows, CODES, strict=True)]
    stacked = np.stack([[PROBA, PROBA[::-1]]] * 2)
    found = signal(name, stacked, CODES)
    assert found.shape == (2, 2, 6)
    np.testing.assert_allclose(found[1, 0], expected, rtol=1e-13)
    single = signal(name, PROBA.astype(np.float32), CODES)
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, expected, rtol=2e-5)


def test_float32_near_one_keeps_the_order():
    """1 - p is 0 or one unit of float32 for all of them; the other classes' share is not."""
    shares = np.array([3e-8, 2e-8, 1e-9, 1e-12], dtype=np.float32)
    proba = np.stack([1 - shares, shares], axis=1)
    assert len(np.unique(proba[:, 0])) < 3
    codes = np.zeros(4, dtype=int)
    np.testing.assert_allclose(_signals.log_odds(proba, codes), -np.log(shares.astype(float)))
    assert (np.diff(_signals.log_loss(proba, codes)) < 0).all()
    assert (np.diff(_signals.modified_entropy(proba, codes)) < 0).all()
    # the wrong class: the surer, the larger
    assert (np.diff(_signals.modified_entropy(proba, codes + 1)) > 0).all()


def test_exact_zeros_and_ones():
    proba, clip = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 1e-3
    codes = np.array([0, 0])
    np.testing.assert_allclose(_signals.log_odds(proba, codes, clip), [-np.log(clip), np.log(clip)])
    np.testing.assert_allclose(_signals.log_loss(proba, codes, clip), [0, -np.log(clip)])
    np.testing.assert_allclose(
        _signals.modified_entropy(proba, codes, clip), [0, -2 * np.log(clip)], atol=1e-15
    )
    assert (_signals.entropy(proba) < 1e-10).all()
    for name in FORMULAS:
        assert np.isfinite(signal(name, proba, codes)).all()


def test_clip_bounds_the_odds_alone():
    """Rows within the clip are left as they are."""
    inside = PROBA.min() / 2
    np.testing.assert_array_equal(
        _signals.log_odds(PROBA, CODES, inside), _signals.log_odds(PROBA, CODES)
    )
    assert np.abs(_signals.log_odds(PROBA, CODES, 0.4)).max() <= -np.log(0.4)


def test_correct():
    expected = [float(row.argmax() == code) for row, code in zip(PROBA, CODES, strict=True)]
    np.testing.assert_array_equal(_signals.correct(PROBA, CODES), expected)
    assert 0 < sum(expected) < 6


def test_answers_are_not_written_to():
    proba = PROBA.copy()
    proba.flags.writeable = False
    for name in FORMULAS:
        signal(name, proba, CODES)
    np.testing.assert_array_equal(proba, PROBA)
