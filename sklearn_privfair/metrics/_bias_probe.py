"""Probe: whether a classifier learns from some words which group others used to be biased to.

Gonen & Goldberg, "Lipstick on a pig: debiasing methods cover up systematic gender biases in word
embeddings but do not remove them" (2019), section 4.2.
"""

from numbers import Real

import numpy as np
import pandas as pd
from scipy.stats import binom
from sklearn.base import clone, is_classifier
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.svm import SVC
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, validate_params

from ._binomial import proportion_high, proportion_low
from ._word_sets import MISSING, Lookup, find_grouped


@validate_params(
    {
        "vectors": "no_validation",
        "words": "no_validation",
        "groups": ["array-like"],
        "estimator": [HasMethods(["fit", "predict"]), None],
        "cv": ["cv_object"],
        "normalize": ["boolean"],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def bias_probe(
    vectors,
    words,
    groups,
    *,
    estimator=None,
    cv=5,
    normalize=True,
    confidence=0.95,
    missing="warn",
    random_state=None,
):
    """Accuracy of a classifier that tells the groups of words it was not trained on.

    What can be learned from some words about others is there in the
    vectors, and whatever is trained on them can use it.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`: those after debiasing.

    words : list of str
        The words, of each group about as many.

    groups : array-like of shape (n_words,)
        The group of each word before debiasing; :func:`most_biased_words` gives both.

    estimator : classifier, default=None
        What learns; clones are fitted. `None`: :class:`~sklearn.svm.SVC`, with its kernel of radial
        basis functions, as in the paper. Linear ones find less: erasure of what is linear, such as
        LEACE, is made against these alone.

    cv : int, cross-validation generator or iterable, default=5
        How words are divided into those trained on and those tested; an int is a number of
        stratified folds. Word vectors debiased by what was learned from some of these words are
        judged fairly on others only: train on those, test on these.

    normalize : bool, default=True
        Whether vectors are brought to length 1 first. A guarantee that no linear classifier finds
        anything, such as that of LEACE, holds of vectors as they are.

    confidence : float, default=0.95
        Confidence of the interval.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector. With an iterable as `cv`, whose numbers are places
        in `words`, none may be missing.

    random_state : int, RandomState instance or None, default=None
        Decides the folds. The classifier has a random state of its own.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the entries

        accuracy : float
            Over all words tested.
        low, high : float
            Clopper and Pearson's interval of it.
        chance : float
            Share of the largest group among the words tested.
        p_value : float
            Probability of as many right guesses, or more, at chance.
        words : pandas.DataFrame
            A line for each test of a word: ``word``, ``group``, ``predicted``.
        missing : dict of str to list of str
            Words without a vector.

    Raises
    ------
    ValueError
        If there are not two groups or more with two words each, lengths differ, or words are
        missing where none may be.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    bias_clustering : Whether the groups show without being told.
    remaining_bias : All tests in one table.

    References
    ----------
    .. [1] H. Gonen, Y. Goldberg, "Lipstick on a Pig: Debiasing Methods Cover up Systematic Gender
       Biases in Word Embeddings But do not Remove Them", NAACL 2019.

    Examples
    --------
    >>> from sklearn_privfair.metrics import bias_probe
    >>> vectors = {"sewing": [1, 0.1], "nurse": [1, 0.2], "boss": [0.1, 1], "goal": [0, 1]}
    >>> words, groups = ["sewing", "nurse", "boss", "goal"], ["f", "f", "m", "m"]
    >>> result = bias_probe(vectors, words, groups, cv=2, random_state=0)
    >>> result.accuracy, round(result.low, 2), result.chance
    (1.0, 0.4, 0.5)
    """
    lookup = Lookup(vectors, missing)
    words, groups = find_grouped(lookup, words, groups)
    explicit = not isinstance(cv, int) and cv is not None and not hasattr(cv, "split")
    if explicit and lookup.lost:
        raise ValueError(
            f"cv has places in words, and {lookup.lost['words']} have no vector; leave them out "
            "of words and groups."
        )
    lookup.report()
    estimator = SVC() if estimator is None else estimator
    if not is_classifier(estimator):
        raise TypeError(f"estimator must be a classifier; got {estimator!r}.")
    if isinstance(cv, int):
        fewest = np.unique(groups, return_counts=True)[1].min()
        if cv > fewest:
            raise ValueError(f"cv={cv} folds, and a group has only {fewest} words; ask for fewer.")
        cv = StratifiedKFold(cv, shuffle=True, random_state=check_random_state(random_state))
    X, parts = lookup.units(words) if normalize else lookup.rows(words), []
    for train, test in check_cv(cv, groups, classifier=True).split(X, groups):
        predicted = clone(estimator).fit(X[train], groups[train]).predict(X[test])
        part = {"word": np.asarray(words, object)[test], "group": groups[test]}
        parts.append(pd.DataFrame(part | {"predicted": predicted}))
    table = pd.concat(parts, ignore_index=True)
    n, count = len(table), int((table["group"] == table["predicted"]).sum())
    chance = float(table["group"].value_counts(normalize=True).max())
    alpha = (1 - confidence) / 2
    return Bunch(
        accuracy=count / n,
        low=float(proportion_low(count, n, alpha)),
        high=float(proportion_high(count, n, alpha)),
        chance=chance,
        p_value=float(binom.sf(count - 1, n, chance)),
        words=table,
        missing=lookup.lost,
    )
