"""One table of the tests that tell whether a bias remains when its direction is gone.

Gonen & Goldberg, "Lipstick on a pig: debiasing methods cover up systematic gender biases in word
embeddings but do not remove them" (2019).
"""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from ._bias_clustering import bias_clustering
from ._bias_direction import bias_projection, find_components
from ._bias_neighbors import bias_by_neighbors
from ._bias_probe import bias_probe
from ._biased_words import most_biased_words, words_in_question
from ._direct_bias import direct_bias
from ._word_sets import MISSING, Lookup

_TOP = 2**31 - 1
_PROBES = {"SVM": SVC(), "logistic": LogisticRegression(max_iter=1000)}


@validate_params(
    {
        "before": "no_validation",
        "after": [Mapping],
        "direction": "no_validation",
        "words": "no_validation",
        "n_words": [Interval(Integral, 2, None, closed="left")],
        "exclude": "no_validation",
        "first": [Interval(Integral, 1, None, closed="left"), None],
        "lowercase": ["boolean"],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "significance": [Interval(Real, 0, 1, closed="neither")],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def remaining_bias(
    before,
    after,
    direction,
    *,
    words=None,
    n_words=500,
    exclude=(),
    first=50_000,
    lowercase=True,
    n_neighbors=100,
    cv=5,
    significance=0.01,
    missing="warn",
    random_state=None,
):
    """Tell which bias remains after debiasing: clusters, probes and neighbours, in one table.

    The words that are most biased before debiasing are those of :func:`most_biased_words`. In the
    vectors after it, do they still fall into two clusters, can a classifier still tell them apart,
    and do the neighbours of a word still have its bias? Where one of these beats chance, the bias
    is still there, be the direct bias 0.

    Parameters
    ----------
    before : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors before debiasing, as in :func:`weat`.

    after : mapping of str to word vectors
        Word vectors after it, by the name of the method.

    direction : array-like of shape (n_features,), (str, str) or list of (str, str)
        The direction of the concept in `before`, as in :func:`bias_projection`.

    words : list of str, default=None
        Words whose neighbours are looked at, such as professions. `None`: the biased ones.

    n_words : int, default=500
        How many biased words of each side.

    exclude : collection of str, default=()
        Words that are about the concept by definition.

    first : int, default=50_000
        Take biased words and neighbours from the first so many. `None`: from all.

    lowercase : bool, default=True
        Whether biased words and neighbours are of lower-case letters only.

    n_neighbors : int, default=100
        How many neighbours.

    cv : int, cross-validation generator or iterable, default=5
        As in :func:`bias_probe`. Vectors that were debiased with the help of the biased words
        themselves ought to be judged on others.

    significance : float, default=0.01
        A bias is said to remain where a test's p-value is below it.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector.

    random_state : int, RandomState instance or None, default=None
        Decides clusters, permutations and folds.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by ``vectors`` ("before" first) and ``test``:

        - "direct bias": mean absolute cosine of the biased words with the direction; no test, as
          it is nowhere 0 by chance.
        - "clusters": accuracy of :func:`bias_clustering`.
        - "SVM", "logistic": accuracy of :func:`bias_probe`, with radial basis functions and linear.
        - "neighbours": correlation of :func:`bias_by_neighbors`.

        The columns are ``value``, ``chance`` (what it would be without a bias), ``p_value`` and
        ``remains``, a bool; for "direct bias" the latter two are missing.

    Raises
    ------
    ValueError
        As the functions named, and if a name in `after` is "before".

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    direct_bias : Along the direction alone.

    References
    ----------
    .. [1] H. Gonen, Y. Goldberg, "Lipstick on a Pig: Debiasing Methods Cover up Systematic Gender
       Biases in Word Embeddings But do not Remove Them", NAACL 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.metrics import remaining_bias
    >>> rng = np.random.default_rng(0)
    >>> words = [chr(97 + i) + chr(97 + j) for i in range(16) for j in range(16)]
    >>> gender = rng.normal(size=(256, 1))  # along the first axis, and in three others besides
    >>> array = np.hstack(
    ...     [gender, gender + 0.3 * rng.normal(size=(256, 3)), rng.normal(size=(256, 4))]
    ... )
    >>> hidden = array * (np.arange(8) > 0)
    >>> table = remaining_bias(
    ...     (words, array), {"hidden": (words, hidden)}, np.eye(8)[0], n_words=50, random_state=0
    ... )
    >>> table.loc["hidden", ["value", "remains"]].round(2).rename_axis(None)
                 value  remains
    direct bias   0.00     <NA>
    clusters      1.00     True
    SVM           1.00     True
    logistic      1.00     True
    neighbours    0.99     True
    """
    if "before" in after:
        raise ValueError("after has vectors named 'before'; give them another name.")
    lookup = Lookup(before, missing)
    direction = find_components(lookup, direction)
    judged = None if words is None else lookup.find(words, "words", at_least=3)
    lookup.report()
    projection = bias_projection(before, direction)
    choice = {"exclude": exclude, "first": first, "lowercase": lowercase}
    biased, groups = most_biased_words(projection, n_words, **choice)
    judged = biased if judged is None else judged
    nearby = dict.fromkeys([*words_in_question(projection.index, **choice), *judged])
    seed = int(check_random_state(random_state).randint(_TOP))
    rows = {}
    for name, vectors in {"before": before, **after}.items():
        common = {"missing": missing, "random_state": seed}
        value = direct_bias(vectors, biased, direction, missing=missing)
        rows[name, "direct bias"] = value, 0.0, np.nan
        test = bias_clustering(vectors, biased, groups, **common)
        rows[name, "clusters"] = test.accuracy, test.chance, test.p_value
        for kind, estimator in _PROBES.items():
            test = bias_probe(vectors, biased, groups, estimator=estimator, cv=cv, **common)
            rows[name, kind] = test.accuracy, test.chance, test.p_value
        test = bias_by_neighbors(
            vectors, judged, projection[list(nearby)], n_neighbors=n_neighbors, missing=missing
        )
        p_value = test.p_value / 2 if test.correlation > 0 else 1 - test.p_value / 2
        rows[name, "neighbours"] = test.correlation, 0.0, p_value
    index = pd.MultiIndex.from_tuples(rows, names=["vectors", "test"])
    table = pd.DataFrame(rows.values(), index, ["value", "chance", "p_value"])
    remains = (table["p_value"] < significance).astype("boolean")
    return table.assign(remains=remains.where(table["p_value"].notna(), pd.NA))
