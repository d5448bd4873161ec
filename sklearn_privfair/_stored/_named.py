"""Objects of packages that need no trust, as the name of their class and their attributes."""

import importlib
from typing import Any

from sklearn_privfair._stored._twins import holds_attributes, own_requests
from sklearn_privfair._stored._ways import add_way, from_stored, to_stored


def class_of(content, packages, fits):
    """Look a class up by its name, in some packages alone; nothing of it runs.

    Parameters
    ----------
    content : dict
        With the names of its ``"module"`` and its own.
    packages : tuple of str
    fits : callable
        Tells whether a class is one of those that need no trust.

    Raises
    ------
    TypeError
        If there is no such class.
    """
    module, name, found = content["module"], content["name"], None
    if f"{module}.".startswith(tuple(f"{package}." for package in packages)):
        found = getattr(importlib.import_module(module), name, None)
    if not (isinstance(found, type) and found.__module__ == module and fits(found)):
        raise TypeError(
            f"The state names {module}.{name}, which is no class of {' or '.join(packages)}."
        )
    return found


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
        made: Any = object.__new__(class_of(content, (package,), is_of_it))
        made.__dict__.update(from_stored(content["state"], memo))
        own_requests(made)
        return made

    def is_one(value):
        return is_of_it(type(value)) and holds_attributes(value)

    add_way(package, is_one, store, make)
