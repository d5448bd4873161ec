"""The arguments of ``privfair audit``; nothing heavy is imported to read them, or to print help."""

import argparse
from pathlib import Path

_EPILOG = """\
The model:
  package.module:name   a classifier, or a function or class that gives one when it is called. One
                        that is not fitted is fitted on the training rows.
  model.skops           a fitted model written by skops; types that skops does not know are loaded
                        only if they are named: --trusted package.Type
  model.pkl, .joblib    a fitted model, only with --allow-pickle: to load a pickle is to run any
                        code that its author has put in it, with all your rights, before it could
                        be looked at. Never load one that neither you nor somebody you trust wrote.

Which rows were trained on: a model that is fitted needs --test-data (DATA are then the training
rows) or --split COLUMN (whose values are train and test). Else --test-size is drawn at random.

Conditions: --fail-if "robust_accuracy<0.5", "membership_auc.low>0.6" (.low and .high are the bounds
of the interval), with <, <=, >, >=. An unknown metric is an error that lists the known ones.

Exit status: 0, all went well; 1, a condition of --fail-if holds; 2, the arguments, the data or the
model cannot be used; 3, a condition could not be checked, as its metric was not measured.
"""


def add_audit(commands):
    """Add the command to those of the parser.

    Parameters
    ----------
    commands : argparse._SubParsersAction
    """
    audit = commands.add_parser(
        "audit",
        help="ask a model how robust, how discreet and how fair it is; write a report",
        description="Audit a classifier: robustness, privacy and fairness, for all and by group.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    audit.add_argument("model", metavar="MODEL", help="module:name, or a file; see below")
    audit.add_argument("data", metavar="DATA", type=Path, help="rows, as .csv, .tsv or .parquet")
    rows = audit.add_argument_group("rows")
    rows.add_argument("--target", required=True, metavar="COLUMN", help="the labels")
    rows.add_argument(
        "--sensitive",
        action="append",
        default=[],
        metavar="COLUMN",
        help="what divides the rows into groups; may be given several times",
    )
    rows.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="not given to the model, though it may be sensitive; may be given several times",
    )
    rows.add_argument(
        "--sep", metavar="MARK", help="parts the columns of CSV (default: a comma; in .tsv a tab)"
    )
    rows.add_argument("--test-data", type=Path, metavar="FILE", help="rows not trained on")
    rows.add_argument("--split", metavar="COLUMN", help="says which rows are train and which test")
    rows.add_argument(
        "--test-size", type=float, default=0.3, help="share drawn for testing (default: 0.3)"
    )
    rows.add_argument("--pos-label", metavar="LABEL", help="the good answer, for fairness")
    loading = audit.add_argument_group("loading")
    loading.add_argument(
        "--trusted",
        action="append",
        default=[],
        metavar="TYPE",
        help="a type that a skops file may hold; may be given several times",
    )
    loading.add_argument(
        "--allow-pickle", action="store_true", help="run the code in a pickled model; see below"
    )
    asked = audit.add_argument_group("what is asked")
    asked.add_argument(
        "--family",
        action="append",
        choices=["robustness", "privacy", "fairness"],
        help="may be given several times (default: all)",
    )
    asked.add_argument(
        "--eps",
        action="append",
        type=float,
        help="budget of attacks, on tables in standard deviations; may be given several times "
        "(default: 0.1)",
    )
    asked.add_argument("--norm", choices=["1", "2", "inf"], default="inf", help="(default: inf)")
    asked.add_argument("--max-rows", type=int, default=500, help="rows attacked (default: 500)")
    asked.add_argument("--n-queries", type=int, default=5000, help="per row (default: 5000)")
    asked.add_argument("--n-shadow-models", type=int, default=8, help="(default: 8)")
    asked.add_argument(
        "--membership", action="append", metavar="METHOD", help="may be given several times"
    )
    asked.add_argument("--time-budget", type=float, metavar="SECONDS", help="(default: no limit)")
    asked.add_argument("--n-jobs", type=int, help="processes (default: 1)")
    asked.add_argument("--seed", type=int, default=0, help="seed of everything (default: 0)")
    told = audit.add_argument_group("what is told")
    told.add_argument("--name", help="what the report calls the model")
    told.add_argument("--report", type=Path, metavar="FILE.html", help="where the page goes")
    told.add_argument("--json", type=Path, metavar="FILE.json", help="where the data go")
    told.add_argument(
        "--compare",
        type=Path,
        metavar="FILE.json",
        help="data of an earlier audit: the page shows both side by side",
    )
    told.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help='exit status 1 if it holds: "robust_accuracy<0.5"; may be given several times',
    )
    told.add_argument("--quiet", action="store_true", help="no progress on standard error")
