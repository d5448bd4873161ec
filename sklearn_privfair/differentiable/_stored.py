"""Nets, torch modules and tables as arrays, names and parameters: what skops can look into.

A skorch net pickles its weights into one string of bytes, which nobody can look at before loading,
and skops cannot load a torch module at all. Here a net becomes its class, its parameters, and its
weights as arrays (``_stored_torch.py``); tables become their columns (``_stored_tables.py``).
Pickle and copies go their own way, and keep everything.
"""

import copyreg

from sklearn.base import BaseEstimator

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


class Stored:
    """What stands for an object in the state of another: plain content, and its kind.

    Parameters
    ----------
    kind : str
    content : dict
    """

    def __init__(self, kind, content):
        self.kind, self.content = kind, content


class StoredState:
    """A mixin: what skops is given of an object has nets and modules as arrays."""

    def __getstate__(self):
        return to_stored(_whole(self), {})

    def __setstate__(self, state):
        state = from_stored(state, {})
        parent = getattr(super(), "__setstate__", None)
        if parent is None:
            self.__dict__.update(state)
        else:
            parent(state)

    def __reduce_ex__(self, protocol):  # pickle's and copy's way
        return copyreg.__newobj__, (type(self),), _whole(self)  # type: ignore[attr-defined]


def _whole(obj):
    state = super(StoredState, obj).__getstate__()
    return {} if state is None else state


def to_stored(value, memo):
    """Put what stands for them in the place of nets, modules, tensors, tables and partials.

    Parameters
    ----------
    value : object
        Containers are looked into, and scikit-learn's estimators; all else stays as it is.
    memo : dict
        Of what was met before, so that what is shared stays so.

    Returns
    -------
    value : object
    """
    if id(value) in memo:
        return memo[id(value)][1]
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
        changed = any(one is not other for one, other in zip(items, value, strict=True))
        return type(value)(items) if changed else value
    if type(value) is dict:
        state = {key: to_stored(item, memo) for key, item in value.items()}
        if None in state:  # a key that skops does not know
            return Stored("pairs", {"keys": list(state), "values": list(state.values())})
        return state if any(state[key] is not value[key] for key in value) else value
    if isinstance(value, BaseEstimator) and type(value).__module__.startswith("sklearn."):
        state = to_stored(vars(value), memo)
        if state is not vars(value):
            twin = object.__new__(type(value))
            twin.__dict__.update(state)
            return twin
    return value


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
    if isinstance(value, Stored):
        if id(value) not in memo:
            memo[id(value)] = WAYS[value.kind][2](value.content, memo)
        return memo[id(value)]
    if type(value) in (list, tuple):
        return type(value)(from_stored(item, memo) for item in value)
    if type(value) is dict:
        return {key: from_stored(item, memo) for key, item in value.items()}
    if isinstance(value, BaseEstimator) and type(value).__module__.startswith("sklearn."):
        for name, item in vars(value).items():
            vars(value)[name] = from_stored(item, memo)
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


def _make_pairs(content, memo):
    return dict(zip(content["keys"], from_stored(content["values"], memo), strict=True))


add_way("own", _is_own, _own, _make_own)
add_way("pairs", (), None, _make_pairs)
