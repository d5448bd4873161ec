"""Evidence on records, gathered from a model whose members are not known."""

import warnings

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import _safe_indexing

from sklearn_privfair.privacy._evidence import Evidence


def gather(game, method, model, X, codes, asks, n_jobs):
    """Ask the model judged, and the shadow models where they were not asked before.

    Parameters
    ----------
    game : Game
    method : MembershipMethod
        Says what it uses.
    model : classifier
        The model judged.
    X : array-like or data frame of shape (n_records, ...)
    codes : int ndarray of shape (n_records,)
    asks : callable
        From a model and rows to its answers.
    n_jobs : int or None

    Returns
    -------
    evidence : Evidence

    Raises
    ------
    ValueError
        If records cannot be judged by these shadow models.
    """
    found = game.records.find(X, codes)
    shadows = game.models if method.compares else []
    members = game.members[: len(shadows), found] & (found >= 0)
    members = _check_judged(game, found, members)
    proba = asks(model, X)
    if (found >= 0).all() or not shadows:
        shadow_proba = game.proba[: len(shadows)][:, :, found]
    else:
        shadow_proba = np.stack(
            Parallel(n_jobs=n_jobs)(delayed(asks)(shadow, X) for shadow in shadows)
        )
    around = None
    if method.uses_population:
        strangers = game.not_in_all(np.arange(len(game.models)), game.population)
        around = game.evidence(asks(model, game.records.rows(strangers)), strangers)
    return Evidence(
        codes,
        proba,
        shadow_proba,
        members,
        game.spread,
        game.online,
        game.clip,
        population=around,
        model=model,
        rows=lambda index: _safe_indexing(X, index),
    )


def _check_judged(game, found, members):
    """Raise if records cannot be judged; give the shadow models' members as they count."""
    strange = (found < 0) | ~game.audited[found]
    if game.online and strange.any():
        raise ValueError(
            f"{strange.sum()} of {len(strange)} records were not in the audit given to fit, and an "
            "online attack judges those alone, with the same class labels and values to the last "
            "digit: give them to fit(X, y, audit=...), or fit without audit."
        )
    everywhere = members.all(axis=0) if len(members) else np.zeros(len(found), dtype=bool)
    if everywhere.any():
        warnings.warn(
            f"{everywhere.sum()} of {len(found)} records are the attacker's own, and were in the "
            "training of every shadow model. They are judged as if these had been trained without "
            "them, and so too rarely as members; to judge them well use fit(X, y, audit=...).",
            UserWarning,
            stacklevel=5,
        )
    return members & ~everywhere
