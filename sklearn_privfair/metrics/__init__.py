"""Pure functions of arrays, and the scorers made from them."""

from ._classification import attack_success_rate, robust_accuracy_score
from ._curve import robust_accuracy_curve
from ._distance import median_perturbation_distance, perturbation_distance
from ._membership import tpr_at_fpr, tpr_at_fpr_interval
from ._membership_advantage import max_membership_advantage, membership_advantage
from ._membership_report import membership_report
from ._one_run_audit import one_run_epsilon_lower_bound
from ._privacy_audit import epsilon_lower_bound
from ._scorer import make_attack_scorer, make_robust_accuracy_scorer

__all__ = [
    "attack_success_rate",
    "epsilon_lower_bound",
    "make_attack_scorer",
    "make_robust_accuracy_scorer",
    "max_membership_advantage",
    "median_perturbation_distance",
    "membership_advantage",
    "membership_report",
    "one_run_epsilon_lower_bound",
    "perturbation_distance",
    "robust_accuracy_curve",
    "robust_accuracy_score",
    "tpr_at_fpr",
    "tpr_at_fpr_interval",
]
