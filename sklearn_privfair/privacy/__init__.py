"""Membership inference and differentially private training."""

from sklearn_privfair.privacy._attack_models import ShadowAttack
from sklearn_privfair.privacy._attack_r import AttackR
from sklearn_privfair.privacy._confidence_masking import ConfidenceMaskingClassifier
from sklearn_privfair.privacy._dpsgd import DPSGDClassifier
from sklearn_privfair.privacy._label_only import LabelOnlyAttack
from sklearn_privfair.privacy._learned import LearnedAttack
from sklearn_privfair.privacy._lira import LiRA
from sklearn_privfair.privacy._membership_inference import MembershipInferenceClassifier
from sklearn_privfair.privacy._method import MembershipMethod
from sklearn_privfair.privacy._rmia import RMIA
from sklearn_privfair.privacy._thresholds import CorrectnessAttack, ThresholdAttack

__all__ = [
    "RMIA",
    "AttackR",
    "ConfidenceMaskingClassifier",
    "CorrectnessAttack",
    "DPSGDClassifier",
    "LabelOnlyAttack",
    "LearnedAttack",
    "LiRA",
    "MembershipInferenceClassifier",
    "MembershipMethod",
    "ShadowAttack",
    "ThresholdAttack",
]
