"""Objects of packages that need no trust, as the name of their class and their attributes."""

import importlib
from typing import Any

from sklearn_privfair._stored._twins import holds_attributes, own_requests
from sklearn_privfair._stored._ways import add_way, from_stored, to_stored


def add_package(package, fits=None):
    """Store what is of a package, and no more than its attributes, by the name of its class.

    Parameters
    ----------
    package : str
        Such as "gensim.models". Classes are looked up in it and its modules alone, and nothing of
        theirs runs.
    fits : tuple of type, default=None
        Whose subclasses are stored so; None: all.
    """

    def is_of_it(cls):
        inside = f"{cls.__module__}.".startswith(f"{package}.")
        return inside and (fits is None or issubclass(cls, fits))

    def store(value, memo):
        names = {"module": type(value).__module__, "name": type(value).__qualname__}
        return names | {"state": to_stored(vars(value), memo)}

    def make(content, memo):
        module, name = content["module"], content["name"]
        cls = None
        if f"{module}.".startswith(f"{package}."):
            cls = getattr(importlib.import_module(module), name, None)
        if not (isinstance(cls, type) and cls.__module__ == module and is_of_it(cls)):
            raise TypeError(f"The state names {module}.{name}, which is no class of {package}.")
        made: Any = object.__new__(cls)
        made.__dict__.update(from_stored(content["state"], memo))
        own_requests(made)
        return made

    def is_one(value):
        return is_of_it(type(value)) and holds_attributes(value)

    add_way(package, is_one, store, make)
