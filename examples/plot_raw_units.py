"""
Is my pipeline robust in raw units?
===================================

A model of a table is a pipeline: a scaler, then a classifier. Attacked behind the scaler it is
another model, with budgets in units that nobody can read. How large an error of measurement changes
the answer has to be asked in front of the scaler, in the units of the table. Three pipelines
diagnose breast tumours here; by how much would the measurements have to be wrong?
"""

# %%
# Three pipelines
# ---------------
#
# Thirty measurements of cell nuclei, whose ranges differ by five orders of magnitude.

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from sklearn_privfair.attacks import Constraints, FMNAttack, HopSkipJumpAttack, PGDAttack
from sklearn_privfair.inspection import AdversarialExamplesDisplay, RobustnessCurveDisplay

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = y.map({0: "malignant", 1: "benign"})
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.35, stratify=y, random_state=0
)
pipelines = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "kernel SVM": make_pipeline(StandardScaler(), SVC()),
    "quantiles, then a net": make_pipeline(
        QuantileTransformer(n_quantiles=100),
        MLPClassifier(64, max_iter=1000, tol=1e-3, random_state=0),
    ),
}
for name, pipeline in pipelines.items():
    print(f"{name:22} accuracy {pipeline.fit(X_train, y_train).score(X_test, y_test):.3f}")
print(X.std().sort_values().iloc[[0, 10, -1]].to_string())

# %%
# One number for all features says nothing
# ----------------------------------------
#
# Within 0.5 of everything, in raw units, a mean area of 700 hardly moves, and a smoothness of 0.1
# becomes anything up to 0.6. (Below 0 it is kept out by the bounds.) The attack is right, that
# pipeline does give way; but no instrument errs like that. The question was wrong.

plain = PGDAttack(eps=0.5, bounds=(0, 5000), random_state=0)
moved = plain.fit(pipelines["logistic regression"]).transform(X_test, y_test) - X_test
shares = (moved.abs() / X.std()).mean()[["mean area", "mean texture", "mean smoothness"]]
print("moved on average, in standard deviations of the feature:")
print(shares.round(4).to_string())

# %%
# What counts as one unit of each feature
# ---------------------------------------
#
# ``Constraints(scale=...)`` says so. Here a unit is 1% of the feature's mean: errors of the same
# relative size for all. The attack still moves raw rows in front of the whole pipeline, and
# gives raw rows back; only budgets and distances are counted in these units. ``FMNAttack`` looks
# for the least error that changes the answer.

rules = Constraints(scale=dict(0.01 * X_train.mean()))
nearest = FMNAttack(norm=np.inf, bounds=(0, 5000), constraints=rules, random_state=0)
results = {name: nearest.fit(model).generate(X_test, y_test) for name, model in pipelines.items()}
for name, result in results.items():
    half = np.median(result.distance["linf"][result.attacked])
    print(
        f"{name:22} turned {result.success.sum()} of {result.attacked.sum()}, half by {half:.1f}%"
    )

# %%
# What looks robust may be flat
# -----------------------------
#
# A row is turned where the attack changed the answer. Of the kernel SVM some rows were not turned
# at all, by any error. That is not robustness. Far from its support vectors the kernel is zero to
# many digits, and so is every gradient: there is no slope to follow. Attacks that need none do turn
# these rows. ``HopSkipJumpAttack`` asks for decisions alone, and starts from measurements of other
# patients, whose diagnosis it knows.

svm = pipelines["kernel SVM"]
held = results["kernel SVM"].attacked & ~results["kernel SVM"].success
by_decisions = HopSkipJumpAttack(
    norm=np.inf,
    n_queries=1000,
    bounds=(0, 5000),
    starts=X_train,
    constraints=rules,
    random_state=0,
)
rest = by_decisions.fit(svm).generate(X_test[held], y_test[held])
print(f"of {held.sum()} rows that held, decisions alone turn {rest.success.sum()}")
nearest_known = {name: result.distance["linf"].copy() for name, result in results.items()}
nearest_known["kernel SVM"][held] = rest.distance["linf"]

figure, (ax, table) = plt.subplots(
    1, 2, figsize=(13, 4.4), width_ratios=(1, 1.25), layout="constrained"
)
curves = nearest_known | {"kernel SVM, gradients alone": results["kernel SVM"].distance["linf"]}
predicted = {name: results[name.split(",")[0] if "SVM" in name else name].y_pred for name in curves}
lines = RobustnessCurveDisplay.from_predictions(
    y_test, predicted, distance=curves, norm=np.inf, ax=ax
).lines_
lines[-1].set(color=lines[1].get_color(), linestyle=":")
ax.set(xlabel="error of every measurement, % of its mean", xlim=(0, 60))
ax.legend(frameon=False, fontsize=9)

result = results["logistic regression"]
shown = np.flatnonzero(result.success & (result.distance["linf"] > 2))[:3]
patients = AdversarialExamplesDisplay.from_predictions(
    X_test,
    result.X_adv,
    result.y_pred,
    result.y_pred_adv,
    rows=shown,
    scale=0.01 * X_train.mean(),
    ax=table,
)
patients.axes_[-1, 0].set_xlabel("change, % of the feature's mean", fontsize=8)

# %%
# On the right are three patients, with the eight features that changed most, as they were and as
# the attack left them, in the units of the instrument.
#
# Can it be trusted?
# ------------------
#
# A scaler and a logistic regression make a linear function of the raw row, and the least error that
# changes its sign is known: with :math:`s_i` the unit of feature :math:`i` it is :math:`|w^\top x +
# b| / \sum_i |w_i| s_i`, with the weights in raw units. Where nothing stops it the attack reaches
# that. Within the bounds some rows need a little more, since no measurement can fall below 0.

scaler, linear = pipelines["logistic regression"]
weights = linear.coef_[0] / scaler.scale_
score = np.abs(pipelines["logistic regression"].decision_function(X_test))
known = score / (np.abs(weights) @ (0.01 * X_train.mean().to_numpy()))
unbounded = FMNAttack(norm=np.inf, bounds=None, constraints=rules, random_state=0)
free = unbounded.fit(pipelines["logistic regression"]).generate(X_test, y_test)
for name, found in {"without bounds": free, "within them": result}.items():
    excess = found.distance["linf"][found.success] / known[found.success] - 1
    print(f"{name}: found is farther than known by {excess.max():.3%} at most")
    assert excess.min() > -1e-6
assert np.allclose(free.distance["linf"][free.success], known[free.success], rtol=1e-4)

# %%
# The same behind the scaler
# --------------------------
#
# A library that attacks nets alone would be given the scaled rows, and the classifier behind the
# scaler. Its budget is then in units of the scaler: for the third pipeline, shares of the range of
# ranks that the quantiles make of each feature. What they come to in raw units differs from feature
# to feature and from patient to patient, and is not what was asked: above, with the same relative
# error in all features, half of that pipeline's rows were turned by 11%.

behind = FMNAttack(norm=np.inf, bounds=(0, 1)).fit(pipelines["quantiles, then a net"][-1])
scaled = pipelines["quantiles, then a net"][:-1].transform(X_test)
in_ranks = behind.generate(scaled, y_test)
print(
    "behind the quantiles the median distance is "
    f"{np.median(in_ranks.distance['linf'][in_ranks.attacked]):.3f} of the whole range of ranks:"
)
back = pipelines["quantiles, then a net"][:-1].inverse_transform(in_ranks.X_adv)
relative = pd.DataFrame(np.abs(back - X_test.to_numpy()) / (0.01 * X_train.mean().to_numpy()))
median_of_largest = relative[in_ranks.success].max(axis=1).median()
print(f"taken back to raw units, errors of up to {median_of_largest:.0f}% in one of the features")

plt.show()
