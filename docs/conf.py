"""Configuration of sphinx: numpydoc, the pydata theme, the API found by walking."""

import os
import sys
from pathlib import Path

from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # an example names it

import sklearn_privfair

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "sklearn_privfair"
author = "The sklearn_privfair developers"
copyright = author  # noqa: A001
version = release = sklearn_privfair.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "public_api",
]
autosummary_generate = False
numpydoc_show_class_members = False
exclude_patterns = ["_build"]
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_privfair"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False, "show_prev_next": False}
folders = ("*", "coming_from/*", "auto_examples/*")  # a pattern does not reach into folders
html_sidebars = {folder: [] for folder in folders}
html_static_path = ["_static"]
html_css_files = ["side_by_side.css", "gallery.css"]

examples = HERE.parent / "examples"
if any(examples.glob("plot_*.py")):
    extensions.append("sphinx_gallery.gen_gallery")
    sphinx_gallery_conf = {
        "examples_dirs": str(examples),
        "gallery_dirs": "auto_examples",
        "doc_module": "sklearn_privfair",
        "reference_url": {"sklearn_privfair": None},  # names in the code lead to their pages
        "remove_config_comments": True,
        "within_subsection_order": "gallery_order.HeaderOrder",
        "capture_repr": (),  # what is to be read is printed
        "write_computation_times": False,
    }

# Links into other projects' documentation need the network: DOCS_INTERSPHINX=1.
if os.environ.get("DOCS_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "python": ("https://docs.python.org/3", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
