"""Feature squeezing and JPEG: what they compute, and for which rows."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy.fft import dctn, idctn
from sklearn.base import clone
from sklearn.datasets import load_sample_image

from sklearn_privfair.defences import FeatureSqueezer, JPEGQuantizer
from sklearn_privfair.defences._quantisation import quantisation_tables

RNG = np.random.default_rng(0)
IMAGES = RNG.random((5, 3, 11, 9))
BOTH = [FeatureSqueezer(3, window=3, bounds=(0, 1)), JPEGQuantizer(50, bounds=(0, 1))]
both = pytest.mark.parametrize("transformer", BOTH, ids=lambda t: type(t).__name__)


def squeeze(X, **params):
    return FeatureSqueezer(**{"bit_depth": None, "bounds": (0, 1)} | params).fit_transform(X)


def jpeg(X, quality, **params):
    return JPEGQuantizer(quality, **params).fit_transform(X)


# what they compute


@pytest.mark.parametrize("bits", [1, 2, 5, 16])
def test_levels(bits):
    levels = np.linspace(-1, 3, 2**bits)
    X = RNG.uniform(-1, 3, size=(50, 7))
    out = squeeze(X, bit_depth=bits, bounds=(-1, 3))
    nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, X)
    np.testing.assert_allclose(out, levels[nearest], atol=1e-12)
    beyond = squeeze(5 * X, bit_depth=bits, bounds=(-1, 3))
    assert (beyond.min(), beyond.max()) == (-1, 3)


def test_columns_of_a_table_have_ranges_of_their_own():
    X = RNG.normal(size=(40, 3)) * [1, 100, 0] + [0, 1000, 7]
    out = squeeze(X, bit_depth=1, bounds="auto")
    low, high = X.min(axis=0), X.max(axis=0)
    np.testing.assert_array_equal(out, np.where((low + high) / 2 < X, high, low))
    given = squeeze(X, bit_depth=1, bounds=(low.tolist(), high.tolist()))
    np.testing.assert_array_equal(given, out)
    images = squeeze(X, bit_depth=1, bounds="auto", image_shape=(1, 3))
    assert np.unique(images).tolist() == [X.min(), X.max()]


@pytest.mark.parametrize("window", [2, 3, 4, 5])
def test_medians(window):
    """Of each window by itself; images are mirrored at their edges."""
    before = window // 2
    pad = ((0, 0), (0, 0), (before, window), (before, window))
    padded = np.pad(IMAGES, pad, mode="symmetric")
    out = squeeze(IMAGES, window=window)
    for i, j in np.ndindex(11, 9):
        cut = np.sort(padded[:, :, i : i + window, j : j + window].reshape(5, 3, -1), axis=-1)
        np.testing.assert_array_equal(out[:, :, i, j], cut[..., window**2 // 2])


def test_rounding_and_medians_commute():
    either = squeeze(squeeze(IMAGES, window=3), bit_depth=2)
    np.testing.assert_array_equal(squeeze(IMAGES, bit_depth=2, window=3), either)
    np.testing.assert_array_equal(squeeze(IMAGES), IMAGES)


@pytest.mark.parametrize("quality", [5, 50, 90])
def test_jpeg_block_by_block(quality):
    grey = IMAGES[:, 0]
    table = quantisation_tables(quality)[0]
    padded = np.pad(grey, ((0, 0), (0, 5), (0, 7)), mode="edge") * 255 - 128
    for rows, i, j in np.ndindex(5, 2, 2):
        block = padded[rows, 8 * i : 8 * i + 8, 8 * j : 8 * j + 8]
        block[:] = idctn(np.round(dctn(block, norm="ortho") / table) * table, norm="ortho")
    expected = ((padded[:, :11, :9] + 128) / 255).clip(0, 1)
    np.testing.assert_allclose(jpeg(grey, quality, bounds=(0, 1)), expected, atol=1e-12)
    # in any range of values
    wide = jpeg(grey * 30 - 10, quality, bounds=(-10, 20))
    np.testing.assert_allclose(wide, expected * 30 - 10, atol=1e-11)


def _pillow(pixels, quality):
    Image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
    image = Image.open(file)
    return np.asarray(image).astype(float), image.quantization


def _photo():
    """Colours far enough from black and white that nothing is clipped."""
    return 64 + load_sample_image("china.jpg")[100:204, 200:352] // 2


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 92, 100])
def test_tables_are_pillows(quality):
    tables = _pillow(_photo(), quality)[1]
    np.testing.assert_array_equal(
        quantisation_tables(quality).reshape(2, 64), list(tables.values())
    )


def _frequencies(image, table):
    """Of blocks of 8 x 8, in steps of the table."""
    height, width = image.shape
    blocks = image.reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    return dctn(blocks - 128.0, axes=(-2, -1), norm="ortho") / table


@pytest.mark.parametrize("quality", [10, 50, 75])
def test_grey_is_pillows(quality):
    """All frequencies but those so near to a tie that libjpeg's integer arithmetic decides."""
    photo = _photo()[..., 1].copy()
    table = quantisation_tables(quality)[0]
    exact = _frequencies(photo, table)
    theirs = _frequencies(_pillow(photo, quality)[0], table).round()
    ours = _frequencies(jpeg(photo[None], quality, bounds=(0, 255))[0], table)
    np.testing.assert_allclose(ours, ours.round(), atol=1e-9)
    from_tie = np.abs(exact - np.floor(exact) - 0.5)
    np.testing.assert_array_equal(ours.round()[from_tie > 0.02], theirs[from_tie > 0.02])
    ties = from_tie < 1e-9
    np.testing.assert_array_equal(ours.round()[ties], theirs[ties])
    assert ties.any() or quality == 10
    assert np.mean(ours.round() != theirs) < 0.005


@pytest.mark.parametrize("quality", [10, 50, 75])
def test_colours_are_pillows(quality):
    """But for 8 bits: libjpeg rounds colours before the transform, and pixels at the end."""
    photo = _photo()
    theirs = _pillow(photo, quality)[0]
    ours = np.moveaxis(jpeg(np.moveaxis(photo, -1, 0)[None], quality, bounds=(0, 255))[0], 0, -1)
    difference = np.abs(ours - theirs).mean(axis=(0, 1))
    assert (difference < 0.25 * np.abs(theirs - photo).mean(axis=(0, 1))).all()
    assert (difference < 1.5).all()


# how they are used


@both
def test_images_in_any_layout(transformer):
    expected = transformer.fit_transform(IMAGES)
    flat = (
        clone(transformer).set_params(image_shape=(3, 11, 9)).fit_transform(IMAGES.reshape(5, -1))
    )
    np.testing.assert_array_equal(flat.reshape(IMAGES.shape), expected)
    grey = clone(transformer).fit_transform(IMAGES[:, :1])
    np.testing.assert_array_equal(clone(transformer).fit_transform(IMAGES[:, 0]), grey[:, 0])
    flat = (
        clone(transformer)
        .set_params(image_shape=[11, 9])
        .fit_transform(IMAGES[:, 0].reshape(5, -1))
    )
    np.testing.assert_array_equal(flat.reshape(5, 1, 11, 9), grey)


def test_a_line_is_an_image_that_is_the_same_from_top_to_bottom():
    lines = IMAGES[:, 0, 0]
    tall = np.repeat(lines[:, None], 8, axis=1)
    expected = jpeg(tall, 50, bounds=(0, 1))[:, 0]
    np.testing.assert_allclose(jpeg(lines, 50, bounds=(0, 1)), expected, atol=1e-12)


@both
def test_rows_apart_and_in_their_precision(transformer):
    images = np.repeat(IMAGES, 9, axis=0) * np.linspace(0.2, 1, 45).reshape(-1, 1, 1, 1)
    expected = transformer.fit_transform(images)
    one_by_one = [transformer.transform(images[i : i + 1]) for i in range(45)]
    np.testing.assert_array_equal(np.concatenate(one_by_one), expected)
    single = images.astype(np.float32)
    out = transformer.transform(single)
    assert out.dtype == np.float32
    exact = transformer.transform(single.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(out, exact)
    assert (out.min(), out.max()) == pytest.approx((0, 1), abs=0.2)
    whole = clone(transformer).set_params(bounds=(0, 255)).fit_transform((images * 255).astype(int))
    assert whole.dtype == np.float64


@both
def test_learned_range(transformer):
    """One for all pixels; later values beyond it are moved to its ends."""
    learned = clone(transformer).set_params(bounds="auto").fit(4 * IMAGES - 1)
    low, high = learned.bounds_
    assert low.shape == high.shape == (1,)
    assert (low[0], high[0]) == (4 * IMAGES.min() - 1, 4 * IMAGES.max() - 1)
    far = learned.transform(9 * IMAGES - 4)
    np.testing.assert_array_equal(far, learned.transform((9 * IMAGES - 4).clip(low, high)))
    assert far.min() >= low
    assert far.max() <= high


@both
def test_frames(transformer):
    frame = pd.DataFrame(IMAGES[:, 0].reshape(5, -1)).add_prefix("pixel")
    transformer = clone(transformer).set_params(image_shape=(11, 9))
    out = transformer.set_output(transform="pandas").fit_transform(frame)
    assert out.columns.tolist() == frame.columns.tolist() == list(transformer.feature_names_in_)
    by_array = clone(transformer).set_output(transform="default").fit_transform(frame.to_numpy())
    np.testing.assert_array_equal(out, by_array)


@both
@pytest.mark.parametrize(
    ("params", "X", "match"),
    [
        ({"image_shape": (3, 5)}, IMAGES[:, 0, 0], r"image_shape is \(3, 5\); it must .* 9 values"),
        ({"image_shape": (9,)}, IMAGES[:, 0, 0], r"image_shape is \(9,\)"),
        ({}, IMAGES.swapaxes(1, 3), r"X.shape\[1:\] is \(9, 11, 3\).* 1 or 3 channels"),
        ({}, IMAGES[None], r"X.shape\[1:\] is \(5, 3, 11, 9\)"),
        ({"bounds": (1, 0)}, IMAGES, "low above high"),
        ({"bounds": (0, np.inf)}, IMAGES, "two finite numbers"),
        ({"bounds": ([0] * 3, [1] * 3)}, IMAGES, r"two finite numbers\."),
        ({"bounds": (0, 1, 2)}, IMAGES, "no pair"),
        ({}, np.where(IMAGES > 0.99, np.nan, IMAGES), "NaN"),
    ],
)
def test_bad_data(transformer, params, X, match):
    with pytest.raises(ValueError, match=match):
        clone(transformer).set_params(**params).fit(X)


def test_more_bad_data():
    with pytest.raises(ValueError, match=r"window=2, but X holds rows of a table.*image_shape="):
        squeeze(IMAGES[:, 0, 0], window=2)
    with pytest.raises(ValueError, match="one for each of 9 columns"):
        squeeze(IMAGES[:, 0, 0], bounds=([0, 0], [1, 1]))
    fitted_on = JPEGQuantizer().fit(IMAGES)
    with pytest.raises(ValueError, match=r"shape \(3, 9, 11\), but JPEGQuantizer was fitted on"):
        fitted_on.transform(IMAGES.swapaxes(2, 3))
