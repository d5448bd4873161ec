"""The class that a targeted attack wants each row taken for."""

import numpy as np


def resolve_target(target, victim, n_rows, n_classes, logits):
    """Turn the parameter `target` into one class code per row, or None for an untargeted attack.

    Parameters
    ----------
    target : None, label, array-like of labels of shape (n_samples,), or "least_likely"
    victim : Victim
    n_rows : int
    n_classes : int
        How many the model tells apart.
    logits : callable
        Gives those of all rows.

    Returns
    -------
    target : int64 ndarray of shape (n_samples,), or None

    Raises
    ------
    ValueError
        If the labels are not the model's, or not one for each row.
    """
    if target is None:
        return None
    known = victim.classes_ is not None and np.isin("least_likely", victim.classes_)
    if isinstance(target, str) and target == "least_likely" and not known:
        return logits().argmin(axis=1).astype(np.int64) if n_rows else np.zeros(0, np.int64)
    if np.ndim(target) == 0:
        codes = np.full(n_rows, victim.encode([target], "target")[0])
    else:
        if len(target) != n_rows:
            raise ValueError(
                f"target holds {len(target)} labels for {n_rows} rows; give one label, one for "
                "each row, or 'least_likely'."
            )
        codes = victim.encode(target, "target")
    victim.check_outputs(codes, n_classes, "target")
    return codes
