"""Attack R: a record's loss against the losses of models that were trained without it.

Ye, Maddi, Murakonda, Bindschaedler & Shokri (2022), "Enhanced membership inference attacks against
machine learning models", CCS: section 4.3.
"""

import numpy as np
from scipy.special import expit

from sklearn_privfair.privacy._method import MembershipMethod


class AttackR(MembershipMethod):
    """Reference-model attack: how many models trained without a record like it less.

    The score is the share of shadow models trained without the record that have a higher loss on
    it than the model judged, linear between the losses of two. Beyond all of them records are
    ranked by how far.

    See Also
    --------
    LiRA : Takes log-odds to be normal, and so makes do with fewer shadow models.

    References
    ----------
    J. Ye, A. Maddi, S. K. Murakonda, V. Bindschaedler, R. Shokri, "Enhanced membership inference
    attacks against machine learning models", CCS 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_privfair.privacy import AttackR, MembershipInferenceClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> forest = RandomForestClassifier(10)
    >>> attack = MembershipInferenceClassifier(forest, method=AttackR(), random_state=0)
    >>> bool(attack.fit(X[:900], y[:900]).score(X[900:], y[900:]) > 0.7)
    True
    """

    def judge(self, evidence):
        own = evidence.log_odds.mean(axis=0)
        others = np.where(evidence.members, np.nan, evidence.shadow_log_odds.mean(axis=1))
        others = np.sort(others, axis=0)  # NaN last
        count = np.isfinite(others).sum(axis=0)
        below = (others < own).sum(axis=0)
        columns, last = np.arange(len(own)), len(others) - 1
        low = others[np.clip(below - 1, 0, last), columns]
        high = others[np.clip(below, 0, last), columns]
        with np.errstate(invalid="ignore", divide="ignore"):
            between = (own - low) / (high - low)
        under, over = 2 * expit(own - others[0]), -np.expm1(others[count - 1, columns] - own)
        rest = np.select([below == 0, below == count], [under, over], between)
        return (below + rest) / (count + 1)
