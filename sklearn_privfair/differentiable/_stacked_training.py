"""Training of several skorch nets of one architecture as one batched module, for a GPU.

The weights of the nets are stacked, each layer computes for all of them at once (torch.func's
model ensembling), and one optimizer that acts element by element updates them all: the update of
every net is the one that it would make alone. On a CPU nothing is won.
"""

from types import SimpleNamespace

import torch
from skorch.callbacks import EpochScoring, EpochTimer, LRScheduler, PassthroughScoring, PrintLog
from torch import nn, optim
from torch.func import functional_call, stack_module_state, vmap

from sklearn_privfair.differentiable._fast_path import callbacks_of, fast_path_refuses
from sklearn_privfair.differentiable._indexed_batches import fits, indexed
from sklearn_privfair.differentiable._skorch_training import seeded

ELEMENTWISE = (optim.SGD, optim.Adam, optim.AdamW)
PASSIVE = (EpochTimer, PassthroughScoring, EpochScoring, PrintLog)


def stacking_refuses(net, X=None, y=None):
    """Tell why nets like this one cannot be trained as one batched module, or None.

    Parameters
    ----------
    net : skorch.NeuralNet
        Fitted or not.
    X, y : array-like, default=None
        What it would be trained on; not looked at if None.

    Returns
    -------
    reason : str or None
        A sentence without its beginning: "trained one by one, since ...".
    """
    if net.optimizer not in ELEMENTWISE:
        name = getattr(net.optimizer, "__name__", net.optimizer)
        return f"{name} is not known to act element by element"
    for name, callback in callbacks_of(net):
        scheduler = type(callback) is LRScheduler
        if scheduler and "Plateau" in str(callback.policy):
            return f"the schedule of its callback {name!r} would differ between the nets"
        if not (scheduler or type(callback) in PASSIVE):
            return f"its callback {name!r} may act on single nets"
    return fast_path_refuses(net, X, y)


def fit_nets_stacked(nets, data, seeds):
    """Train nets together; each as ``with seeded(seed): net.fit(X, y)``, up to rounding.

    Parameters
    ----------
    nets : list of skorch.NeuralNet
        Of one architecture and with the same parameters. Fitted in place.
    data : list of (X, y)
        Arrays of equal shapes in the types that the nets take: each net's own rows.
    seeds : list of int
        What each net's weights, split and batches are drawn from. Dropout draws for all nets
        together: such nets are as good as those trained alone, but not the same.

    Returns
    -------
    nets : list of skorch.NeuralNet
        Their histories hold the losses in training; held-out rows are not trained on, nor scored.

    Raises
    ------
    ValueError
        If the nets cannot be stacked: see :func:`stacking_refuses`, or if they are not alike.
    """
    for net, (X, y) in zip(nets, data, strict=True):
        if reason := stacking_refuses(net, X, y):
            raise ValueError(f"The nets cannot be trained as one, since {reason}.")
    streams = [_Stream(*one) for one in zip(nets, data, seeds, strict=True)]
    _check_alike(nets, streams)
    rows = _StackedRows(streams, nets[0].device)
    weights, buffers = stack_module_state([net.module_ for net in nets])
    optimizer = _stacked_optimizer(nets[0], weights)
    losses_of = _losses(nets[0], weights, buffers)
    schedulers = [callback for _, callback in nets[0].callbacks_ if type(callback) is LRScheduler]
    shown = SimpleNamespace(optimizer_=optimizer, history=nets[0].history)
    for scheduler in schedulers:
        scheduler.on_train_begin(shown)
    for _ in range(nets[0].max_epochs):
        losses, sizes = [], []
        for x, y in rows:
            optimizer.zero_grad()
            loss = losses_of(x, y)
            loss.sum().backward()
            optimizer.step()
            losses.append(loss.detach())
            sizes.append(x.shape[1])
            del x, y
        for net, own in zip(nets, torch.stack(losses, dim=1).tolist(), strict=True):
            _record(net, own, sizes)
        for scheduler in schedulers:
            _schedule(scheduler, shown, nets)
    for scheduler in schedulers:
        scheduler.initialize()  # else it would keep the stack
    for i, net in enumerate(nets):
        _take_out(net, i, weights, buffers, optimizer)
    return nets


class _Stream:
    """One net's batches, drawn as if it were trained alone."""

    def __init__(self, net, data, seed):
        X, y = data
        with seeded(seed):
            if not (net.warm_start and net.initialized_):
                net.initialize()
            net.check_data(X, y)
            net._set_training(True)
            train, held_out = net.get_split_datasets(X, y)
            loader = net.get_iterator(train, training=True)
            self.batches = indexed(loader, torch.device("cpu"))
            self.held_out = None
            if held_out is not None:
                self.held_out = net.get_iterator(held_out, training=False)
            self.state = torch.get_rng_state()

    def epoch(self):
        """Draw which rows each batch takes."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.state)
            places = list(self.batches.places())
            if self.held_out is not None:
                iter(self.held_out)  # it draws a seed
            self.state = torch.get_rng_state()
        return places


class _StackedRows:
    """Batches of shape (n_nets, batch_size, ...), of each net its own."""

    def __init__(self, streams, device):
        self.streams = streams
        parts = [stream.batches for stream in streams]
        self.starts = range(0, sum(len(part.X) for part in parts), len(parts[0].X))
        X, y = (torch.cat([getattr(part, name) for part in parts]) for name in ("X", "y"))
        self.device = torch.device(device or "cpu")
        home = self.device if fits(X, self.device) else X.device
        self.X, self.y = X.to(home), y.to(home)

    def __iter__(self):
        epochs = [stream.epoch() for stream in self.streams]
        for places in zip(*epochs, strict=True):
            at = torch.cat([p + start for p, start in zip(places, self.starts, strict=True)])
            at = at.to(self.X.device)
            yield [
                part.index_select(0, at).unflatten(0, (len(places), -1)).to(self.device)
                for part in (self.X, self.y)
            ]


class _Loss(nn.Module):
    """A net's loss as a module, so that the weights in it can be exchanged."""

    def __init__(self, net):
        super().__init__()
        self.module, self.net = net.module_, net

    def forward(self, x, y):
        return self.net.get_loss(self.net.infer(x), y, X=x, training=True)


def _losses(net, weights, buffers):
    whole = _Loss(net)
    state = {f"module.{name}": value for name, value in (weights | buffers).items()}
    batched = vmap(lambda s, x, y: functional_call(whole, s, (x, y)), randomness="different")

    def losses_of(x, y):
        try:
            return batched(state, x, y)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise ValueError(
                "The nets cannot be trained as one, since their module does not go with "
                "torch.func.vmap; train them one by one."
            ) from error

    return losses_of


def _stacked_optimizer(net, weights):
    names = {parameter: name for name, parameter in net.module_.named_parameters()}
    groups = [
        {**group, "params": [weights[names[p]] for p in group["params"]]}
        for group in net.optimizer_.param_groups
    ]
    return type(net.optimizer_)(groups, lr=net.lr)


def _record(net, losses, sizes):
    net.on_epoch_begin(net)
    for loss, size in zip(losses, sizes, strict=True):
        net.on_batch_begin(net)
        net.history.record_batch("train_loss", loss)
        net.history.record_batch("train_batch_size", size)
    net.history.record("train_batch_count", len(sizes))
    for _, callback in net.callbacks_:
        if type(callback) is PassthroughScoring:
            callback.on_epoch_end(net)


def _schedule(scheduler, shown, nets):
    scheduler.on_epoch_end(shown)
    name, row = scheduler.event_name, nets[0].history[-1]
    if name in row:
        for net in nets[1:]:
            net.history.record(name, row[name])


@torch.no_grad()
def _take_out(net, i, weights, buffers, optimizer):
    """Give a net its slice of the weights and of the optimizer's state."""
    for name, buffer in net.module_.named_buffers():
        buffer.copy_(buffers[name][i])
    for name, parameter in net.module_.named_parameters():
        parameter.copy_(weights[name][i])
        if state := optimizer.state.get(weights[name]):
            net.optimizer_.state[parameter] = {
                key: _slice(value, i, weights[name].shape) for key, value in state.items()
            }
    for own, stacked in zip(net.optimizer_.param_groups, optimizer.param_groups, strict=True):
        own.update({key: value for key, value in stacked.items() if key != "params"})


def _slice(value, i, shape):
    if not isinstance(value, torch.Tensor):
        return value
    return value[i].clone() if value.shape == shape else value.clone()


def _check_alike(nets, streams):
    first: dict = {}
    for i, (net, stream) in enumerate(zip(nets, streams, strict=True)):
        if net.optimizer_.state:
            raise ValueError(f"nets[{i}] goes on with an optimizer that has trained already.")
        if any(True for _ in net.criterion_.parameters()):
            raise ValueError(f"nets[{i}] has a criterion that learns; train the nets one by one.")
        traits = _traits(net, stream.batches)
        first = first or traits
        for name, value in traits.items():
            if value != first[name]:
                raise ValueError(
                    f"nets[{i}] differs from nets[0] in its {name}, {value} and {first[name]}; "
                    "nets that are trained as one are alike."
                )


def _traits(net, batches):
    return {
        "rows": (batches.X.shape, batches.X.dtype, batches.y.dtype),
        "number of training rows": len(batches.loader.dataset),
        "batch_size": (batches.loader.batch_sampler.batch_size, len(batches)),
        "max_epochs": net.max_epochs,
        "device": str(net.device),
        "module": str(net.module_),
        "weights": [(name, p.shape, p.dtype) for name, p in net.module_.named_parameters()],
        "criterion": str(net.criterion_),
        "criterion's values": {k: v.tolist() for k, v in net.criterion_.state_dict().items()},
        "optimizer": [
            {key: value for key, value in group.items() if key != "params"}
            for group in net.optimizer_.param_groups
        ],
    }
