"""Every example of the gallery runs, prints and draws; they are found by walking the folder."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("plot_*.py"))
SLOW = set()  # names of those that take more than 20 s on one core
NAMED = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in SLOW))
    for path in EXAMPLES
]


def _is_drawn(figure):
    """Tell whether a figure, as drawn, is more than an empty frame with a grid."""
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3].reshape(-1, 3)
    coloured = np.ptp(picture.astype(int), axis=1) > 40
    return coloured.sum() > 300


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """In a folder of its own, small, without windows; pyplot and seeds as they were before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKLEARN_PRIVFAIR_FULL", raising=False)
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.close("all")
    drawn = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        yield
    np.random.set_state(drawn)  # noqa: NPY002
    plt.close("all")


def test_there_are_some():
    assert len(EXAMPLES) >= 3
    assert {path.stem for path in EXAMPLES} >= SLOW


def test_the_gallery_names_each_once():
    header = (EXAMPLES[0].parent / "GALLERY_HEADER.rst").read_text()
    assert sorted(re.findall(r"plot_\w+\.py", header)) == [path.name for path in EXAMPLES]


@pytest.mark.parametrize("path", NAMED)
def test_example(path, capsys, tmp_path):
    runpy.run_path(str(path), run_name="__main__")
    assert any(character.isdigit() for character in capsys.readouterr().out)
    figures = [plt.figure(number) for number in plt.get_fignums()]
    assert figures
    for figure in figures:
        assert _is_drawn(figure)
    assert not list(tmp_path.iterdir())  # what it fetches or draws is left nowhere


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_second_run_prints_the_same(path, capsys):
    """Whatever was drawn before it: an example sets every seed that it depends on."""
    printed = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        runpy.run_path(str(path), run_name="__main__")
        plt.close("all")
        printed.append(re.sub(r" +[\d.]+ s\b", "", capsys.readouterr().out))  # but for the seconds
    assert printed[0] == printed[1]


@pytest.mark.parametrize("path", NAMED)
def test_begins_with_a_title(path):
    """As the gallery wants it: a title, underlined in full, in the docstring."""
    first, title, line = path.read_text().splitlines()[:3]
    assert first == '"""'
    assert title
    assert set(line) == {"="}
    assert len(line) >= len(title)
