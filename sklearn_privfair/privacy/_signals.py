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
    return _minus_log(true_proba(proba, codes), other_proba(proba, codes), clip)


def entropy(proba, clip=SMALLEST):
    """Give the entropy of the probabilities, whatever the class."""
    p = proba.astype(np.float64)
    return (p * _minus_log(p, _complement(proba), clip)).sum(axis=-1)


def modified_entropy(proba, codes, clip=SMALLEST):
    """Give the modified entropy: 0 for the right class at probability 1, large for a wrong one."""
    rest = proba * _minus_log(_complement(proba), proba.astype(np.float64), clip)
    index = np.broadcast_to(codes, proba.shape[:-1])[..., None]
    np.put_along_axis(rest, index, 0.0, axis=-1)
    return other_proba(proba, codes) * log_loss(proba, codes, clip) + rest.sum(axis=-1)


def _minus_log(p, complement, clip):
    """Give -log(p), exact for all p whose complement 1 - p is."""
    near_one = -np.log1p(-np.minimum(complement, 0.5))
    return np.where(complement < 0.5, near_one, -np.log(np.maximum(p, clip)))


def _complement(proba):
    """Give 1 - p of each probability: of the largest as the sum of others, which is exact."""
    largest = proba.argmax(axis=-1)
    complement = 1.0 - proba.astype(np.float64)
    sums = other_proba(proba, largest)
    np.put_along_axis(complement, largest[..., None], sums[..., None], axis=-1)
    return complement


def correct(proba, codes):
    """Tell, as 0 or 1, whether the most probable class is the record's own."""
    return (proba.argmax(axis=-1) == codes).astype(np.float64)
