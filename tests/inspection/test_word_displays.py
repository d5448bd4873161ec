"""Words on the bias direction and tables of analogies, as drawn, against the metrics."""

from itertools import pairwise
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sklearn_privfair.embeddings import HardDebias
from sklearn_privfair.inspection import AnalogyTable, BiasProjectionDisplay
from sklearn_privfair.inspection._axes import PALETTE
from sklearn_privfair.metrics import (
    MissingWordsWarning,
    bias_direction,
    bias_projection,
    compute_analogy,
)

WORDS = [f"w{i:03}" for i in range(200)]


@pytest.fixture
def before():
    rng = np.random.default_rng(0)
    return WORDS, rng.normal(size=(200, 6))


class Eraser:
    """Takes away what lies along one direction."""

    def __init__(self, direction):
        self.components_ = direction[None] / np.linalg.norm(direction)

    def transform(self, vectors):
        words, array = vectors
        return words, array - array @ self.components_.T @ self.components_


def extents_overlap(texts):
    boxes = [text.get_window_extent() for text in texts]
    return any(box.count_overlaps(boxes[:i]) for i, box in enumerate(boxes))


def test_points_are_the_projections(before):
    pair, words = ("w000", "w001"), WORDS[10:22]
    after = Eraser(bias_direction(before, [pair])).transform(before)
    display = BiasProjectionDisplay.from_vectors({"old": before, "new": after}, words, pair)
    frame = display.frame()
    assert frame.columns.tolist() == ["old", "new"]
    expected = bias_projection(before, pair, words).sort_values()
    pd.testing.assert_series_equal(frame["old"], expected, check_names=False)
    np.testing.assert_allclose(frame["new"], 0, atol=1e-12)  # along the direction of the first
    for name, points in display.points_.items():
        x, y = points.get_offsets().T
        np.testing.assert_array_equal(x, frame[name])
        np.testing.assert_array_equal(y, np.arange(12))
    segments = np.array(display.lines_.get_segments())
    np.testing.assert_allclose(segments[:, 0, 0], np.minimum(frame["old"], 0), atol=1e-12)
    np.testing.assert_allclose(segments[:, 1, 0], np.maximum(frame["old"], 0), atol=1e-12)
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == frame.index.tolist()
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == [f"old: {expected.abs().mean():.3f}", "new: 0.000"]
    assert display.ax_.get_xlabel().split("cosine")[0].strip() == "← w001"
    assert display.ax_.get_xlabel().endswith("w000 →")
    top, bottom = display.ax_.get_ylim()[::-1]
    assert top < 0 < 11 < bottom  # the most negative is on top
    low, high = display.ax_.get_xlim()
    assert low < frame.to_numpy().min() < frame.to_numpy().max() < high


def test_from_estimator_takes_its_components(before):
    direction = np.arange(6.0) - 2
    display = BiasProjectionDisplay.from_estimator(Eraser(direction), before, WORDS[:5])
    expected = bias_projection(before, direction, WORDS[:5]).sort_values()
    np.testing.assert_allclose(display.frame()["before"], expected)
    np.testing.assert_allclose(display.frame()["after"], 0, atol=1e-12)
    assert display.ax_.get_xlabel() == "cosine with the direction"
    other = BiasProjectionDisplay.from_estimator(
        Eraser(direction), before, WORDS[:5], direction=[("w008", "w009")], ends=("no", "yes")
    )
    assert abs(other.frame()["after"]).max() > 0.01
    assert "no" in other.ax_.get_xlabel()
    with pytest.raises(ValueError, match="SimpleNamespace has no components_"):
        BiasProjectionDisplay.from_estimator(SimpleNamespace(), before, WORDS[:5])


def test_a_debiaser_that_writes_in_place_leaves_what_was_before(before):
    words, array = WORDS, before[1].copy()
    pairs = [("w000", "w001")]
    debias = HardDebias(pairs, None, None, copy=False).fit((words, array))
    expected = bias_projection(before, debias.components_[0], WORDS[:9])
    display = BiasProjectionDisplay.from_estimator(debias, (words, array), WORDS[:9])
    np.testing.assert_allclose(display.frame()["before"], expected.sort_values())
    np.testing.assert_allclose(display.frame()["after"], 0, atol=1e-12)
    table = AnalogyTable.from_estimator(debias, (words, array), [("w000", "w007", "w001")])
    answer = compute_analogy(before, "w000", "w007", "w001")[0][0]
    assert table.frame()["before"].tolist() == [answer]
    np.testing.assert_array_equal(array, before[1])
    assert debias.copy is False


def test_many_words_are_not_all_named(before):
    display = BiasProjectionDisplay.from_vectors({"only": before}, WORDS, np.eye(6)[0])
    display.figure_.canvas.draw()
    names = [text for text in display.ax_.get_yticklabels() if text.get_text()]
    assert 30 < len(names) <= 60
    assert not extents_overlap(names)
    assert len(display.points_["only"].get_offsets()) == 200
    assert display.frame().index[0] == names[0].get_text()


def test_projection_in_given_axes_and_bad_input(before):
    figure, (ax, _) = plt.subplots(1, 2)
    display = BiasProjectionDisplay.from_vectors({"a": before}, WORDS[:4], np.eye(6)[0], ax=ax)
    assert display.figure_ is figure
    assert display.ax_ is ax
    assert display.plot(ax=ax, s=77).points_["a"].get_sizes().tolist() == [77]
    for vectors in (before, dict(zip(*before, strict=True)) | {1: np.ones(6)}):
        with pytest.raises(TypeError, match="vectors must map names to word vectors"):
            BiasProjectionDisplay.from_vectors(vectors, WORDS[:4], np.eye(6)[0])
    fewer = (WORDS[1:], before[1][1:])
    with pytest.warns(MissingWordsWarning, match="words lacks 'w000'"):
        display = BiasProjectionDisplay.from_vectors(
            {"a": before, "b": fewer}, WORDS[:4], np.eye(6)[0]
        )
    assert sorted(display.frame().index) == WORDS[1:4]
    assert not display.frame().isna().any(axis=None)


ANALOGIES = {
    "appropriate": [("w000", "w005", "w001"), ("w002", "w006", "w003")],
    "biased": [("w000", "w007", "w001")],
}


@pytest.mark.parametrize("n_words", [1, 3])
def test_answers_are_those_of_the_metric(before, n_words):
    eraser = Eraser(bias_direction(before, [("w000", "w001")]))
    table = AnalogyTable.from_estimator(eraser, before, ANALOGIES, n_words=n_words, first=150)
    frame = table.frame()
    assert frame["kind"].tolist() == ["appropriate", "appropriate", "biased"]
    for name, vectors in (("before", before), ("after", eraser.transform(before))):
        for line in frame.to_dict("records"):
            found = compute_analogy(
                vectors, line["a"], line["b"], line["c"], n_words=n_words, first=150
            )
            assert line[name] == ", ".join(word for word, _ in found)
    assert frame["changed"].tolist() == (frame["before"] != frame["after"]).tolist()
    assert frame["changed"].any()
    cells = [[text.get_text() for text in line] for line in table.texts_]
    assert cells[0] == ["analogy", "before", "after"]
    n_changed = frame["changed"][:2].sum()
    assert cells[1][0] == f"appropriate: {n_changed} of 2 changed"
    assert cells[2] == ["w000 : w005 :: w001 : ?", frame["before"][0], frame["after"][0]]
    for line, row in ((2, 0), (3, 1), (5, 2)):
        colours = [to_hex(text.get_color()).upper() for text in table.texts_[line]]
        assert colours[:2] == ["#000000", "#000000"]
        assert colours[2] == (PALETTE[1] if frame["changed"][row] else "#000000")


@pytest.mark.parametrize("given", ["new", "small"])
def test_cells_fit(before, given):
    ax = None if given == "new" else plt.subplots(1, 2, figsize=(7, 3))[1][1]
    table = AnalogyTable.from_vectors(
        {"before": before, "after": before}, ANALOGIES, n_words=4, ax=ax
    )
    table.figure_.canvas.draw()
    for line in table.texts_:
        boxes = [text.get_window_extent() for text in line]
        assert not any(left.x1 > right.x0 for left, right in pairwise(boxes))
    boxes = [line[0].get_window_extent() for line in table.texts_]
    assert not any(above.overlaps(below) for above, below in pairwise(boxes))
    frame = table.ax_.get_window_extent()
    assert all(text.get_window_extent().x1 <= frame.x1 for line in table.texts_ for text in line)
    if given == "small":
        assert table.ax_ is ax
        assert table.texts_[0][0].get_fontsize() < 9


def test_analogies_without_kinds_and_bad_input(before):
    triples = ANALOGIES["biased"]
    table = AnalogyTable.from_vectors({"only": before}, triples)
    assert len(table.texts_) == 2  # no heading of a kind
    assert not table.frame()["changed"].any()
    three = AnalogyTable.from_vectors(dict.fromkeys(["x", "y", "z"], before), triples)
    assert three.frame().columns.tolist() == ["kind", "a", "b", "c", "x", "y", "z", "changed"]
    with pytest.raises(TypeError, match="vectors must map names"):
        AnalogyTable.from_vectors(before, triples)
    with pytest.raises(ValueError, match=r"may not have the names \['changed'\]"):
        AnalogyTable.from_vectors({"changed": before}, triples)
    with pytest.raises(ValueError, match="missing: 'gone'"):
        AnalogyTable.from_vectors({"only": before}, [("w000", "gone", "w001")])
