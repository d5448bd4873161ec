"""The command line: ``python -m sklearn_privfair``, or ``privfair``."""

import argparse
import sys
from pathlib import Path

from sklearn_privfair._arguments import add_audit


def build_parser():
    """Give the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="privfair",
        description="Adversarial robustness, privacy and fairness for scikit-learn.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo",
        help="attack a net, see the damage, defend it, see it hold",
        description="Train a net, attack it, train two defences, attack those; print one table "
        "and save the pictures.",
    )
    demo.add_argument(
        "--dataset",
        choices=["digits", "mnist"],
        default="digits",
        help="digits comes with scikit-learn; mnist is read from the folder that "
        "SKLEARN_PRIVFAIR_DATA names, or downloaded from OpenML (default: digits)",
    )
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("privfair_demo"),
        help="folder for the table and the pictures (default: privfair_demo)",
    )
    demo.add_argument("--seed", type=int, default=0, help="seed of everything (default: 0)")
    add_audit(commands)
    return parser


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None: those of the process.

    Returns
    -------
    status : int
        0 when all went well; for others, see ``privfair audit --help``.
    """
    argv = sys.argv[1:] if argv is None else argv
    options = build_parser().parse_args(argv)
    if options.command == "audit":
        from sklearn_privfair.audit._cli import run_audit

        return run_audit(options, argv)
    from sklearn_privfair._demo import run_demo  # heavy imports only for what is asked

    run_demo(options.dataset, options.output, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
