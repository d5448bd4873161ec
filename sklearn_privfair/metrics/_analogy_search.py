"""Analogies solved in blocks.

3CosAdd: Mikolov, Yih & Zweig, "Linguistic regularities in continuous space word representations"
(2013). 3CosMul: Levy & Goldberg, "Linguistic regularities in sparse and explicit word
representations" (2014).
"""

import numpy as np

METHODS = ("3cosadd", "3cosmul")
_BLOCK = 2**23  # cosines at a time
_SMALL = 1e-6  # added to the denominator of 3CosMul, as gensim does


def unit_matrix(matrix):
    """Return the rows at length 1 in their own precision, float32 at least; zeros stay."""
    dtype = np.float64 if matrix.dtype == np.float64 else np.float32
    rows = matrix.astype(dtype)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)).astype(dtype)
    norms[norms == 0] = 1
    rows /= norms[:, None]
    return rows


def search(units, triples, n_best=1, *, method="3cosadd", barred=None, restrict=None):
    """Find the best answers to analogies.

    Parameters
    ----------
    units : ndarray of shape (n_words, n_features)
        Rows of length 1.
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
    answers = units[:restrict]
    places = np.empty((len(triples), n_best), dtype=np.intp)
    scores = np.empty((len(triples), n_best))
    size = max(1, _BLOCK // len(answers))
    for start in range(0, len(triples), size):
        block = slice(start, start + size)
        a, b, c = (units[column] for column in triples[block].T)
        if method == "3cosadd":
            wanted = b - a + c
            length = np.linalg.norm(wanted, axis=1, keepdims=True)
            found = (wanted / np.where(length == 0, 1, length)) @ answers.T
        else:
            near_a, near_b, near_c = ((1 + x @ answers.T) / 2 for x in (a, b, c))
            found = near_b * near_c / (near_a + _SMALL)
        if barred is not None:
            rows, columns = np.nonzero(barred[block] < len(answers))
            found[rows, barred[block][rows, columns]] = -np.inf
        rows = np.arange(len(found))[:, None]
        if n_best == 1:
            best = found.argmax(axis=1)[:, None]
        else:
            best = np.argpartition(-found, n_best - 1, axis=1)[:, :n_best]
            best = best[rows, np.argsort(-found[rows, best], axis=1, kind="stable")]
        places[block], scores[block] = best, found[rows, best]
    return places, scores
