"""What skops cannot store, or not load again, and where in an estimator it is."""

import sys
from types import BuiltinFunctionType, FunctionType

import numpy as np

from sklearn_privfair._stored._twins import SIMPLE, Stored, has_own_state, holds_attributes

_ARRAYS = (np.ndarray, np.generic)
_NAMED = (np.ufunc, BuiltinFunctionType, type(np.mean))  # functions that skops knows by their names


def check_storable(value, path, checked):
    """Raise if a state holds what skops cannot store.

    Parameters
    ----------
    value : object
        A state.
    path : str
        Whose it is, for the message.
    checked : type
        What checks its own state when skops asks for it.

    Raises
    ------
    TypeError
        Naming the part.
    """
    _check(value, path, checked, {})


def _check(value, path, checked, seen):
    if type(value) in SIMPLE or isinstance(value, (*_NAMED, checked)) or id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, (FunctionType, type)):
        module = sys.modules.get(value.__module__)
        if getattr(module, value.__name__, None) is not value:
            raise TypeError(
                f"skops cannot store {path}: it is {value.__qualname__}, which {value.__module__} "
                "has by no name. Give one that is defined in a module; pickle asks for that too."
            )
        return
    try:
        parts = _parts(value)
    except TypeError as error:
        raise TypeError(
            f"skops cannot store {path}: it is a {type(value).__module__}."
            f"{type(value).__qualname__}. Put plain values or arrays in its place, or use pickle "
            "or joblib."
        ) from error
    for name, part in parts:
        _check(part, f"{path}{name}", checked, seen)


def _parts(value):
    """List the names and values of the parts of a container or an object."""
    value = value.content if isinstance(value, Stored) else value
    if isinstance(value, _ARRAYS):
        value = value.ravel().tolist() if value.dtype == object else []
    if isinstance(value, (list, tuple, set, frozenset)):
        return [(f"[{i}]", item) for i, item in enumerate(value)]
    if isinstance(value, dict):
        names = (f".{key}" if isinstance(key, str) else f"[{key!r}]" for key in value)
        return list(zip(names, value.values(), strict=True))
    if holds_attributes(value) and not has_own_state(type(value)):
        return _parts(vars(value))
    value.__reduce_ex__(2)  # raises where pickle has no way
    reduced = value.__reduce__()  # and here skops, which asks in the oldest way
    made = isinstance(reduced, tuple) and reduced[0] is type(value)
    if made and all(part is None for part in reduced[2:]):
        return _parts(reduced[1])
    state = value.__getstate__()
    return [] if state is None else _parts(state)
