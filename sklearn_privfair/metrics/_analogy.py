"""Analogies: a is to b as c is to which word of the vocabulary.

Mikolov, Yih & Zweig, "Linguistic regularities in continuous space word representations" (2013).
"""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from ._analogy_search import METHODS, search
from ._word_sets import Lookup
from ._word_vectors import some_of

SEARCH: dict = {
    "vectors": "no_validation",
    "method": [StrOptions(set(METHODS))],
    "first": [Interval(Integral, 1, None, closed="left"), None],
}
_ASKED: dict = SEARCH | {
    "n_words": [Interval(Integral, 1, None, closed="left")],
    "allow_inputs": ["boolean"],
}


@validate_params(_ASKED | {"a": [str], "b": [str], "c": [str]}, prefer_skip_nested_validation=True)
def compute_analogy(
    vectors, a, b, c, *, n_words=1, method="3cosadd", first=None, allow_inputs=False
):
    """Solve an analogy, a is to b as c is to which word.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`; brought to length 1 first.

    a : str
        The word that is to `b` as `c` is to the answer: "man".

    b : str
        The word it is to: "king".

    c : str
        The word whose counterpart is asked for: "woman".

    n_words : int, default=1
        How many answers, the best first.

    method : {"3cosadd", "3cosmul"}, default="3cosadd"
        "3cosadd": the words nearest by cosine to b - a + c. "3cosmul": those with the largest
        product of similarities to b and c over that to a, each brought between 0 and 1.

    first : int, default=None
        Take answers only from the first so many words, in most vocabularies the most frequent.
        `None`: from all.

    allow_inputs : bool, default=False
        Whether `a`, `b` and `c` may be answers. They are ruled out by habit, which hides that
        often the nearest word is `b` or `c` itself: "doctor" for man is to doctor as woman is to.

    Returns
    -------
    answers : list of (str, float)
        Words and their scores, the best first; of "3cosadd" the scores are cosines.

    Raises
    ------
    ValueError
        If `a`, `b` or `c` has no vector, or there are fewer words than are asked for.

    See Also
    --------
    compute_analogies : Many at once.
    analogy_accuracy : Many, with known answers.

    References
    ----------
    .. [1] T. Mikolov, W. Yih, G. Zweig, "Linguistic Regularities in Continuous Space Word
       Representations", NAACL 2013.
    .. [2] O. Levy, Y. Goldberg, "Linguistic Regularities in Sparse and Explicit Word
       Representations", CoNLL 2014.
    .. [3] M. Nissim, R. van Noord, R. van der Goot, "Fair is Better than Sensational: Man is to
       Doctor as Woman is to Doctor", Computational Linguistics 46, 2020.

    Examples
    --------
    >>> from sklearn_privfair.metrics import compute_analogy
    >>> vectors = {"man": [1, 0, 0], "woman": [0, 1, 0], "king": [1, 0, 1], "queen": [0, 1, 1]}
    >>> compute_analogy(vectors | {"door": [0, 0, 1]}, "man", "king", "woman")[0][0]
    'queen'
    """
    lookup = Lookup(vectors)
    for name, word in (("a", a), ("b", b), ("c", c)):
        lookup.find([word], name)
    return _solve(lookup, [(a, b, c)], n_words, method, first, allow_inputs)[0]


@validate_params(_ASKED | {"triples": "no_validation"}, prefer_skip_nested_validation=True)
def compute_analogies(
    vectors, triples, *, n_words=1, method="3cosadd", first=None, allow_inputs=False
):
    """Solve many analogies, each a is to b as c is to which word.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`; brought to length 1 once for all.

    triples : list of (str, str, str)
        The words a, b and c of each.

    n_words : int, default=1
        How many answers to each, the best first.

    method : {"3cosadd", "3cosmul"}, default="3cosadd"
        As in :func:`compute_analogy`.

    first : int, default=None
        Take answers only from the first so many words. `None`: from all.

    allow_inputs : bool, default=False
        Whether the three words may be answers.

    Returns
    -------
    answers : list of list of (str, float)
        For each analogy the words and their scores.

    Raises
    ------
    ValueError
        If a word has no vector, or there are fewer words than are asked for.

    See Also
    --------
    compute_analogy : One of them.
    sklearn_privfair.inspection.AnalogyTable : Before and after debiasing, side by side.

    Examples
    --------
    >>> from sklearn_privfair.metrics import compute_analogies
    >>> vectors = {"man": [1, 0, 0], "woman": [0, 1, 0], "king": [1, 0, 1], "queen": [0, 1, 1]}
    >>> answers = compute_analogies(vectors, [("man", "king", "woman"), ("king", "man", "queen")])
    >>> [words[0][0] for words in answers]
    ['queen', 'woman']
    """
    lookup = Lookup(vectors, missing="raise")
    triples = lookup.find_tuples(triples, "triples", length=3)
    lookup.report()
    return _solve(lookup, triples, n_words, method, first, allow_inputs)


def _solve(lookup, triples, n_words, method, first, allow_inputs):
    outside = [word for triple in triples for word in triple if word not in lookup.place]
    if outside:
        raise ValueError(f"{some_of(outside)} are not in the vocabulary, as analogies need them.")
    places = np.array([[lookup.place[word] for word in triple] for triple in triples])
    limit = len(lookup.words[:first])
    n_there = limit if allow_inputs else min(limit - sum(np.unique(p) < limit) for p in places)
    if n_words > n_there:
        raise ValueError(f"n_words={n_words} answers are asked for, and there are {n_there} words.")
    found, scores = search(
        lookup.matrix,
        places,
        n_words,
        method=method,
        barred=None if allow_inputs else places,
        restrict=first,
    )
    return [
        [(lookup.words[i], float(score)) for i, score in zip(*line, strict=True)]
        for line in zip(found, scores, strict=True)
    ]
