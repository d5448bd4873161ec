"""The walk through a state and back, and the ways in which its parts become plain content.

Containers are looked into, and objects whose state is their attributes, the user's own among them:
so a table anywhere in a fitted estimator becomes arrays, whoever holds it.
"""

import copyreg

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_privfair._stored._refusal import check_storable
from sklearn_privfair._stored._twins import SIMPLE, Stored, holds_attributes, own_requests, twin_of

LONG = 256  # what is longer becomes one array, where it can
CHECKS: list = []  # of objects that have got their attributes back
WAYS: dict = {}  # kind -> what is stored so, how it becomes content, how it is made of it again


def add_way(kind, fits, store, make):
    """Say how some objects are stored.

    Parameters
    ----------
    kind : str
    fits : type, tuple of type or callable
        What is stored so; a callable tells of an object.
    store : callable
        From an object and the memo to its content.
    make : callable
        From content and the memo to an object.
    """
    if isinstance(fits, (type, tuple)):
        classes = fits
        WAYS[kind] = (lambda value: isinstance(value, classes)), store, make
    else:
        WAYS[kind] = fits, store, make


def add_check(check):
    """Let an object be looked at once it has got its attributes back; it is no other than it seems.

    Parameters
    ----------
    check : callable
        Of the object; it raises where something is wrong.
    """
    CHECKS.append(check)


class StoredState:
    """A mixin: what skops is given of an object is plain, whatever the object holds."""

    def __getstate__(self):
        state = to_stored(_whole(self), {})
        check_storable(state, type(self).__name__, StoredState)
        return state

    def __setstate__(self, state):
        state = from_stored(state, {})
        parent = getattr(super(), "__setstate__", None)
        if parent is None:
            self.__dict__.update(state)
        else:
            parent(state)
        own_requests(self)

    def __reduce_ex__(self, protocol):  # pickle's and copy's way
        return copyreg.__newobj__, (type(self),), _whole(self)  # type: ignore[attr-defined]

    def __reduce__(self):  # asked by skops, which makes nothing of it
        return self.__reduce_ex__(2)


def _whole(obj):
    state = super(StoredState, obj).__getstate__()
    return {} if state is None else state


def to_stored(value, memo):
    """Put what stands for them in the place of nets, modules, tensors, tables and partials.

    Parameters
    ----------
    value : object
        Containers are looked into, and objects that are what their attributes are; all else stays
        as it is.
    memo : dict
        Of what was met before, so that what is shared stays so.

    Returns
    -------
    value : object
    """
    if type(value) in SIMPLE:
        return value
    if id(value) in memo:
        return memo[id(value)][1]
    if holds_attributes(value):
        memo[id(value)] = value, value  # met within itself it is itself
    stored = _to_stored(value, memo)
    if stored is not value:
        memo[id(value)] = value, stored  # the value too, or another might take its number
    return stored


def _to_stored(value, memo):
    for kind, (fits, store, _) in WAYS.items():
        if fits(value):
            return Stored(kind, store(value, memo))
    if type(value) in (list, tuple):
        items = [to_stored(item, memo) for item in value]
        return type(value)(items) if _differ(items, value) else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        items = [to_stored(item, memo) for item in value]
        return type(value)(*items) if _differ(items, value) else value
    if type(value) is dict:
        if not _has_plain_keys(value) or len(value) >= LONG:
            return Stored("pairs", _pairs(value, memo))
        state = {key: to_stored(item, memo) for key, item in value.items()}
        return state if _differ(state.values(), value.values()) else value
    if type(value) is np.ndarray and value.dtype == object:
        items = [to_stored(item, memo) for item in value.ravel().tolist()]
        if value.ndim != 1 or _differ(items, value):
            return Stored("objects", {"items": items, "shape": list(value.shape)})
    if holds_attributes(value):
        state = to_stored(vars(value), memo)
        return value if state is vars(value) else twin_of(value, state)
    return value


def _differ(items, others):
    return any(one is not other for one, other in zip(items, others, strict=True))


def _has_plain_keys(value):
    """Tell whether skops gives keys back as they were: it writes them as strings."""
    return {type(key) for key in value} in (set(), {str}, {int})


def from_stored(value, memo):
    """Undo `to_stored`; what was not stored stays as it is.

    Parameters
    ----------
    value : object
    memo : dict
        Of what was made before.

    Returns
    -------
    value : object
    """
    if type(value) in SIMPLE:
        return value
    if isinstance(value, Stored):
        if id(value) not in memo:
            memo[id(value)] = WAYS[value.kind][2](value.content, memo)
        return memo[id(value)]
    if type(value) in (list, tuple):
        return type(value)(from_stored(item, memo) for item in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(from_stored(item, memo) for item in value))
    if type(value) is dict:
        return {key: from_stored(item, memo) for key, item in value.items()}
    if holds_attributes(value) and id(value) not in memo:
        memo[id(value)] = value
        for name, item in vars(value).items():
            vars(value)[name] = from_stored(item, memo)
        own_requests(value)
        for check in CHECKS:
            check(value)
    return value


def _is_own(value):
    return isinstance(value, StoredState) and not isinstance(value, BaseEstimator)


def _own(value, memo):
    return {"class": type(value), "state": to_stored(_whole(value), memo)}


def _make_own(content, memo):
    cls = content["class"]
    if not (isinstance(cls, type) and issubclass(cls, StoredState)):
        raise TypeError(f"The state has {cls!r} where a class of this package should be.")
    made = object.__new__(cls)
    vars(made).update(from_stored(content["state"], memo))
    return made


def _pairs(value, memo):
    parts = {"keys": list(value), "values": list(value.values())}
    return {name: to_stored(part, memo) for name, part in parts.items()}


def _make_pairs(content, memo):
    keys, values = (from_stored(content[name], memo) for name in ("keys", "values"))
    return dict(zip(keys, values, strict=True))


def _make_objects(content, memo):
    items = (from_stored(item, memo) for item in content["items"])
    return np.fromiter(items, dtype=object).reshape(content["shape"])


add_way("own", _is_own, _own, _make_own)
add_way("pairs", (), None, _make_pairs)
add_way("objects", (), None, _make_objects)
