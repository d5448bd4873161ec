"""Every public docstring is complete numpydoc, found by walking."""

import inspect
from operator import attrgetter

import numpy as np
import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

import sklearn_privfair
from sklearn_privfair._discovery import public_objects

IGNORED = {
    "ES01",  # an extended summary, where one line says it
    "SA01",  # see also, where there is nothing to see
    "GL01",  # summary on the line after the quotes: ours starts right after them
    "GL03",  # one blank line between parameters is scikit-learn's habit
    "RT02",  # returned values have names
}
IGNORED_IN_METHODS = {
    "EX01",  # the class has the example
    "RT03",  # a line with name, type and shape can say it all
}


def _public():
    for name, obj in public_objects():
        yield name
        if inspect.isclass(obj):
            yield from (f"{name}.{method}" for method in _own_methods(obj))


def _own_methods(cls):
    for name, member in inspect.getmembers(cls):
        function = inspect.unwrap(getattr(member, "__func__", member))
        public = inspect.isfunction(function) and not name.startswith("_")
        if public and function.__module__.startswith("sklearn_privfair"):
            yield name


NAMES = list(_public())


@pytest.mark.parametrize("name", NAMES)
def test_numpydoc(name):
    ignored = IGNORED | (IGNORED_IN_METHODS if name.count(".") > 2 else set())
    errors = [e for e in validate(name)["errors"] if e[0] not in ignored]
    assert errors == []


@pytest.mark.parametrize("name", NAMES)
def test_stated_defaults_are_those_of_the_signature(name):
    """Nobody compares them: numpydoc looks at names only."""
    obj = attrgetter(name.removeprefix("sklearn_privfair."))(sklearn_privfair)
    if isinstance(obj, type) and issubclass(obj, Warning):
        return  # a warning's signature is Python's own
    parameters = inspect.signature(obj).parameters
    for parameter, stated, _ in get_doc_object(obj)["Parameters"]:
        actual = parameters[parameter].default if parameter in parameters else None
        if "default=" in stated:
            assert eval(stated.split("default=")[1].strip("` "), {"np": np, "numpy": np}) == actual
        else:
            assert actual in (None, inspect.Parameter.empty), f"default={actual} is not stated"
