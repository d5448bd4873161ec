"""What is public, found by walking: tests, documentation and benchmarks list nothing by hand."""

import inspect
import pkgutil
from importlib import import_module

from sklearn.base import BaseEstimator

import sklearn_privfair


def subpackages():
    """List the names of the public subpackages, sorted."""
    found = pkgutil.iter_modules(sklearn_privfair.__path__)
    return sorted(module.name for module in found if module.ispkg and module.name[0] != "_")


def public_objects(kind=object):
    """List what the subpackages' `__all__` name.

    Parameters
    ----------
    kind : type or callable, default=object
        A class of which only subclasses are wanted, or a predicate.

    Returns
    -------
    objects : list of (str, object)
        Qualified public name, ``"sklearn_privfair.attacks.PGDAttack"``, and the object, by name.
    """
    modules = [import_module(f"sklearn_privfair.{name}") for name in subpackages()]
    objects = [
        (f"{module.__name__}.{name}", getattr(module, name))
        for module in modules
        for name in sorted(getattr(module, "__all__", ()))
    ]
    if inspect.isclass(kind):
        return [(n, o) for n, o in objects if kind is object or _is_subclass(o, kind)]
    return [(n, o) for n, o in objects if kind(o)]


def _is_subclass(obj, kind):
    return inspect.isclass(obj) and issubclass(obj, kind)


def public_estimators(kind=BaseEstimator):
    """List the public classes, subclasses of `kind`, that can be instantiated and fitted."""
    found = [cls for _, cls in public_objects(kind) if not inspect.isabstract(cls)]
    return [cls for cls in found if hasattr(cls, "fit")]
