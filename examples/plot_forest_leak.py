"""
Does my random forest leak?
===========================

A random forest grown to pure leaves knows its training rows by heart, and whoever may ask it for
probabilities can find out who was among them (membership inference). How much does a forest with
its default parameters give away, whom does it give away, and what helps?
"""

# %%
# Members and others
# ------------------
#
# Half of the rows in question are trained on, at random. Membership inference needs rows of the
# same kind besides, to train *shadow models*, whose members are known. Small, the table is
# scikit-learn's digits; with ``SKLEARN_PRIVFAIR_FULL=1`` it is Adult, a census with incomes, of
# which 10,000 people are in question.

import os
import tempfile

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair.datasets import fetch_adult
from sklearn_privfair.inspection import MembershipRocDisplay
from sklearn_privfair.metrics import membership_report, tpr_at_fpr
from sklearn_privfair.privacy import LearnedAttack, MembershipInferenceClassifier

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # Adult, in some minutes

if FULL:
    X, y = fetch_adult(subset="train", return_X_y=True)
    X, groups = pd.get_dummies(X.drop(columns="fnlwgt"), dtype=np.float32), X["race"]
    n, n_trees, n_shadows, learned = 5000, 100, 8, LearnedAttack()
else:
    X, y = load_digits(return_X_y=True, as_frame=True)
    groups = y.astype(str)
    n, n_trees, n_shadows = 450, 50, 4
    learned = LearnedAttack(HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=7))

X_judged, X_own, y_judged, y_own, group, _ = train_test_split(
    X, y, groups, train_size=2 * n, random_state=0
)
member = np.random.default_rng(0).permutation(2 * n) < n

# %%
# Five models
# -----------
#
# The default forest, and what one would try: leaves of more rows, trees that are cut off; and
# beside it a linear model, which has less room for single rows.

forest = RandomForestClassifier(n_trees, random_state=0)
models = {
    "forest, default": forest,
    "leaves of 5": RandomForestClassifier(n_trees, min_samples_leaf=5, random_state=0),
    "leaves of 20": RandomForestClassifier(n_trees, min_samples_leaf=20, random_state=0),
    "depth 6": RandomForestClassifier(n_trees, max_depth=6, random_state=0),
    "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
}
scores, table = {}, {}
with tempfile.TemporaryDirectory() as memory:
    for name, model in models.items():
        model.fit(X_judged[member], y_judged[member])
        audit = MembershipInferenceClassifier(
            FrozenEstimator(model),
            method=learned,
            n_shadow_models=n_shadows,
            shadow_size=n,
            memory=memory,
            random_state=0,
        ).fit(X_own, y_own, audit=(X_judged, y_judged))
        scores[name] = audit.decision_function(X_judged, y_judged)
        right = model.predict(X_judged) == y_judged
        table[name] = {
            "train": right[member].mean(),
            "test": right[~member].mean(),
            "right means member": (1 + right[member].mean() - right[~member].mean()) / 2,
            "AUC": roc_auc_score(member, scores[name]),
            "TPR at FPR 1%": tpr_at_fpr(member, scores[name]),
        }
table = pd.DataFrame(table).T
print(table.round(3).to_string())

# %%
# The attack with ``audit=`` is an auditor's: shadow models were trained with half of the rows in
# question, so that for each row there are models that knew it and models that did not. "Right means
# member" is what can be had without any attack: the balanced accuracy of calling a member whomever
# the model is right about. AUC is the chance that the attack gives a member a higher score than
# another; "TPR at FPR 1%" is the share of members found where one in a hundred others is accused
# wrongly.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
display = MembershipRocDisplay.from_predictions(member, scores, ax=left)
for (name, row), line, marker in zip(table.iterrows(), display.lines_, "os^Dv", strict=True):
    right.plot(row["test"], row["AUC"], marker, color=line.get_color(), ms=9, label=name)
right.axhline(0.5, color="grey", linestyle="--", linewidth=1, label="guessing")
right.set(xlabel="accuracy on new rows", ylabel="AUC of the attack", title="What privacy costs")
right.legend(frameon=False, fontsize=9)
right.grid(alpha=0.3)
right.margins(x=0.2)
right.spines[["top", "right"]].set_visible(False)

# %%
# The default forest looks harmless: "right means member" finds next to nothing. But the forest is
# surer of rows that it knows, and the attack finds half of the members while one in a hundred
# others is accused wrongly. On Adult it is a fifth of them, at an AUC of .84. There, leaves of five
# rows cost nothing (accuracy .857 on new rows, .846 before) and bring the AUC down to .62. On the
# digits they cost .029 of accuracy, and the linear model is both more accurate than these forests
# and more discreet.
#
# No figure here is a promise: the next attack may be stronger. What promises is
# ``DPSGDClassifier``, for nets.
#
# Whom does it give away?
# -----------------------
#
# Not all alike. Rows that are like many others hide among them; an odd one is known because nothing
# else explains how sure the forest is of it. By class, or group:

report = membership_report(member, scores["forest, default"], groups={"group": group}, fpr=0.05)
columns = ["n_members", "auc", "tpr@0.05", "tpr@0.05_low", "tpr@0.05_high"]
print(report[columns].round(2).to_string())

# %%
# And by how hard a row is for forests that do not know it, which says more than its class:

codes = np.unique(y_judged, return_inverse=True)[1]
unknown = cross_val_predict(
    RandomForestClassifier(n_trees, random_state=1), X_judged, codes, cv=5, method="predict_proba"
)[np.arange(2 * n), codes]
thirds = pd.qcut(unknown, 3, labels=["hard", "middling", "easy"])
by_third = {
    third: {
        "probability of its class": unknown[thirds == third].mean(),
        "AUC": roc_auc_score(member[thirds == third], scores["forest, default"][thirds == third]),
    }
    for third in thirds.categories
}
print(pd.DataFrame(by_third).T.round(3).to_string())

plt.show()
