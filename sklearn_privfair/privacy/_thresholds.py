"""One number per record, and a threshold for each class: the attacks that came first.

Yeom, Giacomelli, Fredrikson & Jha (2018), "Privacy risk in machine learning: analyzing the
connection to overfitting" (loss; correctness); Song & Mittal (2021), "Systematic evaluation of
privacy risks of machine learning models" (entropy, modified entropy, thresholds by class).
"""

import numpy as np
from sklearn.metrics import roc_curve
from sklearn.utils._param_validation import StrOptions

from sklearn_privfair.privacy import _signals
from sklearn_privfair.privacy._method import MembershipMethod

_SCORES = {
    "loss": lambda proba, codes: -_signals.log_loss(proba, codes),
    "entropy": lambda proba, _: -_signals.entropy(proba),
    "modified_entropy": lambda proba, codes: -_signals.modified_entropy(proba, codes),
}


class ThresholdAttack(MembershipMethod):
    """Say member where a number that overfitting lowers is low.

    Parameters
    ----------
    signal : {"loss", "entropy", "modified_entropy"}, default="modified_entropy"
        The cross-entropy of the record's label; the entropy of the probabilities, which takes no
        label; or the modified entropy, which is low only for certainty in the right class.
    per_class : bool, default=True
        Whether each class has a threshold of its own, learned from the shadow models; scores are
        counted from it. A class of which not both members and others are known has that of all.

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy risk in machine learning: analyzing the
    connection to overfitting", CSF 2018.

    L. Song, P. Mittal, "Systematic evaluation of privacy risks of machine learning models", USENIX
    Security 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_privfair.privacy import MembershipInferenceClassifier, ThresholdAttack
    >>> X, y = load_iris(return_X_y=True)
    >>> victim = FrozenEstimator(DecisionTreeClassifier(random_state=0).fit(X[::2], y[::2]))
    >>> attack = MembershipInferenceClassifier(victim, method=ThresholdAttack("loss"))
    >>> attack.fit(X[1::2], y[1::2]).method_.thresholds_.shape  # one for each class
    (3,)
    """

    compares = False

    _parameter_constraints: dict = {
        "signal": [StrOptions(set(_SCORES))],
        "per_class": ["boolean"],
    }

    def __init__(self, signal="modified_entropy", per_class=True):
        self.signal = signal
        self.per_class = per_class

    def learn(self, game, seed):
        n_classes = game.proba.shape[-1]
        self.thresholds_ = np.zeros(n_classes)
        if not self.per_class:
            return
        rounds = [(self._score(e), e.codes, truth) for e, truth in game.rounds(compares=False)]
        score, codes, truth = (np.concatenate(part) for part in zip(*rounds, strict=True))
        everyone = best_threshold(score, truth)
        for code in range(n_classes):
            of_class = codes == code
            both = len(np.unique(truth[of_class])) == 2
            self.thresholds_[code] = (
                best_threshold(score[of_class], truth[of_class]) if both else everyone
            )

    def judge(self, evidence):
        return self._score(evidence) - self.thresholds_[evidence.codes]

    def _score(self, evidence):
        return _SCORES[self.signal](evidence.proba, evidence.codes).mean(axis=0)


class CorrectnessAttack(MembershipMethod):
    """Say member where the model is right: the baseline that any attack has to beat.

    Its balanced accuracy is one half plus half the gap between training and test accuracy.

    References
    ----------
    S. Yeom, I. Giacomelli, M. Fredrikson, S. Jha, "Privacy risk in machine learning: analyzing the
    connection to overfitting", CSF 2018, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_privfair.privacy import CorrectnessAttack, MembershipInferenceClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> victim = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    >>> attack = MembershipInferenceClassifier(FrozenEstimator(victim), method=CorrectnessAttack())
    >>> membership = attack.fit(X, y).predict(X, y)
    >>> bool((membership == (victim.predict(X) == y)).all())
    True
    """

    uses_shadows = compares = False

    def judge(self, evidence):
        return _signals.correct(evidence.proba[0], evidence.codes)


def best_threshold(score, truth):
    """Give the threshold of highest balanced accuracy: at or above it, member."""
    false_rate, true_rate, thresholds = roc_curve(truth, score)
    best = (true_rate - false_rate).argmax()
    below = score[score < thresholds[best]]
    if len(below) == len(score) or len(below) == 0:
        return thresholds[best] if len(below) == 0 else np.nextafter(score.max(), np.inf)
    return (thresholds[best] + below.max()) / 2
