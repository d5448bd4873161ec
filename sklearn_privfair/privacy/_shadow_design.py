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
            f"shadow_size={size!r} asks for {n_train:.0f} of n_samples={n} records. Of the "
            f"{n_judged} to be judged half are in the training of each shadow model, and some "
            f"records must be left out: give a number from {max(1, math.ceil(least))} to "
            f"{math.floor(most)}."
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
    members = np.zeros((n_models, len(codes)), dtype=bool)
    for k in range(n_models):
        of_pair, own = (np.random.default_rng(seeds) for seeds in ([seed, k // 2, 0], [seed, k, 1]))
        half = _part(judged, codes, (len(judged) + of_pair.integers(2)) // 2, of_pair)
        members[k, half if k % 2 == 0 else np.setdiff1d(judged, half)] = True
        n_others = round(n_train) - members[k].sum()
        members[k, _part(others, codes, min(max(n_others, 0), len(others)), own)] = True
    return members


def _part(rows, codes, n_wanted, rng):
    """Draw as many of the rows: of each class the same share, as nearly as can be.

    What is left of a record in a class goes to one or to another by chance, so that every row is
    as likely to be drawn (systematic sampling).
    """
    if len(rows) == 0:
        return rows
    _, classes, counts = np.unique(codes[rows], return_inverse=True, return_counts=True)
    order = rng.permutation(len(counts))
    edges = np.floor(np.cumsum(counts[order] * n_wanted / len(rows)) + rng.random())
    edges[-1] = n_wanted
    taken = np.zeros(len(counts), dtype=int)
    taken[order] = np.diff(edges, prepend=0)
    shuffled = rng.permutation(len(rows))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows[by_class[place < np.repeat(taken, counts)]]
