"""Objects that are no more than a class and attributes, and what stands for others."""

from types import FunctionType, ModuleType

from sklearn.base import BaseEstimator
from sklearn.utils._metadata_requests import SIMPLE_METHODS, MetadataRequest

SIMPLE = (type(None), bool, int, float, str, bytes)
_NO_HOLDERS: tuple = (type, FunctionType, ModuleType, BaseException)
_NO_HOLDERS += (dict, list, tuple, set, frozenset, str, bytes, int, float)


def holds_attributes(value):
    """Tell whether an object is made again by its class and its attributes alone."""
    cls = type(value)
    if isinstance(value, BaseEstimator) and cls.__module__.startswith("sklearn."):
        return True
    return (
        isinstance(getattr(value, "__dict__", None), dict)
        and not isinstance(value, _NO_HOLDERS)
        and cls.__reduce_ex__ is object.__reduce_ex__
        and cls.__reduce__ is object.__reduce__
        and not has_own_state(cls)
        and getattr(cls, "__setstate__", None) in (None, BaseEstimator.__setstate__)
    )


def has_own_state(cls):
    """Tell whether a class says itself what its state is."""
    return cls.__getstate__ not in (object.__getstate__, BaseEstimator.__getstate__)


def own_requests(value):
    """Let an object's requests for metadata, which are stored without it, know whose they are."""
    request = vars(value).get("_metadata_request")
    if isinstance(request, MetadataRequest):
        for part in (request, *(getattr(request, method) for method in SIMPLE_METHODS)):
            part.owner = value


def twin_of(value, state):
    """Make an object of the same class with other attributes."""
    twin = object.__new__(type(value))
    twin.__dict__.update(state)
    return twin


class Stored:
    """What stands for an object in the state of another: plain content, and its kind.

    Parameters
    ----------
    kind : str
    content : dict
    """

    def __init__(self, kind, content):
        self.kind, self.content = kind, content
