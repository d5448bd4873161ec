"""CIFAR-10, small colour images (Krizhevsky, 2009)."""

import io

import numpy as np
from sklearn.utils._param_validation import validate_params

from sklearn_privfair.datasets._images import image_bunch, parts, take_subset
from sklearn_privfair.datasets._source import (
    SOURCE_PARAMETERS,
    SUBSET,
    fetch,
    local_file,
    unexpected,
)

_DATA_ID, _FILE, _N_TRAIN, _SHAPE = 40927, "cifar10_jpeg.npz", 50_000, (3, 32, 32)
_NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()  # noqa: SIM905

_DESCR = """CIFAR-10: 60,000 colour images of 32 x 32 pixels in 10 classes

50,000 images are for training and 10,000 for testing, 5,000 and 1,000 of each class. Pixels lie in
[0, 1], in three planes: red, green, blue. Classes, from 0: airplane, automobile, bird, cat, deer,
dog, frog, horse, ship, truck.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009; OpenML data
set 40927, "CIFAR_10", version 1.
"""


@validate_params(
    SOURCE_PARAMETERS | SUBSET | {"flatten": ["boolean"]}, prefer_skip_nested_validation=True
)
def fetch_cifar10(
    *, subset="train", flatten=False, data_home=None, download_if_missing=True, return_X_y=False
):
    """Load the CIFAR-10 images (classification), downloading them if necessary.

    =================   =====================
    Classes                                10
    Samples total                      60,000
    Dimensionality       3072 (3 x 32 x 32)
    Features             float32, in [0, 1]
    =================   =====================

    They are read from ``cifar10_jpeg.npz`` where the environment variable
    ``SKLEARN_PRIVFAIR_DATA`` names a folder with that file, else from OpenML (data set 40927) or
    its cached copy. The two differ: OpenML holds the original images in their original order, the
    file holds them as JPEG, which is lossy, and shuffled within training and test set. Shapes,
    types and classes are the same.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 50,000 training images, the 10,000 test images, or all, training images first.

    flatten : bool, default=False
        Whether images are rows of 3072 features, as scikit-learn's own estimators want them,
        rather than of shape (3, 32, 32), as convolutional nets do.

    data_home : str or path-like, default=None
        Folder of the cache. `None`: scikit-learn's, ``~/scikit_learn_data``.

    download_if_missing : bool, default=True
        Whether to download what is not there. If not, it is an `OSError`.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        A dictionary-like object with the following attributes.

        data : ndarray of shape (n_samples, 3, 32, 32) or (n_samples, 3072), dtype float32
            Pixels in [0, 1]; 0.6 GB for the training set.
        target : ndarray of shape (n_samples,), dtype int64
            Classes 0 to 9.
        image_shape : tuple
            (3, 32, 32).
        feature_names : list of str
            ``red_row_column`` and so on, in the order of the flat features.
        target_names : list of str
            ``"airplane"`` to ``"truck"``.
        frame : None
            Images are no table.
        DESCR : str
            Description of the data set.

    (data, target) : tuple, if `return_X_y` is True
        The two arrays.

    Raises
    ------
    OSError
        If the images are neither in the folder nor in the cache and cannot be downloaded.
    ImportError
        If they are in the folder, as JPEG, and pillow is not installed.

    See Also
    --------
    fetch_mnist : Handwritten digits.

    Examples
    --------
    >>> from sklearn_privfair.datasets import fetch_cifar10
    >>> X, y = fetch_cifar10(subset="test", return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (10000, 3, 32, 32)
    """
    path = local_file(_FILE)
    if path is not None:
        with np.load(path) as arrays:
            X = np.concatenate([_decode(arrays, part) for part in parts(subset)])
            y = np.concatenate([arrays[f"y_{part}"] for part in parts(subset)])
    else:
        bunch = fetch(
            _DATA_ID,
            _FILE,
            data_home=data_home,
            download_if_missing=download_if_missing,
            as_frame=False,
        )
        y = bunch.target.astype(np.int64)
        if np.bincount(y[_N_TRAIN:], minlength=10).tolist() != [1000] * 10:
            raise unexpected(_DATA_ID, "does not end with CIFAR-10's 10,000 test images")
        rows = take_subset(subset, _N_TRAIN)
        X, y = bunch.data[rows], y[rows]
    return image_bunch(
        X,
        y,
        image_shape=_SHAPE,
        flatten=flatten,
        target_names=_NAMES,
        channel_names=["red", "green", "blue"],
        descr=_DESCR,
        return_X_y=return_X_y,
    )


def _decode(arrays, part):
    """Unpack the JPEG files of one part, to bytes of shape (n, 3, 32, 32).

    50,000 images take about 3 s on one core, which is not worth a cache of 150 MB.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"fetch_cifar10 reads JPEG files from {_FILE!r}, for which pillow is needed: install "
            "it (pip install pillow), or unset SKLEARN_PRIVFAIR_DATA to download from OpenML."
        ) from error
    files, size = arrays[f"bytes_{part}"], arrays[f"size_{part}"].astype(np.int64)
    X = np.empty((len(size), *_SHAPE), dtype=np.uint8)
    for image, end, length in zip(X, size.cumsum(), size, strict=True):
        with Image.open(io.BytesIO(files[end - length : end].tobytes())) as picture:
            image[:] = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    return X
