"""Means and spreads of shadow models' log-odds, on numbers drawn from known distributions."""

import numpy as np
import pytest

from sklearn_privfair.privacy._moments import Moments, Spread


def draw(n_shadows, n_records, seed=0, scale=1.0, n_queries=1):
    """Normal values around a mean of each record's own, and who counts: more or fewer of them."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_shadows, n_queries, n_records))
    values = 5 * rng.standard_normal((n_queries, n_records)) + scale * noise
    chosen = rng.random((n_shadows, n_records)) < rng.uniform(0.2, 0.9, n_records)
    chosen[0] = True
    return values, chosen


def moments(values, chosen, variance, over=None):
    values_over, chosen_over = over or (values, chosen)
    return Moments(values, chosen, variance, Spread(lambda: values_over, chosen_over))


def test_means_and_own_variances_are_plain():
    values, chosen = draw(9, 40, n_queries=2)
    found = moments(values, chosen, "per_example")
    pooled = Spread(lambda: values, chosen).pooled
    for i in range(40):
        own = values[chosen[:, i], :, i]
        np.testing.assert_allclose(found.mean[:, i], own.mean(axis=0))
        expected = own.std(axis=0, ddof=1) if len(own) > 1 else np.sqrt(pooled)
        np.testing.assert_allclose(found.scale[:, i], expected)
    assert {1, 2} <= set(chosen.sum(axis=0))


@pytest.mark.parametrize("variance", ["global", "shrunken"])
def test_pooled_variance_is_unbiased(variance):
    """Two or three values for each record: dividing by their number would say 2.0."""
    rng = np.random.default_rng(0)
    values = 2.0 * rng.standard_normal((3, 1, 20_000))
    chosen = np.ones((3, 20_000), dtype=bool)
    chosen[2, ::2] = False
    found = moments(values, chosen, variance)
    assert found.scale.mean() == pytest.approx(2.0, rel=0.02)
    # all have the same variance, and that is seen
    assert found.scale.std() < 0.05


@pytest.mark.parametrize(("prior", "weight"), [(4.0, 6.0), (0.25, 3.0), (1.0, 30.0)])
def test_prior_of_made_up_variances_is_found(prior, weight):
    rng = np.random.default_rng(1)
    n = 20_000
    variance = weight * prior / rng.chisquare(weight, n)
    values = np.sqrt(variance) * rng.standard_normal((8, 1, n))
    chosen = np.ones((8, n), dtype=bool)
    chosen[5:, ::3] = False
    spread = Spread(lambda: values, chosen)
    assert spread.prior.item() == pytest.approx(prior, rel=0.05)
    assert spread.weight.item() == pytest.approx(weight, rel=0.2)
    found = Moments(values, chosen, "shrunken", spread).scale[0]
    own = Moments(values, chosen, "per_example", spread).scale[0]
    low, high = np.minimum(own, np.sqrt(spread.prior[0])), np.maximum(own, np.sqrt(spread.prior[0]))
    assert ((low <= found) & (found <= high)).all()
    # nearer to the truth than either
    errors = [np.mean(np.log(s**2 / variance) ** 2) for s in (found, own, np.sqrt(prior))]
    assert errors[0] < 0.9 * min(errors[1:])


def test_the_more_values_the_nearer_to_the_own():
    values, chosen = draw(12, 2000, scale=np.random.default_rng(3).uniform(0.2, 3, 2000))
    found, own = (moments(values, chosen, v).scale[0] for v in ("shrunken", "per_example"))
    distance, count = np.abs(np.log(found / own)), chosen.sum(axis=0)
    assert np.median(distance[count >= 9]) < 0.7 * np.median(distance[count == 3])


def test_other_records_of_the_call_do_not_matter():
    values, chosen = draw(6, 100)
    for variance in ("global", "per_example", "shrunken"):
        whole = moments(values, chosen, variance)
        part = moments(values[..., 7:9], chosen[:, 7:9], variance, over=(values, chosen))
        np.testing.assert_allclose(part.scale, whole.scale[:, 7:9])


def test_correlation_between_queries():
    rng = np.random.default_rng(0)
    truth = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, -0.3], [0.0, -0.3, 1.0]])
    root = np.diag([1.0, 5.0, 0.1]) @ np.linalg.cholesky(truth)
    values = np.einsum("qr,srn->sqn", root, rng.standard_normal((4, 3, 30_000)))
    values += rng.standard_normal((3, 30_000))  # of records, and no matter of models
    chosen = rng.random((4, 30_000)) < 0.7
    spread = Spread(lambda: values, chosen)
    np.testing.assert_allclose(np.linalg.inv(spread.inverse), truth, atol=0.03)
    assert spread.log_det == pytest.approx(np.linalg.slogdet(truth)[1], rel=0.05)
    np.testing.assert_allclose(np.sqrt(spread.pooled), [1, 5, 0.1], rtol=0.02)


def test_a_query_that_repeats_another_counts_once():
    values, chosen = draw(5, 50)
    twice = np.concatenate([values, values], axis=1)
    once = Spread(lambda: values, chosen)
    spread = Spread(lambda: twice, chosen)
    z = np.array([1.7, 1.7])
    assert z @ spread.inverse @ z == pytest.approx(z[:1] @ once.inverse @ z[:1])


@pytest.mark.parametrize("variance", ["global", "per_example", "shrunken"])
def test_nothing_to_learn_a_spread_from(variance):
    """One value for each record; or values that agree exactly, as votes of trees may."""
    single = moments(np.ones((2, 1, 3)), np.array([[True] * 3, [False] * 3]), variance)
    np.testing.assert_allclose(single.scale, 1.0)
    alike = moments(np.ones((4, 1, 3)), np.ones((4, 3), dtype=bool), variance)
    assert (alike.scale > 0).all()
    assert (alike.scale < 1e-3).all()
