"""SemBias: whether the pair most like he and she is one by definition, by stereotype, or neither.

Zhao, Zhou, Li, Wang & Chang, "Learning gender-neutral word embeddings" (2018).
"""

import os

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from ._word_files import read_choices
from ._word_sets import Lookup, tuple_list

KINDS = ("definition", "none", "none", "stereotype")
_TIE = 1e-6  # cosines closer than this are told apart by rounding alone


@validate_params(
    {
        "vectors": "no_validation",
        "questions": [list, tuple, str, os.PathLike],
        "pair": [list, tuple],
    },
    prefer_skip_nested_validation=True,
)
def sembias(vectors, questions, *, pair=("he", "she")):
    """Share of SemBias questions answered by definition, by stereotype, and by neither.

    A question is four pairs of words: one that differs in gender by definition (waiter, waitress),
    one by stereotype (doctor, nurse), and two in something else. The answer is the pair whose
    difference has the largest cosine with that of `pair`. Pairs that tie share the answer: where
    debiasing has removed the direction, rounding would choose among them otherwise.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`, as they are, not brought to length 1.

    questions : str, path or list of four pairs
        The file SemBias, or its questions: each (definition, none, none, stereotype), pairs of
        words in the order of `pair`. Questions that lack a vector are left out, and counted.

    pair : (str, str), default=("he", "she")
        Whose difference is the direction.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the entries

        definition, stereotype, none : float
            The shares, whose sum is 1. Of vectors that know gender without stereotypes the first
            is 1.
        n_questions, n_left_out : int
            Questions asked, and those that lack a vector.
        questions : pandas.DataFrame
            The cosines of each question asked, in four columns, and its ``best`` pair, of ties
            the first.

    Raises
    ------
    ValueError
        If questions are not of the format, none can be asked, the words of `pair` have no vectors
        or the same, or no pair of a question has a difference.

    See Also
    --------
    analogy_accuracy : Analogies of any kind.

    References
    ----------
    .. [1] J. Zhao, Y. Zhou, Z. Li, W. Wang, K.-W. Chang, "Learning Gender-Neutral Word Embeddings",
       EMNLP 2018.

    Examples
    --------
    >>> from sklearn_privfair.metrics import sembias
    >>> vectors = {"he": [1, 0], "she": [-1, 0], "king": [1, 1], "queen": [-1, 1], "cup": [0, 1]}
    >>> vectors |= {
    ...     "lid": [0.3, 0],
    ...     "tea": [0, 2],
    ...     "pot": [0.1, 1],
    ...     "boss": [0.2, 1],
    ...     "clerk": [0, 0.2],
    ... }
    >>> question = [("king", "queen"), ("cup", "lid"), ("tea", "pot"), ("boss", "clerk")]
    >>> sembias(vectors, [question]).definition
    1.0
    """
    lookup = Lookup(vectors)
    questions = (
        read_choices(questions) if isinstance(questions, str | os.PathLike) else list(questions)
    )
    for question in questions:
        if len(tuple_list(question, "questions", 2)) != 4:
            raise ValueError(f"questions must be four pairs of words each; one is {question!r}.")
    (he, she) = lookup.find_tuples([pair], "pair")[0]
    asked = [q for q in questions if all(lookup.has(word) for p in q for word in p)]
    if not asked:
        raise ValueError(f"Of the {len(questions)} questions none has all its vectors.")
    firsts, seconds = zip(*(words for question in asked for words in question), strict=True)
    difference = lookup.rows(firsts) - lookup.rows(seconds)
    direction = lookup.rows([he])[0] - lookup.rows([she])[0]
    length = np.linalg.norm(difference, axis=1) * np.linalg.norm(direction)
    if not np.linalg.norm(direction):
        raise ValueError(f"The words of pair, {pair!r}, have the same vector.")
    cosines = np.divide(
        difference @ direction, length, out=np.full(len(length), -np.inf), where=length > 0
    ).reshape(-1, 4)
    if np.isneginf(cosines.max(axis=1)).any():
        raise ValueError("In a question all pairs are of words with the same vector.")
    best = cosines >= cosines.max(axis=1, keepdims=True) - _TIE
    share = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    table = pd.DataFrame(cosines, columns=["definition", "none_1", "none_2", "stereotype"])
    table["best"] = np.array(KINDS)[best.argmax(axis=1)]
    return Bunch(
        definition=float(share[0]),
        stereotype=float(share[3]),
        none=float(share[1] + share[2]),
        n_questions=len(asked),
        n_left_out=len(questions) - len(asked),
        questions=table,
    )
