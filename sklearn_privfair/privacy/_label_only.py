"""Label-only attack: members lie further from the boundary than others do.

Choquette-Choo, Tramer, Carlini & Papernot (2021), "Label-only membership inference attacks", ICML:
section 3.3, boundary distance.
"""

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from sklearn_privfair.privacy._method import MembershipMethod


class LabelOnlyAttack(MembershipMethod):
    """Say member where the model has to be pushed far before its answer is wrong.

    It asks for no probability; how far, an evasion attack finds out. The score is d / (1 + d) at a
    distance of d: 0 for a record that the model gets wrong, and 1 for one that the attack cannot
    turn.

    Parameters
    ----------
    attack : attack estimator
        One of :mod:`sklearn_privfair.attacks` that looks for the nearest adversarial row:
        `HopSkipJumpAttack` asks for labels alone and works on every model; with gradients
        `DDNAttack` or `FMNAttack` measures what a patient attacker would. Where its
        `random_state` is None, that of the `MembershipInferenceClassifier` decides.
    norm : {"l0", "l1", "l2", "linf"}, default="l2"
        Of the distance.
    max_records : int, default=300
        Records of each shadow model from which the threshold is found, drawn at random: each takes
        a run of the attack.

    References
    ----------
    C. A. Choquette-Choo, F. Tramer, N. Carlini, N. Papernot, "Label-only membership inference
    attacks", ICML 2021.

    Examples
    --------
    >>> from sklearn_privfair.attacks import DDNAttack
    >>> from sklearn_privfair.privacy import LabelOnlyAttack
    >>> LabelOnlyAttack(DDNAttack(), norm="l2").get_params()["norm"]
    'l2'
    """

    compares = False

    _parameter_constraints: dict = {
        "attack": [HasMethods(["fit", "generate"])],
        "norm": [StrOptions({"l0", "l1", "l2", "linf"})],
        "max_records": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, attack, norm="l2", max_records=300):
        self.attack = attack
        self.norm = norm
        self.max_records = max_records

    @property
    def max_judged(self):
        return self.max_records

    def learn(self, game, seed):
        self._seed = seed

    def _seeded(self):
        """Give the attack, of which no two runs differ."""
        attack = clone(self.attack)
        if attack.get_params(deep=False).get("random_state", 0) is None:
            attack.set_params(random_state=self._seed)
        return attack

    def judge(self, evidence):
        index = np.arange(len(evidence.codes))
        right = evidence.proba[0].argmax(axis=1) == evidence.codes
        score = np.zeros(len(index))
        if right.any():
            attack = self._seeded().fit(evidence.model)
            found = attack.generate(evidence.rows(index[right]))
            distance = np.asarray(found.distance[self.norm], dtype=np.float64)
            distance = np.where(found.success, distance, 1.0)  # else it may be infinite
            score[right] = np.where(found.success, distance / (1 + distance), 1.0)
        return score
