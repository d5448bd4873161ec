"""Membership inference and differentially private training."""

from sklearn_privfair.privacy._confidence_masking import ConfidenceMaskingClassifier
from sklearn_privfair.privacy._dpsgd import DPSGDClassifier

__all__ = ["ConfidenceMaskingClassifier", "DPSGDClassifier"]
