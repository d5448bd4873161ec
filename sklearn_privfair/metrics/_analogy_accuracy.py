"""How many analogies of a benchmark are solved, by section.

Mikolov, Chen, Corrado & Dean, "Efficient estimation of word representations in vector space"
(2013), who made the questions known as questions-words.
"""

import os
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import validate_params

from ._analogy import SEARCH
from ._analogy_search import search
from ._word_files import read_sections
from ._word_sets import Lookup, tuple_list


@validate_params(
    SEARCH
    | {
        "questions": [Mapping, list, tuple, str, os.PathLike],
        "case_sensitive": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def analogy_accuracy(vectors, questions, *, method="3cosadd", first=None, case_sensitive=True):
    """Share of analogies that are solved, by section.

    A question is left out, and counted, if one of its four words has no vector. The three words of
    a question are no answers to it.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    questions : str, path, mapping of str to list of tuples, or list of tuples
        A file in the format of questions-words.txt, plain or gzipped: lines of four words, and
        lines ``: section``; gensim ships that file as
        ``gensim.test.utils.datapath("questions-words.txt")``. Or by section the tuples
        (a, b, c, d), d being the answer; or tuples alone.

    method : {"3cosadd", "3cosmul"}, default="3cosadd"
        As in :func:`compute_analogy`.

    first : int, default=None
        Take words only from the first so many, in most vocabularies the most frequent; questions
        with others are left out. `None`: all.

    case_sensitive : bool, default=True
        Otherwise words are compared in upper case, and of those that are then the same the first
        one counts.

    Returns
    -------
    table : pandas.DataFrame
        By section, and in the line "total" over all: ``accuracy`` (NaN where no question could be
        asked), ``correct``, ``asked``, ``left_out``.

    Raises
    ------
    ValueError
        If a file or tuples are not of the format, or no question at all can be asked.

    See Also
    --------
    compute_analogy : One analogy.
    word_similarity : Correlation with human judgement.

    References
    ----------
    .. [1] T. Mikolov, K. Chen, G. Corrado, J. Dean, "Efficient Estimation of Word Representations
       in Vector Space", ICLR 2013.

    Examples
    --------
    >>> from sklearn_privfair.metrics import analogy_accuracy
    >>> vectors = {"man": [1, 0, 0], "woman": [0, 1, 0], "king": [1, 0, 1], "queen": [0, 1, 1]}
    >>> family = [("man", "king", "woman", "queen"), ("man", "boy", "woman", "girl")]
    >>> analogy_accuracy(vectors, {"family": family})
            accuracy  correct  asked  left_out
    family       1.0        1      1         1
    total        1.0        1      1         1
    """
    lookup = Lookup(vectors)
    sections = _sections(questions)
    place, matrix = {w: i for i, w in enumerate(lookup.words[:first])}, lookup.matrix[:first]
    if not case_sensitive:
        place = _in_upper_case(place)
        matrix = matrix[list(place.values())]  # the other words are no answers either
        place = {word: i for i, word in enumerate(place)}
    lines, asked = [], []
    for name, tuples in sections.items():
        if not case_sensitive:
            tuples = [tuple(word.upper() for word in t) for t in tuples]
        known = [[place[word] for word in t] for t in tuples if all(w in place for w in t)]
        lines.append({"section": name, "asked": len(known), "left_out": len(tuples) - len(known)})
        asked += known
    if not asked:
        raise ValueError("questions holds none of which all four words have a vector.")
    triples, answers = np.split(np.array(asked), [3], axis=1)
    right = search(matrix, triples, method=method, barred=triples)[0] == answers
    table = pd.DataFrame(lines).set_index("section").rename_axis(None)
    sections_of = np.repeat(np.arange(len(lines)), table["asked"])
    table.insert(0, "correct", np.bincount(sections_of, right[:, 0], len(lines)).astype(int))
    table.loc["total"] = table.sum()
    accuracy = table["correct"] / table["asked"].where(table["asked"] > 0)
    table.insert(0, "accuracy", accuracy)
    return table


def _sections(questions):
    if isinstance(questions, str | os.PathLike):
        sections = read_sections(questions)
    else:
        sections = questions if isinstance(questions, Mapping) else {"questions": questions}
    if "total" in sections:
        raise ValueError("questions has a section 'total', which is the name of the sum.")
    return {
        str(name): tuple_list(tuples, f"questions[{name!r}]", 4)
        for name, tuples in sections.items()
    }


def _in_upper_case(place):
    """Words in upper case, of those that are then the same the first."""
    upper: dict = {}
    for word, row in place.items():
        upper.setdefault(word.upper(), row)
    return upper
