"""The demonstration, end to end: its table is true, its pictures show something."""

import contextlib
import dataclasses
import io
import os
import re
import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sklearn_privfair import __main__ as command_line
from sklearn_privfair import _demo
from sklearn_privfair._demo import _robustness
from sklearn_privfair._demo._data import load

MODELS = ["plain", "augmented", "adversarial"]
ATTACKS = ["PGD (clip)", "PGD (projection)", "CW-L2"]
NORMS = {"l0": 0, "l1": 1, "l2": 2, "linf": np.inf}
SEED = 3


@dataclasses.dataclass
class Run:
    """What one run of the demonstration left behind."""

    status: int
    out: str
    err: str
    folder: object
    table: pd.DataFrame
    data: object
    results: dict
    generators_untouched: bool


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run on few rows and epochs; keep the results from which the table was made."""
    folder = tmp_path_factory.mktemp("demo") / "not" / "there"
    whole = load("digits", SEED)
    data = dataclasses.replace(
        whole,
        X_train=whole.X_train[:400],
        y_train=whole.y_train[:400],
        X_test=whole.X_test[:50],
        y_test=whole.y_test[:50],
        epochs=8,
        epochs_adversarial=8,
    )
    kept = {}
    draw = _robustness._draw

    def keep(results, *args):
        kept.update(results)
        return draw(results, *args)

    capture = pytest.MonkeyPatch()
    capture.setattr(_demo, "load", lambda name, seed: data)
    capture.setattr(_robustness, "_draw", keep)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    out, err = io.StringIO(), io.StringIO()
    with capture.context(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = command_line.main(["demo", "--output", str(folder), "--seed", str(SEED)])
    capture.undo()
    same = torch.equal(before[0], torch.get_rng_state())
    same &= np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    table = pd.read_csv(folder / "robustness.csv")
    return Run(status, out.getvalue(), err.getvalue(), folder, table, data, kept, same)


def test_status_and_streams(run):
    assert run.status == 0
    assert "to train on, 50 to attack" in run.out
    assert re.search(r"Done in \d+ s\.", run.out)
    assert "100%" in run.err
    assert "CW-L2 on adversarial" in run.err
    assert "100%" not in run.out
    assert run.generators_untouched


def test_table_has_what_the_demonstration_promises(run):
    columns = ["clean accuracy", "robust accuracy", "success rate"]
    columns += [f"median {norm}" for norm in NORMS] + ["train s", "attack s"]
    assert set(columns) <= set(run.table)
    assert run.table.model.tolist() == np.repeat(MODELS, 3).tolist()
    assert run.table.attack.tolist() == ATTACKS * 3
    assert (run.table[["train s", "attack s"]] > 0).all().all()
    header = next(line for line in run.out.splitlines() if "clean accuracy" in line)
    assert all(name in header for name in columns)
    assert all(f"{name} " in run.out for name in MODELS)


def test_numbers_are_those_of_the_arrays(run):
    """All figures again, from the rows before and after."""
    y = run.data.y_test
    for line in run.table.to_dict("records"):
        result = run.results[line["model"]][line["attack"]]
        right, still = result.y_pred == y, result.y_pred_adv == y
        delta = (result.X_adv.astype(float) - run.data.X_test).reshape(len(y), -1)
        size = {name: np.linalg.norm(delta, ord=norm, axis=1) for name, norm in NORMS.items()}
        turned = right & ~still
        assert line["clean accuracy"] == pytest.approx(right.mean())
        assert line["success rate"] == pytest.approx(turned.sum() / right.sum())
        for name, values in size.items():
            reach = np.where(turned, values, np.inf)[right]
            assert line[f"median {name}"] == pytest.approx(np.median(reach))
        if line["attack"] == "CW-L2":
            far = size["l2"] > run.data.eps_l2
            assert line["robust accuracy"] == pytest.approx(np.mean(right & (still | far)))
            assert line["success rate"] > 0.9
        else:
            assert line["robust accuracy"] == pytest.approx(np.mean(right & still))
            norm, eps = line["budget"].split()
            assert size[norm].max() <= float(eps) * (1 + 1e-6)
        assert 0 <= result.X_adv.min() <= result.X_adv.max() <= 1


def test_plain_rows_are_those_of_the_net(run):
    """The net trained again by hand from the seed says what the table says."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        net = run.data.net().fit(run.data.X_train, run.data.y_train)
    y = run.data.y_test
    plain = run.table[run.table.model == "plain"].set_index("attack")
    assert plain["clean accuracy"].iloc[0] == np.mean(net.predict(run.data.X_test) == y) > 0.6
    for title in ATTACKS[:2]:
        X_adv = run.results["plain"][title].X_adv
        assert plain.loc[title, "robust accuracy"] == np.mean(net.predict(X_adv) == y)


def test_pictures_are_not_blank(run):
    names = re.findall(r"wrote (.*)", run.out)
    assert len(names) == 4
    assert sorted(names) == sorted(map(str, run.folder.glob("*.png")))
    assert sum("examples" in name for name in names) == len(ATTACKS)
    seen = []
    for name in names:
        picture = np.asarray(Image.open(name).convert("RGB"), dtype=float)
        assert min(picture.shape[:2]) > 300
        assert len(np.unique(picture @ [1, 256, 65536])) > 50  # colours
        for third in np.array_split(picture, 3, axis=1):
            assert third.std() > 10
        seen.append(picture.mean())
    assert len(set(seen)) == 4


@pytest.mark.parametrize("argv", [["--help"], ["demo", "--help"]])
def test_help(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        command_line.main(argv)
    assert stop.value.code == 0
    assert "usage: privfair" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "required: command"),
        (["demo", "--dataset", "imagenet"], "'imagenet'.*'?digits'?.*'?mnist'?"),
        (["demo", "--seed", "x"], "--seed"),
        (["dmeo"], "'dmeo'"),
    ],
)
def test_bad_arguments(argv, said, capsys):
    with pytest.raises(SystemExit) as stop:
        command_line.main(argv)
    assert stop.value.code == 2
    assert re.search(said, capsys.readouterr().err)


def test_help_needs_no_torch():
    """The command line answers at once."""
    code = (
        "import sys; from sklearn_privfair.__main__ import build_parser; "
        "build_parser().format_help(); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_the_real_demonstration(tmp_path):
    """In the time and with the outcome promised; processor time, as the machine may be busy."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_privfair", "demo", "--output", str(tmp_path)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 90
    assert "Warning" not in done.stderr
    table = pd.read_csv(tmp_path / "robustness.csv").set_index(["model", "attack"])
    assert (table["clean accuracy"] > 0.95).all()
    robust = table["robust accuracy"]
    assert robust["plain", "PGD (clip)"] < 0.3
    for attack in ATTACKS:
        assert robust["adversarial", attack] > robust["plain", attack] + 0.25
    assert len(list(tmp_path.glob("*.png"))) == 4
