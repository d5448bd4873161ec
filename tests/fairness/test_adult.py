"""The headline figures on Adult's own test rows, with room for seeds and versions.

Minutes long, and on real data: run with ``-m slow`` and SKLEARN_PRIVFAIR_DATA set. What is measured
over ten seeds is in benchmarks/README.md.
"""

import numpy as np
import pytest
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_privfair.datasets import fetch_adult
from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def adult(real_data):
    parts = [fetch_adult(subset=part, return_X_y=True) for part in ("train", "test")]
    (X, y), (X_test, y_test) = ((X.drop(columns="fnlwgt"), y == ">50K") for X, y in parts)
    encoder = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        remainder=OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    rows = encoder.fit_transform(X), encoder.transform(X_test)
    labels = [np.asarray(part).astype(int) for part in (y, y_test)]
    groups = [np.asarray(part["sex"]).astype(str) for part in (X, X_test)]
    return rows, labels, groups


def net(n_in, batch_size=1024):
    return NeuralNetClassifier(
        nn.Sequential(
            nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2)
        ),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=3e-3,
        max_epochs=30,
        batch_size=batch_size,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )


# measured over ten seeds: .8355 @ .0036 (worst .007), .8485 @ .036 (.056), .8556 @ .0076 (.014)
@pytest.mark.parametrize(
    ("constraint", "gap", "accuracy", "widest", "each"),
    [
        ("demographic_parity", demographic_parity_difference, 0.833, 0.018, 0.028),
        ("equalized_odds", equalized_odds_difference, 0.842, 0.045, 0.08),
        ("equal_opportunity", equal_opportunity_difference, 0.850, 0.025, 0.045),
    ],
)
def test_accuracy_at_the_gap(adult, constraint, gap, accuracy, widest, each):
    (X, X_test), (y, y_test), (group, group_test) = adult
    found = []
    for seed in range(3):
        torch.manual_seed(seed)  # of the module, which is an instance
        fair = AdversarialDebiasingClassifier(net(X.shape[1]), constraint, random_state=seed)
        predicted = fair.fit(X, y, sensitive_features=group).predict(X_test)
        between = gap(y_test, predicted, sensitive_features=group_test)
        found.append((np.mean(predicted == y_test), between))
        assert fair.history_["gap"][-1] < 0.03
    means = np.mean(found, axis=0)
    assert means[0] > accuracy
    assert means[1] < widest
    assert max(between for _, between in found) < each


@pytest.mark.parametrize(
    ("constraint", "gap"),
    [
        ("demographic_parity", demographic_parity_difference),
        ("equalized_odds", equalized_odds_difference),
        ("equal_opportunity", equal_opportunity_difference),
    ],
)
def test_few_rows_do_not_end_in_a_collapse(adult, constraint, gap):
    """An adversary who lagged behind ended at .70 to .80 here, some seeds at chance."""
    (X, _), (y, _), (group, _) = adult
    X, y, group = X[:4000], y[:4000], group[:4000]
    for seed in range(4):
        torch.manual_seed(seed)
        fair = AdversarialDebiasingClassifier(net(X.shape[1], 256), constraint, random_state=seed)
        predicted = fair.fit(X, y, sensitive_features=group).predict(X)
        assert np.mean(predicted == y) > 0.83
        assert gap(y, predicted, sensitive_features=group) < 0.06
