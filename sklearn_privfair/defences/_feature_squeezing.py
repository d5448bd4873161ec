"""Feature squeezing: fewer bits for each value, medians of neighbouring pixels. For study only.

Xu, Evans & Qi (2018), "Feature squeezing: detecting adversarial examples in deep neural networks".
"""

from functools import partial
from numbers import Integral

import numpy as np
import torch
from scipy import ndimage
from sklearn.utils._param_validation import Interval
from torch import nn

from sklearn_privfair.defences._input_transformation import BaseInputTransformation, fitted_copy
from sklearn_privfair.differentiable import as_module, soft_round, straight_through


class FeatureSqueezer(BaseInputTransformation):
    """Reduce the bits of each value, and take medians of neighbouring pixels.

    Known to be broken as a defence (He et al. 2017; Athalye et al. 2018), and here for study only:
    what it resists are attacks that do not know of it. To see what it is worth in front of a net,
    attack the two together, ``PGDAttack().fit(Pipeline([("squeeze", squeezer), ("net", net)]))``.
    Attacks are then adaptive to it by themselves, by the gradients of
    :func:`~sklearn_privfair.differentiable.straight_through`.

    Parameters
    ----------
    bit_depth : int or None, default=4
        In [1, 16]. Each value becomes the nearest of ``2**bit_depth`` evenly spaced ones, from one
        end of the bounds to the other; what is outside goes to the end. None: values stay.
    window : int or None, default=None
        At least 2. Each pixel becomes the median of a square of this height and width around it,
        channel by channel; the image is mirrored at its edges. Of an even number of values the
        upper median is taken, and of an even window the pixel is below and right of the middle.
        None: no medians.
    image_shape : tuple of int, default=None
        Shape (height, width) or (channels, height, width) of images that are flat rows. None: rows
        of shape (n_features,) are those of a table, for which there are no medians.
    bounds : (low, high) or "auto", default="auto"
        The range of values: two numbers, or for a table two arrays with one for each column.
        "auto": that of the data in `fit`, of a table column by column.

    Attributes
    ----------
    bounds_ : tuple of two ndarrays of shape (1,) or (n_features,)
        The range of values.
    row_shape_ : tuple of int
        Shape of a row.
    image_shape_ : tuple of int, or None
        Shape (channels, height, width) of images; None for a table.
    n_features_in_ : int
        Features seen in `fit`; of images in more than two dimensions the first of these.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    JPEGQuantizer : Rounds frequencies instead of values.
    AdversarialTrainingClassifier : A defence that holds.

    Notes
    -----
    Rounding comes before medians; for images the order makes no difference. The authors' detector,
    which compares predictions before and after, is not here; it is broken likewise.

    References
    ----------
    W. Xu, D. Evans, Y. Qi, "Feature squeezing: detecting adversarial examples in deep neural
    networks", NDSS 2018, section III.

    W. He, J. Wei, X. Chen, N. Carlini, D. Song, "Adversarial example defenses: ensembles of weak
    defenses are not strong", USENIX Workshop on Offensive Technologies 2017.

    A. Athalye, N. Carlini, D. Wagner, "Obfuscated gradients give a false sense of security:
    circumventing defenses to adversarial examples", ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.defences import FeatureSqueezer
    >>> squeezer = FeatureSqueezer(bit_depth=2, bounds=(0, 1))
    >>> squeezer.fit_transform([[0.0, 0.1], [0.2, 0.9]]).round(2)
    array([[0.  , 0.  ],
           [0.33, 1.  ]])
    >>> noisy = np.zeros((1, 5, 5))
    >>> noisy[0, 2, 2] = 1.0
    >>> FeatureSqueezer(window=3, bounds=(0, 1)).fit_transform(noisy).max()
    np.float64(0.0)
    """

    _parameter_constraints: dict = {
        "bit_depth": [Interval(Integral, 1, 16, closed="both"), None],
        "window": [Interval(Integral, 2, None, closed="left"), None],
        **BaseInputTransformation._parameter_constraints,
    }

    def __init__(self, bit_depth=4, *, window=None, image_shape=None, bounds="auto"):
        self.bit_depth = bit_depth
        self.window = window
        self.image_shape = image_shape
        self.bounds = bounds

    def _find_image_shape(self):
        shape = super()._find_image_shape()
        if shape is None and self.window is not None:
            raise ValueError(
                f"window={self.window}, but X holds rows of a table, of shape {self.row_shape_}, "
                "which have no neighbouring pixels: give image_shape=(height, width), or images "
                "of shape (n, height, width) or (n, channels, height, width)."
            )
        return shape

    def _change(self, X):
        if self.bit_depth is not None:
            X = self._reduce(X)
        return X if self.window is None else self._smooth(X)

    def _reduce(self, X):
        return self._in_unit_exactly(X, partial(self._to_levels, np.round))

    def _reduce_softly(self, x):
        return self._in_unit(x, partial(self._to_levels, soft_round))

    def _to_levels(self, rounding, unit):
        steps = 2**self.bit_depth - 1
        return rounding(unit * steps) / steps

    def _smooth(self, X):
        images = X.reshape(-1, *self.image_shape_)
        size = (1, 1, self.window, self.window)
        return ndimage.median_filter(images, size=size, mode="reflect").reshape(X.shape)


class _Median(nn.Module):
    """The median of each window; where pixels are equal to it, its slope is shared among them.

    Images have areas of one colour, and a slope for one pixel of many would come from the order of
    the pixels in memory.
    """

    def __init__(self, image_shape, window):
        super().__init__()
        _, height, width = image_shape
        before, after = window // 2, (window - 1) // 2
        pixels = np.arange(height * width).reshape(height, width)
        pixels = np.pad(pixels, (before, after), mode="symmetric")
        pixels = np.lib.stride_tricks.sliding_window_view(pixels, (window, window))
        self.rank = window**2 // 2
        self.shape = (image_shape[0], height * width)
        self.register_buffer("pixels", torch.tensor(pixels.reshape(height * width, -1)))

    def forward(self, x):
        """Smooth rows `x`."""
        windows = x.reshape(len(x), *self.shape)[:, :, self.pixels]
        median = windows.detach().sort(dim=-1).values[..., self.rank, None]
        equal = (windows.detach() == median).to(x.dtype)
        return ((windows * equal).sum(dim=-1) / equal.sum(dim=-1)).reshape(x.shape)


@as_module.register(FeatureSqueezer)
def _(model):
    model = fitted_copy(model)
    parts = []
    if model.bit_depth is not None:
        parts.append(straight_through(model._reduce, model._reduce_softly))
    if model.window is not None:
        parts.append(straight_through(model._smooth, _Median(model.image_shape_, model.window)))
    return nn.Sequential(*parts).eval()
