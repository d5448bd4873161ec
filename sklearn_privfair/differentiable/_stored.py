"""Nets, torch modules and tables as arrays, names and parameters: what skops can look into.

A skorch net pickles its weights into one string of bytes, which nobody can look at before loading,
and skops cannot load a torch module at all. Here a net becomes its class, its parameters, and its
weights as arrays; classes of torch and skorch become names, which are looked up among those alone.
Pickle and copies go their own way, and keep everything.
"""

import copyreg
import functools
import importlib
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit
from skorch.history import History
from skorch.utils import get_map_location
from torch import nn

_PACKAGES = ("torch.nn.", "torch.optim.", "torch.utils.data.", "skorch.")
_KINDS: tuple = (
    nn.Module,
    torch.optim.Optimizer,
    torch.optim.lr_scheduler.LRScheduler,
    torch.utils.data.Dataset,
    torch.utils.data.DataLoader,
    torch.utils.data.Sampler,
    NeuralNet,
    Callback,
    ValidSplit,
)
_OF_EVERY_MODULE = set(vars(nn.Module()))
_HOOKS = {name for name in _OF_EVERY_MODULE if "hooks" in name}


class Stored:
    """What stands for an object in the state of another: plain content, and what to make of it.

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
    for kind, (cls, store, _) in _WAYS.items():
        if isinstance(value, cls):
            return Stored(kind, store(value, memo))
    if _is_known(value):
        return Stored("name", {"module": value.__module__, "name": value.__qualname__})
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
            made = _name(value.content) if value.kind == "name" else None
            if made is None:
                made = _WAYS[value.kind][2](value.content, memo)
            memo[id(value)] = made
        return memo[id(value)]
    if type(value) in (list, tuple):
        return type(value)(from_stored(item, memo) for item in value)
    if type(value) is dict:
        return {key: from_stored(item, memo) for key, item in value.items()}
    if isinstance(value, BaseEstimator) and type(value).__module__.startswith("sklearn."):
        for name, item in vars(value).items():
            vars(value)[name] = from_stored(item, memo)
    return value


def _is_known(value):
    """Tell whether a class is one of torch's or skorch's, that need no trust."""
    return (
        isinstance(value, type)
        and f"{value.__module__}.".startswith(_PACKAGES)
        and issubclass(value, _KINDS)
        and "." not in value.__qualname__
    )


def _name(content):
    """Look a class up: of torch's and skorch's, and of no other package."""
    module, name = content["module"], content["name"]
    found = None
    if f"{module}.".startswith(_PACKAGES):
        found = getattr(importlib.import_module(module), name, None)
    if not (_is_known(found) and found.__module__ == module):
        raise TypeError(f"The state names {module}.{name}, which is no class of torch or skorch.")
    return found


def _tensor(tensor, _):
    array = tensor.detach().cpu()
    exact = array.dtype is not torch.bfloat16  # NumPy has no such numbers
    return {
        "array": (array if exact else array.float()).numpy(),
        "dtype": str(array.dtype).removeprefix("torch."),
        "grad": bool(tensor.requires_grad),
        "parameter": isinstance(tensor, nn.Parameter),
    }


def _make_tensor(content, _):
    array = np.require(content["array"], requirements=["C", "W"])
    tensor = torch.from_numpy(array.copy()).to(_torch_dtype(content["dtype"]))
    if content["parameter"]:
        return nn.Parameter(tensor, requires_grad=content["grad"])
    return tensor.requires_grad_(content["grad"])


def _torch_dtype(name):
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"The state names torch.{name}, which is no dtype.")
    return dtype


def _module(module, memo):
    state = vars(module)
    if any(state[name] for name in _HOOKS if isinstance(state[name], dict)):
        raise TypeError(f"{type(module).__name__} has hooks, which cannot be stored as arrays.")
    own = {name: item for name, item in state.items() if name not in _OF_EVERY_MODULE}
    return {
        "class": to_stored(type(module), memo),
        "training": module.training,
        "parts": {
            name: {key: to_stored(item, memo) for key, item in state[name].items()}
            for name in ("_parameters", "_buffers", "_modules")
        },
        "passing": sorted(state["_non_persistent_buffers_set"]),
        "own": to_stored(own, memo),
    }


def _make_module(content, memo):
    cls = from_stored(content["class"], memo)
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise TypeError(f"The state has {cls!r} where a torch module's class should be.")
    module = cls.__new__(cls)
    nn.Module.__init__(module)
    for name, items in content["parts"].items():
        vars(module)[name].update({k: from_stored(item, memo) for k, item in items.items()})
    vars(module)["_non_persistent_buffers_set"] = set(content["passing"])
    vars(module).update(from_stored(content["own"], memo))
    module.training = content["training"]
    return module


def _net(net, memo):
    params = {k: v for k, v in net.get_params(deep=False).items() if k[0] != "_"}
    content: dict = {
        "class": to_stored(type(net), memo),
        "params": {name: to_stored(value, memo) for name, value in params.items()},
        "initialized": net.initialized_,
    }
    if net.initialized_:
        parts = [*net._modules, *net._criteria]
        content["modules"] = {
            name: {
                "training": getattr(net, f"{name}_").training,
                "state": to_stored(dict(getattr(net, f"{name}_").state_dict()), memo),
            }
            for name in parts
        }
        content["optimizers"] = {
            name: to_stored(_pairs(getattr(net, f"{name}_").state_dict()), memo)
            for name in net._optimizers
        }
        content["history"] = [dict(row) for row in net.history_]
        content["classes"] = getattr(net, "classes_inferred_", None)
    return content


def _make_net(content, memo):
    cls = from_stored(content["class"], memo)
    if not (isinstance(cls, type) and issubclass(cls, NeuralNet)):
        raise TypeError(f"The state has {cls!r} where a net's class should be.")
    params = {name: from_stored(value, memo) for name, value in content["params"].items()}
    device = params["device"]
    if device is not None and get_map_location(device).type != torch.device(device).type:
        params["device"] = "cpu"  # written on a device that is not here
    net = cls(**params)
    if not content["initialized"]:
        return net
    with torch.random.fork_rng():
        net.initialize()
    for name, part in content["modules"].items():
        module = getattr(net, f"{name}_")
        module.load_state_dict(from_stored(part["state"], memo))
        module.train(part["training"])
    for name, state in content["optimizers"].items():
        state = from_stored(state, memo)
        known = {"state": dict(state["state"]), "param_groups": state["param_groups"]}
        getattr(net, f"{name}_").load_state_dict(known)
    net.history_ = History(content["history"])
    if content["classes"] is not None:
        net.classes_inferred_ = content["classes"]
    return net


def _pairs(state):
    """Give an optimizer's state, whose keys are numbers, as pairs."""
    return {"state": list(state["state"].items()), "param_groups": state["param_groups"]}


def _object(obj, memo):
    params = obj.get_params(deep=False) if isinstance(obj, Callback) else vars(obj)
    kept = {name: value for name, value in params.items() if value is not print}
    return {"class": to_stored(type(obj), memo), "params": to_stored(kept, memo)}


def _make_object(content, memo):
    cls = from_stored(content["class"], memo)
    if not (isinstance(cls, type) and issubclass(cls, (Callback, ValidSplit))):
        raise TypeError(f"The state has {cls!r} where a callback's class should be.")
    return cls(**from_stored(content["params"], memo))


def _frame(frame, memo):
    return {
        "columns": [to_stored(name, memo) for name in frame.columns],
        "index": frame.index.to_numpy(),
        "values": [_column(frame.iloc[:, i]) for i in range(frame.shape[1])],
    }


def _column(column):
    if isinstance(column.dtype, pd.CategoricalDtype):
        return {
            "codes": column.cat.codes.to_numpy(),
            "categories": column.cat.categories.to_numpy(),
            "ordered": bool(column.cat.ordered),
        }
    exact = isinstance(column.dtype, np.dtype)
    return {"array": column.to_numpy(None if exact else object), "dtype": str(column.dtype)}


def _make_frame(content, _):
    columns = {}
    for place, part in enumerate(content["values"]):
        if "codes" in part:
            values: Any = pd.Categorical.from_codes(
                part["codes"], categories=part["categories"], ordered=part["ordered"]
            )
        else:
            values = pd.array(part["array"], dtype=part["dtype"])
        columns[place] = pd.Series(values, index=content["index"])
    frame = pd.DataFrame(columns, index=content["index"])
    return frame.set_axis(content["columns"], axis=1)


def _make_pairs(content, memo):
    return dict(zip(content["keys"], from_stored(content["values"], memo), strict=True))


def _partial(partial, memo):
    parts = {"args": list(partial.args), "keywords": partial.keywords}
    return {"func": to_stored(partial.func, memo)} | to_stored(parts, memo)


def _make_partial(content, memo):
    func = from_stored(content["func"], memo)
    args, keywords = (from_stored(content[name], memo) for name in ("args", "keywords"))
    return functools.partial(func, *args, **keywords)


# kind -> what is stored so, how it becomes content, and how it is made of it again
_WAYS: dict = {
    "net": (NeuralNet, _net, _make_net),
    "module": (nn.Module, _module, _make_module),
    "tensor": (torch.Tensor, _tensor, _make_tensor),
    "object": ((Callback, ValidSplit), _object, _make_object),
    "frame": (pd.DataFrame, _frame, _make_frame),
    "pairs": ((), None, _make_pairs),
    "trees": (TreePredictor, lambda trees, _: dict(vars(trees)), lambda c, _: TreePredictor(**c)),
    "dtype": (np.dtype, lambda dtype, _: {"name": dtype.str}, lambda c, _: np.dtype(c["name"])),
    "torch dtype": (
        torch.dtype,
        lambda dtype, _: {"name": str(dtype).removeprefix("torch.")},
        lambda c, _: _torch_dtype(c["name"]),
    ),
    "partial": (functools.partial, _partial, _make_partial),
}
