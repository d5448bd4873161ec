"""The order of the gallery's thumbnails: that in which examples/GALLERY_HEADER.rst names them."""

import re
from pathlib import Path


class HeaderOrder:
    """Sort examples as the header of their folder names them.

    Parameters
    ----------
    folder : str
        Where the examples and the header are.
    """

    def __init__(self, folder):
        header = Path(folder) / "GALLERY_HEADER.rst"
        self.names = re.findall(r"plot_\w+\.py", header.read_text(encoding="utf-8"))

    def __call__(self, name):
        """Give the place of an example."""
        if name not in self.names:
            raise ValueError(f"{name} is not named in GALLERY_HEADER.rst; add it to its family.")
        return self.names.index(name)
