"""Write the pages of the API: one for each subpackage, one for each name in its `__all__`."""

import inspect
from importlib import import_module
from pathlib import Path

from sklearn_privfair._discovery import public_objects, subpackages

FOLDER = "generated"


def _heading(text, line="="):
    return f"{text}\n{line * len(text)}\n\n"


def _methods(cls):
    """Names of the public methods that are ours, and not scikit-learn's."""
    for name, member in inspect.getmembers(cls):
        function = inspect.unwrap(getattr(member, "__func__", member))
        ours = str(getattr(function, "__module__", "")).startswith("sklearn_privfair")
        if inspect.isfunction(function) and ours and not name.startswith("_"):
            yield name


def _page(name, obj):
    kind = "autoclass" if inspect.isclass(obj) else "autofunction"
    text = _heading(name.split(".")[-1]) + f".. {kind}:: {name}\n"
    if inspect.isclass(obj) and (methods := ", ".join(_methods(obj))):
        text += f"   :members: {methods}\n"
    return text


def write_pages(app):
    """Write all pages, before the sources are looked for."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    pages = {}
    for subpackage in subpackages():
        module = import_module(f"sklearn_privfair.{subpackage}")
        members = [(n, o) for n, o in public_objects() if n.startswith(module.__name__ + ".")]
        if not members:
            continue
        names = "".join(f"   {name}\n" for name, _ in members)
        hidden = ".. toctree::\n   :hidden:\n\n" + names
        summary = f".. currentmodule:: {module.__name__}\n\n.. autosummary::\n   :nosignatures:\n\n"
        summary += "".join(f"   {name.split('.')[-1]}\n" for name, _ in members)
        title = _heading(module.__name__)
        pages[subpackage] = f"{title}.. automodule:: {module.__name__}\n\n{summary}\n{hidden}"
        pages |= {name: _page(name, obj) for name, obj in members}
    toctree = "".join(f"   generated/{name}\n" for name in pages if "." not in name)
    (folder / "subpackages.txt").write_text(f".. toctree::\n   :maxdepth: 2\n\n{toctree}")
    for old in folder.glob("*.rst"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text() != text:  # so that only changes are rebuilt
            path.write_text(text)


def setup(app):
    """Register with sphinx."""
    app.connect("builder-inited", write_pages, priority=100)
    return {"parallel_read_safe": True}
