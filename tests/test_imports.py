"""Imports point one way, and the bare import brings nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from sklearn_privfair._discovery import public_objects, subpackages

ROOT = Path(__file__).parent.parent
HEAVY = ["torch", "matplotlib", "gensim", "skorch", "pandas", "scipy", "sklearn"]


def _fresh(code):
    """Run code in an interpreter of its own, and give what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _loaded_by(statement):
    return set(_fresh(f"{statement}\nimport sys\nprint(*sys.modules)").split())


def test_layers(capsys):
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_the_bare_import_is_light():
    loaded = _loaded_by("import sklearn_privfair")
    assert "sklearn_privfair" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("subpackage", subpackages())
def test_a_subpackage_imports_by_itself_and_draws_nothing(subpackage):
    loaded = _loaded_by(f"import sklearn_privfair.{subpackage}")
    assert loaded.isdisjoint(["matplotlib.pyplot", "gensim"])


@pytest.mark.parametrize("subpackage", ["metrics", "datasets"])
def test_no_torch_where_none_is_needed(subpackage):
    assert "torch" not in _loaded_by(f"import sklearn_privfair.{subpackage}")


def test_public_names_are_defined_here_and_sorted():
    for name, obj in public_objects():
        assert obj.__module__.startswith("sklearn_privfair."), name
        assert obj.__name__ == name.split(".")[-1]
