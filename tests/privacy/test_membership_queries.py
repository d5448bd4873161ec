"""Several queries about one record: what they add, and where they add nothing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from sklearn_privfair.privacy import MembershipInferenceClassifier

from ._membership_harness import of_odds

GAIN, N = 0.7, 6000


class Views(ClassifierMixin, BaseEstimator):
    """It knows a record by its first feature, whichever of its views, the second one, is shown.

    Log-odds are higher by GAIN if it does; each view has standard normal noise of its own.
    """

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.seen_ = np.unique(np.asarray(X)[:, 0])
        return self

    def predict_proba(self, X):
        record, view = np.asarray(X).T
        noise = np.empty(len(record))
        for v in np.unique(view):
            rng = np.random.default_rng([self.random_state, int(v)])
            noise[view == v] = rng.standard_normal(N + 1)[record[view == v].astype(int)]
        return of_odds(noise + GAIN * np.isin(record, self.seen_))

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def second(X):
    return _viewed(X, 1.0)


def third(X):
    return _viewed(X, 2.0)


def _viewed(X, view):
    if hasattr(X, "assign"):
        return X.assign(view=view)
    return np.column_stack([X[:, 0], np.full(len(X), view)])


X = np.column_stack([np.arange(N), np.zeros(N)])
Y = np.zeros(N, dtype=int)
MEMBER = np.random.default_rng(0).permutation(N) < N // 2


def found(method, augmentations, X=X, n_shadow_models=32):
    rows = X[MEMBER]
    victim = FrozenEstimator(Views(random_state=77).fit(rows, Y[MEMBER]))
    attack = MembershipInferenceClassifier(
        victim,
        method=method,
        augmentations=augmentations,
        n_shadow_models=n_shadow_models,
        random_state=0,
    ).fit(X, Y, audit=(X, Y))
    return roc_auc_score(MEMBER, attack.decision_function(X, Y))


def ratio_of_estimates(n_views):
    """The area of a likelihood ratio whose means are those of 16 models with, and 16 without."""
    rng, scale = np.random.default_rng(9), np.sqrt(1 / 16)
    shape = (n_views, 200_000)
    inside, outside = (scale * rng.standard_normal(shape) + gain for gain in (GAIN, 0))
    member = rng.random(shape[1]) < 0.5
    own = rng.standard_normal(shape) + GAIN * member
    ratio = np.square(own - outside) - np.square(own - inside)
    return roc_auc_score(member, ratio.sum(axis=0))


@pytest.mark.parametrize("augmentations", [(), (second,), [second, third]])
def test_independent_views_add_up(augmentations):
    expected = ratio_of_estimates(1 + len(augmentations))
    assert abs(found("lira", augmentations) - expected) < 0.02


def test_every_method_takes_them():
    for method in ("rmia", "attack_r", "loss", "learned"):
        one, three = (found(method, more, n_shadow_models=6) for more in ([], [second, third]))
        assert three > one + 0.03


@pytest.mark.parametrize(
    ("augmentations", "error", "match"),
    [
        ([second, 3], TypeError, "augmentations holds 3; give functions"),
        ([lambda X: X[:5]], ValueError, "lambda.*augmentations gives 5 rows for 6000"),
    ],
)
def test_what_gives_no_views(augmentations, error, match):
    with pytest.raises(error, match=match):
        found("lira", augmentations, n_shadow_models=4)


def test_frames_are_given_as_frames():
    frame = pd.DataFrame(X, columns=["record", "view"])
    areas = [found("lira", [second], rows, n_shadow_models=4) for rows in (X, frame)]
    assert areas[0] == areas[1]
