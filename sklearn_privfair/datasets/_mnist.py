"""MNIST, handwritten digits (LeCun et al., 1998)."""

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

_DATA_ID, _FILE, _N_TRAIN, _SHAPE = 554, "mnist.npz", 60_000, (1, 28, 28)
# How often each digit occurs among the 10,000 test images: tells the usual order from any other.
_TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]

_DESCR = """MNIST: 70,000 handwritten digits, 28 x 28 pixels in shades of grey

The first 60,000 images are for training, the last 10,000 for testing, in their original order.
Pixels lie in [0, 1] (0: background), classes are the digits 0 to 9.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE, 1998; OpenML data set 554, "mnist_784", version 1.
"""


@validate_params(
    SOURCE_PARAMETERS | SUBSET | {"flatten": ["boolean"]}, prefer_skip_nested_validation=True
)
def fetch_mnist(
    *, subset="train", flatten=False, data_home=None, download_if_missing=True, return_X_y=False
):
    """Load the MNIST digits (classification), downloading them if necessary.

    =================   =====================
    Classes                                10
    Samples total                      70,000
    Dimensionality       784 (1 x 28 x 28)
    Features             float32, in [0, 1]
    =================   =====================

    They are read from ``mnist.npz`` where the environment variable ``SKLEARN_PRIVFAIR_DATA`` names
    a folder with that file, else from OpenML (data set 554, 15 MB packed) or its cached copy. Both
    hold the same images in the same, original order.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The first 60,000 images, the last 10,000, or all.

    flatten : bool, default=False
        Whether images are rows of 784 features, as scikit-learn's own estimators want them,
        rather than of shape (1, 28, 28), as convolutional nets do.

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

        data : ndarray of shape (n_samples, 1, 28, 28) or (n_samples, 784), dtype float32
            Pixels in [0, 1].
        target : ndarray of shape (n_samples,), dtype int64
            The digits.
        image_shape : tuple
            (1, 28, 28).
        feature_names : list of str
            ``pixel_row_column``, in the order of the flat features.
        target_names : list of str
            ``"0"`` to ``"9"``.
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

    See Also
    --------
    fetch_cifar10 : Colour images.

    Examples
    --------
    >>> from sklearn_privfair.datasets import fetch_mnist
    >>> X, y = fetch_mnist(subset="test", return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (10000, 1, 28, 28)
    """
    path = local_file(_FILE)
    if path is not None:
        with np.load(path) as arrays:
            X = np.concatenate([arrays[f"X_{part}"] for part in parts(subset)])
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
        if np.bincount(y[_N_TRAIN:], minlength=10).tolist() != _TEST_COUNTS:
            raise unexpected(_DATA_ID, "does not end with MNIST's 10,000 test images")
        rows = take_subset(subset, _N_TRAIN)
        X, y = bunch.data[rows], y[rows]
    return image_bunch(
        X,
        y,
        image_shape=_SHAPE,
        flatten=flatten,
        target_names=map(str, range(10)),
        channel_names=["pixel"],
        descr=_DESCR,
        return_X_y=return_X_y,
    )
