"""Privacy: who was in the training set? By the loss and by shadow models; by class and group.

Yeom et al. (2018) for the loss and for overfitting; Shokri et al. (2017) and Carlini et al. (2022)
for attacks with shadow models; Kulynych et al. (2022) for differences between groups.
"""

import copy

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_curve
from sklearn.model_selection._search import BaseSearchCV
from torch import nn

from sklearn_privfair.audit import _intervals, _reproduce
from sklearn_privfair.audit._by_group import record_largest_gap, record_worst_group
from sklearn_privfair.audit._inputs import rows_of
from sklearn_privfair.audit._steps import LeaveOut
from sklearn_privfair.metrics import tpr_at_fpr, tpr_at_fpr_interval
from sklearn_privfair.privacy import (
    MembershipInferenceClassifier,
    MembershipMethod,
    ThresholdAttack,
)
from sklearn_privfair.privacy._methods import METHODS
from sklearn_privfair.privacy._records import Records, _one_frame
from sklearn_privfair.privacy._shadow_training import fit_anew

FAMILY = "privacy"
RATES = (0.01, 0.001)
_LEAST = 4  # shadow models that every method can judge by
_FEWEST_TEST = 5  # rows, of which two are judged
_FEWEST = 10  # members, and others, of a group whose area under the curve is told
_POINTS = 300  # of a curve that is kept


class _Loss(ThresholdAttack):
    """The loss of a record, and no shadow models: Yeom's attack, with one threshold for all."""

    uses_shadows = compares = False

    def judge(self, evidence):
        return self._score(evidence)


class Judged:
    """The records that are judged, with their membership, and the attacker's own.

    Members are the training rows. A part of the test rows is the attacker's own, for shadow models;
    the others are judged as non-members, less those that are in the training set too.

    Parameters
    ----------
    data : AuditData
    seed : int
    """

    def __init__(self, data, seed):
        order = np.random.default_rng(seed).permutation(len(data.y_test))
        self.n_own = max(2, len(order) // 4)
        if len(order) < _FEWEST_TEST:
            raise LeaveOut(
                f"{len(order)} test rows are too few: some are the attacker's own, and the others "
                f"are judged as non-members; it takes {_FEWEST_TEST}"
            )
        own, others = order[: self.n_own], order[self.n_own :]
        known = Records(data.X_train, data.codes_train)
        at = known.find(rows_of(data.X_test, others), data.codes_test[others])
        self.doubles = np.sort(others[at >= 0])
        self.others = others[at < 0]
        if len(self.others) == 0:
            raise LeaveOut(
                f"of {len(data.y_test)} test rows none is left to be judged as a non-member: "
                f"{self.n_own} are the attacker's own, and {len(self.doubles)} are training rows"
            )
        self.X_own, self.y_own = rows_of(data.X_test, own), data.y_test[own]
        self.X = _below(data.X_train, rows_of(data.X_test, self.others))
        self.y = np.concatenate([data.y_train, data.y_test[self.others]])
        self.membership = np.arange(len(self.y)) < len(data.y_train)
        self.by = {"class": np.array([str(label) for label in self.y], dtype=object)}
        for by, names in data.groups_train.items():
            self.by[by] = np.concatenate([names, data.groups_test[by][self.others]])


def _below(above, below):
    frames = hasattr(above, "iloc")
    return _one_frame(above, below) if frames else np.concatenate([above, below])


def run_loss(run):
    """Attack membership by the loss, which costs next to nothing.

    Returns
    -------
    judged : Judged or None
        None: there is nothing to be judged.
    scores : dict of str to ndarray
        By method.
    """
    judged, scores = None, {}
    with run.step("membership_loss", FAMILY, "Membership by the loss") as step:
        judged = Judged(run.data, run.seeds[FAMILY])
        attack = _attack(run, _Loss("loss"), shadow_strategy="reuse")
        attack.fit(judged.X_own, judged.y_own)
        scores["loss"] = attack.decision_function(judged.X, judged.y)
        step.parameters = {"n_members": int(judged.membership.sum())}
        step.parameters |= {"n_non_members": int((~judged.membership).sum())}
        step.parameters |= {"n_doubles_left_out": len(judged.doubles)}
        step.reproduce = _reproduce.of_loss(run, judged)
    return judged, scores


def run_privacy(run, judged, scores):
    """Attack membership with shadow models, and tell what all attacks have found.

    Parameters
    ----------
    run : Run
    judged, scores
        Of `run_loss`.

    Returns
    -------
    found : dict
        What pictures need.
    """
    methods = [method for method in run.audit.methods if method != "loss"]
    if judged is not None and methods:
        _with_shadows(run, judged, methods, scores)
    if not scores:
        return {"roc": [], "by_group": [], "strongest": None}
    return _told(run, judged, scores)


def _unfrozen(model):
    while isinstance(model, FrozenEstimator):
        model = model.estimator
    return model


def _attack(run, method, **params):
    model = _unfrozen(run.data.model)
    victim = model if isinstance(model, nn.Module) else FrozenEstimator(model)
    return MembershipInferenceClassifier(
        victim,
        method=method,
        n_jobs=run.audit.n_jobs,
        random_state=run.seeds[FAMILY],
        **params,
    )


def _shadow_of(run):
    """Give what shadow models are: what was given, or of a search what it has found."""
    given, model = run.audit.shadow_estimator, _unfrozen(run.data.model)
    if given is not None:
        return given
    if isinstance(model, nn.Module):
        raise LeaveOut(
            "the model is a torch module, which does not say how it was trained; give "
            "shadow_estimator, for instance a skorch net around such a module"
        )
    return model.best_estimator_ if isinstance(model, BaseSearchCV) else model


def _with_shadows(run, judged, methods, scores):
    """Train shadow models once, and let every method judge by them."""
    with run.step("membership_shadows", FAMILY, "Membership by shadow models") as step:
        run.need_time()
        shadow = _shadow_of(run)
        n_models = _affordable(run, judged, shadow, step)
        run.say(f", {n_models} of them")
        own = shadow if shadow is not _unfrozen(run.data.model) else None
        attack = _attack(run, methods[0], shadow_estimator=own, n_shadow_models=n_models)
        attack.fit(judged.X_own, judged.y_own, audit=(judged.X, judged.y))
        step.cut(n_models, run.audit.n_shadow_models, "shadow models trained", _too_long(step, run))
        step.parameters = _reproduce.parameters(attack)
        step.parameters |= {"shadow_estimator": repr(shadow), "methods": []}
        step.parameters["n_trained_on"] = int(attack.shadow_members_.sum(axis=1).mean())
        for i, method in enumerate(methods):
            if i and run.clock.left() <= 0:
                names = ", ".join(map(name_of, methods[i:]))
                step.status, step.why = "partial", f"the time budget was used up before {names}"
                break
            judge = _judging_by(attack, method) if i else attack
            scores[name_of(method)] = judge.decision_function(judged.X, judged.y)
            step.parameters["methods"].append(_reproduce.plain(method))
        done = methods[: len(step.parameters["methods"])]
        step.reproduce = _reproduce.of_membership(run, attack, judged, done)


def _judging_by(attack, method):
    """Judge in another way, by the same shadow models."""
    twin = copy.copy(attack)
    twin.method = method
    twin.method_ = clone(METHODS[method] if isinstance(method, str) else method)
    twin.method_._validate_params()
    if twin.method_.uses_shadows:
        twin.method_.learn(twin._game, twin._seed)  # not what probabilities take: scores are enough
    return twin


def name_of(method):
    """Give the name of a method: its own, or that of its class."""
    return method if isinstance(method, str) else type(method).__name__


def _affordable(run, judged, shadow, step):
    """Give how many shadow models there is time for; one is trained first, to tell."""
    asked = run.audit.n_shadow_models
    if not run.clock.limited:
        return asked
    half = np.random.default_rng(run.seeds[FAMILY]).random(len(judged.y)) < 0.5
    half[: len(half) // 2] |= not half.any()
    codes = run.data.victim.encode(judged.y)
    labels = run.data.victim.classes_
    labels = np.arange(codes.max() + 1) if labels is None else labels
    start = run.clock.now()
    rows = rows_of(judged.X, np.flatnonzero(half))
    fit_anew(shadow, rows, codes[half], labels, run.seeds[FAMILY])
    each = (run.clock.now() - start) / effective_n_jobs(run.audit.n_jobs)
    step.estimated_seconds = each * asked
    time_left = max(step.until - run.clock.now(), 0.0)
    n = asked if each == 0 else min(asked, int(time_left / each) // 2 * 2)
    if n < min(_LEAST, asked):
        raise LeaveOut(
            f"{_LEAST} shadow models, the fewest to judge by, would have taken about "
            f"{_LEAST * each:.0f} s, and {time_left:.1f} s of the time budget of "
            f"{run.clock.seconds:g} s were left for them"
        )
    return n


def _too_long(step, run):
    if step.estimated_seconds is None:
        return "there are no more"
    return (
        f"all would have taken about {step.estimated_seconds:.0f} s, more than their share of the "
        f"time budget of {run.clock.seconds:g} s"
    )


def _told(run, judged, scores):
    """Keep the figures of all methods, and of the strongest by class and group."""
    confidence, membership = run.audit.confidence, judged.membership
    n = len(membership)
    areas = {}
    for name, score in scores.items():
        areas[name] = _intervals.auc(membership, score, confidence)
        run.figure("membership_auc", FAMILY, areas[name], n=n, method=name)
        for rate in RATES:
            values = _found(membership, score, rate, confidence)
            run.figure(f"membership_tpr@{rate:g}", FAMILY, values, n=n, method=name)
    strongest = max(areas, key=lambda name: areas[name][0])
    # the best of several is good by chance too: its interval is one that all of theirs hold with
    together = _intervals.together(confidence, len(scores))
    area = _intervals.auc(membership, scores[strongest], together)
    note = f"by {strongest}" + (f", the strongest of {', '.join(areas)}" if len(areas) > 1 else "")
    run.figure("membership_auc", FAMILY, area, n=n, note=note)
    for rate in RATES:
        found = {name: _found(membership, scores[name], rate, together) for name in scores}
        known = [name for name in scores if not np.isnan(found[name][0])]
        best = max(known, key=lambda name: found[name][0], default=strongest)
        n_others = int((~membership).sum())
        few = f"{n_others:,} non-members do not tell it: it takes {1 / rate:,.0f}"
        note = f"by {best}" if known else few
        run.figure(f"membership_tpr@{rate:g}", FAMILY, found[best], n=n, note=note)
    curves = [_curve("all", name, membership, score) for name, score in scores.items()]
    return {
        "strongest": strongest,
        "roc": curves,
        "by_group": _by_group(run, judged, scores[strongest]),
    }


def _found(membership, score, rate, confidence):
    """Give the members found at a rate of false alarms; NaN where there are too few others."""
    if (~membership).sum() < 1 / rate:
        return np.nan, np.nan, np.nan
    bounds = tpr_at_fpr_interval(membership, score, fpr=rate, confidence=confidence)
    return tpr_at_fpr(membership, score, fpr=rate), *bounds


def _by_group(run, judged, score):
    """Tell whether the model gives one class, or one group, away more than another."""
    curves = []
    for by, names in judged.by.items():
        values, variances, told = [], [], []
        for name in np.unique(names):
            member, part = judged.membership[names == name], score[names == name]
            n_fewer = min(member.sum(), (~member).sum())
            if n_fewer < _FEWEST:
                note = f"{member.sum()} members and {(~member).sum()} others are too few"
                nothing = (np.nan, np.nan, np.nan)
                run.figure(
                    "membership_auc", FAMILY, nothing, n=len(member), by=by, group=name, note=note
                )
                continue
            area = _intervals.auc(member, part, run.audit.confidence)
            run.figure("membership_auc", FAMILY, area, n=len(member), by=by, group=name)
            found = _found(member, part, RATES[0], run.audit.confidence)
            metric = f"membership_tpr@{RATES[0]:g}"
            run.figure(metric, FAMILY, found, n=len(member), by=by, group=name)
            value, variance = _intervals.auc_with_variance(member, part)
            values.append(value)
            variances.append(variance)
            told.append(name)
            curves.append(_curve(by, name, member, part))
        if len(told) > 1:
            n_features = 1 if by == "class" else len(judged.by) - 1
            together = _intervals.together(run.audit.confidence, n_features)
            gap = _intervals.widest_gap(values, variances, together)
            note = f"lowest for {told[np.argmin(values)]}, highest for {told[np.argmax(values)]}"
            run.figure("membership_auc_gap", FAMILY, gap, n=len(names), by=by, note=note)
    record_worst_group(run, "membership_auc", FAMILY, worst=max, suffix="worst_class", by="class")
    record_worst_group(run, "membership_auc", FAMILY, worst=max)
    record_largest_gap(run, "membership_auc_gap", FAMILY, leave="class")
    return curves


def _curve(by, name, membership, score):
    """Give a ROC curve as steps, thinned evenly on a logarithmic axis."""
    fpr, tpr, _ = roc_curve(membership, score, drop_intermediate=False)
    last = np.append(fpr[1:] > fpr[:-1], True)
    fpr, tpr = fpr[last], tpr[last]
    n_others = int((~membership).sum())
    if len(fpr) > _POINTS:
        wanted = np.geomspace(1 / n_others, 1, _POINTS)
        at = np.unique(np.append(0, np.searchsorted(fpr, wanted, side="right") - 1))
        fpr, tpr = fpr[at], tpr[at]
    return {
        "by": by,
        "name": str(name),
        "fpr": fpr.tolist(),
        "tpr": tpr.tolist(),
        "auc": float(_intervals.auc_with_variance(membership, score)[0]),
        "n_members": int(membership.sum()),
        "n_non_members": n_others,
    }


def check_methods(methods):
    """Give the methods, or raise if one is unknown."""
    for method in methods:
        if not isinstance(method, MembershipMethod) and method not in METHODS:
            raise ValueError(
                f"membership names {method!r}, and the methods are {sorted(METHODS)}, or objects "
                "such as LiRA(variance='global')."
            )
    return list(methods)
