"""Models to audit, with their rows, labels and groups."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair.audit import ModelAudit

SCRIPT = '<script>alert("x")</script>'
STRANGE = [SCRIPT, "_hidden", r"$\frac{$", "名前 --!> ]]>", "a&b\x07'\""]
QUICK = {"max_rows": 60, "n_queries": 100, "n_steps": 10, "n_shadow_models": 4, "random_state": 0}


@dataclass
class Case:
    """A fitted model and what it is audited with."""

    model: object
    parts: tuple
    groups: object

    @property
    def names(self):
        """What code that repeats a step supposes."""
        names = ("X_train", "y_train", "X_test", "y_test")
        return dict(zip(names, self.parts, strict=True)) | {"model": self.model}


def audit_of(case, **params):
    """An audit that is quick."""
    return ModelAudit(case.model, **QUICK | params)


def linear_case(forest=False, frame=True):
    """Real rows in raw units, and two groups of them."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = X.iloc[:, :8]
    group = np.where(X["mean texture"] > 19, "coarse", "fine")
    X = X if frame else X.to_numpy()
    model = RandomForestClassifier(15, random_state=0) if forest else LogisticRegression()
    model = model if forest else make_pipeline(StandardScaler(), model)
    n = 250
    parts = (X[:n], y[:n].to_numpy(), X[n:], y[n:].to_numpy())
    groups = tuple(pd.DataFrame({"texture": part}) for part in (group[:n], group[n:]))
    return Case(model.fit(*parts[:2]), parts, groups)


def strange_case():
    """Three classes, five groups and four columns, all with names that are hostile."""
    X, codes = make_blobs(
        300, n_features=4, centers=3, cluster_std=3, center_box=(-4, 4), random_state=0
    )
    X = pd.DataFrame(X, columns=STRANGE[:4])
    y = np.array(STRANGE, dtype=object)[codes]
    group = np.array(STRANGE, dtype=object)[np.arange(300) % 5]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:150], y[:150])
    groups = tuple(pd.DataFrame({SCRIPT: part}) for part in (group[:150], group[150:]))
    return Case(model, (X[:150], y[:150], X[150:], y[150:]), groups)


def without_times(data):
    """The data of a report, less what differs from one run to the next."""
    steps = [{k: v for k, v in step.items() if k != "seconds"} for step in data["steps"]]
    kept = {k: v for k, v in data.items() if k not in ("started", "seconds")}
    return kept | {"steps": steps}
