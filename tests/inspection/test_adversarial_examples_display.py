"""What is drawn is what was given: pixels, scales, bars, labels."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sklearn_privfair.inspection import AdversarialExamplesDisplay

N = 4
LABELS = {"y_true": np.array(list("abcd")), "y_pred": np.array(list("abcc"))}
Y_PRED_ADV = np.array(list("bcda"))


def images(shape, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.random((N, *shape))
    return X, np.clip(X + 0.1 * rng.normal(size=X.shape), 0, 1)


def draw(X, X_adv, **kwargs):
    return AdversarialExamplesDisplay.from_predictions(
        X, X_adv, LABELS["y_pred"], Y_PRED_ADV, **({"y_true": LABELS["y_true"]} | kwargs)
    )


@pytest.mark.parametrize("shape", [(5, 7), (1, 5, 7), (5, 7, 1), (35,)])
def test_grey_images(shape):
    X, X_adv = images(shape)
    display = draw(X, X_adv, image_shape=(5, 7) if shape == (35,) else None)
    assert display.axes_.shape == (N, 3)
    change = (X_adv - X).reshape(N, 5, 7)
    for i, panels in enumerate(display.axes_):
        for panel, expected in zip(panels, (X[i], X_adv[i], change[i]), strict=True):
            np.testing.assert_allclose(panel.images[0].get_array(), expected.reshape(5, 7))
        assert panels[0].images[0].get_clim() == (0, 1)


@pytest.mark.parametrize("channels_last", [False, True])
def test_colour_images_show_the_channel_that_changed_most(channels_last):
    X, X_adv = images((3, 5, 7))
    expected = np.empty((N, 5, 7))
    for index in np.ndindex(N, 5, 7):
        i, row, column = index
        change = X_adv[i, :, row, column] - X[i, :, row, column]
        expected[index] = max(change, key=abs)
    if channels_last:
        X, X_adv = np.moveaxis(X, 1, -1), np.moveaxis(X_adv, 1, -1)
    display = draw(X, X_adv)
    for i, panels in enumerate(display.axes_):
        np.testing.assert_allclose(panels[2].images[0].get_array(), expected[i])
        picture = X[i] if channels_last else np.moveaxis(X[i], 0, -1)
        np.testing.assert_allclose(panels[0].images[0].get_array(), picture)


def test_differences_share_one_scale_centred_at_zero():
    X, X_adv = images((5, 7))
    X_adv[0] = X[0]  # a row without change must not get a scale of its own
    display = draw(X, X_adv)
    extreme = np.abs(X_adv - X).max()
    for panel in display.axes_[:, 2]:
        assert panel.images[0].get_clim() == pytest.approx((-extreme, extreme))
    assert (display.colorbar_.vmin, display.colorbar_.vmax) == pytest.approx((-extreme, extreme))
    np.testing.assert_array_equal(display.axes_[0, 2].images[0].get_array(), 0)


def test_nothing_changed_still_draws():
    X, _ = images((5, 7))
    display = draw(X, X)
    assert display.axes_[0, 2].images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(("factor", "dtype"), [(255, np.uint8), (1, float), (37.5, float)])
def test_range_of_grey(factor, dtype):
    X, X_adv = (np.asarray(factor * x, dtype) for x in images((5, 7)))
    X[0, 0, 0], X[0, 0, 1] = 0, factor
    white = {255: 255, 1: 1, 37.5: 255}[factor]
    display = draw(X, X_adv)
    np.testing.assert_allclose(display.axes_[0, 0].images[0].get_array(), X[0] / white)
    change = X_adv[1].astype(float) - X[1].astype(float)  # uint8 must not wrap around
    np.testing.assert_allclose(display.axes_[1, 2].images[0].get_array(), change)


def test_titles_give_labels_and_distances():
    X = np.zeros((N, 2, 2))
    X_adv = X.copy()
    X_adv[:, 0, 0], X_adv[:, 1, 1] = 0.3, -0.4
    display = draw(X, X_adv)
    titles = [[panel.get_title() for panel in panels] for panels in display.axes_]
    assert titles[3] == ["true d, predicted c", "predicted a", r"$\ell_2$ 0.5, $\ell_\infty$ 0.4"]
    for title, heading in zip(titles[0], ("Original", "Adversarial", "Difference"), strict=True):
        assert heading in title
    display = draw(X, X_adv, y_true=None)
    assert display.axes_[3, 0].get_title() == "predicted c"


def test_table_shows_the_features_that_changed():
    X = pd.DataFrame(np.tile([1.0, 10.0, 100.0, 5.0], (N, 1)), columns=list("wxyz"))
    X_adv = X + np.array([0.5, -2.0, 0.0, 0.25])
    display = draw(X, X_adv)
    assert display.axes_.shape == (N, 1)
    for panel in display.axes_[:, 0]:
        assert [t.get_text() for t in panel.get_yticklabels()] == ["z", "w", "x"]  # x on top
        assert [bar.get_width() for bar in panel.patches] == [0.25, 0.5, -2.0]
        assert [t.get_text() for t in panel.texts] == ["5 → 5.25", "1 → 1.5", "10 → 8"]
        low, high = panel.get_xlim()
        assert low == -high
    assert display.axes_[0, 0].get_title() == "true a, predicted a → b"
    assert "feature units" in display.axes_[-1, 0].get_xlabel()


def test_table_in_standard_deviations():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3)) * [1, 10, 100]
    X[:, 2] = 7.0  # constant: no standard deviation to divide by
    X_adv = X + 1.0
    display = draw(X, X_adv, scale="std")
    deviation = X.std(axis=0)
    widths = sorted(bar.get_width() for bar in display.axes_[0, 0].patches)
    np.testing.assert_allclose(widths, sorted([1 / deviation[0], 1 / deviation[1], 1.0]))
    assert "standard deviations" in display.axes_[-1, 0].get_xlabel()


def test_max_features():
    X, X_adv = images((10,))
    display = draw(X, X_adv).plot(max_features=2)
    largest = np.sort(np.abs(X_adv - X), axis=1)[:, -2:]
    for panel, expected in zip(display.axes_[:, 0], largest, strict=True):
        np.testing.assert_allclose([abs(bar.get_width()) for bar in panel.patches], expected)


def test_from_estimator_draws_turned_rows_first(rows, model, hyperplane_attack):
    X, y = rows
    attack = hyperplane_attack(eps=0.4).fit(model)
    result = attack.generate(X, y)
    turned = np.flatnonzero(result.success)
    display = AdversarialExamplesDisplay.from_estimator(attack, X, y, n_examples=3)
    np.testing.assert_array_equal(display.X, X[turned[:3]])
    np.testing.assert_array_equal(display.X_adv, result.X_adv[turned[:3]])
    np.testing.assert_array_equal(display.y_true, y[turned[:3]])
    few = hyperplane_attack(eps=0.0).fit(model)
    display = AdversarialExamplesDisplay.from_estimator(few, X, y, n_examples=3)
    np.testing.assert_array_equal(display.X, X[:3])


def test_frame():
    X, X_adv = images((2, 2))
    frame = draw(X, X_adv, rows=[2, 0]).frame()
    assert len(frame) == 8
    second = frame[frame["example"] == 1]
    np.testing.assert_array_equal(second["original"], X[0].ravel())
    np.testing.assert_array_equal(second["adversarial"], X_adv[0].ravel())
    np.testing.assert_array_equal(second["difference"], (X_adv - X)[0].ravel())
    assert set(second["y_true"]) == {"a"}
    assert list(second["feature"]) == ["x0", "x1", "x2", "x3"]


def test_axes_given():
    X, X_adv = images((5, 7))
    figure, (left, right) = plt.subplots(1, 2)
    display = draw(X, X_adv, ax=left)
    assert display.figure_ is figure
    assert display.ax_ is left
    assert all(panel.get_position().x1 <= right.get_position().x0 for panel in display.axes_.flat)
    _, grid = plt.subplots(N, 3)
    display = draw(X, X_adv, ax=grid)
    assert (display.axes_ == grid).all()
    assert grid[2, 1].images
    inset = figure.add_axes([0.1, 0.1, 0.2, 0.2])
    assert draw(X, X_adv, ax=inset).figure_ is figure


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"X_adv": np.zeros((N, 2))}, "must be equal"),
        ({"image_shape": (2, 3)}, "image_shape"),
        ({"image_shape": (4,)}, "image_shape"),
        ({"rows": []}, "no row"),
        ({"scale": "iqr"}, "scale"),
        ({"y_true": ["a"]}, "inconsistent"),
        ({"X": np.zeros((N, 2, 3, 4)), "X_adv": np.zeros((N, 2, 3, 4))}, "images are"),
    ],
)
def test_bad_input(kwargs, match):
    X, X_adv = images((4,))
    with pytest.raises(ValueError, match=match):
        draw(**({"X": X, "X_adv": X_adv} | kwargs))


def test_wrong_number_of_axes():
    X, X_adv = images((5, 7))
    _, grid = plt.subplots(1, 3)
    with pytest.raises(ValueError, match="12 axes"):
        draw(X, X_adv, ax=grid)
