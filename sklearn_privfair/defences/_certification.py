"""What votes under noise prove: the statistics of randomized smoothing, and their result.

Cohen, Rosenfeld & Kolter (2019), "Certified adversarial robustness via randomized smoothing",
section 3.2: the tests of PREDICT and CERTIFY, on counts alone.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import beta, binom


def lower_confidence_bound(n_hits, n, alpha):
    """Give the one-sided Clopper-Pearson bound of a proportion.

    Parameters
    ----------
    n_hits : int ndarray
    n : int
        Trials.
    alpha : float
        The proportion is below the bound with at most this probability.

    Returns
    -------
    p_lower : float ndarray
    """
    hits = np.maximum(n_hits, 1)  # of no hits the bound is 0, and that beta has no density
    return np.where(n_hits > 0, beta.ppf(alpha, hits, n - hits + 1), 0.0)


def is_ahead(first, second, alpha):
    """Tell whether the first class is ahead of the second beyond chance.

    Parameters
    ----------
    first, second : int ndarray
        Votes of the two classes that have most.
    alpha : float
        Level of the two-sided binomial test with probability 1/2.

    Returns
    -------
    ahead : bool ndarray
    """
    # at 1/2 the binomial is symmetric, and the two tails are equal
    return 2 * binom.sf(first - 1, first + second, 0.5) <= alpha


def certified_radius(p_lower, sigma):
    """Give the radius within which the class cannot change: Cohen et al., theorem 1.

    Parameters
    ----------
    p_lower : float ndarray
        Lower bound of the class's probability under noise; that of all others together is taken
        to be the rest.
    sigma : float

    Returns
    -------
    radius : float ndarray
        0 where `p_lower` is not above 1/2.
    """
    return sigma * ndtri(np.maximum(p_lower, 0.5))


@dataclass
class CertificationResult:
    """Labels of a smoothed classifier, and the radii within which they are certain to hold.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, ...)
        The rows as given.
    label : ndarray of shape (n_samples,)
        The class certified. Where none could be, the `abstain_label`, or if that is None the
        class that had most votes all the same.
    radius : float ndarray of shape (n_samples,)
        The smoothed classifier gives `label` to every row that is less than this away in l2, in
        the units of `X` divided by the defence's `scale_`, save with probability `alpha` for each
        row. 0 where it abstains.
    p_lower : float ndarray of shape (n_samples,)
        Lower confidence bound of the probability, under noise, of the class selected; it abstains
        where this is not above 1/2.
    abstains : bool ndarray of shape (n_samples,)
        Whether nothing is certified.
    n_forward : int ndarray of shape (n_samples,)
        Noisy copies of each row about which the classifier was asked.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_privfair.defences import RandomizedSmoothingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> smooth = RandomizedSmoothingClassifier(forest, sigma=0.5, random_state=0).fit(X, y)
    >>> result = smooth.certify(X[::50])
    >>> result.to_frame().columns.tolist()
    ['label', 'radius', 'p_lower', 'abstains', 'n_forward']
    >>> (result.radius[~result.abstains] > 0).all()
    np.True_
    """

    X: object = field(repr=False)
    label: np.ndarray
    radius: np.ndarray
    p_lower: np.ndarray
    abstains: np.ndarray
    n_forward: np.ndarray

    def to_frame(self):
        """Give one line per row: label, radius, bound, abstention, cost.

        Returns
        -------
        frame : pandas.DataFrame
            With the index of `X` if that is a data frame.
        """
        names = ("label", "radius", "p_lower", "abstains", "n_forward")
        table = {name: getattr(self, name) for name in names}
        return pd.DataFrame(table, index=getattr(self.X, "index", None))

    def __repr__(self):
        n, done = len(self.radius), int((~self.abstains).sum())
        middle = np.median(self.radius[~self.abstains]) if done else np.nan
        return (
            f"CertificationResult({done} of {n} rows are certified, median radius {middle:.4g}, "
            f"{int(self.n_forward.sum())} forward passes)"
        )
