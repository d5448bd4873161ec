"""Vectors made shorter along some directions, and brought to unit length."""

import numpy as np

from ._blocks import in_blocks, squared_norms, subtract_product

CANCELLED = 0.05  # share of a squared length left, below which it is computed anew


def shrink(matrix, out, components, shares, *, normalize, keep=()):
    """Take a share of each row's part along each component away.

    Parameters
    ----------
    matrix, out : ndarray of shape (n_rows, n_features)
        What is read and what is written; may be the same.
    components : ndarray of shape (n_components, n_features)
        Orthonormal.
    shares : ndarray of shape (n_components,)
        How much of it is taken away: 1 is all.
    normalize : bool
        Whether rows are of unit length afterwards. A row of which nothing is left becomes zero.
    keep : array-like of int, default=()
        Rows of which nothing is taken away.
    """
    kept = np.zeros(len(matrix), dtype=bool)
    kept[np.asarray(keep, dtype=np.intp)] = True
    lost = 1 - (1 - shares) ** 2  # of the squared length along each component

    def change(block, rows):
        directions = components.astype(block.dtype)
        along = block @ directions.T
        along[kept[rows]] = 0
        weights = along * shares.astype(block.dtype)
        if not normalize:
            subtract_product(block, weights, directions)
            return
        before = squared_norms(block)
        left = before - along**2 @ lost.astype(block.dtype)
        near = np.flatnonzero(left < CANCELLED * before)
        renewed = _shrunk_exactly(block[near], components, shares)
        scale = np.ones_like(left)
        np.divide(1, np.sqrt(left, where=left > 0, out=scale), where=left > 0, out=scale)
        block *= scale[:, None]
        subtract_product(block, weights * scale[:, None], directions)
        block[near] = renewed

    in_blocks(matrix, out, change)


def _shrunk_exactly(rows, components, shares):
    """Shrink and normalise rows in float64; rounding noise is not blown up to a unit vector."""
    noise = 10 * np.finfo(rows.dtype).eps
    rows = rows.astype(np.float64)
    before = np.linalg.norm(rows, axis=1)
    rows -= (rows @ components.T * shares) @ components
    return unit(rows, floor=noise * before)


def unit(rows, floor=0.0):
    """Bring rows to unit length, save those no longer than `floor`, which become zero."""
    norms = np.linalg.norm(rows, axis=1)
    scale = np.zeros_like(norms)
    np.divide(1, norms, where=norms > floor, out=scale)
    return rows * scale[:, None]
