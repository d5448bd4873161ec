"""Which records each shadow model is trained on: halves that hold as many of each class."""

import math
from numbers import Integral

import numpy as np


def design(records, audited, n_models, size, seed):
    """Decide on which records each shadow model is trained.

    Parameters
    ----------
    records : Records
    audited : bool ndarray of shape (n_records,)
        Which records are to be judged.
    n_models : int
    size : int or float
        How many records a model is trained on, or what share of all.
    seed : int

    Returns
    -------
    members : bool ndarray of shape (n_models, n_records)
        Records that are the same are all in, or all out.

    Raises
    ------
    ValueError
        If `size` does not leave half of the records to be judged in, and half out.
    """
    n, n_judged = len(records), int(audited.sum())
    n_train = float(size if isinstance(size, Integral) else size * n)
    least, most = n_judged / 2, n - n_judged / 2 - (n_judged == 0)
    if not max(least, 1) <= n_train <= most:
        raise ValueError(
            f"shadow_size={size!r} asks for {n_train:.0f} records of {n}. Of the {n_judged} to be "
            "judged half are in the training of each shadow model, and some records must be left "
            f"out: give a number from {max(1, math.ceil(least))} to {math.floor(most)}."
        )
    alone = np.unique(records.first)
    members = np.zeros((n_models, n), dtype=bool)
    members[:, alone] = draw_members(
        records.codes[alone], audited[alone], n_models, n_train * len(alone) / n, seed
    )
    return members[:, records.first]


def draw_members(codes, audited, n_models, n_train, seed):
    """Draw the training records of shadow models, class by class.

    Of records that are judged, each is in every second model: models come in pairs, of which one
    has the half that the other has not. Of others each model draws its own.

    Parameters
    ----------
    codes : int ndarray of shape (n_records,)
        Classes.
    audited : bool ndarray of shape (n_records,)
        Which records are to be judged.
    n_models : int
    n_train : int
        How many records a model is trained on.
    seed : int

    Returns
    -------
    members : bool ndarray of shape (n_models, n_records)
        A model's row depends on the seed and its number alone, not on how many models there are.
    """
    judged, others = np.flatnonzero(audited), np.flatnonzero(~audited)
    share = (n_train - len(judged) / 2) / max(1, len(others))
    members = np.zeros((n_models, len(codes)), dtype=bool)
    for k in range(n_models):
        pair = np.random.default_rng([seed, k // 2, 0])
        members[k, _part(judged, codes, 0.5, pair, k % 2)] = True
        members[k, _part(others, codes, share, np.random.default_rng([seed, k, 1]), 0)] = True
    return members


def _part(rows, codes, share, rng, side):
    """Draw a share of the rows of each class; the other side of 1/2 is what the first left."""
    if len(rows) == 0 or share <= 0:
        return rows[:0]
    shuffled = rng.permutation(rows)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    sorted_codes = codes[by_class]
    starts = np.searchsorted(sorted_codes, sorted_codes)
    counts = np.searchsorted(sorted_codes, sorted_codes, side="right") - starts
    place = np.arange(len(by_class)) - starts
    # an odd one out goes to either side by chance
    extra = rng.random(len(codes))[by_class[starts]]
    cut = np.floor(share * counts + extra)
    return by_class[place < cut] if side == 0 else by_class[place >= cut]
