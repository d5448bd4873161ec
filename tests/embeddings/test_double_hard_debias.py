"""Double-hard debiasing: the component that is chosen, and what is left of it and of the bias."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from sklearn_privfair.embeddings import DoubleHardDebias, HardDebias

from ._vectors import DEFINITIONAL, LISTS, SPECIFIC, google_news, made, unit


def twisted(n=300, d=10):
    """Words that lie in two clouds, apart along one direction, which is mixed with the bias."""
    words, X = made(n_features=d, seed=1)
    rng = np.random.default_rng(2)
    side = rng.choice([-1.0, 1.0], size=n)
    hidden, bias = np.eye(d)[0], np.zeros(d)
    for first, second in DEFINITIONAL:
        bias += X[words.index(first)] - X[words.index(second)]
    more = 0.3 * rng.normal(size=(n, d))
    more += np.outer(3 * side, hidden) + np.outer(side, bias / np.linalg.norm(bias))
    return [*words, *(f"word{i}" for i in range(n))], np.concatenate([X, more])


def fitted(**params):
    return DoubleHardDebias(**LISTS, n_biased_words=60, random_state=0, **params)


def test_the_component_that_hides_the_bias_is_taken_out():
    vectors = twisted()
    debias = fitted().fit(vectors)
    assert debias.baseline_alignment_ > 0.85
    assert debias.alignments_.shape == (10,)
    assert debias.alignments_.min() < 0.75
    assert abs(debias.frequency_component_[0]) > 0.9
    new = debias.transform(vectors)[1]
    assert np.abs(new @ debias.frequency_component_).max() < 1e-12
    neutral = [i for i, w in enumerate(vectors[0]) if w.startswith(("job", "word"))]
    assert np.abs(new[neutral] @ debias.components_[0]).max() < 1e-12
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1)


def test_as_the_paper_has_it_save_that_vectors_are_centred_throughout():
    words, X = vectors = twisted()
    debias = fitted(n_candidates=3).fit(vectors)
    W = unit(X)
    centred = W - W.mean(axis=0)
    np.testing.assert_allclose(debias.mean_, W.mean(axis=0), atol=1e-12)
    principal = np.linalg.svd(centred, full_matrices=False)[2][:3]
    place = {word: i for i, word in enumerate(words)}
    lower = [i for i, w in enumerate(words) if w not in SPECIFIC]
    plain = HardDebias(**LISTS).fit(vectors).components_[0]
    order = np.array(lower)[np.argsort(W[lower] @ plain)]
    rows, sides = np.r_[order[:60], order[-60:]], np.repeat([0, 1], 60)
    for i, u in enumerate(principal):
        left = centred - np.outer(centred @ u, u)
        pairs = [(left[place[a]] - left[place[b]]) / 2 for a, b in DEFINITIONAL]
        bias = np.linalg.svd(np.array(pairs))[2][0]
        debiased = unit(left - np.outer(left @ bias, bias))[rows]
        clusters = KMeans(2, n_init=10, random_state=0).fit_predict(debiased)
        agree = np.mean(clusters == sides)
        assert debias.alignments_[i] == pytest.approx(max(agree, 1 - agree), abs=0.02)
    best = principal[debias.alignments_.argmin()]
    assert abs(best @ debias.frequency_component_) == pytest.approx(1)


def test_the_second_step_is_hard_debiasing_of_what_is_left():
    words, X = vectors = twisted()
    debias = fitted().fit(vectors)
    u = debias.frequency_component_
    left = unit(X) - debias.mean_
    left -= np.outer(left @ u, u)
    hard = HardDebias(**LISTS)
    hard.fit((words, X))
    hard.components_ = debias.components_
    expected = hard.transform((words, left))[1]
    np.testing.assert_allclose(debias.transform(vectors)[1], expected, atol=1e-12)


def test_seeds_and_few_words():
    vectors = twisted()
    one, two = (fitted().fit(vectors) for _ in range(2))
    np.testing.assert_array_equal(one.alignments_, two.alignments_)
    words, X = made()
    assert DoubleHardDebias(**LISTS, random_state=0).fit((words, X)).alignments_.shape == (12,)
    with pytest.raises(ValueError, match=r"of the first n_frequent=4 words are neutral"):
        DoubleHardDebias(**LISTS, n_frequent=4).fit((words, X))


def test_in_place():
    words, X = twisted()
    expected = fitted().fit_transform((words, X))[1]
    array = X.copy()
    assert fitted(copy=False).fit_transform((words, array))[1] is array
    np.testing.assert_allclose(array, expected, atol=1e-14)


@pytest.mark.slow
def test_real_vectors(real_data):
    """Words that hard debiasing leaves in two clusters are less so."""
    debias = DoubleHardDebias(random_state=0, n_biased_words=500).fit(google_news(real_data))
    assert debias.alignments_.min() <= debias.baseline_alignment_
