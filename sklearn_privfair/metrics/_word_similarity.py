"""Word similarity: rank correlation of cosines with what people say of the same pairs.

Finkelstein et al., "Placing search in context: the concept revisited" (2001), WordSim-353; Hill,
Reichart & Korhonen, "SimLex-999" (2015).
"""

import os
from numbers import Real

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from ._word_files import read_scored_pairs
from ._word_sets import Lookup, tuple_list


@validate_params(
    {
        "vectors": "no_validation",
        "pairs": [list, tuple, str, os.PathLike],
        "case_sensitive": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def word_similarity(vectors, pairs, *, case_sensitive=True):
    """Correlation of the cosines of word pairs with human judgement of their similarity.

    Pairs of which a word has no vector are left out, and counted: compare only correlations over
    the same pairs.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`.

    pairs : str, path or list of (str, str, float)
        Two words and a number, higher for more alike; or a file of such lines, plain or gzipped,
        such as WordSim-353, SimLex-999, MEN or RG-65. gensim ships two of them, for instance
        ``gensim.test.utils.datapath("wordsim353.tsv")``.

    case_sensitive : bool, default=True
        Otherwise a word without a vector is looked for in lower case.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the entries

        spearman : float
            The rank correlation, which is the one that is usually reported.
        pearson : float
            The linear correlation.
        p_value : float
            Of a rank correlation as large, if there were none.
        n_pairs, n_left_out : int
            Pairs that went into it, and those that lack a vector.
        pairs : pandas.DataFrame
            A line for each pair that went into it: ``first``, ``second``, ``judgement``,
            ``cosine``.

    Raises
    ------
    ValueError
        If a file or tuples are not of the format, fewer than three pairs have vectors, or all
        judgements or all cosines are the same.

    See Also
    --------
    analogy_accuracy : The other benchmark of what vectors are good for.

    References
    ----------
    .. [1] L. Finkelstein et al., "Placing Search in Context: The Concept Revisited", WWW 2001.
    .. [2] F. Hill, R. Reichart, A. Korhonen, "SimLex-999: Evaluating Semantic Models with (Genuine)
       Similarity Estimation", Computational Linguistics 41, 2015.

    Examples
    --------
    >>> from sklearn_privfair.metrics import word_similarity
    >>> vectors = {"cup": [1, 0.2], "mug": [1, 0.3], "tea": [0.7, 0.7], "sky": [-0.2, 1]}
    >>> pairs = [("cup", "mug", 9.5), ("cup", "tea", 6.0), ("cup", "sky", 0.5), ("cup", "pot", 7)]
    >>> result = word_similarity(vectors, pairs)
    >>> round(result.spearman, 3), result.n_pairs, result.n_left_out
    (1.0, 3, 1)
    """
    lookup = Lookup(vectors)
    pairs = read_scored_pairs(pairs) if isinstance(pairs, str | os.PathLike) else list(pairs)
    if not all(len(pair) == 3 and isinstance(pair[2], Real) for pair in pairs):
        raise ValueError("pairs must hold two words and a number each.")
    tuple_list([pair[:2] for pair in pairs], "pairs", 2)

    def there(word):
        return word if case_sensitive or lookup.has(word) else word.lower()

    known = [(there(a), there(b), float(score)) for a, b, score in pairs]
    known = [pair for pair in known if lookup.has(pair[0]) and lookup.has(pair[1])]
    if len(known) < 3:
        raise ValueError(f"Of the {len(pairs)} pairs {len(known)} have vectors; 3 are needed.")
    table = pd.DataFrame(known, columns=["first", "second", "judgement"])
    one, other = (lookup.units(table[name].tolist()) for name in ("first", "second"))
    table["cosine"] = np.einsum("ij,ij->i", one, other)
    if min(np.ptp(table["judgement"]), np.ptp(table["cosine"])) == 0:
        raise ValueError("All judgements, or all cosines, are the same: there is no correlation.")
    rank = spearmanr(table["judgement"], table["cosine"])
    return Bunch(
        spearman=float(rank.statistic),
        pearson=float(pearsonr(table["judgement"], table["cosine"]).statistic),
        p_value=float(rank.pvalue),
        n_pairs=len(known),
        n_left_out=len(pairs) - len(known),
        pairs=table,
    )
