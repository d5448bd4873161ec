"""``privfair audit``: load, audit, tell; the exit status says what came of the conditions."""

import contextlib
import math
import shlex
import sys
import traceback

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from torch import nn

from sklearn_privfair.audit._comparison import AuditComparison
from sklearn_privfair.audit._conditions import read_condition
from sklearn_privfair.audit._loading import (
    CannotLoadError,
    check_columns,
    check_labels,
    check_output,
    is_fitted,
    label_of,
    load_model,
    read_rows,
    split_rows,
)
from sklearn_privfair.audit._model_audit import ModelAudit
from sklearn_privfair.audit._names import known_metrics
from sklearn_privfair.audit._report import AuditReport
from sklearn_privfair.differentiable._skorch_training import fit_on_data

DONE, FAILED, UNUSABLE, UNCHECKED = range(4)


def run_audit(options, argv):
    """Run the command.

    Parameters
    ----------
    options : argparse.Namespace
        As :mod:`sklearn_privfair._arguments` reads them.
    argv : list of str
        As they were written, for the report.

    Returns
    -------
    status : int
        0; 1 if a condition holds; 2 if something given cannot be used; 3 if a condition could not
        be checked.
    """
    try:
        conditions, audit_of, parts, groups = _prepare(options)
        earlier = None if options.compare is None else _read_report(options.compare)
    except (CannotLoadError, ValueError, TypeError) as error:
        print(f"privfair audit: {error}", file=sys.stderr)
        return UNUSABLE
    try:
        with contextlib.redirect_stdout(sys.stderr):
            report = audit_of.run(*parts, groups)
    except (ValueError, TypeError) as error:  # of labels, columns and parameters, before any step
        print(f"privfair audit: {error}", file=sys.stderr)
        return UNUSABLE
    except Exception:  # of the model's own; Python's status for it, 1, would be that of a condition
        traceback.print_exc()
        return UNUSABLE
    report = _with_command(report, argv)
    _tell(report)
    try:
        _write(report, earlier, options)
    except OSError as error:
        print(f"privfair audit: {error}", file=sys.stderr)
        return UNUSABLE
    return _check(conditions, report)


def _write(report, earlier, options):
    if options.json is not None:
        report.to_json(options.json)
        print(f"wrote {options.json}")
    if options.report is not None:
        shown = report if earlier is None else AuditComparison(earlier, report)
        shown.to_html(options.report)
        print(f"wrote {options.report}")


def _prepare(options):
    """Look at all that was given before anything that takes long."""
    families = options.family or ["robustness", "privacy", "fairness"]
    budgets = options.eps or [0.1]
    known = known_metrics(families, budgets)
    conditions = [read_condition(text, known) for text in options.fail_if]
    for option in ("report", "json"):
        check_output(f"--{option}", getattr(options, option))
    with contextlib.redirect_stdout(sys.stderr):  # the user's own code may print
        model = load_model(options.model, options.trusted, options.allow_pickle)
    if not _classifies(model):
        raise CannotLoadError(f"{options.model} gives {model!r}, which is no classifier")
    frame, test = (
        None if path is None else _read_labelled(path, options)
        for path in (options.data, options.test_data)
    )
    fitted = is_fitted(model)
    train, test = split_rows(
        frame,
        options.target,
        test=test,
        split=options.split,
        test_size=options.test_size,
        seed=options.seed,
        fitted=fitted,
    )
    for part in (train, test):
        check_columns(part, [*options.sensitive, *options.drop])
    X_train, X_test = (part.drop(columns=[options.target, *options.drop]) for part in (train, test))
    y_train, y_test = (part[options.target].to_numpy() for part in (train, test))
    groups = None
    if options.sensitive:
        groups = tuple(part[options.sensitive] for part in (train, test))
    if not fitted:
        model = fit_on_data(model, X_train, y_train, options.seed)
    pos_label = options.pos_label
    audit = ModelAudit(
        model,
        name=options.name or options.model,
        families=families,
        eps=budgets if len(budgets) > 1 else budgets[0],
        norm=math.inf if options.norm == "inf" else int(options.norm),
        max_rows=options.max_rows,
        n_queries=options.n_queries,
        membership=options.membership or ["loss", "lira", "learned", "shadow"],
        n_shadow_models=options.n_shadow_models,
        pos_label=None if pos_label is None else label_of(pos_label, np.unique(y_train)),
        time_budget=options.time_budget,
        n_jobs=options.n_jobs,
        random_state=options.seed,
        verbose=0 if options.quiet else 1,
    )
    return conditions, audit, (X_train, y_train, X_test, y_test), groups


def _read_labelled(path, options):
    """Read rows, each of which has a label."""
    rows = read_rows(path, options.sep)
    check_columns(rows, [options.target])
    check_labels(rows, options.target, path)
    return rows


def _classifies(model):
    if isinstance(model, nn.Module):
        return True
    return callable(getattr(model, "predict", None)) and is_classifier(model)


def _read_report(path):
    try:
        return AuditReport.from_json(path)
    except (OSError, ValueError) as error:  # what is no JSON and what is no report are such, too
        raise CannotLoadError(f"--compare {path} cannot be read: {error}") from error


def _with_command(report, argv):
    """Keep the command in the report: who reads it can run it again."""
    data = report.to_dict()
    data["environment"]["command"] = shlex.join(["privfair", *map(str, argv)])
    return AuditReport(data)


def _tell(report):
    frame = report.to_frame()
    frame = frame[(frame["by"] == "all") & frame["method"].isna()]
    with pd.option_context("display.width", 100, "display.max_colwidth", 48):
        shown = frame[["metric", "value", "low", "high", "note"]].fillna({"note": ""})
        print(shown.to_string(index=False, float_format=lambda value: f"{value:.3f}", na_rep="-"))
    for step in report.left_out:
        print(f"{step['status'].replace('_', ' ')}: {step['title']}: {step['why']}")


def _check(conditions, report):
    figures = report.to_dict()["figures"]
    answers = [condition.holds(figures) for condition in conditions]
    for condition, holds in zip(conditions, answers, strict=True):
        if holds is None:
            print(f"UNCHECKED {condition.text}: {condition.metric} was not measured")
        else:
            print(f"{'FAILED' if holds else 'passed'} {condition.text}")
    if True in answers:
        return FAILED
    return UNCHECKED if None in answers else DONE
