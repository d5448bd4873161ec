"""
What should I know of a model before it ships?
==============================================

Two models are nearly as accurate as each other. Which one gives its training rows away, which one
can be turned by a small error of measurement, and is either worse for one group than for another?
One audit asks all of it, of any fitted classifier, and writes one report.
"""

# %%
# Two models of the same table
# ----------------------------
#
# Small, the table is scikit-learn's diabetes: did the illness of 442 patients get worse than the
# median's? With ``SKLEARN_PRIVFAIR_FULL=1`` it is Adult: who earns more than 50,000 dollars? Both
# have a column of sex, by which groups are compared.

import os

from matplotlib import pyplot as plt
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_privfair.audit import AuditComparison, ModelAudit
from sklearn_privfair.datasets import fetch_adult

FULL = os.environ.get("SKLEARN_PRIVFAIR_FULL") == "1"  # Adult, in some minutes

if FULL:
    X, y = fetch_adult(subset="train", return_X_y=True)
    X, y = X.drop(columns="fnlwgt")[:10_000], y[:10_000].astype(str)
    asked = {"max_rows": 300, "n_queries": 500, "n_shadow_models": 8}
else:
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X["sex"] = X["sex"].map({1.0: "one", 2.0: "other"}).astype("category")  # not said which
    y = (y > y.median()).map({True: "worse", False: "not"})
    asked = {"max_rows": 60, "n_queries": 100, "n_shadow_models": 4}

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)


def columns():
    """Scale what is a number, and encode what is not."""
    return make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )


models = {
    "linear": make_pipeline(columns(), LogisticRegression(C=0.1, max_iter=1000)),
    "forest": make_pipeline(columns(), RandomForestClassifier(random_state=0)),
}

# %%
# The audit
# ---------
#
# It is told the training rows (whom may the model give away?), the test rows (how often is it
# right, also under attack?), and which column makes the groups. How each question is put depends on
# the model: here a one-hot encoder has no derivative, so that both models are asked for their
# scores, again and again. ``time_budget=60`` would keep each audit to about a minute.

reports = {}
for name, model in models.items():
    model.fit(X_train, y_train)
    audit = ModelAudit(model, name=name, eps=0.2, random_state=0, **asked)
    reports[name] = audit.run(X_train, y_train, X_test, y_test, sensitive_features="sex")

both = AuditComparison(reports["linear"], reports["forest"])
frame = both.to_frame()
overall = frame[(frame["by"] == "all") & frame["method"].isna()].set_index("metric")
shown = ["accuracy", "generalization_gap", "robust_accuracy", "membership_auc"]
shown += ["membership_blind_auc", "equalized_odds_difference", "robust_accuracy_gap"]
print(overall.loc[shown, ["linear", "forest", "difference"]].astype(float).round(3).to_string())

# %%
# Where they differ
# -----------------
#
# The figures of each report are a table, with intervals. By group, too, where other tools do not
# look: is one group nearer to the boundary, or more exposed?

metrics = {"accuracy": None, "robust_accuracy": None, "membership_auc": 0.5}
by_sex = frame[(frame["by"] == "sex") & frame["metric"].isin(metrics) & frame["group"].notna()]
print(by_sex[["metric", "group", "linear", "forest"]].round(3).to_string(index=False))
figure, panels = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharey=True)
for axes, (metric, guess) in zip(panels, metrics.items(), strict=True):
    for shift, marker, (name, report) in zip((0.12, -0.12), "os", reports.items(), strict=True):
        told = report.to_frame().query("metric == @metric and by in ['all', 'sex']")
        told = told[told["method"].isna()].fillna({"group": "all"})[::-1]
        place = [i + shift for i in range(len(told))]
        sides = [told["value"] - told["low"], told["high"] - told["value"]]
        axes.errorbar(told["value"], place, xerr=sides, fmt=marker, capsize=3, label=name)
        axes.set_yticks(range(len(told)), told["group"])
    if guess is not None:
        axes.axvline(guess, color="grey", linestyle="--", linewidth=1, label="guessing")
    axes.set_title(metric.replace("_", " ").replace("auc", "AUC"))
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("sex")
figure.legend(*panels[2].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
# The forest knows its training rows by heart, and an attack finds them: an AUC of .95, where the
# linear model's is .60. This is the models' own doing, since rows and labels alone tell nothing of
# who was trained on (``membership_blind_auc``). The forest is also turned more often within a fifth
# of a standard deviation: of all rows .55 are still classified correctly, and .68 by the linear
# model. By sex the intervals overlap: 221 patients are too few to say that one group is worse off.
#
# On Adult there are enough: accuracies are .851 and .840, AUCs .52 and .85, and the forest gives
# men away more than women (.88, .77). Robust accuracy within a fifth of a standard deviation is .78
# and .75.
#
# The report
# ----------
#
# In a notebook a report shows itself, as the comparison does here: the summary, and the whole page
# within. ``both.to_html("both.html")`` writes it as one page that asks nothing of the network, and
# ``privfair audit`` does the same from the command line, with conditions for continuous
# integration.

# sphinx_gallery_capture_repr_block = ("_repr_html_",)
both
