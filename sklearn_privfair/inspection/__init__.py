"""Display classes, one picture per file."""

from ._adversarial_examples import AdversarialExamplesDisplay
from ._adversarial_training import AdversarialTrainingDisplay
from ._analogy_table import AnalogyTable
from ._attack_comparison import AttackComparisonDisplay
from ._attack_trace import AttackTraceDisplay
from ._bias_projection import BiasProjectionDisplay
from ._certified_accuracy import CertifiedAccuracyDisplay
from ._debiasing_history import DebiasingHistoryDisplay
from ._fairness_tradeoff import FairnessTradeoffDisplay
from ._group_rates import GroupRatesDisplay
from ._membership_roc import MembershipRocDisplay
from ._overfit_vs_attack import OverfitVsAttackDisplay
from ._robustness_curve import RobustnessCurveDisplay

__all__ = [
    "AdversarialExamplesDisplay",
    "AdversarialTrainingDisplay",
    "AnalogyTable",
    "AttackComparisonDisplay",
    "AttackTraceDisplay",
    "BiasProjectionDisplay",
    "CertifiedAccuracyDisplay",
    "DebiasingHistoryDisplay",
    "FairnessTradeoffDisplay",
    "GroupRatesDisplay",
    "MembershipRocDisplay",
    "OverfitVsAttackDisplay",
    "RobustnessCurveDisplay",
]
