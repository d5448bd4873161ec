"""The order of the gallery's thumbnails: that in which examples/GALLERY_HEADER.rst names them."""

import re
from pathlib import Path


class HeaderOrder:
    """Sort examples as the header of their folder names them.

    Parameters
    ----------
    folder : str
        Where the examples and the header are. Sphinx-gallery tries it with "", so that nothing is
        read before the first example comes.
    """

    def __init__(self, folder):
        self.header = Path(folder) / "GALLERY_HEADER.rst"

    def __call__(self, name):
        """Give the place of an example."""
        names = re.findall(r"plot_\w+\.py", self.header.read_text(encoding="utf-8"))
        if name not in names:
            raise ValueError(f"{name} is not named in {self.header}; add it to its family.")
        return names.index(name)
