"""Relative negative sentiment bias: whether a sentiment classifier finds some groups' words worse.

Sweeney & Najafian, "A transparent framework for evaluating unintended demographic bias in word
embeddings" (2019).
"""

from collections.abc import Mapping
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, validate_params

from ._word_sets import MISSING, Lookup, named_sets


@validate_params(
    {
        "vectors": "no_validation",
        "targets": "no_validation",
        "attributes": [Mapping, list, tuple],
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }
    | MISSING,
    prefer_skip_nested_validation=True,
)
def relative_negative_sentiment_bias(
    vectors, targets, attributes, *, estimator=None, cv=5, missing="warn", random_state=None
):
    r"""Relative negative sentiment bias (RNSB): how unevenly negative sentiment falls on groups.

    A classifier learns negative from positive words by their vectors. Its probabilities that the
    words of groups are negative, divided by their sum, are a distribution, and the metric is the
    Kullback-Leibler divergence of it from the uniform one.

    Parameters
    ----------
    vectors : KeyedVectors, (words, array) or mapping of str to array-like
        Word vectors, as in :func:`weat`; brought to length 1 first.

    targets : list of str
        One word for each group, such as nationalities.

    attributes : sequence or mapping of two lists of words
        Positive words, and negative words.

    estimator : classifier with `predict_proba`, default=None
        What learns the sentiment; a clone is fitted. `None`:
        :class:`~sklearn.linear_model.LogisticRegression`, as in the paper.

    cv : int, default=5
        Folds in which the classifier's accuracy is measured; fewer if a set has fewer words.

    missing : {"warn", "raise", "ignore"}, default="warn"
        What to do about words without a vector, if enough are left.

    random_state : int, RandomState instance or None, default=None
        Decides the folds.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the entries

        divergence : float
            In nats, at least 0, which is best.
        words : :class:`pandas.DataFrame`
            By target word its ``probability`` of being negative, and its ``share`` of their sum.
        accuracy : float
            Of the classifier, cross-validated over the attributes. Near one half it knows nothing
            of sentiment, and the divergence means nothing.
        missing : dict of str to list of str
            Words without a vector, by set.

    Raises
    ------
    ValueError
        If fewer than two targets, or words of an attribute, have a vector, or words are missing
        and `missing="raise"`.

    Warns
    -----
    MissingWordsWarning
        If words have no vector.

    See Also
    --------
    weat : Associations by cosine.

    References
    ----------
    .. [1] C. Sweeney, M. Najafian, "A Transparent Framework for Evaluating Unintended Demographic
       Bias in Word Embeddings", ACL 2019.

    Examples
    --------
    >>> from sklearn_privfair.metrics import relative_negative_sentiment_bias
    >>> vectors = {"good": [1, 0], "fine": [0.9, 0.3], "bad": [-1, 0.1], "poor": [-0.8, 0.4]}
    >>> vectors |= {"here": [0.1, 1], "there": [-0.4, 1]}
    >>> result = relative_negative_sentiment_bias(
    ...     vectors, ["here", "there"], [["good", "fine"], ["bad", "poor"]], random_state=0
    ... )
    >>> result.words.round(2)
           probability  share
    here          0.49   0.45
    there         0.61   0.55
    """
    lookup = Lookup(vectors, missing)
    targets = lookup.find(targets, "targets", at_least=2)
    positive, negative = (
        lookup.find(words, name, at_least=2)
        for name, words in named_sets(attributes, "attributes", 2).items()
    )
    lookup.report()
    X = lookup.units(positive + negative)
    y = np.repeat([0, 1], [len(positive), len(negative)])
    estimator = LogisticRegression() if estimator is None else estimator
    folds = StratifiedKFold(
        min(cv, len(positive), len(negative)),
        shuffle=True,
        random_state=check_random_state(random_state),
    )
    accuracy = cross_val_score(clone(estimator), X, y, cv=folds, scoring="accuracy")
    probability = clone(estimator).fit(X, y).predict_proba(lookup.units(targets))[:, 1]
    share = probability / probability.sum()
    inside = share > 0
    return Bunch(
        divergence=float(np.sum(share[inside] * np.log(share[inside] * len(share)))),
        words=pd.DataFrame({"probability": probability, "share": share}, index=targets),
        accuracy=float(accuracy.mean()),
        missing=lookup.lost,
    )
