"""From scores to probabilities of membership, by games whose outcome is known."""

import numpy as np
from scipy.special import expit
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression


class MembershipCalibration:
    """Isotonic regression of membership on a score, made strictly increasing.

    Parameters
    ----------
    score : ndarray of shape (n,)
    truth : bool ndarray of shape (n,)
    """

    def __init__(self, score, truth):
        # as many members as others: what is learned is the evidence, and not who was drawn
        weight = np.where(truth, 1 / max(1, truth.sum()), 1 / max(1, (~truth).sum()))
        low, high = score.min(), score.max()
        self._middle = np.median(score)
        quarter, three_quarters = np.quantile(score, [0.25, 0.75])
        self._width = max(three_quarters - quarter, (high - low) * 1e-3, 1e-12)
        self._isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        self._isotonic.fit(score, truth.astype(float), sample_weight=weight / weight.max())

    def __call__(self, score):
        """Give the probability of each score."""
        # regression has steps, on which records would lose their order
        slope = expit(np.arcsinh((score - self._middle) / self._width))
        return 0.998 * self._isotonic.predict(score) + 0.002 * slope


def play(method, game, seed):
    """Let a method judge games whose outcome is known, and never records that it learned from.

    Parameters
    ----------
    method : MembershipMethod
    game : Game
    seed : int

    Returns
    -------
    score : ndarray of shape (n,)
        Of all games together.
    truth : bool ndarray of shape (n,)
    """
    shuffled = np.random.default_rng(seed).permutation(game.judged)
    if method.max_judged is not None:
        shuffled = shuffled[: 2 * method.max_judged]
    shuffled = shuffled[np.argsort(game.records.codes[shuffled], kind="stable")]  # each class alike
    halves = shuffled[::2], shuffled[1::2]
    scores, truths = [], []
    for learned, judged in (halves, halves[::-1]):
        fresh = clone(method)
        fresh.learn(game.among(learned), seed)
        judged = judged[fresh.judges(game.records.codes[judged])]
        for evidence, truth in game.among(judged).rounds(method.compares):
            scores.append(fresh.judge(evidence))
            truths.append(truth)
    return np.concatenate(scores), np.concatenate(truths)
