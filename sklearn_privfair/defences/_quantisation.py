"""Rounding of frequencies as in JPEG. For study only.

Guo, Rana, Cissé & van der Maaten (2018), "Countering adversarial images using input
transformations"; Das et al. (2018), "Shield". The tables are those of ITU-T T.81, annex K.
"""

from functools import partial
from numbers import Integral

import numpy as np
from scipy.fft import dct
from sklearn.utils._param_validation import Interval

from sklearn_privfair.defences._input_transformation import (
    BaseInputTransformation,
    fitted_copy,
    like,
)
from sklearn_privfair.differentiable import as_module, soft_round, straight_through

_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMINANCE = np.full((8, 8), 99)
_CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

# red, green, blue to luminance and two differences of colour (JFIF, of ITU-R BT.601)
_LUMA = np.array([0.299, 0.587, 0.114])
_COLOURS = np.stack(
    [_LUMA, (np.array([0, 0, 1]) - _LUMA) / 1.772, (np.array([1, 0, 0]) - _LUMA) / 1.402]
)
_DCT = dct(np.eye(8), axis=0, norm="ortho")


def quantisation_tables(quality):
    """Give the tables for luminance and chrominance, as libjpeg scales them.

    Parameters
    ----------
    quality : int
        In [1, 100].

    Returns
    -------
    tables : int ndarray of shape (2, 8, 8)
    """
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    tables = (np.stack([_LUMINANCE, _CHROMINANCE]) * percent + 50) // 100
    return tables.clip(1, 255)


class JPEGQuantizer(BaseInputTransformation):
    """Round the frequencies of each block of 8 x 8 pixels, as JPEG does.

    Known to be broken as a defence (Athalye et al. 2018), and here for study only: what it resists
    are attacks that do not know of it. To see what it is worth in front of a net, attack the two
    together, ``PGDAttack().fit(Pipeline([("jpeg", quantizer), ("net", net)]))``. Attacks are then
    adaptive to it by themselves, by the gradients of
    :func:`~sklearn_privfair.differentiable.straight_through`.

    Parameters
    ----------
    quality : int, default=75
        In [1, 100]. How finely to round, as in libjpeg: 50 is for the tables of the standard, 1
        for the coarsest.
    image_shape : tuple of int, default=None
        Shape (height, width) or (channels, height, width) of images that are flat rows. None: a
        row of shape (n_features,) is one line of pixels, in an image that is the same from top to
        bottom. Give it for flat images, where lines are not what is meant.
    bounds : (low, high) or "auto", default="auto"
        Two numbers that are black and white; what is outside goes to the nearer. "auto": the range
        of the data in `fit`.

    Attributes
    ----------
    bounds_ : tuple of two ndarrays of shape (1,)
        Black and white.
    row_shape_ : tuple of int
        Shape of a row.
    image_shape_ : tuple of int, or None
        Shape (channels, height, width) of images; None for lines.
    n_features_in_ : int
        Features seen in `fit`; of images in more than two dimensions the first of these.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where they have names.

    See Also
    --------
    FeatureSqueezer : Rounds values instead of frequencies.
    AdversarialTrainingClassifier : A defence that holds.

    Notes
    -----
    What is lost in a JPEG file is lost here: each block's discrete cosine transform is rounded to
    multiples of the table, which `quality` scales. Three channels are red, green and blue, and
    become luminance and chrominance first, which keeps its resolution (4:4:4). Sizes that are no
    multiples of 8 are padded by repeating the last line. Values are not rounded to 8 bits, neither
    before nor after.

    References
    ----------
    C. Guo, M. Rana, M. Cissé, L. van der Maaten, "Countering adversarial images using input
    transformations", ICLR 2018.

    N. Das, M. Shanbhogue, S.-T. Chen, F. Hohman, S. Li, L. Chen, M. E. Kounavis, D. H. Chau,
    "Shield: fast, practical defense and vaccination for deep learning using JPEG compression",
    KDD 2018.

    A. Athalye, N. Carlini, D. Wagner, "Obfuscated gradients give a false sense of security:
    circumventing defenses to adversarial examples", ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_privfair.defences import JPEGQuantizer
    >>> image = np.add.outer(np.arange(8), np.arange(8)).astype(float)[None]  # 0 to 14
    >>> JPEGQuantizer(quality=10, bounds=(0, 255)).fit_transform(image).round(1)[0, :2]
    array([[8., 8., 8., 8., 8., 8., 8., 8.],
           [8., 8., 8., 8., 8., 8., 8., 8.]])
    """

    _parameter_constraints: dict = {
        "quality": [Interval(Integral, 1, 100, closed="both")],
        **BaseInputTransformation._parameter_constraints,
    }
    _one_range = True

    def __init__(self, quality=75, *, image_shape=None, bounds="auto"):
        self.quality = quality
        self.image_shape = image_shape
        self.bounds = bounds

    def _change(self, X):
        return self._in_unit_exactly(X, partial(self._through_blocks, _round_away))

    def _change_softly(self, x):
        return self._in_unit(x, partial(self._through_blocks, soft_round))

    def _through_blocks(self, rounding, unit):
        """Round an array or a tensor of rows in [0, 1] block by block."""
        channels, height, width = self.image_shape_ or (1, 1, self.row_shape_[0])
        colours = like(_COLOURS if channels == 3 else np.eye(1), unit)
        middle = like(np.array([128.0, 0.0, 0.0])[:channels, None], unit)
        flat = unit.reshape(-1, channels, height * width) * 255
        images = (colours @ flat - middle).reshape(-1, channels, height, width)
        # the last line and column are repeated up to a multiple of 8
        lines, columns = (np.arange(-(-n // 8) * 8).clip(max=n - 1) for n in (height, width))
        images = images[:, :, lines[:, None], columns]
        shape = images.shape
        blocks = images.reshape(*shape[:2], len(lines) // 8, 8, len(columns) // 8, 8)
        blocks = blocks.swapaxes(3, 4)
        steps = like(quantisation_tables(self.quality)[[0, 1, 1][:channels], None, None], unit)
        basis = like(_DCT, unit)
        blocks = basis.T @ (rounding(basis @ blocks @ basis.T / steps) * steps) @ basis
        images = blocks.swapaxes(3, 4).reshape(shape)[:, :, :height, :width]
        back = like(np.linalg.inv(_COLOURS) if channels == 3 else np.eye(1), unit)
        flat = back @ (images.reshape(-1, channels, height * width) + middle) / 255
        return flat.reshape(unit.shape)


def _round_away(x):
    """Round ties away from zero, as libjpeg does, even those that arithmetic missed by a little."""
    return np.trunc(x + np.copysign(0.5 + 1e-9, x))


@as_module.register(JPEGQuantizer)
def _(model):
    model = fitted_copy(model)
    return straight_through(model._change, model._change_softly)
