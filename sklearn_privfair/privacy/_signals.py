"""What a model's probabilities betray of a record: confidence, loss, entropy, one number each.

Log-odds: Carlini, Chien, Nasr, Song, Terzis & Tramer (2022), "Membership inference attacks from
first principles", section V-A, in the form that does not cancel. Modified entropy: Song & Mittal
(2021), "Systematic evaluation of privacy risks of machine learning models", equation 8.
"""

import numpy as np

# What probabilities are kept away from, at 0 and 1, where nothing else is said.
SMALLEST = 1e-12


def true_proba(proba, codes):
    """Give the probability of each record's own class.

    Parameters
    ----------
    proba : ndarray of shape (..., n_records, n_classes)
    codes : int ndarray of shape (n_records,)

    Returns
    -------
    p : ndarray of shape (..., n_records) and dtype float64
    """
    index = np.broadcast_to(codes, proba.shape[:-1])[..., None]
    return np.take_along_axis(proba, index, axis=-1)[..., 0].astype(np.float64)


def other_proba(proba, codes):
    """Give the probability of all other classes together, summed so that it does not cancel."""
    index = np.broadcast_to(codes, proba.shape[:-1])[..., None]
    others = proba.astype(np.float64)
    np.put_along_axis(others, index, 0.0, axis=-1)
    return others.sum(axis=-1)


def log_odds(proba, codes, clip=SMALLEST):
    """Give the logarithm of the odds of each record's own class.

    Parameters
    ----------
    proba : ndarray of shape (..., n_records, n_classes)
    codes : int ndarray of shape (n_records,)
    clip : float, default=1e-12
        Odds are kept between `clip` and its inverse.

    Returns
    -------
    log_odds : ndarray of shape (..., n_records)
    """
    p, q = (np.maximum(f(proba, codes), clip) for f in (true_proba, other_proba))
    return np.log(p) - np.log(q)


def log_loss(proba, codes, clip=SMALLEST):
    """Give the cross-entropy of each record, near 0 by the other classes' share: it is exact."""
    p, q = true_proba(proba, codes), other_proba(proba, codes)
    near_one = -np.log1p(-np.minimum(q, 0.5))
    return np.where(q < 0.5, near_one, -np.log(np.maximum(p, clip)))


def entropy(proba, clip=SMALLEST):
    """Give the entropy of the probabilities, whatever the class."""
    p = np.maximum(proba.astype(np.float64), clip)
    return -(p * np.log(p)).sum(axis=-1)


def modified_entropy(proba, codes, clip=SMALLEST):
    """Give the modified entropy: 0 for the right class at probability 1, large for a wrong one."""
    p, others = np.maximum(true_proba(proba, codes), clip), proba.astype(np.float64)
    complement, largest = 1.0 - others, proba.argmax(axis=-1)
    not_largest = other_proba(proba, largest)[..., None]  # which does not cancel
    np.put_along_axis(complement, largest[..., None], not_largest, axis=-1)
    index = np.broadcast_to(codes, proba.shape[:-1])[..., None]
    np.put_along_axis(others, index, 0.0, axis=-1)
    rest = others * np.log(np.maximum(complement, clip))
    return -other_proba(proba, codes) * np.log(p) - rest.sum(axis=-1)


def correct(proba, codes):
    """Tell, as 0 or 1, whether the most probable class is the record's own."""
    return (proba.argmax(axis=-1) == codes).astype(np.float64)
