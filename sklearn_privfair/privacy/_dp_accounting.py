"""What the steps of DP-SGD spend, and the noise that keeps to a budget.

A step is the Gaussian mechanism on a Poisson sample: each row takes part with probability
`sample_rate`. The accountants are Opacus': "prv" composes the privacy loss numerically (Gopi, Lee
and Wutschitz 2021) and is exact up to an error that it bounds; "rdp" composes Rényi divergences
(Mironov, Talwar and Zhang 2019), a bound some 10% above.
"""

import warnings
from functools import lru_cache

import numpy as np

from sklearn_privfair.privacy._dp_opacus import opacus

# Beyond this "prv" needs memory without bound for a guarantee that says nothing: "rdp" stands in.
LARGEST_PRV = 100.0

# What is found lies within this share of the budget.
TOLERANCE = 0.005

# Orders of the Rényi divergences: small ones tell for large budgets, large ones for small.
ORDERS = [
    *(1 + np.geomspace(0.1, 8, 12)).tolist(),
    *range(10, 64),
    *np.geomspace(64, 4096, 25).astype(int).tolist(),
]


@lru_cache(maxsize=1024)
def epsilon_spent(noise_multiplier, sample_rate, n_steps, delta, accountant):
    """Give an upper bound of epsilon after some steps, for one record added or removed.

    Parameters
    ----------
    noise_multiplier : float
        Standard deviation of the noise, in units of the clipping norm.
    sample_rate : float
        In (0, 1].
    n_steps : int
    delta : float
    accountant : {"prv", "rdp"}

    Returns
    -------
    epsilon : float
        Infinite without noise.
    """
    if n_steps == 0:
        return 0.0
    if noise_multiplier == 0:
        return float("inf")
    history = [(float(noise_multiplier), float(sample_rate), int(n_steps))]
    # those below 2 take long where there is much noise, and tell nothing there
    orders = [order for order in ORDERS if order >= 2 or noise_multiplier < 10]
    bound = _ask("rdp", history, delta, alphas=orders)
    if accountant == "rdp" or not bound < LARGEST_PRV:
        return bound
    try:
        return _ask("prv", history, delta, eps_error=max(bound * TOLERANCE / 5, 5e-4))
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"The accountant 'prv' cannot compose noise_multiplier={noise_multiplier:.3g}, "
            f"sample_rate={sample_rate:.3g}, n_steps={n_steps}, delta={delta:.3g} ({error}); use "
            "accountant='rdp'."
        ) from error


def _ask(name, history, delta, **options):
    accountant = opacus().accountants.create_accountant(mechanism=name)
    accountant.history = history
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the best order may be the first or last that is tried
        return float(accountant.get_epsilon(delta, **options))


@lru_cache(maxsize=1024)
def noise_for(epsilon, sample_rate, n_steps, delta, accountant):
    """Find the least noise that keeps some steps within a budget.

    Parameters
    ----------
    epsilon : float
        The budget.
    sample_rate, n_steps, delta, accountant
        See :func:`epsilon_spent`.

    Returns
    -------
    noise_multiplier : float

    Raises
    ------
    ValueError
        If no reasonable noise is enough.
    """

    def excess(log_noise):
        spent = epsilon_spent(np.exp(log_noise), sample_rate, n_steps, delta, accountant)
        return np.log(max(spent, 1e-300) / (epsilon * (1 - TOLERANCE / 2)))

    high, step = 0.0, np.log(2)
    if accountant == "prv":  # a little below what the cheaper bound asks for
        high = np.log(noise_for(epsilon, sample_rate, n_steps, delta, "rdp"))
        step = 0.1
    low = high - step
    f_high, f_low = excess(high), excess(low)
    while f_high > 0:
        low, f_low, high = high, f_high, high + step
        f_high = excess(high)
        if high > np.log(1e6):
            raise ValueError(
                f"No noise keeps {n_steps} steps at sample_rate={sample_rate:.3g} within "
                f"epsilon={epsilon} at delta={delta:.3g}; allow more, or train fewer epochs."
            )
    while f_low <= 0:
        high, f_high, low = low, f_low, low - step
        f_low = excess(low)
    while np.exp(f_high) < 1 - TOLERANCE / 2 and high - low > 1e-6:
        # log epsilon is nearly linear in log noise; half-way, where it is not (a jump to "rdp")
        middle = low + (high - low) * f_low / (f_low - f_high)
        middle = np.clip(middle, low + 0.1 * (high - low), high - 0.1 * (high - low))
        f_middle = excess(middle)
        if f_middle > 0:
            low, f_low = middle, f_middle
        else:
            high, f_high = middle, f_middle
    return float(np.exp(high))
