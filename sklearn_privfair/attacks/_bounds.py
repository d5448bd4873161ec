"""The box in which rows may move."""

import numpy as np


def resolve_bounds(bounds, data, learned=None):
    """Turn the parameter `bounds` into a pair of arrays of shape (1, ...), or None.

    Parameters
    ----------
    bounds : pair, "auto" or None
    data : ndarray of shape (n_samples, ...) or data frame, or None
        From which "auto" learns.
    learned : Learned, default=None
        What is known of the columns of a data frame.

    Returns
    -------
    bounds : tuple of two float64 ndarrays, or None

    Raises
    ------
    ValueError
        If `bounds` is no pair in order.
    """
    if bounds is None:
        return None
    if isinstance(bounds, str):
        if learned is not None and learned.low is not None:
            return learned.low[None], learned.high[None]
        # one range for all pixels of images, one for each column of a table
        axes = tuple(range(data.ndim)) if data.ndim > 2 else 0
        # of what is there; a column of which nothing is known has no range: its rows may not move
        low = np.fmin.reduce(data, axis=axes, keepdims=True).astype(np.float64)
        high = np.fmax.reduce(data, axis=axes, keepdims=True).astype(np.float64)
        return np.where(np.isnan(low), np.inf, low), np.where(np.isnan(high), -np.inf, high)
    if len(bounds) != 2:
        raise ValueError(f"bounds={bounds!r} is no pair (low, high).")
    lower, upper = (np.asarray(b, dtype=np.float64)[None] for b in bounds)
    if np.isnan(lower).any() or np.isnan(upper).any() or (lower > upper).any():
        raise ValueError(f"bounds={bounds!r} must not be NaN, nor low above high.")
    return lower, upper


def unit_bounds(rows):
    """Give the bounds (0, 1), if the rows lie in them, for an attack fitted on a model.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, ...)

    Returns
    -------
    bounds : tuple of two float64 ndarrays of shape (1, 1)

    Raises
    ------
    ValueError
        If they do not.
    """
    slack = _slack(rows.dtype, np.ones(1))
    if rows.size and (rows.min() < -slack or rows.max() > 1 + slack):
        raise ValueError(
            f"bounds='auto', but the attack was fitted on a model and the rows range from "
            f"{rows.min():g} to {rows.max():g}, not within (0, 1). Say what the model may be "
            "given: bounds=(low, high), a pair of arrays with one entry per feature, None for "
            "no bounds, or fit the attack on data."
        )
    return np.zeros((1, 1)), np.ones((1, 1))


def check_bounds(bounds, rows, widen):
    """Fit bounds to rows: their dtype, rounded inwards, and a shape that broadcasts.

    Parameters
    ----------
    bounds : pair of ndarrays, or None
    rows : ndarray of shape (n_samples, ...)
    widen : bool
        Whether rows outside widen the box for themselves (learned bounds), or are an error (given
        bounds), unless they are outside by rounding only.

    Returns
    -------
    lower, upper : ndarray of shape (1 or n_samples, ...), or None
    """
    if bounds is None:
        return None, None
    pair = []
    for bound, inwards in zip(bounds, (np.inf, -np.inf), strict=True):
        flat = bound.reshape(1, -1)
        shape = (1, *rows.shape[1:]) if flat.shape[1] > 1 else (1,) * rows.ndim
        if flat.shape[1] not in (1, int(np.prod(rows.shape[1:]))):
            raise ValueError(
                f"bounds hold {flat.shape[1]} features, the rows {np.prod(rows.shape[1:])}."
            )
        rounded = flat.reshape(shape).astype(rows.dtype)
        outside = rounded < flat.reshape(shape) if inwards > 0 else rounded > flat.reshape(shape)
        pair.append(np.where(outside, np.nextafter(rounded, rows.dtype.type(inwards)), rounded))
    lower, upper = pair
    below, above = (rows < lower), (rows > upper)
    if not (below.any() or above.any()):
        return lower, upper
    if widen:
        return np.fmin(lower, rows), np.fmax(upper, rows)
    slack = _slack(rows.dtype, np.maximum(np.abs(lower), np.abs(upper)))
    far = (rows < lower - slack) | (rows > upper + slack)
    if far.any():
        raise ValueError(
            f"{int(far.reshape(len(rows), -1).any(axis=1).sum())} rows lie outside bounds (values "
            f"from {np.nanmin(rows):g} to {np.nanmax(rows):g}); widen bounds, or clip the rows."
        )
    return np.minimum(lower, rows), np.maximum(upper, rows)


def _slack(dtype, size):
    """Give what scalers leave beyond the bounds by rounding (MinMaxScaler: 1 + 2e-16)."""
    return 8 * np.finfo(dtype).eps * np.where(np.isfinite(size), size, 0)
