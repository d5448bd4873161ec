"""Evasion attacks as scikit-learn transformers."""

from sklearn_privfair.attacks._apgd import APGDAttack
from sklearn_privfair.attacks._auto_attack import AutoAttack
from sklearn_privfair.attacks._constraints import Constraints
from sklearn_privfair.attacks._cw import CWL2Attack
from sklearn_privfair.attacks._ddn import DDNAttack
from sklearn_privfair.attacks._deepfool import DeepFoolAttack
from sklearn_privfair.attacks._fab import FABAttack
from sklearn_privfair.attacks._fgsm import FGSMAttack
from sklearn_privfair.attacks._fmn import FMNAttack
from sklearn_privfair.attacks._hopskipjump import HopSkipJumpAttack
from sklearn_privfair.attacks._masking import GradientMaskingWarning
from sklearn_privfair.attacks._minimum_norm import MinimumNormAttack
from sklearn_privfair.attacks._pgd import PGDAttack
from sklearn_privfair.attacks._random_search import RandomSearchAttack
from sklearn_privfair.attacks._result import AttackResult
from sklearn_privfair.attacks._square import SquareAttack
from sklearn_privfair.attacks._transfer import TransferAttack

__all__ = [
    "APGDAttack",
    "AttackResult",
    "AutoAttack",
    "CWL2Attack",
    "Constraints",
    "DDNAttack",
    "DeepFoolAttack",
    "FABAttack",
    "FGSMAttack",
    "FMNAttack",
    "GradientMaskingWarning",
    "HopSkipJumpAttack",
    "MinimumNormAttack",
    "PGDAttack",
    "RandomSearchAttack",
    "SquareAttack",
    "TransferAttack",
]
