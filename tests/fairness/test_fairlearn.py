"""Fairlearn's reductions and thresholds in one search, and one picture, with ours.

Two lines each make them route: the reductions' `fit` hides the sensitive features in its keywords,
and the thresholds want them to predict, where scikit-learn's scorers pass none.
"""

import numpy as np
import pandas as pd
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.inspection import FairnessTradeoffDisplay
from sklearn_privfair.metrics import (
    demographic_parity_difference,
    make_constrained_refit,
    make_fairness_scorer,
)

from ._harness import net, unfair_rows

X, y, GROUP = unfair_rows(800)
FRAME = pd.DataFrame(X, columns=list("abc")).assign(sex=(GROUP == "b").astype(int))


class Reduction(ExponentiatedGradient):
    def fit(self, X, y, *, sensitive_features):
        return super().fit(X, y, sensitive_features=sensitive_features)

    def predict(self, X):
        return super().predict(X, random_state=0)


class Thresholds(ThresholdOptimizer):
    def fit(self, X, y, *, sensitive_features):
        return super().fit(X, y, sensitive_features=sensitive_features)

    def predict(self, X):
        return super().predict(X, sensitive_features=X["sex"].map({0: "a", 1: "b"}), random_state=0)


# of what pandas will no longer take, in Fairlearn
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_one_search_and_one_picture():
    ours = AdversarialDebiasingClassifier(net(4, max_epochs=20), random_state=0)
    reduction = Reduction(LogisticRegression(), DemographicParity(), eps=0.01)
    thresholds = Thresholds(
        estimator=LogisticRegression(), constraints="demographic_parity", predict_method="auto"
    )
    with config_context(enable_metadata_routing=True):
        for model in (reduction, thresholds):
            model.set_fit_request(sensitive_features=True)
        search = GridSearchCV(
            Pipeline([("model", ours)]),
            {"model": [ours, reduction, thresholds]},
            scoring={
                "accuracy": "accuracy",
                "gap": make_fairness_scorer("demographic_parity_difference"),
            },
            refit=make_constrained_refit(tolerance=0.15),
            cv=2,
            error_score="raise",
        ).fit(FRAME, y, sensitive_features=GROUP)
    gaps = -search.cv_results_["mean_test_gap"]
    plain = LogisticRegression().fit(FRAME, y).predict(FRAME)
    assert demographic_parity_difference(y, plain, sensitive_features=GROUP) > 0.25
    assert (gaps < 0.15).all()
    display = FairnessTradeoffDisplay.from_search(search)
    np.testing.assert_allclose(display.frame()["gap"], gaps)
    display.figure_.clear()
