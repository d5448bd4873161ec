"""Vectors made shorter along some directions, and brought to unit length."""

import numpy as np
from sklearn.utils import assert_all_finite

from ._blocks import computing_dtype, finite_squares, in_blocks, subtract_product

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

    Raises
    ------
    ValueError
        If there is NaN or infinity, before anything is written.
    """
    if normalize:
        squares = finite_squares(matrix)
        squares[~_safe(squares)] = np.nan
    else:
        assert_all_finite(matrix, input_name="X")
    kept = np.zeros(len(matrix), dtype=bool)
    kept[np.asarray(keep, dtype=np.intp)] = True
    directions = components.astype(computing_dtype(out))
    taken = shares.astype(directions.dtype)
    lost = (1 - (1 - shares) ** 2).astype(directions.dtype)  # of the squares along each component

    def change(block, rows):
        along = block @ directions.T
        along[kept[rows]] = 0
        if not normalize:
            subtract_product(block, along * taken, directions)
            return
        left = squares[rows] - along**2 @ lost
        near = np.flatnonzero(~(left >= CANCELLED * squares[rows]))
        if len(near):
            renewed = _shrunk_exactly(block[near], components, shares, kept[rows][near])
            left[near] = 1
        subtract_product(block, along * taken, directions)
        block *= (1 / np.sqrt(left))[:, None]
        if len(near):
            block[near] = renewed

    with np.errstate(over="ignore", invalid="ignore"):  # of rows that are then shrunk exactly
        in_blocks(matrix, out, change)


def _safe(squares):
    """Tell which squared lengths are far from what their dtype can hold."""
    kind = np.finfo(squares.dtype)
    return (squares > kind.tiny / kind.eps**2) & (squares < kind.max * kind.eps)


def _shrunk_exactly(rows, components, shares, kept):
    """Shrink and normalise rows in float64; rounding noise is not blown up to a unit vector."""
    noise = 10 * np.finfo(rows.dtype).eps
    rows = rows.astype(np.float64)
    rows /= np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    before = np.linalg.norm(rows, axis=1)
    along = rows @ components.T * shares
    along[kept] = 0
    rows -= along @ components
    return unit(rows, floor=noise * before)


def unit(rows, floor=0.0):
    """Bring rows to unit length, save those no longer than `floor`, which become zero."""
    norms = np.linalg.norm(rows, axis=1)
    scale = np.zeros_like(norms)
    np.divide(1, norms, where=norms > floor, out=scale)
    return rows * scale[:, None]
