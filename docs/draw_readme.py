"""Draw the README's pictures: figures of the examples, as small files in docs/_static/readme.

``python docs/draw_readme.py``, or with names to draw only these. Some examples are run at full size
and take minutes; MNIST is read from the folder that SKLEARN_PRIVFAIR_DATA names, or downloaded.
"""

import io
import os
import runpy
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "_static" / "readme"
# name: example, which of its figures, at full size?, dots per inch
PICTURES = {
    "three_attacks": ("plot_three_attacks", 2, True, 72),
    "two_defences": ("plot_two_defences", 1, True, 70),
    "raw_units": ("plot_raw_units", 1, False, 72),
    "forest_leak": ("plot_forest_leak", 1, False, 72),
}


def draw(name):
    """Run an example, and keep one of its figures."""
    example, number, full, dpi = PICTURES[name]
    os.environ["SKLEARN_PRIVFAIR_FULL"] = "1" if full else "0"
    plt.close("all")
    runpy.run_path(str(ROOT / "examples" / f"{example}.py"), run_name="__main__")
    picture = io.BytesIO()
    plt.figure(number).savefig(picture, dpi=dpi, facecolor="white")
    few_colours = Image.open(picture).convert("RGB").quantize(128)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    few_colours.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {few_colours.size}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        draw(name)
