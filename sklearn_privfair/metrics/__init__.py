"""Pure functions of arrays, and the scorers made from them."""

from ._analogy import compute_analogies, compute_analogy
from ._analogy_accuracy import analogy_accuracy
from ._bias_clustering import bias_clustering
from ._bias_direction import bias_direction, bias_projection
from ._bias_neighbors import bias_by_neighbors
from ._bias_probe import bias_probe
from ._biased_words import most_biased_words
from ._classification import attack_success_rate, robust_accuracy_score
from ._curve import robust_accuracy_curve
from ._direct_bias import direct_bias, indirect_bias
from ._distance import median_perturbation_distance, perturbation_distance
from ._embedding_coherence import embedding_coherence_test
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
from ._mean_average_cosine import mean_average_cosine
from ._membership import tpr_at_fpr, tpr_at_fpr_interval
from ._membership_advantage import max_membership_advantage, membership_advantage
from ._membership_report import membership_report
from ._one_run_audit import one_run_epsilon_lower_bound
from ._privacy_audit import epsilon_lower_bound
from ._relative_norm_distance import relative_norm_distance
from ._remaining_bias import remaining_bias
from ._ripa import ripa
from ._rnsb import relative_negative_sentiment_bias
from ._scorer import make_attack_scorer, make_robust_accuracy_scorer
from ._sembias import sembias
from ._weat import weat
from ._word_similarity import word_similarity
from ._word_vectors import MissingWordsWarning

__all__ = [
    "MissingWordsWarning",
    "analogy_accuracy",
    "attack_success_rate",
    "bias_by_neighbors",
    "bias_clustering",
    "bias_direction",
    "bias_probe",
    "bias_projection",
    "compute_analogies",
    "compute_analogy",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "direct_bias",
    "embedding_coherence_test",
    "epsilon_lower_bound",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "fairness_report",
    "group_means",
    "group_rates",
    "group_rates_interval",
    "indirect_bias",
    "make_attack_scorer",
    "make_constrained_refit",
    "make_constrained_scorer",
    "make_fairness_scorer",
    "make_robust_accuracy_scorer",
    "max_membership_advantage",
    "mean_average_cosine",
    "mean_prediction_difference",
    "median_perturbation_distance",
    "membership_advantage",
    "membership_report",
    "most_biased_words",
    "one_run_epsilon_lower_bound",
    "perturbation_distance",
    "relative_negative_sentiment_bias",
    "relative_norm_distance",
    "remaining_bias",
    "ripa",
    "robust_accuracy_curve",
    "robust_accuracy_score",
    "sembias",
    "sensitive_correlation",
    "statistical_parity_difference",
    "tpr_at_fpr",
    "tpr_at_fpr_interval",
    "weat",
    "word_similarity",
]
