"""Relational inner product association: how far a word leans along the difference of a pair.

Ethayarajh, Duvenaud & Hirst, "Understanding undesirable word embedding associations" (2019).
"""

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import validate_params

from ._word_sets import MISSING, Lookup


@validate_params(
    {"vectors": "no_validation", "pairs": "no_validation", "words": "no_validation"} | MISSING,
    prefer_skip_nested_validation=True,
)
def ripa(vectors, pairs, words, *, missing="warn"):
    r"""Relational inner product association (RIPA) of words with the difference of word pairs.

    :math:`\beta(w; x, y) = w \cdot (x - y) / \|x - y\|`. The word's own length counts, which the
    paper argues for: it grows with how often, and how evenly, a word is used.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`, as they are, not brought to length 1.

    pairs : list of (str, str)
        The pairs (x, y), such as ``[("woman", "man"), ("she", "he")]``.

    words : list of str
        The words to judge.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if enough are left.

    Returns
    -------
    by_word : pandas.DataFrame of shape (n_words, 2)
        ``mean`` over the pairs, positive where the word leans to the first of each, and ``std``
        over them (dividing by their number): a word that leans by 0 on average and far for each
        pair is not neutral. Their means over the words are `by_word.mean()`.

    Raises
    ------
    ValueError
        If no pair, or no word, has vectors; if the two words of a pair have the same vector; or
        if words are missing and `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector; a pair that lacks one of its words is left out.

    See Also
    --------
    direct_bias : By cosine, along one direction for all pairs.

    References
    ----------
    .. [1] K. Ethayarajh, D. Duvenaud, G. Hirst, "Understanding Undesirable Word Embedding
       Associations", ACL 2019.

    Examples
    --------
    >>> from sklearn_privfair.metrics import ripa
    >>> vectors = {"she": [0.0, 1.0], "he": [1.0, 0.0], "nurse": [1.2, 1.6], "boss": [1.0, 0.0]}
    >>> ripa(vectors, [("she", "he")], ["nurse", "boss"]).round(2)
           mean  std
    nurse  0.28  0.0
    boss  -0.71  0.0
    """
    lookup = Lookup(vectors, missing)
    pairs = lookup.find_tuples(pairs, "pairs")
    words = lookup.find(words, "words")
    lookup.report()
    firsts, seconds = zip(*pairs, strict=True)
    difference = lookup.rows(firsts) - lookup.rows(seconds)
    length = np.linalg.norm(difference, axis=1)
    if (length == 0).any():
        same = [pair for pair, value in zip(pairs, length, strict=True) if value == 0]
        raise ValueError(f"The words of the pairs {same} have the same vector; leave them out.")
    scores = lookup.rows(words) @ (difference / length[:, None]).T
    return pd.DataFrame({"mean": scores.mean(axis=1), "std": scores.std(axis=1)}, index=words)
