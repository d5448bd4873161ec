"""Analogies solved tile by tile, so that neither the vectors nor all cosines are held twice.

3CosAdd: Mikolov, Yih & Zweig, "Linguistic regularities in continuous space word representations"
(2013). 3CosMul: Levy & Goldberg, "Linguistic regularities in sparse and explicit word
representations" (2014).
"""

from typing import Any

import numpy as np

METHODS = ("3cosadd", "3cosmul")
_QUESTIONS, _WORDS = 512, 8192  # of a tile; 16 MB of float32
_SMALL = 1e-6  # added to the denominator of 3CosMul, as gensim does


def search(matrix, triples, n_best=1, *, method="3cosadd", barred=None, restrict=None):
    """Find the best answers to analogies.

    Parameters
    ----------
    matrix : ndarray of shape (n_words, n_features)
        Word vectors of any lengths; those of zeros are alike to nothing.
    triples : ndarray of shape (n_questions, 3)
        Places of a, b and c.
    n_best : int, default=1
        How many answers to each.
    method : {"3cosadd", "3cosmul"}, default="3cosadd"
        How answers are scored.
    barred : ndarray of shape (n_questions, n_barred), default=None
        Places of words that are no answer. `None`: none.
    restrict : int, default=None
        Only the first so many words are answers.

    Returns
    -------
    places, scores : ndarray of shape (n_questions, n_best)
        The best answers first. Of 3CosAdd the scores are cosines with b - a + c.
    """
    answers = matrix[:restrict]
    scored = _by_sum if method == "3cosadd" else _by_product
    all_places, all_scores = [], []
    for start in range(0, len(triples), _QUESTIONS):
        block = slice(start, start + _QUESTIONS)
        a, b, c = (units(matrix[column]) for column in triples[block].T)
        score = scored(a, b, c)
        places: Any = np.zeros((len(a), 0), dtype=np.intp)
        scores: Any = np.zeros((len(a), 0))
        for low in range(0, len(answers), _WORDS):
            found = score(units(answers[low : low + _WORDS]).T)
            if barred is not None:
                _bar(found, barred[block] - low)
            best = _largest(found, n_best)
            places = np.hstack([places, best + low])
            scores = np.hstack([scores, np.take_along_axis(found, best, axis=1)])
            best = _largest(scores, n_best)
            places, scores = (np.take_along_axis(x, best, axis=1) for x in (places, scores))
        all_places.append(places)
        all_scores.append(scores)
    return np.concatenate(all_places), np.concatenate(all_scores)


def units(rows):
    """Return rows at length 1 in their own precision, float32 at least; zeros stay."""
    rows = rows.astype(np.float64 if rows.dtype == np.float64 else np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(norms == 0, 1, norms)
    return rows


def _by_sum(a, b, c):
    wanted = units(b - a + c)
    return lambda columns: wanted @ columns


def _by_product(a, b, c):
    def score(columns):
        near_a, near_b, near_c = ((1 + x @ columns) / 2 for x in (a, b, c))
        return near_b * near_c / (near_a + _SMALL)

    return score


def _bar(found, places):
    rows, columns = np.nonzero((places >= 0) & (places < found.shape[1]))
    found[rows, places[rows, columns]] = -np.inf


def _largest(scores, n_best):
    """Columns of the largest scores of each row, in order; of equal ones the first."""
    if n_best == 1:
        return scores.argmax(axis=1)[:, None]
    if n_best < scores.shape[1]:
        best = np.sort(np.argpartition(-scores, n_best - 1, axis=1)[:, :n_best], axis=1)
    else:
        best = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)
