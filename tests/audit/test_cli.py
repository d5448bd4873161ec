"""``privfair audit``: files in, a report out, and an exit status that tells."""

import json
import pickle
import shlex
import subprocess
import sys
from pathlib import Path

import joblib
import pandas as pd
import pytest
import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from audit._html import Page
from sklearn_privfair.__main__ import main
from sklearn_privfair.audit import AuditReport
from sklearn_privfair.audit._loading import read_rows

MODELS = """
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def linear():
    return make_pipeline(StandardScaler(), LogisticRegression())

def leaves():
    raise SystemExit(1)

def prints():
    print("a word of the user's own")
    return linear()

ready = linear()
ridge = Ridge()
number = 3

class Scores(LogisticRegression):
    pass
"""
QUICK = ["--max-rows", "20", "--n-queries", "50", "--membership", "loss", "--quiet"]
TARGET = ["--target", "kind"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with rows and a module, in which the command runs."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    frame = X.iloc[:300, :5].assign(
        kind=y[:300].map({0: "malign", 1: "benign"}),
        size=(X["mean area"][:300] > 600).map({True: "big", False: "small"}),
        part=["train"] * 200 + ["test"] * 100,
    )
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame[:200].drop(columns="part").to_csv(tmp_path / "train.csv", index=False)
    frame[200:].drop(columns="part").to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "user_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("user_models", None)


def _fitted():
    frame = pd.read_csv("train.csv")
    X = frame.drop(columns=["kind", "size"])
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, frame["kind"])


SPLIT = [*TARGET, "--sensitive", "size", "--drop", "size", "--split", "part"]


BROKEN = """
from sklearn.base import BaseEstimator, ClassifierMixin


def never():
    raise KeyError("never")


class Late(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = sorted(set(y))
        return self

    def predict(self, X):
        raise KeyError("late")


late = Late
"""


def _pickle(model, name):
    Path(name).write_bytes(pickle.dumps(model))


def _audit(*arguments):
    return main(["audit", *arguments, *QUICK])


def test_a_model_by_its_import_path(folder, capsys):
    files = ["--report", "out.html", "--json", "out.json"]
    assert _audit("user_models:linear", "rows.csv", *SPLIT, *files) == 0
    report = AuditReport.from_json("out.json")
    data = report.to_dict()
    assert (data["data"]["n_train"], data["data"]["n_test"]) == (200, 100)
    assert data["data"]["groups"] == {"size": {"big": 47, "small": 53}}
    assert "size" not in data["data"]["feature_names"]
    assert data["model"]["name"] == "user_models:linear"
    model = _fitted()  # on the same rows
    test = pd.read_csv("test.csv")
    score = model.score(test.drop(columns=["kind", "size"]), test["kind"])
    assert report.metrics["accuracy"] == score
    page = Page((folder / "out.html").read_text())
    assert page.unclosed == []
    given = ["user_models:linear", "rows.csv", *SPLIT, *files, *QUICK]
    command = shlex.join(["privfair", "audit", *given])
    assert data["environment"]["command"] == command
    assert command in page.text
    out = capsys.readouterr()
    assert f"{report.metrics['robust_accuracy']:.3f}" in out.out
    assert "wrote out.html" in out.out
    assert out.err == ""


def test_a_split_is_drawn_for_a_model_that_is_not_fitted(folder):
    arguments = ["user_models:ready", "train.csv", *TARGET, "--drop", "size", "--json", "out.json"]
    assert _audit(*arguments, "--test-size", "0.25", "--seed", "7") == 0
    first = json.loads((folder / "out.json").read_text())
    assert (first["data"]["n_train"], first["data"]["n_test"]) == (150, 50)
    assert first["seed"] == json.loads((folder / "out.json").read_text())["seed"]


def test_conditions_and_exit_statuses(folder, capsys):
    def status(*conditions):
        wanted = [part for text in conditions for part in ("--fail-if", text)]
        return _audit("user_models:linear", "rows.csv", *SPLIT, "--family", "fairness", *wanted)

    assert status("accuracy<0.5") == 0
    assert "passed accuracy<0.5" in capsys.readouterr().out
    assert status("accuracy<0.5", "accuracy.low>0.5") == 1
    assert "FAILED accuracy.low>0.5" in capsys.readouterr().out
    assert status("acuracy<0.5") == 2
    assert "train_accuracy" in capsys.readouterr().err  # among the known ones
    assert status("robust_accuracy<0.5") == 2  # of a family that is not asked
    assert status("accuracy=0.5") == 2


def test_what_could_not_be_checked(folder, capsys):
    arguments = ["user_models:linear", "rows.csv", *TARGET, "--drop", "size", "--split", "part"]
    arguments += ["--family", "fairness", "--fail-if", "accuracy_gap>0.1"]  # but no groups
    assert _audit(*arguments) == 3
    assert "UNCHECKED accuracy_gap>0.1" in capsys.readouterr().out
    assert _audit(*arguments, "--fail-if", "accuracy<1.1") == 1


def test_skops_with_its_types_named(folder, capsys):
    skops.io.dump(_fitted(), "model.skops")
    arguments = ["model.skops", "train.csv", *TARGET, "--drop", "size", "--test-data", "test.csv"]
    assert _audit(*arguments) == 0


def test_skops_with_types_that_are_not_known(folder, capsys, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    from user_models import Scores

    frame = pd.read_csv("train.csv")
    model = Scores(max_iter=1000).fit(frame.drop(columns=["kind", "size"]), frame["kind"])
    skops.io.dump(model, "model.skops")
    arguments = ["model.skops", "train.csv", *TARGET, "--drop", "size", "--test-data", "test.csv"]
    assert _audit(*arguments) == 2
    assert "--trusted user_models.Scores" in capsys.readouterr().err
    assert _audit(*arguments, "--trusted", "user_models.Scores") == 0


class _Bomb:
    def __reduce__(self):
        return exec, ("open('exploded', 'w').close()",)


@pytest.mark.parametrize(
    ("name", "write"), [("bomb.pkl", pickle.dumps), ("bomb.joblib", pickle.dumps)]
)
def test_a_pickle_is_not_touched_unless_asked_for(folder, capsys, name, write):
    (folder / name).write_bytes(write(_Bomb()))
    arguments = [name, "train.csv", *TARGET, "--test-data", "test.csv"]
    assert _audit(*arguments) == 2
    assert not (folder / "exploded").exists()
    assert "--allow-pickle" in capsys.readouterr().err
    assert _audit(*arguments, "--allow-pickle") == 2  # it is no classifier, but it was run
    assert (folder / "exploded").exists()


@pytest.mark.parametrize("write", [joblib.dump, _pickle])
@pytest.mark.parametrize("name", ["model.pkl", "model.joblib"])
def test_a_pickle_that_is_asked_for(folder, name, write):
    """Whatever it is called: joblib's own files are no plain pickles."""
    write(_fitted(), name)
    arguments = [name, "train.csv", *TARGET, "--drop", "size", "--test-data", "test.csv"]
    assert _audit(*arguments, "--allow-pickle") == 0


def test_an_error_of_the_model_is_not_taken_for_a_condition(folder, capsys):
    """Python leaves by 1, which says that a condition of --fail-if holds."""
    (folder / "broken.py").write_text(BROKEN)
    for name, place in {"never": "never", "late": "predict"}.items():
        assert _audit(f"broken:{name}", "rows.csv", *SPLIT) == 2
        err = capsys.readouterr().err
        assert "KeyError" in err
        assert "broken.py" in err
        assert place in err
    (folder / "torn.pkl").write_bytes(b"no pickle")
    assert _audit("torn.pkl", "rows.csv", *SPLIT, "--allow-pickle") == 2
    assert "torn.pkl cannot be loaded: " in capsys.readouterr().err


def test_two_side_by_side(folder):
    assert _audit("user_models:linear", "rows.csv", *SPLIT, "--json", "a.json", "--name", "a") == 0
    arguments = ["user_models:ready", "rows.csv", *SPLIT, "--name", "b", "--report", "both.html"]
    assert _audit(*arguments, "--compare", "a.json") == 0
    assert "Audit of a and b" in Page((folder / "both.html").read_text()).text
    assert _audit(*arguments, "--compare", "nowhere.json") == 2


FITTED_ARGUMENTS = ["m.pkl", "train.csv", "--allow-pickle", "--drop", "size"]
LINEAR = ["user_models:linear", "rows.csv"]


def _write_what_cannot_be_used(folder):
    (folder / "list.json").write_text("[]")
    (folder / "part.json").write_text('{"schema_version": "1.1"}')
    (folder / "semicolons.csv").write_text("a;kind\n1;x\n2;y\n")
    (folder / "empty.csv").write_text("")
    (folder / "latin.csv").write_bytes("a,kind\n1,Fähre\n".encode("latin-1"))
    (folder / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    (folder / "gaps.csv").write_text("a,kind\n1,x\n2,\n3,y\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*FITTED_ARGUMENTS, *TARGET], "--split COLUMN"),
        ([*LINEAR, "--target", "nothing"], "no column 'nothing'"),
        ([*LINEAR, *TARGET, "--sensitive", "nothing"], "no column 'nothing'"),
        ([*LINEAR, *TARGET, "--split", "size"], "must hold train and test"),
        ([*LINEAR, *SPLIT, "--test-data", "test.csv"], "not both"),
        ([*LINEAR, *TARGET, "--drop", "size", "--drop", "part", "--pos-label", "x"], "--pos-label"),
        ([*LINEAR, *TARGET, "--test-size", "2"], "cannot be split"),
        ([*LINEAR, *SPLIT, "--eps", "-1"], "'eps' parameter"),
        ([*LINEAR, *SPLIT, "--membership", "guess"], "the methods are"),
        (["user_models:linear", "none.csv", *TARGET], "no file none.csv"),
        (["user_models:linear", "user_models.py", *TARGET], "ends neither in"),
        (["user_models:nothing", "rows.csv", *TARGET], "cannot be imported"),
        (["no_such_module:x", "rows.csv", *TARGET], "cannot be imported"),
        (["user_models:number", "rows.csv", *TARGET], "is of type int, and no classifier"),
        (["user_models:ridge", "rows.csv", *TARGET], "no classifier"),
        (["user_models", "rows.csv", *TARGET], "neither module:name nor a file"),
        (["none.skops", "rows.csv", *TARGET], "no file none.skops"),
        ([*LINEAR, *SPLIT, "--report", "none/r.html"], "--report none/r.html cannot be written"),
        ([*LINEAR, *SPLIT, "--json", "."], "it is a folder"),
        ([*LINEAR, *SPLIT, "--compare", "list.json"], "--compare list.json cannot be read"),
        ([*LINEAR, *SPLIT, "--compare", "part.json"], "they lack data, environment"),
        (["user_models:leaves", "rows.csv", *TARGET], "SystemExit"),
        (["user_models:linear", "semicolons.csv", *TARGET], "give --sep ';'"),
        (["user_models:linear", "empty.csv", *TARGET], "empty.csv cannot be read"),
        (["user_models:linear", "latin.csv", *TARGET], "latin.csv is not in UTF-8"),
        (["user_models:linear", "bad.parquet", *TARGET], "bad.parquet cannot be read"),
        (["user_models:linear", "gaps.csv", *TARGET], "1 of 3 rows of gaps.csv have no label"),
    ],
)
def test_what_cannot_be_used(folder, capsys, arguments, message):
    (folder / "m.pkl").write_bytes(pickle.dumps(_fitted()))
    _write_what_cannot_be_used(folder)
    assert _audit(*arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("privfair audit: ")
    assert message in err


def test_help_says_why_a_pickle_is_not_loaded(capsys):
    with pytest.raises(SystemExit) as done:
        main(["audit", "--help"])
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert "to load a pickle is to run any" in out
    assert "Exit status" in out


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['privfair', 'audit', '--help']\n"
        "from sklearn_privfair.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(*(set(sys.modules) & {'torch', 'sklearn', 'pandas', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("name", "sep", "given"),
    [
        ("rows.tsv", "\t", []),
        ("ROWS.CSV", ",", []),
        ("rows.csv.gz", ",", []),
        ("odd.csv", ";", ["--sep", ";"]),
    ],
)
def test_columns_are_parted_as_is_said(folder, name, sep, given):
    frame = pd.read_csv("rows.csv")
    frame.to_csv(name, sep=sep, index=False, encoding="utf-8-sig" if sep == ";" else None)
    pd.testing.assert_frame_equal(read_rows(folder / name, *given[1:]), frame)
    assert _audit("user_models:linear", name, *given, *SPLIT, "--family", "fairness") == 0


def test_what_the_users_code_prints_is_kept_apart(folder, capsys):
    assert _audit("user_models:prints", "rows.csv", *SPLIT, "--family", "fairness") == 0
    out, err = capsys.readouterr()
    assert "a word of the user's own" in err
    assert "a word of the user's own" not in out


def test_progress_goes_to_standard_error(folder, capsys):
    arguments = ["user_models:linear", "rows.csv", *SPLIT, "--family", "fairness"]
    assert main(["audit", *arguments]) == 0
    assert "[audit] Rates by group: done" in capsys.readouterr().err


def test_parquet(folder):
    frame = pd.read_csv("rows.csv")
    frame.to_parquet("rows.parquet")
    pd.testing.assert_frame_equal(read_rows(folder / "rows.parquet"), frame)
    assert _audit("user_models:linear", "rows.parquet", *SPLIT, "--family", "fairness") == 0


def test_parquet_without_pyarrow(folder, capsys, monkeypatch):
    def refuse(path):
        raise ImportError("no engine")

    monkeypatch.setattr(pd, "read_parquet", refuse)
    (folder / "rows.parquet").write_bytes(b"PAR1")
    assert _audit("user_models:linear", "rows.parquet", *TARGET) == 2
    assert "pip install pyarrow" in capsys.readouterr().err
