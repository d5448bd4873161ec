"""Signs that a model hides its gradient, so that its robustness is overestimated."""

import warnings

import torch


class GradientMaskingWarning(UserWarning):
    """A model gave no gradient to follow: its robustness may be overestimated.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_privfair.attacks import GradientMaskingWarning
    >>> warnings.simplefilter("error", GradientMaskingWarning)  # in an evaluation, be strict
    """


def warn_if_masked(flat, attacked):
    """Warn if an attack failed on more than 1% of its rows where it had no gradient to begin with.

    Single rows may be out of reach for good reason: all units of a small net at rest.

    Parameters
    ----------
    flat : bool ndarray of shape (n_samples,)
        Rows on which the attack failed and whose gradient was zero at its start.
    attacked : bool ndarray of shape (n_samples,)
        Rows attacked.
    """
    if flat.sum() > 0.01 * attacked.sum():
        warnings.warn(
            f"The gradient of {int(flat.sum())} of {int(attacked.sum())} rows attacked was zero "
            "where the attack began, and it failed on them: the model hides its gradient (a "
            "softmax that was not seen, saturation, a step function), and may be less robust than "
            "this attack can tell. Give logits, or use an attack that needs no gradient.",
            GradientMaskingWarning,
            stacklevel=4,
        )


def warn_if_outdone(result, share=0.002):
    """Warn if members of an ensemble without gradients turned rows that those with them could not.

    Parameters
    ----------
    result : AttackResult
        Of an ensemble.
    share : float, default=0.002
        Of the rows attacked, that may be so by chance; and one row always may.
    """
    blind = {"SquareAttack", "HopSkipJumpAttack", "RandomSearchAttack"}
    sighted = [name for name in result.members if name not in blind]
    n = sum(name in blind for name in result.found_by)
    if sighted and n > max(1, share * result.attacked.sum()):
        warnings.warn(
            f"Attacks that see no gradient turned {n} of {int(result.attacked.sum())} rows on "
            f"which {', '.join(sighted)} had failed: the model's gradients mislead, and its "
            "robust accuracy may be lower than this. Give SquareAttack more queries, or attack "
            "through a surrogate with TransferAttack.",
            GradientMaskingWarning,
            stacklevel=3,
        )


def warn_if_random(module, x, n=64):
    """Warn if a model answers differently when asked the same again.

    Parameters
    ----------
    module : torch.nn.Module
        From rows to logits.
    x : torch.Tensor of shape (n_samples, ...)
    n : int, default=64
        Rows to ask about.
    """
    x = x[:n].to(next((p.device for p in module.parameters()), x.device))
    with torch.no_grad():
        if len(x) and not torch.equal(module(x), module(x)):
            warnings.warn(
                "The model answers the same rows differently when asked again: a defence by "
                "randomness, which these attacks do not average out, and which may be less robust "
                "than they can tell.",
                GradientMaskingWarning,
                stacklevel=5,
            )
