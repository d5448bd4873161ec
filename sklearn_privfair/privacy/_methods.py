"""The ways to judge membership that have a name."""

from sklearn_privfair.privacy._attack_models import ShadowAttack
from sklearn_privfair.privacy._attack_r import AttackR
from sklearn_privfair.privacy._learned import LearnedAttack
from sklearn_privfair.privacy._lira import LiRA
from sklearn_privfair.privacy._rmia import RMIA
from sklearn_privfair.privacy._thresholds import CorrectnessAttack, ThresholdAttack

METHODS = {
    "attack_r": AttackR(),
    "correctness": CorrectnessAttack(),
    "entropy": ThresholdAttack("entropy"),
    "learned": LearnedAttack(),
    "lira": LiRA(),
    "loss": ThresholdAttack("loss"),
    "modified_entropy": ThresholdAttack("modified_entropy"),
    "rmia": RMIA(),
    "shadow": ShadowAttack(),
}
