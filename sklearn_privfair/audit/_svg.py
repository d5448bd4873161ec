"""A matplotlib figure as SVG that can stand in a page: its text is text, its names are its own."""

import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from markupsafe import Markup

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def label(name):
    """Give a name as matplotlib draws it: no mathematics, and never hidden for its first letter."""
    text = _CONTROL.sub("�", str(name)).replace("$", r"\$")
    text = text if len(text) <= 40 else text[:39] + "…"
    return f" {text}" if text.startswith("_") else text


def inline_svg(draw, key, title, description, size):
    """Draw a picture, and give it as an SVG element.

    Parameters
    ----------
    draw : callable
        Draws in the figure that it is given.
    key : str
        What the names in it begin with, so that no two pictures share one.
    title, description : str
        What a screen reader says.
    size : tuple of (float, float)
        In inches.

    Returns
    -------
    svg : Markup
    """
    from matplotlib.figure import Figure

    rc: Any = {
        "svg.fonttype": "none",  # letters that can be found, read aloud and written in any script
        "svg.hashsalt": key,
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 9,
    }
    with mpl.rc_context(rc), warnings.catch_warnings():
        # the browser has what matplotlib's font has not
        warnings.filterwarnings("ignore", message="(?s).*Glyph .* missing from")
        warnings.filterwarnings("ignore", message="(?s).*Matplotlib currently does not support")
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=_NO_METADATA)
    return Markup(_as_element(file.getvalue(), key, title, description))  # noqa: S704


def _as_element(text, key, title, description):
    """Make the file an element: no declaration, no style for the whole page, no shared names."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _LINK)
    root = ET.fromstring(text)  # noqa: S314  (we have just written it)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}style":
                parent.remove(child)
    used = set()
    for element in root.iter():
        for value in element.attrib.values():
            used |= set(re.findall(r"^#(.+)$|url\(#(.+?)\)", value))
    used = {name for pair in used for name in pair if name}
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id":
                if value in used:
                    element.set("id", f"{key}-{value}")
                else:
                    del element.attrib["id"]
            elif value.startswith("#"):
                if name.endswith("href"):
                    element.set(name, f"#{key}-{value[1:]}")
            elif "url(#" in value:
                element.set(name, value.replace("url(#", f"url(#{key}-"))
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{key}-title {key}-description")
    for place, (tag, content) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{{{_SVG}}}{tag}")
        element.set("id", f"{key}-{'title' if tag == 'title' else 'description'}")
        element.text = _CONTROL.sub("�", content)
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode")
