"""The pages of the documentation, and the code in them."""

import re
import textwrap
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
_MADE = {"generated", "auto_examples", "_build"}  # by sphinx
PAGES = sorted(p for p in DOCS.rglob("*.rst") if not _MADE & {*p.relative_to(DOCS).parts})
_BLOCK = re.compile(
    r"^( *)\.\. code-block:: python\n(?:\1   :caption: (.+)\n)?\n((?:\1   .*\n|\n)+)", re.MULTILINE
)


def blocks(page):
    """Give the caption (None where there is none) and the code of each block, in order."""
    text = page.read_text() + "\n"
    return [(caption or None, textwrap.dedent(code)) for _, caption, code in _BLOCK.findall(text)]


def run(code, namespace, name):
    """Run code of a page as if it were a module."""
    exec(compile(code, name, "exec"), namespace)
