"""From arrays of bytes to a Bunch of images."""

import numpy as np
from sklearn.utils import Bunch


def image_bunch(X, y, *, image_shape, flatten, target_names, channel_names, descr, return_X_y):
    """Return images of bytes as float32 in [0, 1], with labels as int64.

    `X` holds one image per row, of `image_shape` (channels, height, width) or flat, channel by
    channel and row by row.
    """
    X = np.divide(X, np.float32(255), dtype=np.float32, casting="unsafe")
    X = X.reshape(len(X), -1) if flatten else X.reshape(len(X), *image_shape)
    y = np.asarray(y).astype(np.int64)
    if return_X_y:
        return X, y
    _, height, width = image_shape
    return Bunch(
        data=X,
        target=y,
        frame=None,
        image_shape=image_shape,
        feature_names=[
            f"{channel}_{row}_{column}"
            for channel in channel_names
            for row in range(height)
            for column in range(width)
        ],
        target_names=list(target_names),
        DESCR=descr,
    )


def take_subset(subset, n_train):
    """Return the slice of `subset` in data whose first `n_train` rows are for training."""
    return {"train": slice(n_train), "test": slice(n_train, None), "all": slice(None)}[subset]


def parts(subset):
    """Return the names of the parts that make up `subset`."""
    return ["train", "test"] if subset == "all" else [subset]
