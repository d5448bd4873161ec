"""Pure functions of arrays, and the scorers made from them."""

from ._classification import attack_success_rate, robust_accuracy_score
from ._curve import robust_accuracy_curve
from ._distance import median_perturbation_distance, perturbation_distance
from ._scorer import make_attack_scorer, make_robust_accuracy_scorer

__all__ = [
    "attack_success_rate",
    "make_attack_scorer",
    "make_robust_accuracy_scorer",
    "median_perturbation_distance",
    "perturbation_distance",
    "robust_accuracy_curve",
    "robust_accuracy_score",
]
