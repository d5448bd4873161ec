"""Fair classifiers and regressors: nets trained against an adversary."""

from ._adversarial_debiasing import AdversarialDebiasingClassifier
from ._adversarial_regression import AdversarialDebiasingRegressor

__all__ = ["AdversarialDebiasingClassifier", "AdversarialDebiasingRegressor"]
