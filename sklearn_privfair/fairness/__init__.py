"""Fair classifiers and regressors: nets trained against an adversary; Fairlearn's beside them."""

from ._adversarial_debiasing import AdversarialDebiasingClassifier
from ._adversarial_regression import AdversarialDebiasingRegressor
from ._fairlearn import FairlearnClassifier

__all__ = [
    "AdversarialDebiasingClassifier",
    "AdversarialDebiasingRegressor",
    "FairlearnClassifier",
]
