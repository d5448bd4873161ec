"""Nets, modules, optimizers and tensors as arrays: the ways in which they are stored."""

import functools
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, ParamMapper
from skorch.dataset import ValidSplit
from skorch.history import History
from skorch.utils import get_map_location
from torch import nn

from sklearn_privfair._stored import add_way, from_stored, to_stored
from sklearn_privfair.differentiable._seeds import generators_as_found

_OF_EVERY_MODULE = set(vars(nn.Module()))
_HOOKS = {name for name in _OF_EVERY_MODULE if "hooks" in name}


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


def _optimizer(optimizer, memo):
    return {
        "class": to_stored(type(optimizer), memo),
        "weights": [[to_stored(w, memo) for w in g["params"]] for g in optimizer.param_groups],
        "state": to_stored(_pairs(optimizer.state_dict()), memo),
    }


def _make_optimizer(content, memo):
    cls = from_stored(content["class"], memo)
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)):
        raise TypeError(f"The state has {cls!r} where an optimizer's class should be.")
    groups = [{"params": from_stored(weights, memo)} for weights in content["weights"]]
    make: Any = cls
    optimizer = make(groups, lr=0.1)  # the rate, as all else, is in the state
    optimizer.load_state_dict(_from_pairs(from_stored(content["state"], memo)))
    return optimizer


def _pairs(state):
    """Give an optimizer's state, whose keys are numbers, as pairs."""
    return {"state": list(state["state"].items()), "param_groups": state["param_groups"]}


def _from_pairs(state):
    return {"state": dict(state["state"]), "param_groups": state["param_groups"]}


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
    with generators_as_found():
        net.initialize()
    for name, part in content["modules"].items():
        module = getattr(net, f"{name}_")
        module.load_state_dict(from_stored(part["state"], memo))
        module.train(part["training"])
    for name, state in content["optimizers"].items():
        getattr(net, f"{name}_").load_state_dict(_from_pairs(from_stored(state, memo)))
    net.history_ = History(content["history"])
    if content["classes"] is not None:
        net.classes_inferred_ = content["classes"]
    return net


def _as_given(callback):
    """Give a callback's parameters, as they were before `initialize` bound some of them to it."""
    params = callback.get_params(deep=False)
    if isinstance(callback, ParamMapper):
        if isinstance(params["at"], functools.partial):
            params["at"] = params["at"].keywords.get("epoch", params["at"])
        if getattr(params["schedule"], "__self__", None) is callback:
            params["schedule"] = None
    return params


def _object(obj, memo):
    params = _as_given(obj) if isinstance(obj, Callback) else vars(obj)
    return {"class": to_stored(type(obj), memo), "params": to_stored(params, memo)}


def _make_object(content, memo):
    cls = from_stored(content["class"], memo)
    if not (isinstance(cls, type) and issubclass(cls, (Callback, ValidSplit))):
        raise TypeError(f"The state has {cls!r} where a callback's class should be.")
    return cls(**from_stored(content["params"], memo))


add_way("net", NeuralNet, _net, _make_net)
add_way("module", nn.Module, _module, _make_module)
add_way("optimizer", torch.optim.Optimizer, _optimizer, _make_optimizer)
add_way("tensor", torch.Tensor, _tensor, _make_tensor)
add_way("object", (Callback, ValidSplit), _object, _make_object)
add_way(
    "torch dtype",
    torch.dtype,
    lambda dtype, _: {"name": str(dtype).removeprefix("torch.")},
    lambda c, _: _torch_dtype(c["name"]),
)
