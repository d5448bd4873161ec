"""The README is true: its code runs, in order, and prints what it says; its table is complete."""

import re
from pathlib import Path

import pytest
import torch
from sklearn.base import BaseEstimator

from sklearn_privfair._discovery import public_objects, subpackages

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```(python|text)\n(.*?)```", README, flags=re.DOTALL)


def _tokens(text):
    return re.findall(r"\d+\.?\d*|[^\s\d]+", text)


def _assert_prints(actual, stated):
    """Words are the same, numbers nearly: they differ a little from one machine to another."""
    actual, stated = _tokens(actual), _tokens(stated)
    assert len(actual) == len(stated), (actual, stated)
    for a, s in zip(actual, stated, strict=True):
        assert a == s if not s[0].isdigit() else float(a) == pytest.approx(float(s), abs=0.08), (
            actual,
            stated,
        )


def test_code(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    printed = 0
    with torch.random.fork_rng():
        for kind, text in BLOCKS:
            if kind == "python":
                exec(compile(text, "README.md", "exec"), namespace)
            else:
                _assert_prints(capsys.readouterr().out, text)
                printed += 1
    assert printed >= 4
    assert capsys.readouterr().out == ""
    assert list(tmp_path.glob("*.png"))


def test_table_names_all_subpackages_and_estimators():
    table = README.split("## What is there")[1]
    for subpackage in subpackages():
        if public_objects(lambda obj, p=subpackage: obj.__module__.split(".")[1] == p):
            assert f"`sklearn_privfair.{subpackage}`" in table
    for name, _ in public_objects(BaseEstimator):
        assert f"`{name.split('.')[-1]}`" in table


@pytest.mark.parametrize("name", ["demo", "test"])
def test_commands_are_where_the_tools_look_for_them(name):
    command = re.search(rf"<!-- {name} -->\n```sh\n(.*)\n```\n<!-- /{name} -->", README)
    assert command is not None
    assert "-c constraints.txt" in command.group(1)


def test_pictures_are_there_and_small():
    """Drawn by docs/draw_readme.py, from examples that are there; with words for who cannot see."""
    root = Path(__file__).parent.parent
    shown = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert len(shown) >= 3
    script = (root / "docs" / "draw_readme.py").read_text()
    drawn = dict(re.findall(r'"(\w+)": \("(plot_\w+)"', script))
    assert {Path(path).stem for _, path in shown} == set(drawn)
    for words, path in shown:
        assert len(words) > 60
        assert (root / path).stat().st_size < 60_000
    for example in drawn.values():
        assert (root / "examples" / f"{example}.py").exists()


def test_links_lead_somewhere():
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (root / target).exists(), target
