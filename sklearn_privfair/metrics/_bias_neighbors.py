"""Neighbour test: whether words still lie among those that used to share their bias.

Gonen & Goldberg, "Lipstick on a pig: debiasing methods cover up systematic gender biases in word
embeddings but do not remove them" (2019), section 4.1.
"""

from numbers import Integral

import numpy as np
import pandas as pd
from scipy.stats import pearsonr
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

from ._word_sets import MISSING, Lookup

_BLOCK = 2**22  # cosines at a time


@validate_params(
    {
        "vectors": "no_validation",
        "words": "no_validation",
        "projection": [pd.Series],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def bias_by_neighbors(vectors, words, projection, *, n_neighbors=100, missing="warn"):
    """Correlation of words' bias before debiasing with the bias of their neighbours after it.

    Of each word's nearest neighbours by cosine, the share is taken that projected to the positive
    side before debiasing, and correlated over the words with their own projections before.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`: those after debiasing.

    words : list of str
        Words to judge, such as professions; three at least.

    projection : pandas.Series of shape (n_words_in_vocabulary,)
        What :func:`bias_projection` gave before debiasing. It has all of `words`, and its other
        words are the neighbours that come into question.

    n_neighbors : int, default=100
        How many neighbours.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the entries

        correlation : float
            Pearson's, between -1 and 1; 0 where the neighbours tell nothing.
        p_value : float
            Of a correlation as large, if there were none.
        words : pandas.DataFrame
            By word its ``projection`` before, and the ``share`` of its neighbours after.
        missing : dict of str to list of str
            Words without a vector.

    Raises
    ------
    ValueError
        If fewer than three words are there, a word has no projection, there are fewer other words
        than `n_neighbors`, or words are missing and `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    remaining_bias : All tests in one table.

    References
    ----------
    .. [1] H. Gonen, Y. Goldberg, "Lipstick on a Pig: Debiasing Methods Cover up Systematic Gender
       Biases in Word Embeddings But do not Remove Them", NAACL 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_privfair.metrics import bias_by_neighbors
    >>> after = {"nurse": [1, 0.2], "sewing": [1, 0.1], "boss": [0.1, 1], "goal": [0, 1]}
    >>> before = pd.Series({"nurse": 0.3, "sewing": 0.2, "boss": -0.1, "goal": -0.2})
    >>> result = bias_by_neighbors(after, ["nurse", "boss", "goal"], before, n_neighbors=1)
    >>> round(result.correlation, 2)
    0.98
    """
    lookup = Lookup(vectors, missing)
    words = lookup.find(words, "words", at_least=3)
    candidates = lookup.find(projection.index, "projection", at_least=n_neighbors + 1)
    lookup.report()
    unknown = [word for word in words if word not in projection.index]
    if unknown:
        raise ValueError(f"projection lacks {unknown}; it must hold all of words.")
    positive = projection[candidates].to_numpy() > 0
    units, rows = lookup.units(candidates), lookup.units(words)
    place = {word: i for i, word in enumerate(candidates)}
    itself = np.array([place[word] for word in words])
    share, size = np.empty(len(words)), max(1, _BLOCK // len(candidates))
    for start in range(0, len(words), size):
        cosines = rows[start : start + size] @ units.T
        cosines[np.arange(len(cosines)), itself[start : start + size]] = -np.inf
        nearest = np.argpartition(-cosines, n_neighbors - 1, axis=1)[:, :n_neighbors]
        share[start : start + size] = positive[nearest].mean(axis=1)
    table = pd.DataFrame({"projection": projection[words].to_numpy(), "share": share}, index=words)
    if np.ptp(share) == 0 or np.ptp(table["projection"]) == 0:
        correlation, p_value = 0.0, 1.0  # all have the same neighbourhood: it tells nothing
    else:
        correlation, p_value = pearsonr(table["projection"], share)
    return Bunch(
        correlation=float(correlation), p_value=float(p_value), words=table, missing=lookup.lost
    )
