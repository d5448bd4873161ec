"""Classes and functions of torch and skorch by name, and looked up among those alone."""

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import Dataset

from sklearn_privfair._stored import add_functions, add_way, class_of, from_stored, to_stored

_PACKAGES = ("torch.nn", "torch.optim", "torch.utils.data", "skorch")
_KINDS: tuple = (
    nn.Module,
    torch.optim.Optimizer,
    torch.optim.lr_scheduler.LRScheduler,
    Dataset,
    torch.utils.data.DataLoader,
    torch.utils.data.Sampler,
    NeuralNet,
    Callback,
    ValidSplit,
)
_OF_SKORCH: tuple = ("to_numpy", "to_tensor", "to_device", "noop", "freeze_parameter")
_OF_SKORCH += ("unfreeze_parameter", "_indexing_dict", "_indexing_list_tuple_of_data")
_OF_SKORCH += ("_indexing_ndframe", "_indexing_other", "_indexing_none")  # of a Dataset
_OF_TENSORS = ("torch.nn.functional", "torch.nn.init", "torch._C._nn")


def _is_known(value):
    """Tell whether a class is one of torch's or skorch's, that need no trust."""
    return (
        isinstance(value, type)
        and f"{value.__module__}.".startswith(tuple(f"{package}." for package in _PACKAGES))
        and issubclass(value, _KINDS)
        and "." not in value.__qualname__
    )


def _name(content, _):
    """Look a class up: of torch's and skorch's, and of no other package."""
    return class_of(content, _PACKAGES, _is_known)


def _is_of_tensors(function, name):
    """Tell whether a function makes tensors of tensors, and no more."""
    special = getattr(torch._C._VariableFunctions, name, None)
    known = function.__module__ in _OF_TENSORS or function is special
    return known and name[0] != "_" and name != "from_file"


def _is_dataset(value):
    return isinstance(value, Dataset) and _is_known(type(value))


def _dataset(dataset, memo):
    return {"class": to_stored(type(dataset), memo), "state": to_stored(vars(dataset), memo)}


def _make_dataset(content, memo):
    cls = from_stored(content["class"], memo)
    if not (isinstance(cls, type) and issubclass(cls, Dataset)):
        raise TypeError(f"The state has {cls!r} where a dataset's class should be.")
    dataset = object.__new__(cls)
    vars(dataset).update(from_stored(content["state"], memo))
    return dataset


add_way("name", _is_known, lambda c, _: {"module": c.__module__, "name": c.__qualname__}, _name)
for _place in ("torch.nn.functional", "torch.nn.init", "torch"):
    add_functions(_place, _is_of_tensors)
add_functions("skorch.utils", _OF_SKORCH)
add_functions("skorch.helper", ("_make_split",))  # of predefined_split
add_functions("skorch.callbacks.logging", ("rename_tensorboard_key",))
add_way("dataset", _is_dataset, _dataset, _make_dataset)
