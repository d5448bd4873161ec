"""Soft debiasing solves the paper's problem, whichever way it is solved."""

import numpy as np
import pytest
from scipy.optimize import minimize

from sklearn_privfair.embeddings import HardDebias, SoftDebias
from sklearn_privfair.embeddings._soft_problem import solve_soft

from ._vectors import DEFINITIONAL, NEUTRAL, SPECIFIC, google_news, keyed, made, unit

SOFT = {"definitional_sets": DEFINITIONAL, "specific_words": SPECIFIC}


def objective(T, W, N, B, weight):
    """The paper's, with means in place of sums, over all pairs of words."""
    words = ((W @ T.T) @ (T @ W.T) - W @ W.T) ** 2
    bias = ((N @ T.T) @ (T @ B.T)) ** 2
    return words.mean() + weight * bias.sum() / len(N)


def problem(seed, n=14, n_neutral=9, d=4, k=1):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(n, d)) * rng.uniform(0.3, 2, size=d)
    return W, W[:n_neutral], np.linalg.qr(rng.normal(size=(d, k)))[0].T


def by_descent(W, N, B, weight):
    """Minimise over T itself, from several starts."""
    d = W.shape[1]
    rng = np.random.default_rng(0)
    found = []
    for start in (np.eye(d), *(np.eye(d) + 0.3 * rng.normal(size=(3, d, d)))):
        done = minimize(
            lambda t: objective(t.reshape(d, d), W, N, B, weight),
            start.ravel(),
            method="BFGS",
            options={"gtol": 1e-9, "maxiter": 5000},
        )
        found.append(done.fun)
    return min(found)


def solved(W, N, B, weight):
    A, n_iter = solve_soft(W.T @ W / len(W), N.T @ N / len(N), B, weight)
    values, vectors = np.linalg.eigh(A)
    assert values[0] > -1e-9
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T, n_iter


@pytest.mark.parametrize("weight", [0.1, 3.0, 300.0])
@pytest.mark.parametrize("k", [1, 2])
def test_no_descent_finds_less(weight, k):
    W, N, B = problem(0, k=k)
    T, _ = solved(W, N, B, weight)
    ours = objective(T, W, N, B, weight)
    theirs = by_descent(W, N, B, weight)
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_where_the_constraint_binds():
    """A point at rest that is no positive semi-definite matrix is no solution."""
    bound = 0
    for seed in range(12):
        W, N, B = problem(seed, n_neutral=3)
        T, n_iter = solved(W, N, B, 500.0)
        bound += n_iter > 0
        if n_iter and bound <= 2:
            ours = objective(T, W, N, B, 500.0)
            assert ours == pytest.approx(by_descent(W, N, B, 500.0), rel=1e-4)
    assert bound >= 2


def test_if_all_words_are_neutral_there_is_a_closed_form():
    for seed in range(10):
        W, _, B = problem(seed, k=2)
        assert solved(W, W, B, 1000.0)[1] == 0


def test_no_weight_changes_nothing_and_much_weight_leaves_no_bias():
    words, X = made()
    nothing = SoftDebias(**SOFT, bias_weight=0).fit((words, X))
    assert len(nothing.components_) == 0
    np.testing.assert_allclose(nothing.transform((words, X))[1], unit(X), atol=1e-15)
    left = []
    for weight in (0.01, 1.0, 100.0, 1e6):
        soft = SoftDebias(**SOFT, bias_weight=weight).fit((words, X))
        new = soft.transform((words, X))[1][[words.index(w) for w in NEUTRAL]]
        left.append(np.abs(new @ soft.bias_components_[0]).mean())
    assert np.all(np.diff(left) < 0)
    assert left[-1] < 0.02 * left[0]


def test_the_map_is_linear_and_the_same_for_all_words():
    words, X = made()
    soft = SoftDebias(**SOFT, normalize=False).fit((words, X))
    U = soft.components_
    np.testing.assert_allclose(U @ U.T, np.eye(len(U)), atol=1e-12)
    assert len(U) <= 2
    T = np.eye(12) - (U.T * soft.shares_) @ U
    np.testing.assert_allclose(soft.transform((words, X))[1], X @ T, atol=1e-12)
    W, N = X, X[[i for i, w in enumerate(words) if w not in SPECIFIC]]
    expected = by_descent_or_closed(W, N, soft.bias_components_, 0.2)
    assert objective(T, W, N, soft.bias_components_, 0.2) == pytest.approx(expected, rel=1e-9)
    normal = SoftDebias(**SOFT).fit((words, X)).transform((words, X))[1]
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1)


def by_descent_or_closed(W, N, B, weight):
    T, _ = solved(W, N, B, weight)
    return objective(T, W, N, B, weight)


def test_fewer_words_than_features():
    words, X = made(n_features=60)
    soft = SoftDebias(**SOFT, bias_weight=1.0).fit((words, X))
    _, new = soft.transform((words, X))
    assert np.isfinite(new).all()
    neutral = [words.index(w) for w in NEUTRAL]
    before = np.abs(unit(X)[neutral] @ soft.bias_components_[0]).mean()
    assert np.abs(new[neutral] @ soft.bias_components_[0]).mean() < 0.5 * before


def test_all_words_specific_is_refused():
    words, X = made()
    with pytest.raises(ValueError, match="specific_words: all words are specific"):
        SoftDebias(DEFINITIONAL, words).fit((words, X))


def test_real_vectors(real_data):
    kv = google_news(real_data)
    soft = SoftDebias().fit(kv)
    assert soft.n_iter_ == 0
    new = soft.transform(kv)
    words = [w for w in kv.index_to_key if w not in set(soft.specific_words_)]
    bias = soft.bias_components_[0]
    before = np.abs(unit(kv[words]) @ bias).mean()
    after = np.abs(new[words] @ bias).mean()
    assert 0 < after < 0.5 * before
    hard = HardDebias().fit(kv)
    np.testing.assert_allclose(np.abs(hard.components_[0] @ bias), 1, atol=1e-9)
    sample = np.random.default_rng(0).choice(len(kv), 500, replace=False)
    old = unit(kv.vectors[sample])
    assert np.abs(new.vectors[sample] @ new.vectors[sample].T - old @ old.T).mean() < 0.02


def test_gensim_and_pairs_agree():
    words, X = made(np.float32)
    soft = SoftDebias(**SOFT)
    np.testing.assert_array_equal(
        soft.fit_transform(keyed(words, X)).vectors, soft.fit_transform((words, X))[1]
    )
    assert "equalize_sets" not in soft.get_params()
