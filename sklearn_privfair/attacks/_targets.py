"""The class that a targeted attack wants each row taken for."""

import numpy as np


def resolve_target(target, victim, rows, predicted, logits):
    """Turn the parameter `target` into one class code per row, or None for an untargeted attack.

    Parameters
    ----------
    target : None, label, array-like of labels of shape (n_samples,), or "least_likely"
    victim : Victim
    rows : ndarray of shape (n_samples, ...)
    predicted : int ndarray of shape (n_samples,)
        Codes of the classes predicted.
    logits : callable
        Gives those of the rows.

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
        return logits().argmin(axis=1).astype(np.int64) if len(rows) else predicted
    if np.ndim(target) == 0:
        codes = np.full(len(rows), victim.encode([target], "target")[0])
    else:
        if len(target) != len(rows):
            raise ValueError(
                f"target holds {len(target)} labels for {len(rows)} rows; give one label, one for "
                "each row, or 'least_likely'."
            )
        codes = victim.encode(target, "target")
    victim.check_outputs(codes, rows, "target")
    return codes
