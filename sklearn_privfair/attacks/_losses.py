"""What a gradient attack makes large, one number a row.

Each loss takes logits (n, n_classes), the label to leave (n,) and, for a targeted attack, the
class to reach (n,).
"""

import torch


def _split(logits, index):
    """Logit of class `index` and the logits of the others, -inf at `index`."""
    chosen = logits.gather(1, index[:, None]).squeeze(1)
    others = logits.scatter(1, index[:, None], -torch.inf)
    return chosen, others


def margin(logits, label, target=None):
    """How far the decision is beyond the boundary; positive for an adversarial row.

    Carlini & Wagner (2017), equation 6: the best other class's logit above the label's, or the
    target's above the best other's.
    """
    chosen, others = _split(logits, label if target is None else target)
    gap = others.amax(1) - chosen
    return gap if target is None else -gap


def log_odds(logits, label, target=None):
    """Cross-entropy by its logarithm of odds: the same direction, a gradient that never vanishes.

    The cross-entropy of a row is ``softplus(log_odds)``, an increasing function, so that the
    gradients are parallel; but where the net is sure, that of the cross-entropy underflows to 0.
    """
    chosen, others = _split(logits, label if target is None else target)
    odds = torch.logsumexp(others, dim=1) - chosen
    return odds if target is None else -odds


def dlr(logits, label, target=None):
    """Difference of logits ratio, blind to the scale of the logits.

    Croce & Hein (2020), equations 6 and 7. Needs 3 classes, or 4 when targeted.
    """
    check_classes("dlr", logits.shape[1], target is not None)
    top = logits.topk(3 if target is None else 4, dim=1).values
    if target is None:
        return margin(logits, label) / (top[:, 0] - top[:, 2]).clamp_min(1e-12)
    spread = top[:, 0] - (top[:, 2] + top[:, 3]) / 2
    pair = logits.gather(1, target[:, None]) - logits.gather(1, label[:, None])
    return pair.squeeze(1) / spread.clamp_min(1e-12)


LOSSES = {"ce": log_odds, "margin": margin, "dlr": dlr}


def check_classes(loss, n_classes, targeted):
    """Raise if the loss is not defined for so few classes."""
    needed = (4 if targeted else 3) if loss == "dlr" else 2
    if n_classes < needed:
        raise ValueError(
            f"loss={loss!r} needs at least {needed} classes{' when targeted' * targeted}, the "
            f"model has {n_classes}; use loss='margin' or loss='ce'."
        )
