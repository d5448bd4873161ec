"""Rows in blocks that stay in the cache, changed in place by BLAS: little time, no memory."""

from functools import cache

import numpy as np
from scipy.linalg import get_blas_funcs
from sklearn.utils import assert_all_finite

BLOCK_BYTES = 2**20  # the second-level cache, or a part of the third


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
    computing = computing_dtype(out)
    direct = out.flags.c_contiguous and out.dtype == computing and out.dtype.isnative
    for rows in block_slices(len(matrix), matrix.shape[1] * computing.itemsize):
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
        ger = _blas("ger", block.dtype)
        ger(-1.0, directions[0], weights[:, 0], a=block.T, overwrite_a=1)
    else:
        gemm = _blas("gemm", block.dtype)
        gemm(-1.0, directions.T, weights.T, 1.0, block.T, overwrite_c=1)


def finite_squares(matrix):
    """Give the squared length of each row, in one pass that tells too if all is finite.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_features)

    Returns
    -------
    squares : ndarray of shape (n_rows,)
        In the precision in which blocks are computed, where it may over- or underflow.

    Raises
    ------
    ValueError
        If there is NaN or infinity.
    """
    computing = computing_dtype(matrix)
    squares = np.empty(len(matrix), dtype=computing)
    for rows in block_slices(len(matrix), matrix.shape[1] * computing.itemsize):
        block = np.ascontiguousarray(matrix[rows], dtype=computing)
        with np.errstate(over="ignore"):
            # a product of vectors by BLAS for each row
            np.matmul(block[:, None, :], block[:, :, None], out=squares[rows, None, None])
    if not np.isfinite(squares).all():
        assert_all_finite(matrix, input_name="X")
    return squares


def computing_dtype(matrix):
    """Give the precision in which the blocks of a matrix are computed."""
    return np.dtype(np.float64 if matrix.dtype == np.float64 else np.float32)


@cache
def _blas(name, dtype):
    return get_blas_funcs(name, dtype=dtype)
