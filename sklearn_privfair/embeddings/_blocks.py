"""Rows in blocks that stay in the cache, changed in place by BLAS: little time, no memory."""

import numpy as np
from scipy.linalg import get_blas_funcs

BLOCK_BYTES = 2**19  # a part of the second-level cache


def block_slices(n_rows, row_bytes):
    """Yield slices over rows, each of about `BLOCK_BYTES`."""
    step = max(16, BLOCK_BYTES // max(1, row_bytes))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def in_blocks(matrix, out, change):
    """Write to `out` what becomes of `matrix`, which may be the same array.

    Parameters
    ----------
    matrix, out : ndarray of shape (n_rows, n_features)
    change : callable
        ``change(block, rows)`` changes rows, of float32 or float64 and contiguous, in place.
    """
    computing = np.float64 if out.dtype == np.float64 else np.float32
    direct = out.flags.c_contiguous and out.dtype == computing and out.dtype.isnative
    for rows in block_slices(len(matrix), matrix.shape[1] * np.dtype(computing).itemsize):
        if not direct:
            block = matrix[rows].astype(computing, order="C")
            change(block, rows)
            out[rows] = block
            continue
        block = out[rows]
        if out is not matrix:
            block[...] = matrix[rows]
        change(block, rows)


def subtract_product(block, weights, directions):
    """Subtract ``weights @ directions`` from a block in place.

    Parameters
    ----------
    block : ndarray of shape (n_rows, n_features)
        Contiguous, of float32 or float64; the others are of its dtype.
    weights : ndarray of shape (n_rows, n_directions)
    directions : ndarray of shape (n_directions, n_features)
    """
    if not len(directions) or not len(block):
        return
    # Fortran sees the transpose; it writes where we point it, since nothing needs converting
    if len(directions) == 1:
        ger = get_blas_funcs("ger", (block,))
        ger(-1.0, directions[0], weights[:, 0], a=block.T, overwrite_a=1)
    else:
        gemm = get_blas_funcs("gemm", (block,))
        gemm(-1.0, directions.T, weights.T, 1.0, block.T, overwrite_c=1)


def squared_norms(block):
    """Squared length of each row."""
    return np.einsum("ij,ij->i", block, block)
