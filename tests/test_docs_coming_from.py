"""The pages for users of other libraries: our side runs, and so does theirs, where it is installed.

Where both sides end in a figure of the same name, ours is no worse.
"""

import re
import warnings

import numpy as np
import pytest
import torch
from _documents import DOCS, blocks, run
from matplotlib import pyplot as plt

PAGES = {page.stem: page for page in (DOCS / "coming_from").glob("*.rst") if page.stem != "index"}
OURS = "sklearn_privfair"
PEERS = {"art": "ART", "fairlearn": "Fairlearn", "foolbox": "Foolbox", "wefe": "WEFE"}
NO_WORSE = {
    "auc": lambda ours, theirs: ours >= theirs - 0.01,
    "success": lambda ours, theirs: ours >= theirs - 0.03,
    "distance": lambda ours, theirs: ours <= 1.02 * theirs,
    "effect": lambda ours, theirs: ours == pytest.approx(theirs, rel=1e-5),
    "gap": lambda ours, theirs: ours == pytest.approx(theirs, rel=1e-9),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    plt.close("all")
    with torch.random.fork_rng(devices=[]):
        yield
    plt.close("all")


def _common(page):
    """Run what both sides of a page begin with."""
    (name,) = re.findall(r"literalinclude:: (\w+\.py)", PAGES[page].read_text())
    namespace = {"__name__": "page"}
    run((DOCS / "coming_from" / name).read_text(), namespace, name)
    return namespace


def _run_side(page, caption):
    namespace, figures = _common(page), []
    for found, code in blocks(PAGES[page]):
        if found == caption:
            before = dict(namespace)
            run(code, namespace, f"{page}.rst")
            figures.append(
                {
                    name: float(namespace[name])
                    for name in NO_WORSE
                    if name in namespace and namespace[name] is not before.get(name)
                }
            )
    return figures


def test_pages_have_both_sides():
    assert len(PAGES) >= 3
    for page in PAGES.values():
        captions = [caption for caption, _ in blocks(page)]
        assert captions.count(OURS) == len(captions) / 2 >= 3


@pytest.mark.parametrize("page", PAGES)
def test_our_side_runs(page):
    figures = _run_side(page, OURS)
    assert all(np.isfinite(figure) for found in figures for figure in found.values())
    if page == "wefe":  # which pins an older numpy: what its side gave in an environment of its own
        effects = [found["effect"] for found in figures if found]
        np.testing.assert_allclose(effects, [1.05692978, -0.02445384], rtol=1e-5)


@pytest.mark.parametrize("page", PAGES)
def test_their_side_runs_and_finds_no_more(page):
    pytest.importorskip(page, reason="the peer is not installed: extra bench, or its own page")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs are not ours to mend
        theirs = _run_side(page, PEERS.get(page, page))
    for mine, other in zip(_run_side(page, OURS), theirs, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            assert NO_WORSE[name](mine[name], other[name]), (name, mine, other)
