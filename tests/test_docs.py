"""The documentation hangs together: pages, links, files and names are there; slow, it is built."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from _documents import DOCS, PAGES, blocks

from sklearn_privfair._discovery import public_objects

ROOT = DOCS.parent
PUBLIC = {name for name, _ in public_objects()}
NAMED = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))


def _toctree(page):
    """Give the pages that a page's tables of contents name."""
    for entries in re.findall(r"\.\. toctree::\n((?:   .*\n|\n)+)", page.read_text() + "\n"):
        for line in entries.splitlines():
            if line.strip() and not line.strip().startswith(":"):
                yield (page.parent / f"{line.strip()}.rst").resolve()


def test_every_page_is_reached():
    reached, left = set(), [DOCS / "index.rst"]
    while left:
        page = left.pop()
        if page not in reached:
            reached.add(page)
            left += _toctree(page) if page in PAGES else ()
    assert reached == {*PAGES, DOCS / "auto_examples" / "index.rst"}


@NAMED
def test_what_is_named_is_there(page):
    text = page.read_text()
    for role, name in re.findall(r":(class|func|mod|meth|attr):`~?([\w.]+)`", text):
        if role in ("class", "func") and name.startswith("sklearn_privfair"):
            assert name in PUBLIC, name
    for path in re.findall(r"``((?:examples|benchmarks|docs|tests)/[\w./]+\.\w+)``", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"\.\. (?:literalinclude|image|figure):: (\S+)", text):
        assert (page.parent / name).exists(), name
    for target in _toctree(page):
        assert target.exists() or "auto_examples" in target.parts, target


@NAMED
def test_headings_are_underlined_in_full(page):
    lines = page.read_text().splitlines()
    for title, line in pairwise(lines):
        if re.fullmatch(r"([=~^-])\1{2,}", line) and title and not title.startswith((" ", "=")):
            assert len(line) == len(title), title


@NAMED
def test_initials_are_no_numbers(page):
    """An item that begins with "M. Abadi" is read as a list within the list, numbered from M."""
    assert not re.findall(r"^- [A-Z]\. .*", page.read_text(), re.MULTILINE)


@NAMED
def test_code_is_code(page):
    for _, code in blocks(page):
        compile(code, str(page), "exec")


@pytest.mark.slow
def test_builds_without_warnings(tmp_path):
    """All but the pictures of the gallery, whose examples are tests of their own."""
    pytest.importorskip("sphinx_gallery")
    pytest.importorskip("pydata_sphinx_theme")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-D", "plot_gallery=0"]
    built = subprocess.run(
        [*command, "-d", tmp_path / "doctrees", DOCS, tmp_path / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    pages = {
        path.relative_to(tmp_path / "html").as_posix() for path in Path(tmp_path).rglob("*.html")
    }
    assert {f"generated/{name}.html" for name in PUBLIC} <= pages
    examples = {path.stem for path in (ROOT / "examples").glob("plot_*.py")}
    assert {f"auto_examples/{name}.html" for name in examples} <= pages
