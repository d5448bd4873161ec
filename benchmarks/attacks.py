"""Our attacks and the peers': one run, same model, same rows. See README.md here."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
os.environ["TQDM_DISABLE"] = "1"

import argparse
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import _madry
import _peers
import numpy as np
import torch
from _data import EPS, load
from _measure import measure, predict
from _nets import trained_net
from _report import save, show
from _tasks import tasks


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*tasks("mnist"), "other"]
    parser.add_argument("--dataset", choices=list(EPS), default="mnist")
    parser.add_argument("--rows", type=int, default=1000, help="first rows of the test set")
    parser.add_argument("--attacks", nargs="+", choices=names, default=names)
    libraries = ["ours", *_peers.RUNS]
    parser.add_argument("--libraries", nargs="+", choices=libraries, default=libraries)
    parser.add_argument("--nets", nargs="+", default=["plain", "adversarial"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=250)
    parser.add_argument("--madry", action="store_true", help="time adversarial training instead")
    parser.add_argument("--output", help="JSON file to write")
    cache = Path(tempfile.gettempdir()) / "sklearn_privfair_bench"
    parser.add_argument("--cache", type=Path, default=cache, help="folder of trained nets")
    return parser.parse_args()


def installed(library):
    """Tell whether a library is there, and say so where it is not."""
    module = {"ours": "sklearn_privfair", "plain": "torch"}.get(library, library)
    if find_spec(module) is None:
        print(f"{library}: not installed, left out (pip install '.[bench]')")
        return False
    return True


def plan(dataset, attacks, libraries):
    """List ``(task, library, label, most_rows, run)``."""
    wanted = [task for name, task in tasks(dataset).items() if name in attacks]
    found = []
    if "ours" in libraries:
        import _ours
    for task in wanted:
        for library in libraries:
            runs = _ours.runs(task) if library == "ours" else _peers.RUNS[library].get(task.name)
            found += [(task, library, *run) for run in runs or []]
    if "ours" in libraries and "other" in attacks:
        for task, runs in _ours.other_tasks(dataset):
            found += [(task, "ours", *run) for run in runs]
    return found


def compare(args, data, libraries):
    """Measure every attack on every net; give the rows of the table."""
    rows = []
    X_all, y_all = data[1][: args.rows], data[3][: args.rows]
    for kind in args.nets:
        net = trained_net(args.dataset, kind, data, EPS[args.dataset][np.inf], args.cache)
        right = predict(net, X_all) == y_all
        X, y = X_all[right], y_all[right]
        print(f"{kind} net: {len(X)} of {len(X_all)} rows classified correctly; those are attacked")
        for task, library, label, most, run in plan(args.dataset, args.attacks, libraries):
            row = {"net": kind, "attack": task.name, "library": library, "setting": label}
            print(*row.values(), "...", flush=True)
            try:
                row |= measure(net, X[:most], y[:most], task, run, args.batch_size, args.repeats)
            except Exception as error:  # one library's failure is a line of the table
                row["error"] = f"{type(error).__name__}: {error}"
            rows.append(row)
    return rows


def main():
    args = arguments()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")  # the peers' own
    data = load(args.dataset)
    libraries = [library for library in args.libraries if installed(library)]
    rows = _madry.compare(args, data, libraries) if args.madry else compare(args, data, libraries)
    show(rows)
    if args.output:
        save(args.output, rows, vars(args))
    raise SystemExit(any("error" in row for row in rows))


if __name__ == "__main__":
    main()
