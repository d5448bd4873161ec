"""Sets of words that are to differ in the bias alone: Bolukbasi et al. (2016), "equalize"."""

from typing import NamedTuple

import numpy as np

from sklearn_privfair.metrics._word_vectors import some_of

SAME = 1e-6  # parts of words closer than this, of their length, are one


class EqualizedSet(NamedTuple):
    """Rows, the way each goes from their centre along the bias, and how long they are to be."""

    rows: list
    ways: np.ndarray
    radius: float


def plan_equalizing(words, rows, vectors, components):
    """Find where each word of a set is to go, from the vectors before they are neutralized.

    After neutralizing, what a word had of the bias is rounding noise, and so would be its sign.

    Parameters
    ----------
    words : tuple of str
    rows : list of int
    vectors : ndarray of shape (n_words, n_features)
        In float64.
    components : ndarray of shape (n_components, n_features)

    Returns
    -------
    plan : EqualizedSet
        For vectors of unit length the radius is 1; else the root of their mean squared length,
        which is never below the length of their mean.
    """
    along = vectors @ components.T
    along -= along.mean(axis=0)
    lengths = np.linalg.norm(along, axis=1, keepdims=True)
    radius = np.sqrt(np.mean(np.sum(vectors**2, axis=1)))
    if (lengths <= SAME * radius).any():
        raise ValueError(
            f"equalize_sets: {some_of(words)} cannot be told apart, since not all differ from "
            "their mean along the bias components; leave this set out, or take more components."
        )
    return EqualizedSet(rows, along / lengths @ components, radius)


def equalize(out, plan, components):
    r"""Put the words of a set at one point, save for the bias, in which they differ all alike.

    .. math:: w = \nu + \sqrt{r^2 - \|\nu\|^2} (w_B - \mu_B) / \|w_B - \mu_B\|

    where :math:`\mu` is the mean of the set, :math:`\nu = \mu - \mu_B`, and r the radius.
    """
    centre = out[plan.rows].astype(np.float64).mean(axis=0)
    centre -= (centre @ components.T) @ components
    height = np.sqrt(max(plan.radius**2 - centre @ centre, 0.0))
    out[plan.rows] = centre + height * plan.ways
