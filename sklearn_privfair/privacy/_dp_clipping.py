"""Sums of gradients, each row's clipped to a norm: by ghost clipping, or one gradient a row.

Ghost clipping (Goodfellow 2015; Li, Tramèr, Liang and Hashimoto 2022) computes the norm of each
row's gradient from what goes into a layer and what comes back to its output; "book-keeping" (Bu,
Wang, Zha and Karypis 2023) reuses both for the clipped sum, so that no second pass through the net
is needed. The rules for layers are Opacus'.
"""

import torch
from torch.autograd.graph import get_gradient_edge
from torch.func import functional_call, grad, vmap
from torch.nn.utils import parameters_to_vector

from sklearn_privfair.privacy._dp_opacus import opacus


class NoGhostError(Exception):
    """The norms of the rows' gradients cannot be told from the layers alone."""


class Losses:
    """The loss of each row of a batch, as a net computes it, and its answers.

    Parameters
    ----------
    net : skorch.NeuralNet
        Initialised.
    """

    def __init__(self, net):
        self.net = net

    def __call__(self, x, y):
        """Give losses of shape (n_rows,), and answers."""
        net, criterion = self.net, self.net.criterion_
        answers = net.infer(x)
        reduction, criterion.reduction = criterion.reduction, "none"
        try:
            losses = net.get_loss(answers, y, X=x, training=True)
        finally:
            criterion.reduction = reduction
        if losses.shape[:1] != x.shape[:1]:
            raise ValueError(
                f"With reduction='none' the net's criterion {type(criterion).__name__} gives "
                f"losses of shape {tuple(losses.shape)} for {len(x)} rows; DP-SGD clips the "
                "gradient of each row, and needs a loss of each."
            )
        losses = losses.reshape(len(x), -1)
        return (losses.sum(1) if reduction == "sum" else losses.mean(1)), answers


def trainable(net):
    """List the weights of a net that are trained."""
    return [weight for weight in net.module_.parameters() if weight.requires_grad]


def factors(norms, largest):
    """Give what each row's gradient is multiplied by, or raise if one is not finite."""
    if not torch.isfinite(norms).all():
        raise ValueError(
            "The gradient of a row is not finite: X holds huge values, or the training diverges. "
            "Scale the features, or lower the net's lr."
        )
    return largest / norms.clamp(min=largest)


def ghost_sums(net, x, y, max_grad_norm):
    """Sum the clipped gradients of rows by ghost clipping.

    Parameters
    ----------
    net : skorch.NeuralNet
        In train mode.
    x, y : torch.Tensor
        At least one row, on the net's device.
    max_grad_norm : float

    Returns
    -------
    sums : list of torch.Tensor
        One for each trainable weight.
    losses : torch.Tensor of shape (n_rows,)
    answers : torch.Tensor of shape (n_rows, ...)

    Raises
    ------
    NoGhostError
        If there is no rule for a layer, or a layer is used in a way that the rule does not know.
    """
    calls: list = []

    def listen(layer, inputs, output):
        if not torch.is_tensor(output) or len(inputs) != 1:
            raise NoGhostError(f"{type(layer).__name__} takes or gives more than one tensor")
        if not output.requires_grad:
            return
        # an activation in place would replace the output: its place in the graph is kept
        calls.append((layer, inputs[0].detach(), get_gradient_edge(output)))

    layers = [layer for layer in net.module_.modules() if _own(layer)]
    handles = [layer.register_forward_hook(listen) for layer in layers]
    try:
        losses, answers = Losses(net)(x, y)
    finally:
        for handle in handles:
            handle.remove()
    if len({layer for layer, *_ in calls}) < len(calls):
        raise NoGhostError("a layer is used more than once")
    edges = [edge for *_, edge in calls]
    backs = torch.autograd.grad(losses.sum(), edges, retain_graph=True, allow_unused=True)
    used = [(*call, back) for call, back in zip(calls, backs, strict=True) if back is not None]
    squares = torch.zeros_like(losses)
    for layer, inputs, _, back in used:
        squares = squares + _squared_norms(layer, inputs, back, len(x))
    factor = factors(squares.sqrt(), max_grad_norm)
    sums: dict = {}
    for layer, _, edge, back in used:
        scaled = back * factor.reshape(-1, *[1] * (back.ndim - 1))
        own = _own(layer)
        found = torch.autograd.grad([edge], own, [scaled], retain_graph=True)
        sums.update(zip(own, found, strict=True))
    whole = [sums[w] if w in sums else torch.zeros_like(w) for w in trainable(net)]
    return whole, losses.detach(), answers.detach()


def _own(layer):
    """List the trained weights that belong to a layer itself."""
    return [weight for weight in layer.parameters(recurse=False) if weight.requires_grad]


def _squared_norms(layer, inputs, back, n_rows):
    """Give the squared norms of the rows' gradients of a layer's weights."""
    if len(inputs) != n_rows or len(back) != n_rows:
        raise NoGhostError(f"what enters {layer} or leaves it is not one thing for each row")
    rules = opacus().grad_sample.GradSampleModuleFastGradientClipping
    if type(layer) in rules.NORM_SAMPLERS and back.ndim <= 3:
        norms = rules.NORM_SAMPLERS[type(layer)](layer, [inputs], back)
        squares = {weight: norm.square() for weight, norm in norms.items()}
    elif type(layer) in rules.GRAD_SAMPLERS:
        # one gradient a row, but of this layer alone, and forgotten at once
        found = rules.GRAD_SAMPLERS[type(layer)](layer, [inputs], back)
        squares = {weight: rows.flatten(1).square().sum(1) for weight, rows in found.items()}
    else:
        raise NoGhostError(f"there is no rule for {type(layer).__name__}")
    if not all(weight in squares for weight in _own(layer)):
        raise NoGhostError(f"the rule for {type(layer).__name__} leaves out a weight")
    return torch.stack([squares[weight] for weight in _own(layer)]).sum(0)


class _LossOfRow(torch.nn.Module):
    """The loss of one row as a module, so that its weights can be given."""

    def __init__(self, net):
        super().__init__()
        self.module, self.losses = net.module_, Losses(net)

    def forward(self, x, y):
        losses, answers = self.losses(x[None], y[None])
        return losses.sum(), (losses.sum().detach(), answers[0].detach())


def per_sample_sums(net, x, y, max_grad_norm):
    """Sum the clipped gradients of rows, each computed by itself; as :func:`ghost_sums`."""
    module = _LossOfRow(net)
    weights = {n: w for n, w in module.named_parameters() if w.requires_grad}
    # the losses' own weights are none of the module's

    def loss(weights, x, y):
        return functional_call(module, weights, (x, y))

    of_rows = vmap(grad(loss, has_aux=True), in_dims=(None, 0, 0), randomness="different")
    detached = {name: weight.detach() for name, weight in weights.items()}
    gradients, (losses, answers) = of_rows(detached, x, y)
    flat = [gradients[name].flatten(1) for name in weights]
    norms = torch.stack([g.square().sum(1) for g in flat]).sum(0).sqrt()
    factor = factors(norms, max_grad_norm)
    sums = [(factor @ g).reshape(w.shape) for g, w in zip(flat, weights.values(), strict=True)]
    return sums, losses, answers


def plain_sums(net, x, y, max_grad_norm):
    """Sum the clipped gradients of a few rows by plain differentiation of each one's loss.

    The judge of the others: one pass for each row, from the same random numbers.
    """
    weights = trainable(net)
    losses, _ = Losses(net)(x, y)
    whole = 0
    for loss in losses:
        found = torch.autograd.grad(loss, weights, retain_graph=True, materialize_grads=True)
        row = torch.cat([part.flatten() for part in found])
        whole = whole + row * factors(row.norm(), max_grad_norm)
    return whole


def why_no_ghost(net, x, y, max_grad_norm):
    """Tell why ghost clipping cannot be used for a net; None: it can.

    It is compared with plain differentiation, on a few rows: weights that are tied, used outside
    of their layers or in the loss itself would escape the rules, and the noise would not cover
    them.

    Parameters
    ----------
    net, x, y, max_grad_norm
        See :func:`ghost_sums`; a few rows.

    Returns
    -------
    reason : str or None
    """
    state = torch.get_rng_state()
    try:
        found, *_ = ghost_sums(net, x, y, max_grad_norm)
    except NoGhostError as error:
        return str(error)
    torch.set_rng_state(state)  # the same units dropped
    expected = plain_sums(net, x, y, max_grad_norm)
    difference = (parameters_to_vector(found) - expected).norm()
    if difference > 1e-3 * expected.norm() + 1e-6 * max_grad_norm:
        return "its sums differ from those of plain differentiation: weights are tied or used twice"
    return None
