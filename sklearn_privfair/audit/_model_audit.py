"""One audit of one fitted classifier: robustness, privacy and fairness, each also by group."""

import datetime as dt
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from torch import nn

from sklearn_privfair.attacks import Constraints
from sklearn_privfair.audit import _reproduce
from sklearn_privfair.audit._baseline import run_baseline
from sklearn_privfair.audit._blind import run_blind
from sklearn_privfair.audit._clock import Clock
from sklearn_privfair.audit._fairness import run_fairness
from sklearn_privfair.audit._inputs import fingerprint, read_inputs
from sklearn_privfair.audit._privacy import check_methods, run_loss, run_privacy
from sklearn_privfair.audit._report import SCHEMA_VERSION, AuditReport
from sklearn_privfair.audit._robustness import run_robustness
from sklearn_privfair.audit._steps import Run
from sklearn_privfair.differentiable._seeds import draw_seed

_PACKAGES = ("sklearn_privfair", "scikit-learn", "numpy", "scipy", "torch", "skorch", "pandas")
_FAMILIES = ("fairness", "privacy", "robustness")


class ModelAudit(CallbackSupportMixin, BaseEstimator):
    """Audit a fitted classifier: how robust, how discreet and how fair it is, for all and by group.

    The model is not changed. Each family of questions is asked by the strongest means that the
    model allows: with gradients where it can be differentiated, without where it cannot. What could
    not be asked, and what there was no time for, is said with the reason.

    Parameters
    ----------
    model : classifier, skorch net, torch.nn.Module or fitted search
        What is audited, fitted.
    name : str, default=None
        What the report calls it. None: the name of its class.
    families : sequence of {"robustness", "privacy", "fairness"}, \
            default=("robustness", "privacy", "fairness")
        What to ask about. Accuracy is always measured.
    eps : float or sequence of float, default=0.1
        Budgets of AutoAttack: how far each row may be moved. In units of the features' standard
        deviations on tables, where `constraints` are None, and in the units of the data otherwise.
        The first is that of the figure ``robust_accuracy`` and of the comparison of groups.
    norm : {1, 2, np.inf}, default=np.inf
        The norm in which budgets and distances are measured.
    bounds : (low, high), "auto" or None, default="auto"
        What the model may be given, as attacks have it; "auto" learns it from the training rows.
    constraints : Constraints, default=None
        What may move, and how. None: on tables ``Constraints(scale="std")``, so that everything
        may, counted in standard deviations; on images none. ``Constraints()`` counts in raw units.
    max_rows : int or None, default=500
        Test rows attacked at most, drawn at random. None: all.
    n_steps : int, default=100
        Steps of AutoAttack's members that follow gradients.
    n_queries : int, default=5000
        Questions about each row, of attacks without gradients.
    membership : sequence of str or MembershipMethod, default=("loss", "lira", "learned", "shadow")
        How membership is inferred: any method of
        :class:`~sklearn_privfair.privacy.MembershipInferenceClassifier`. "loss" takes no shadow
        models here, and is measured in any case.
    n_shadow_models : int, default=8
        Shadow models, even and at least 4; all methods share them.
    shadow_estimator : classifier, default=None
        What shadow models are. None: unfitted clones of the model; of a search, of its
        `best_estimator_`.
    pos_label : bool, int, float or str, default=None
        The label that counts as the good one, for fairness. None: of two classes the second; of
        more, each in turn.
    confidence : float, default=0.95
        Confidence of all intervals, in (0, 1).
    time_budget : float or None, default=None
        Seconds. Steps are taken cheapest first; attacks look at fewer rows, and ask fewer
        questions about each, and fewer shadow models are trained, where there is no time for all.
        No step is cut off in its midst: it is kept to by estimates, on the safe side. Of 60 s, on
        two busy cores, a linear pipeline behind a one-hot encoder took 47 and a forest 42; of 10 s
        they took 9 and 12, with no time left for attacks that ask question after question. A model
        that takes longer in training or with later rows than with the first may go over. None: no
        limit, and a result that depends on the seed alone.
    on_error : {"report", "raise"}, default="report"
        What becomes of a step that fails: it is left out, and the report says why; or the error is
        raised.
    n_jobs : int or None, default=None
        Passed to joblib by attacks and in the training of shadow models.
    random_state : int, RandomState instance or None, default=None
        Decides everything. The seed of each family is in the report.
    verbose : int, default=0
        From 1 on, a line is printed for each step, with an estimate where the model is asked
        question after question. scikit-learn's callbacks, given by `set_callbacks`, are told of
        each step too.

    See Also
    --------
    AuditReport : What comes of it.
    AuditComparison : Two of them, side by side.

    Notes
    -----
    What an attack does not find may still be there: robust accuracy is an upper bound, and an
    attack on membership that fails proves nothing. Intervals say how much the figures may owe to
    the choice of the test rows; they say nothing of stronger attacks, nor of rows of another kind.

    References
    ----------
    N. Carlini et al., "On evaluating adversarial robustness", arXiv:1902.06705, 2019.

    F. Croce, M. Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks", ICML 2020.

    N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis, F. Tramèr, "Membership inference attacks from
    first principles", IEEE S&P 2022.

    M. Hardt, E. Price, N. Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_privfair.audit import ModelAudit
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:300], y[:300])
    >>> audit = ModelAudit(model, max_rows=50, n_queries=100, membership=["loss"], random_state=0)
    >>> report = audit.run(X[:300], y[:300], X[300:], y[300:])
    >>> report.metrics["robust_accuracy"] < report.metrics["accuracy"]
    True
    >>> [step["title"] for step in report.left_out]
    ['Rates by group']
    """

    _parameter_constraints: dict = {
        "model": [HasMethods(["predict"]), nn.Module],
        "name": [str, None],
        "families": ["array-like", tuple, set, str],
        "eps": [Interval(Real, 0, None, closed="neither"), "array-like"],
        "norm": [Options(Real, {1, 2, np.inf})],
        "bounds": [None, StrOptions({"auto"}), tuple, list],
        "constraints": [Constraints, None],
        "max_rows": [Interval(Integral, 1, None, closed="left"), None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "n_queries": [Interval(Integral, 3, None, closed="left")],
        "membership": ["array-like", tuple, str],
        "n_shadow_models": [Interval(Integral, 4, None, closed="left")],
        "shadow_estimator": [HasMethods(["fit", "predict"]), None],
        "pos_label": [Real, str, "boolean", None],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "time_budget": [Interval(Real, 0, None, closed="neither"), None],
        "on_error": [StrOptions({"report", "raise"})],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model,
        *,
        name=None,
        families=("robustness", "privacy", "fairness"),
        eps=0.1,
        norm=np.inf,
        bounds="auto",
        constraints=None,
        max_rows=500,
        n_steps=100,
        n_queries=5000,
        membership=("loss", "lira", "learned", "shadow"),
        n_shadow_models=8,
        shadow_estimator=None,
        pos_label=None,
        confidence=0.95,
        time_budget=None,
        on_error="report",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.model = model
        self.name = name
        self.families = families
        self.eps = eps
        self.norm = norm
        self.bounds = bounds
        self.constraints = constraints
        self.max_rows = max_rows
        self.n_steps = n_steps
        self.n_queries = n_queries
        self.membership = membership
        self.n_shadow_models = n_shadow_models
        self.shadow_estimator = shadow_estimator
        self.pos_label = pos_label
        self.confidence = confidence
        self.time_budget = time_budget
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def run(self, X_train, y_train, X_test, y_test, sensitive_features=None):
        """Audit the model.

        Parameters
        ----------
        X_train : array-like or data frame of shape (n_train, ...)
            The rows that the model was trained on, all of them: what membership is judged by.
        y_train : array-like of shape (n_train,)
            Their labels.
        X_test : array-like or data frame of shape (n_test, ...)
            Rows from the same source that it was not trained on.
        y_test : array-like of shape (n_test,)
            Their labels.
        sensitive_features : str, list of str, array-like, data frame or tuple, default=None
            The groups to compare. Names of columns of X; or values for each test row, one column
            for each feature; or a pair of such, for the training and for the test rows, without
            which leakage is not compared. None: groups are not compared.

        Returns
        -------
        report : AuditReport
        """
        self._validate_params()
        self._check()
        seed = draw_seed(self.random_state)
        drawn = np.random.SeedSequence(seed).generate_state(len(_FAMILIES))
        seeds = {name: int(s % 2**31) for name, s in zip(_FAMILIES, drawn, strict=True)}
        data = read_inputs(self.model, X_train, y_train, X_test, y_test, sensitive_features)
        self._check_against(data)
        clock = Clock(self.time_budget, self._weights())
        progress = self._init_callback_context("audit", max_subtasks=None)
        progress.call_on_fit_task_begin(estimator=self)
        run = Run(self, data, clock, seeds, progress)
        started = dt.datetime.now(dt.UTC)
        run_baseline(run)
        found = {}
        if "fairness" in self.families:
            found["fairness"] = run_fairness(run)
        judged = run_loss(run) if "privacy" in self.families else ()
        if judged and judged[0] is not None:
            run_blind(run, judged[0])
        if "robustness" in self.families:
            found["robustness"] = run_robustness(run)
        if "privacy" in self.families:
            found["privacy"] = run_privacy(run, *judged)
        progress.call_on_fit_task_end(estimator=self)
        return AuditReport(self._as_data(run, found, seed, started))

    def _check(self):
        """Look at the parameters that scikit-learn's constraints cannot look at."""
        unknown = set(self.families) - set(_FAMILIES)
        if unknown or isinstance(self.families, str):
            raise ValueError(f"families={self.families!r} names others than {list(_FAMILIES)}.")
        budgets = np.atleast_1d(np.asarray(self.eps, dtype=float))
        if budgets.ndim != 1 or len(budgets) == 0 or not (budgets > 0).all():
            raise ValueError(f"eps={self.eps!r} must be one budget above 0, or several.")
        if len(set(budgets.tolist())) < len(budgets):
            raise ValueError(f"eps={self.eps!r} names a budget twice.")
        if isinstance(self.membership, str):
            raise ValueError(f"membership={self.membership!r} is a string; give a list of methods.")
        self.methods = check_methods(self.membership)
        if self.n_shadow_models % 2:
            raise ValueError(
                f"n_shadow_models={self.n_shadow_models} is odd, and shadow models come in pairs, "
                f"trained on opposite halves; use {self.n_shadow_models + 1}."
            )

    def _check_against(self, data):
        """Look at the parameters that the data can contradict, before any step is taken."""
        labels = data.victim.classes_
        if self.pos_label is not None and labels is not None and self.pos_label not in list(labels):
            raise ValueError(
                f"pos_label={self.pos_label!r} is none of the labels, {list(labels)[:10]}."
            )
        if self.constraints is not None:
            n = int(np.prod(np.shape(data.X_test)[1:]))
            self.constraints.resolve(n, list(data.X_test.columns) if data.is_frame else None)

    def _weights(self):
        """Give the share of the time that each step may take, of what is left when it begins."""
        budgets = np.atleast_1d(self.eps)
        weights: dict = {}  # the first steps, which take next to no time, are always taken
        if "privacy" in self.families:
            weights["membership_blind"] = 2.0
        if "robustness" in self.families:
            weights["minimum_norm"] = 8.0
            weights |= {f"auto_attack@{eps:g}": 12.0 / len(budgets) for eps in budgets}
        if "privacy" in self.families:
            weights["membership_shadows"] = 20.0
        return weights

    def _as_data(self, run, found, seed, started):
        data, model = run.data, self.model
        classes = data.victim.classes_
        labels, counts = np.unique(data.y_train, return_counts=True)
        kind = type(model)
        names = list(map(str, data.X_test.columns)) if data.is_frame else None
        return {
            "schema_version": SCHEMA_VERSION,
            "model": {
                "name": self.name or kind.__name__,
                "class": f"{kind.__module__}.{kind.__qualname__}",
                "repr": _reproduce.named(model),
                "classes": None if classes is None else [str(label) for label in classes],
            },
            "data": {
                "n_train": len(data.y_train),
                "n_test": len(data.y_test),
                "hash_train": fingerprint(data.X_train, data.y_train),
                "hash_test": fingerprint(data.X_test, data.y_test),
                "shape": [int(size) for size in np.shape(data.X_test)[1:]],
                "feature_names": names,
                "class_counts": {str(k): int(n) for k, n in zip(labels, counts, strict=True)},
                "groups": {
                    by: {str(k): int((names == k).sum()) for k in np.unique(names)}
                    for by, names in data.groups_test.items()
                },
            },
            "parameters": {
                name: _reproduce.plain(value)
                for name, value in self.get_params(deep=False).items()
                if name not in ("model", "verbose", "n_jobs")
            },
            "seed": seed,
            "seeds": {name: run.seeds[name] for name in _FAMILIES if name in found},
            "started": started.isoformat(timespec="seconds"),
            "seconds": run.clock.spent(),
            "time_budget": self.time_budget,
            "environment": _environment(),
            "figures": run.figures,
            "steps": [step.to_dict() for step in run.steps],
            "robustness": found.get("robustness"),
            "privacy": found.get("privacy"),
            "fairness": found.get("fairness"),
        }


def _environment():
    versions: dict = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # run from a folder that was not installed
            versions[name] = None
    return {"python": sys.version.split()[0], "platform": platform.platform(), "packages": versions}
