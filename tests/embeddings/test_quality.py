"""What debiasing is to achieve on GoogleNews, and at what price; benchmarks/README.md has more."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_privfair.embeddings import ConceptErasure, HardDebias, load_word_list
from sklearn_privfair.metrics import (
    analogy_accuracy,
    bias_direction,
    bias_probe,
    bias_projection,
    direct_bias,
    most_biased_words,
)


@pytest.fixture(scope="module")
def accuracy(real_data):
    path = real_data / "embeddings" / "wordlists" / "questions-words.txt.gz"
    return lambda vectors: analogy_accuracy(vectors, path)["accuracy"]


def test_no_direct_bias_and_analogies_as_good(google_news, accuracy):
    specific = set(load_word_list("gender_specific"))
    neutral = [word for word in load_word_list("professions") if word not in specific]
    direction = bias_direction(google_news, load_word_list("gender_definitional"))
    debiased = HardDebias(equalize_sets=None).fit_transform(google_news)
    assert direct_bias(google_news, neutral, direction) > 0.07
    assert direct_bias(debiased, neutral, direction) <= 1e-7
    found = accuracy(debiased)
    assert found["total"] >= 0.759
    assert found["family"] >= 0.85


def test_no_linear_probe_and_analogies_as_good(google_news, accuracy):
    """Fitted on the words that the probe learns from; what it learns does not help with others."""
    direction = bias_direction(google_news, load_word_list("gender_definitional"))
    words, groups = most_biased_words(
        bias_projection(google_news, direction),
        1000,
        exclude=load_word_list("gender_specific"),
        first=None,
        lowercase=False,
    )
    halves = train_test_split(np.arange(2000), stratify=groups, test_size=0.5, random_state=0)
    units = google_news.get_normed_vectors()
    rows = [google_news.key_to_index[words[i]] for i in halves[0]]
    erased = ConceptErasure().fit(units[rows], groups[halves[0]]).transform(units)
    vectors = (google_news.index_to_key, erased)
    probe = LogisticRegression(max_iter=1000)
    before = bias_probe(google_news, words, groups, estimator=probe, cv=[halves])
    after = bias_probe(vectors, words, groups, estimator=probe, cv=[halves])
    assert before.accuracy > 0.99
    assert after.accuracy <= 0.52
    assert accuracy(vectors)["total"] >= 0.765
