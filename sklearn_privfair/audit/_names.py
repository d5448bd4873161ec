"""The names of all figures over all rows that an audit can have."""

INFINITE = "infinite: for half of the rows or more no adversarial row was found"

_OF_FAMILIES = {
    "robustness": (
        "clean_accuracy",
        "robust_accuracy",
        "robust_if_right",
        "median_distance",
        "robust_accuracy_gap",
        "robust_if_right_gap",
        "robust_accuracy_worst_group",
    ),
    "privacy": (
        "membership_auc",
        "membership_tpr@0.01",
        "membership_tpr@0.001",
        "membership_auc_gap",
        "membership_auc_worst_class",
        "membership_auc_worst_group",
        "membership_blind_auc",
    ),
    "fairness": (
        "demographic_parity_difference",
        "equal_opportunity_difference",
        "equalized_odds_difference",
        "demographic_parity_ratio",
        "equal_opportunity_ratio",
        "equalized_odds_ratio",
        "accuracy_gap",
        "accuracy_worst_group",
    ),
}
_ALWAYS = ("accuracy", "train_accuracy", "generalization_gap", "log_loss", "train_log_loss")


def known_metrics(families, budgets):
    """List the metrics that an audit can have.

    Parameters
    ----------
    families : sequence of str
    budgets : sequence of float

    Returns
    -------
    names : list of str
    """
    names = [*_ALWAYS]
    for family, metrics in _OF_FAMILIES.items():
        if family in families:
            names += metrics
            if family == "robustness":
                names += [f"robust_accuracy@{eps:g}" for eps in budgets]
    return names
