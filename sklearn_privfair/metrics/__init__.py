"""Pure functions of arrays, and the scorers made from them."""

from ._classification import attack_success_rate, robust_accuracy_score
from ._curve import robust_accuracy_curve
from ._distance import median_perturbation_distance, perturbation_distance
from ._fairness_constrained import make_constrained_scorer
from ._fairness_correlation import sensitive_correlation
from ._fairness_differences import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)
from ._fairness_rates import group_rates
from ._fairness_ratios import (
    demographic_parity_ratio,
    equal_opportunity_ratio,
    equalized_odds_ratio,
)
from ._fairness_refit import make_constrained_refit
from ._fairness_regression import (
    group_means,
    mean_prediction_difference,
    statistical_parity_difference,
)
from ._fairness_report import fairness_report, group_rates_interval
from ._fairness_scorer import make_fairness_scorer
from ._membership import tpr_at_fpr, tpr_at_fpr_interval
from ._membership_advantage import max_membership_advantage, membership_advantage
from ._membership_report import membership_report
from ._one_run_audit import one_run_epsilon_lower_bound
from ._privacy_audit import epsilon_lower_bound
from ._scorer import make_attack_scorer, make_robust_accuracy_scorer
from ._word_vectors import MissingWordsWarning

__all__ = [
    "MissingWordsWarning",
    "attack_success_rate",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "epsilon_lower_bound",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "fairness_report",
    "group_means",
    "group_rates",
    "group_rates_interval",
    "make_attack_scorer",
    "make_constrained_refit",
    "make_constrained_scorer",
    "make_fairness_scorer",
    "make_robust_accuracy_scorer",
    "max_membership_advantage",
    "mean_prediction_difference",
    "median_perturbation_distance",
    "membership_advantage",
    "membership_report",
    "one_run_epsilon_lower_bound",
    "perturbation_distance",
    "robust_accuracy_curve",
    "robust_accuracy_score",
    "sensitive_correlation",
    "statistical_parity_difference",
    "tpr_at_fpr",
    "tpr_at_fpr_interval",
]
