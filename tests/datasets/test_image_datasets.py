"""MNIST and CIFAR-10: the bytes that were stored come out, from either source."""

import builtins
import io

import numpy as np
import pytest

from sklearn_privfair.datasets import fetch_cifar10, fetch_mnist
from sklearn_privfair.datasets._mnist import _TEST_COUNTS


@pytest.fixture
def mnist_folder(folder, rng):
    arrays = {}
    for part, n in (("train", 7), ("test", 3)):
        arrays[f"X_{part}"] = rng.integers(256, size=(n, 28, 28), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.integers(10, size=n, dtype=np.uint8)
    np.savez(folder / "mnist.npz", **arrays)
    return arrays


@pytest.fixture
def cifar_folder(folder, rng):
    image = pytest.importorskip("PIL.Image")
    arrays = {}
    for part, n in (("train", 5), ("test", 2)):
        files = []
        for _ in range(n):  # one colour each: JPEG keeps that to within rounding
            buffer, colour = io.BytesIO(), rng.integers(256, size=3)
            picture = np.broadcast_to(colour.astype(np.uint8), (32, 32, 3))
            image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=100)
            files.append(buffer.getvalue())
            arrays.setdefault(f"colours_{part}", []).append(colour)
        arrays[f"bytes_{part}"] = np.frombuffer(b"".join(files), np.uint8)
        arrays[f"size_{part}"] = np.array([len(file) for file in files], np.uint32)
        arrays[f"y_{part}"] = rng.integers(10, size=n, dtype=np.uint8)
    np.savez(folder / "cifar10_jpeg.npz", **arrays)
    return arrays


@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_mnist_from_a_folder(mnist_folder, subset):
    parts = ["train", "test"] if subset == "all" else [subset]
    X = np.concatenate([mnist_folder[f"X_{part}"] for part in parts])
    y = np.concatenate([mnist_folder[f"y_{part}"] for part in parts])
    bunch = fetch_mnist(subset=subset)
    assert bunch.data.dtype == np.float32
    assert bunch.target.dtype == np.int64
    np.testing.assert_array_equal(bunch.data, (X / 255).astype(np.float32)[:, None])
    np.testing.assert_array_equal(bunch.target, y)
    assert bunch.image_shape == bunch.data.shape[1:]
    flat, target = fetch_mnist(subset=subset, flatten=True, return_X_y=True)
    np.testing.assert_array_equal(flat, bunch.data.reshape(len(X), -1))
    np.testing.assert_array_equal(target, y)
    row, column = 3, 17
    position = bunch.feature_names.index(f"pixel_{row}_{column}")
    np.testing.assert_array_equal(flat[:, position], bunch.data[:, 0, row, column])


def test_cifar_from_a_folder(cifar_folder):
    bunch = fetch_cifar10(subset="all")
    assert bunch.data.shape == (7, 3, 32, 32)
    assert bunch.data.dtype == np.float32
    colours = np.concatenate([cifar_folder["colours_train"], cifar_folder["colours_test"]])
    expected = np.broadcast_to(colours[:, :, None, None], bunch.data.shape)
    np.testing.assert_allclose(bunch.data * 255, expected, atol=3)
    np.testing.assert_array_equal(
        bunch.target, np.concatenate([cifar_folder["y_train"], cifar_folder["y_test"]])
    )
    test, _ = fetch_cifar10(subset="test", flatten=True, return_X_y=True)
    np.testing.assert_array_equal(test, bunch.data[5:].reshape(2, -1))
    position = bunch.feature_names.index("blue_4_9")
    np.testing.assert_array_equal(test[:, position], bunch.data[5:, 2, 4, 9])
    assert bunch.target_names[0] == "airplane"
    assert bunch.target_names[9] == "truck"


def test_cifar_without_pillow(cifar_folder, monkeypatch):
    real_import = builtins.__import__

    def no_pillow(name, *args, **kwargs):
        if name == "PIL":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_pillow)
    with pytest.raises(ImportError, match="pip install pillow"):
        fetch_cifar10(subset="test")


SOURCES = [
    (fetch_mnist, 554, 60_000, (1, 28, 28), _TEST_COUNTS),
    (fetch_cifar10, 40927, 50_000, (3, 32, 32), [1000] * 10),
]


@pytest.mark.parametrize(("fetch", "data_id", "n_train", "shape", "counts"), SOURCES)
def test_from_openml(openml, rng, tmp_path, fetch, data_id, n_train, shape, counts):
    X = np.zeros((n_train + 10_000, np.prod(shape)), dtype=np.uint8)
    marked = n_train + np.array([0, 1, 9_999])
    X[marked] = rng.integers(256, size=(3, X.shape[1]), dtype=np.uint8)
    y = np.repeat(np.arange(10), counts)
    target = np.concatenate([np.zeros(n_train, int), y]).astype(str).astype(object)
    requests = openml(data=X, target=target)
    images, labels = fetch(subset="test", data_home=tmp_path, return_X_y=True)
    assert requests == [{"data_id": data_id, "data_home": tmp_path, "as_frame": False}]
    assert images.shape == (10_000, *shape)
    assert images.dtype == np.float32
    expected = (X[marked] / 255).astype(np.float32).reshape(3, *shape)
    np.testing.assert_array_equal(images[marked - n_train], expected)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, y)


@pytest.mark.parametrize(("fetch", "data_id", "n_train", "shape", "counts"), SOURCES)
def test_openml_in_another_order(openml, fetch, data_id, n_train, shape, counts):
    target = np.tile(np.arange(10), (n_train + 10_000) // 10)
    target[-1] = 0  # a test set with other counts than the official one
    openml(data=np.zeros((len(target), 1), np.uint8), target=target.astype(str))
    with pytest.raises(OSError, match="test images"):
        fetch(subset="test")


def test_real_mnist(real_data):
    X, y = fetch_mnist(subset="all", return_X_y=True)
    assert X.shape == (70_000, 1, 28, 28)
    assert (X.min(), X.max()) == (0, 1)
    # The mean and standard deviation of the training images that everybody normalises with.
    assert X[:60_000].mean(dtype=float) == pytest.approx(0.1307, abs=5e-5)
    assert X[:60_000].std(dtype=float) == pytest.approx(0.3081, abs=5e-5)
    assert y[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(y[60_000:]).tolist() == _TEST_COUNTS


def test_real_cifar10(real_data):
    X, y = fetch_cifar10(subset="test", return_X_y=True)
    assert X.shape == (10_000, 3, 32, 32)
    assert np.bincount(y).tolist() == [1000] * 10
    # The means of the channels that everybody normalises with (training set; JPEG moves little).
    np.testing.assert_allclose(X.mean(axis=(0, 2, 3)), [0.4914, 0.4822, 0.4465], atol=0.01)
    blue_minus_red = X[:, 2].mean(axis=(1, 2)) - X[:, 0].mean(axis=(1, 2))
    sky, animals = np.isin(y, [0, 8]), np.isin(y, [4, 6])  # planes and ships; deer and frogs
    assert blue_minus_red[sky].mean() > 0 > blue_minus_red[animals].mean()
