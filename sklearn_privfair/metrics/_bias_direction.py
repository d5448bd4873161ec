"""The direction of a concept in word vectors, and how far words lie along it.

Bolukbasi, Chang, Zou, Saligrama & Kalai, "Man is to computer programmer as woman is to homemaker?
Debiasing word embeddings" (2016).
"""

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import validate_params
from sklearn.utils.validation import check_array

from ._word_sets import MISSING, Lookup

_BLOCK = 2**22  # numbers at a time


def principal_direction(lookup, pairs):
    """First principal component of centred pairs, pointing to their first words."""
    firsts, seconds = (lookup.units(words) for words in zip(*pairs, strict=True))
    difference = (firsts - seconds) / 2  # the first less the mean; the second is minus that
    if not difference.any():
        raise ValueError(f"The words of the pairs {pairs} have the same direction; pass others.")
    component = np.linalg.svd(difference, full_matrices=False)[2][0]
    along = (difference @ component).sum()
    return component if along >= 0 else -component


def find_components(lookup, direction):
    """Return an orthonormal basis (k, n_features) of what a metric was given as `direction`."""
    n_features = lookup.matrix.shape[1]
    if not isinstance(direction, np.ndarray) and np.asarray(direction).dtype.kind in "UO":
        pairs = [direction] if isinstance(direction[0], str) else direction
        return principal_direction(lookup, lookup.find_tuples(pairs, "direction"))[None]
    array = check_array(direction, dtype=np.float64, ensure_2d=False, input_name="direction")
    array = np.atleast_2d(array)
    if array.shape[1] != n_features:
        raise ValueError(
            f"direction has {array.shape[1]} features and the word vectors have {n_features}. Pass "
            "a vector, components of shape (n_components, n_features), a pair of words, or a "
            "list of pairs."
        )
    values, basis = np.linalg.svd(array, full_matrices=False)[1:]
    if len(values) < len(array) or values[-1] <= 1e-10 * values[0]:
        raise ValueError("direction holds zero vectors, or components that depend on each other.")
    return array / values[0] if len(array) == 1 else basis  # of one its sign counts


@validate_params(
    {"vectors": "no_validation", "pairs": "no_validation"} | MISSING,
    prefer_skip_nested_validation=True,
)
def bias_direction(vectors, pairs, *, missing="warn"):
    """Direction of a concept: first principal component of the differences of word pairs.

    Of each pair, at length 1, the mean is taken away; the direction is that of the largest variance
    of what is left.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    pairs : list of (str, str)
        Pairs that differ in the concept, ``[("woman", "man"), ("she", "he")]``. Of one pair it is
        the difference of the two.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about pairs that lack a vector, if one is left.

    Returns
    -------
    direction : ndarray of shape (n_features,)
        Of length 1, float64, pointing to the first words of the pairs.

    Raises
    ------
    ValueError
        If no pair has vectors, all differences are zero, or words are missing and
        `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    bias_projection : How far words lie along it.

    References
    ----------
    .. [1] T. Bolukbasi, K.-W. Chang, J. Zou, V. Saligrama, A. Kalai, "Man is to Computer Programmer
       as Woman is to Homemaker? Debiasing Word Embeddings", NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import bias_direction
    >>> vectors = {"she": [0.0, 1.0], "he": [1.0, 0.0]}
    >>> bias_direction(vectors, [("she", "he")]).round(3)
    array([-0.707,  0.707])
    """
    lookup = Lookup(vectors, missing)
    pairs = lookup.find_tuples(pairs, "pairs")
    lookup.report()
    return principal_direction(lookup, pairs)


@validate_params(
    {"vectors": "no_validation", "direction": "no_validation", "words": "no_validation"} | MISSING,
    prefer_skip_nested_validation=True,
)
def bias_projection(vectors, direction, words=None, *, missing="warn"):
    """Cosine of words with the direction of a concept.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    direction : array-like of shape (n_features,), (str, str) or list of (str, str)
        The direction; or a pair of words, whose difference it is, or pairs, as in
        :func:`bias_direction`. To compare vectors before and after debiasing, take one direction,
        of those before, for both.

    words : list of str, default=None
        The words. `None`: the whole vocabulary; words with a zero vector then have projection 0.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if one is left.

    Returns
    -------
    projection : pandas.Series of shape (n_words,)
        Between -1 and 1, by word, in the order of `words` or of the vocabulary.

    Raises
    ------
    ValueError
        If the direction does not fit the vectors, no word is there, or words are missing and
        `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    direct_bias : The mean of its absolute values.
    most_biased_words : Words at both of its ends.

    Examples
    --------
    >>> from sklearn_privfair.metrics import bias_projection
    >>> vectors = {"she": [0.0, 1.0], "he": [1.0, 0.0], "nurse": [0.6, 0.8], "boss": [1.0, 0.0]}
    >>> bias_projection(vectors, ("she", "he"), ["nurse", "boss"]).round(3)
    nurse    0.141
    boss    -0.707
    dtype: float64
    """
    lookup = Lookup(vectors, missing)
    components = _one(find_components(lookup, direction))
    if words is not None:
        words = lookup.find(words, "words")
        values = lookup.units(words) @ components
    else:
        words, values = lookup.words, _all_cosines(lookup.matrix, components)
    lookup.report()
    return pd.Series(values, index=list(words))


def _one(components):
    if len(components) != 1:
        raise ValueError(
            f"direction has {len(components)} components; pass one, of shape (n_features,)."
        )
    return components[0]


def _all_cosines(matrix, direction):
    """Cosines of all rows with a unit vector, in blocks; 0 for rows of zeros."""
    size = max(1, _BLOCK // max(1, matrix.shape[1]))
    values = np.empty(len(matrix))
    for start in range(0, len(matrix), size):
        rows = matrix[start : start + size].astype(np.float64)
        norms = np.linalg.norm(rows, axis=1)
        values[start : start + size] = rows @ direction / np.where(norms == 0, 1, norms)
    return values
