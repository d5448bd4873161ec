"""Functions that need no trust, by the names under which they are looked up among those alone."""

import importlib
from types import BuiltinFunctionType, FunctionType

from sklearn_privfair._stored._ways import add_way

_PLACES: dict = {}  # module -> which of its functions
_KINDS = (FunctionType, BuiltinFunctionType)


def add_functions(module, known):
    """Let functions of a module pass by name.

    Parameters
    ----------
    module : str
    known : tuple of str or callable
        Their names; a callable tells of a function and its name.
    """
    _PLACES[module] = known


def _look_up(module, name):
    """Give a function, or None if it is none of those."""
    known = _PLACES.get(module, ())
    if not callable(known) and name not in known:
        return None
    found = getattr(importlib.import_module(module), name, None)
    passes = isinstance(found, _KINDS) and (not callable(known) or known(found, name))
    return found if passes else None


def _place(function):
    """Say in which module a function is found."""
    name = getattr(function, "__name__", "")
    return next((module for module in _PLACES if _look_up(module, name) is function), None)


def _is_function(value):
    return isinstance(value, _KINDS) and _place(value) is not None


def _make_function(content, _):
    found = _look_up(content["module"], content["name"])
    if found is None:
        place = f"{content['module']}.{content['name']}"
        raise TypeError(f"The state names {place}, which is no function that needs no trust.")
    return found


add_functions("builtins", ("print", "hash"))
add_way(
    "function",
    _is_function,
    lambda function, _: {"module": _place(function), "name": function.__name__},
    _make_function,
)
