"""Documents are means of word vectors, and all of it is one pipeline and one search."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks as checks

from sklearn_privfair.embeddings import ConceptErasure, EmbeddingVectorizer, HardDebias

from ._vectors import DEFINITIONAL, LISTS, NEUTRAL, keyed, made
from .test_containers import fasttext

DOCUMENTS = ["she is a job1", "he, job2 job2", "King king QUEEN nothing"]


def by_loops(documents, words, X, idf=None):
    place = {word: i for i, word in enumerate(words)}
    means = []
    for document in documents:
        weights = {w: document.count(w) * (1 if idf is None else idf[w]) for w in set(document)}
        total = sum(weight * X[place[w]] for w, weight in weights.items())
        means.append(total / sum(weights.values()))
    return np.array(means)


TOKENS = [["she", "job1"], ["he", "job2", "job2"], ["king", "king", "queen"]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means(dtype):
    words, X = made(dtype)
    for vectors in ((words, X), keyed(words, X)):
        means = EmbeddingVectorizer(vectors).fit_transform(DOCUMENTS)
        assert means.dtype == dtype
        np.testing.assert_allclose(means, by_loops(TOKENS, words, X), rtol=1e-5)


def test_idf():
    words, X = made()
    vectorizer = EmbeddingVectorizer((words, X), weighting="idf")
    documents = [*DOCUMENTS, "she he", "she"]
    vectorizer.fit(documents)
    df = {"she": 3, "he": 2, "job1": 1, "job2": 1, "king": 1, "queen": 1}
    idf = {word: np.log(6 / (1 + n)) + 1 for word, n in df.items()}
    assert vectorizer.idf_ == pytest.approx(idf)
    np.testing.assert_allclose(
        vectorizer.transform(DOCUMENTS), by_loops(TOKENS, words, X, idf), rtol=1e-10
    )
    unseen = vectorizer.transform(["she job9"])
    idf["job9"] = np.log(6) + 1
    np.testing.assert_allclose(unseen, by_loops([["she", "job9"]], words, X, idf), rtol=1e-10)


def test_documents_without_words_are_told():
    words, X = made()
    vectorizer = EmbeddingVectorizer((words, X)).fit(DOCUMENTS)
    with pytest.warns(UserWarning, match="1 of 2 documents have no word"):
        means = vectorizer.transform(["nothing known", "she"])
    np.testing.assert_array_equal(means[0], 0)
    with pytest.raises(ValueError, match="raw_documents is a string"):
        vectorizer.transform("she is")


def test_words_of_ones_own():
    words, X = made()
    lists = EmbeddingVectorizer((words, X), analyzer=list).fit_transform(TOKENS)
    np.testing.assert_allclose(lists, by_loops(TOKENS, words, X), rtol=1e-10)


def test_fasttext_has_a_vector_for_any_word():
    kv = fasttext()
    means = EmbeddingVectorizer(kv).fit_transform(["she womanly", "unheardof"])
    np.testing.assert_allclose(means[1], kv["unheardof"], rtol=1e-6)
    np.testing.assert_allclose(means[0], (kv["she"] + kv["womanly"]) / 2, rtol=1e-5)


def test_clones_share_the_vectors():
    words, X = made()
    kv = keyed(words, X)
    copied = clone(EmbeddingVectorizer(kv, weighting="idf", debias=HardDebias(**LISTS)))
    assert copied.word_vectors is kv
    assert copied.weighting == "idf"
    assert copied.debias.definitional_sets == DEFINITIONAL


def test_one_pipeline_and_one_search():
    words, X = made()
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 80)
    sex = rng.integers(0, 2, 80)
    jobs = [rng.choice(NEUTRAL[:20] if label else NEUTRAL[20:], 3) for label in y]
    documents = [f"{['he', 'she'][s]} {' '.join(j)}" for s, j in zip(sex, jobs, strict=True)]
    pipeline = Pipeline(
        [
            ("vectors", EmbeddingVectorizer(keyed(words, X))),
            ("erase", ConceptErasure()),
            ("classify", LogisticRegression()),
        ]
    )
    grid = {"vectors__debias": [None, HardDebias(**LISTS)], "vectors__weighting": ["mean", "idf"]}
    search = GridSearchCV(pipeline, grid, cv=3)
    search.fit(documents, y, erase__sensitive_features=sex)
    assert search.best_score_ > 0.7
    erased = search.best_estimator_[:-1].transform(documents)
    probe = LogisticRegression(C=1e4).fit(erased, sex)
    assert probe.score(erased, sex) == max(sex.mean(), 1 - sex.mean())
    assert list(search.best_estimator_[0].get_feature_names_out()[:1]) == ["embeddingvectorizer0"]


def test_debiased_words_have_debiased_means():
    words, X = made()
    vectorizer = EmbeddingVectorizer((words, X), debias=HardDebias(**LISTS)).fit(DOCUMENTS)
    means = vectorizer.transform(["job1 job2", "job3"])
    assert np.abs(means @ vectorizer.debias_.components_[0]).max() < 1e-14


@pytest.mark.parametrize(
    "check",
    [
        checks.check_parameters_default_constructible,
        checks.check_no_attributes_set_in_init,
        checks.check_get_params_invariance,
        checks.check_set_params,
        checks.check_estimator_repr,
    ],
)
def test_scikit_learns_checks_that_need_no_arrays(check):
    check("EmbeddingVectorizer", EmbeddingVectorizer(made()))


@pytest.mark.parametrize("wrong", [{"weighting": "tfidf"}, {"debias": 3}, {"lowercase": 2.0}])
def test_parameters_are_validated(wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        EmbeddingVectorizer(made(), **wrong).fit(DOCUMENTS)


def test_pickled_and_unfitted():
    vectorizer = EmbeddingVectorizer(made(), weighting="idf")
    with pytest.raises(NotFittedError):
        vectorizer.transform(DOCUMENTS)
    vectorizer.fit(DOCUMENTS)
    again = pickle.loads(pickle.dumps(vectorizer))
    np.testing.assert_array_equal(again.transform(DOCUMENTS), vectorizer.transform(DOCUMENTS))


def test_shared_vectors_are_left_as_they_are():
    """Candidates of a search share them: one that debiased in place would change the others."""
    words, X = made(np.float32)
    vectors = keyed(words, X.copy())
    in_place = HardDebias(DEFINITIONAL, None, None, copy=False)
    search = GridSearchCV(
        Pipeline([("mean", EmbeddingVectorizer(vectors)), ("clf", LogisticRegression())]),
        {"mean__debias": [in_place, Pipeline([("debias", in_place)]), None]},
        cv=2,
    ).fit(["she job1", "he job2", "queen job1", "king job2"] * 2, [0, 1] * 4)
    np.testing.assert_array_equal(vectors.vectors, X)
    assert in_place.copy is False
    pair = (words, X.copy())
    EmbeddingVectorizer(pair, debias=in_place).fit(DOCUMENTS)
    np.testing.assert_array_equal(pair[1], X)
    assert search.best_score_ > 0


def test_documents_of_a_generator():
    words, X = made(np.float32)
    vectorizer = EmbeddingVectorizer((words, X))
    expected = vectorizer.fit_transform(DOCUMENTS)
    np.testing.assert_array_equal(vectorizer.fit_transform(d for d in DOCUMENTS), expected)
