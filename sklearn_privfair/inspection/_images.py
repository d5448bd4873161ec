"""Rows as pictures: what shape they have, what range of grey, how a difference is shown."""

import numpy as np


def as_images(X, image_shape=None):
    """Return images as (n, h, w, c) with c in {1, 3}, or None if the rows are a table."""
    X = np.asarray(X)
    if image_shape is not None:
        image_shape = tuple(int(size) for size in image_shape)
        if len(image_shape) not in (2, 3) or np.prod(image_shape) != np.prod(X.shape[1:]):
            raise ValueError(
                f"image_shape must be (h, w), (c, h, w) or (h, w, c) with as many values as a row "
                f"of X, {int(np.prod(X.shape[1:]))}; got {image_shape}."
            )
        X = X.reshape(len(X), *image_shape)
    if X.ndim == 2:
        return None
    if X.ndim == 3:
        return X[..., None]
    if X.ndim == 4 and X.shape[1] in (1, 3):
        return np.moveaxis(X, 1, -1)
    if X.ndim == 4 and X.shape[-1] in (1, 3):
        return X
    raise ValueError(
        f"X has shape {X.shape}; images are (n, h, w), (n, 1, h, w), (n, 3, h, w) or flat rows "
        "with image_shape=(h, w)."
    )


def value_range(*images):
    """Return black and white: (0, 1) or (0, 255) where the values lie in it, else their range."""
    low = min(float(image.min()) for image in images)
    high = max(float(image.max()) for image in images)
    for white in (1.0, 255.0):
        if low >= 0 and high <= white:
            return 0.0, white
    return low, high


def to_unit(images, limits):
    """Scale to [0, 1] and drop a single channel, as `imshow` takes them."""
    low, high = limits
    unit = np.clip((images.astype(float) - low) / (high - low or 1.0), 0, 1)
    return unit[..., 0] if unit.shape[-1] == 1 else unit


def signed_change(images, images_adv):
    """Return the change per pixel, in the images' units; of three channels, the largest one."""
    change = images_adv.astype(float) - images.astype(float)
    largest = np.abs(change).argmax(axis=-1)
    return np.take_along_axis(change, largest[..., None], axis=-1)[..., 0]
