"""Fair classifiers and regressors: nets trained against an adversary."""

from ._adversarial_debiasing import AdversarialDebiasingClassifier

__all__ = ["AdversarialDebiasingClassifier"]
