"""Direct bias of neutral words, and how much of a similarity is due to the bias direction.

Bolukbasi, Chang, Zou, Saligrama & Kalai, "Man is to computer programmer as woman is to homemaker?
Debiasing word embeddings" (2016), section 5.2.
"""

import warnings
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils._param_validation import Interval, validate_params

from ._bias_direction import find_components
from ._word_sets import MISSING, Lookup
from ._word_vectors import some_of


@validate_params(
    {
        "vectors": "no_validation",
        "words": "no_validation",
        "direction": "no_validation",
        "strictness": [Interval(Real, 0, None, closed="neither")],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def direct_bias(vectors, words, direction, *, strictness=1.0, missing="warn"):
    r"""Direct bias: how far neutral words lie along the direction of a concept.

    The mean over the words of :math:`|\cos(w, g)|^c`. It sees the one direction only: of vectors
    debiased by removing that it is 0, whatever else remains (see :func:`remaining_bias`).

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    words : list of str
        Words that should be neutral, such as professions.

    direction : array-like, (str, str) or list of (str, str)
        The direction g, of shape (n_features,), or a subspace, (n_components, n_features), onto
        which words are then projected; or a pair of words or pairs, as in :func:`bias_direction`.
        To compare vectors before and after debiasing, take one direction, of those before, for
        both.

    strictness : float, default=1.0
        The exponent c, above 0: with a small one every word that is not orthogonal counts as 1.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if one is left.

    Returns
    -------
    bias : float
        Between 0, which is best, and 1.

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
    bias_projection : The cosine of each word.
    indirect_bias : How much of a similarity is due to the direction.

    References
    ----------
    .. [1] T. Bolukbasi, K.-W. Chang, J. Zou, V. Saligrama, A. Kalai, "Man is to Computer Programmer
       as Woman is to Homemaker? Debiasing Word Embeddings", NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import direct_bias
    >>> vectors = {"she": [0.0, 1.0], "he": [1.0, 0.0], "nurse": [0.6, 0.8], "boss": [1.0, 0.0]}
    >>> round(direct_bias(vectors, ["nurse", "boss"], ("she", "he")), 3)
    0.424
    """
    lookup = Lookup(vectors, missing)
    words = lookup.find(words, "words")
    components = find_components(lookup, direction)
    lookup.report()
    cosines = np.linalg.norm(lookup.units(words) @ components.T, axis=1)
    return float(np.mean(np.minimum(cosines, 1.0) ** strictness))


@validate_params(
    {
        "vectors": "no_validation",
        "word": [str],
        "words": "no_validation",
        "direction": "no_validation",
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def indirect_bias(vectors, word, words, direction, *, missing="warn"):
    r"""Indirect bias: which share of a word's similarity to others is due to a direction.

    With all vectors at length 1 and :math:`w_\perp` what is left of w without the direction,

    .. math:: \beta(w, v) = \left(w \cdot v - \frac{w_\perp \cdot v_\perp}
        {\|w_\perp\| \|v_\perp\|}\right) / (w \cdot v).

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    word : str
        The word w, such as "softball".

    words : list of str
        The words v, such as professions near to it. Of words nearly orthogonal to `word` the share
        says nothing: the similarity that it is a share of is next to 0.

    direction : array-like, (str, str) or list of (str, str)
        As in :func:`direct_bias`.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about those of `words` without a vector, if one is left.

    Returns
    -------
    by_word : pandas.DataFrame of shape (n_words, 2)
        ``similarity`` :math:`w \cdot v`, and ``indirect_bias``: 0 where the direction plays no
        part, 1 where nothing is left without it, negative where the words are more alike without
        it. NaN where the similarity is 0, or a word lies in the direction entirely.

    Raises
    ------
    ValueError
        If `word`, or all of `words`, have no vector, the direction does not fit the vectors, or
        words are missing and `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.
    UndefinedMetricWarning
        If there is a NaN.

    See Also
    --------
    direct_bias : How far words lie along the direction.

    References
    ----------
    .. [1] T. Bolukbasi, K.-W. Chang, J. Zou, V. Saligrama, A. Kalai, "Man is to Computer Programmer
       as Woman is to Homemaker? Debiasing Word Embeddings", NeurIPS 2016.

    Examples
    --------
    >>> from sklearn_privfair.metrics import indirect_bias
    >>> vectors = {"softball": [0.6, 0.8, 0.0], "nurse": [0.6, 0.0, 0.8], "clerk": [0.0, 0.6, 0.8]}
    >>> indirect_bias(vectors, "softball", ["nurse", "clerk"], [1.0, 0.0, 0.0])
           similarity  indirect_bias
    nurse        0.36           1.00
    clerk        0.48          -0.25
    """
    lookup = Lookup(vectors, missing)
    lookup.find([word], "word")
    words = lookup.find(words, "words")
    components = find_components(lookup, direction)
    lookup.report()
    one, others = lookup.units([word])[0], lookup.units(words)
    similarity = others @ one
    left, left_of_others = (v - v @ components.T @ components for v in (one, others))
    length = np.linalg.norm(left) * np.linalg.norm(left_of_others, axis=1)
    defined = (np.abs(similarity) > lookup.rounding) & (length > lookup.rounding)
    undefined = [other for other, known in zip(words, defined, strict=True) if not known]
    if undefined:
        warnings.warn(
            f"The indirect bias is NaN for {some_of(undefined)}: the similarity to {word!r} is 0, "
            "or nothing is left without the direction.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
    without = np.divide(
        left_of_others @ left, length, out=np.full(len(words), np.nan), where=defined
    )
    share = np.divide(
        similarity - without, similarity, out=np.full(len(words), np.nan), where=defined
    )
    return pd.DataFrame({"similarity": similarity, "indirect_bias": share}, index=words)
