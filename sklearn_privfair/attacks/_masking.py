"""Signs that a model hides its gradient, so that its robustness is overestimated."""

import warnings


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
