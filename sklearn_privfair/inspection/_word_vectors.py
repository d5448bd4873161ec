"""What the displays of word vectors share: names of vectors, and vectors before and after."""

import copy
from collections.abc import Mapping


def check_named(vectors):
    """Return word vectors by name, or say that they are not."""
    if not isinstance(vectors, Mapping) or not all(isinstance(name, str) for name in vectors):
        raise TypeError(
            "vectors must map names to word vectors, {'before': ..., 'after': ...}; got "
            f"{type(vectors).__name__}."
        )
    return vectors


def before_and_after(estimator, vectors):
    """Return word vectors and what a fitted debiaser makes of them, the former unchanged."""
    if getattr(estimator, "copy", True) is False:  # it would write into what is to be compared
        estimator = copy.copy(estimator)
        estimator.copy = True
    return {"before": vectors, "after": estimator.transform(vectors)}
