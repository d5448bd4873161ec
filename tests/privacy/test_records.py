"""Records are known again by value: in other containers and precisions, twice, or with gaps."""

import numpy as np
import pandas as pd
import pytest

from sklearn_privfair.privacy._records import Records, join

ZEROS = np.zeros(5, dtype=int)
FLOATS = np.random.default_rng(0).random((5, 3))
FRAME = pd.DataFrame(
    {
        "number": [0.5, -0.5, 1e9, 0.1, np.nan],
        "whole": [3, -2, 2**40, 0, 1],
        "kind": pd.Categorical(["x", "y", "x", None, "y"]),
        "word": ["a", "b", "b", None, "c"],
        "flag": [True, False, True, True, False],
        "maybe": pd.array([1, None, 2, 3, 4], dtype="Int64"),
    }
)
CONTAINERS = {
    "floats": FLOATS,
    "integers": np.arange(15).reshape(5, 3),
    "single": FLOATS.astype(np.float32),
    "strings": np.array(["a", "bc", "d", "efg", ""])[:, None],
    "objects": np.array([["a", 1.0], ["b", 2.5], ["a", 2], [None, 3], ["c", None]], dtype=object),
    "images": np.random.default_rng(0).random((5, 4, 4, 3)).astype(np.float32),
    "bytes": np.arange(5, dtype=np.uint8)[:, None],
    "frame": FRAME,
    "list": FLOATS.tolist(),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_in_any_order_and_only_those(name):
    X = CONTAINERS[name]
    index = np.array([3, 1, 4])
    own = Records(X, ZEROS)
    np.testing.assert_array_equal(own.first, np.arange(5))
    np.testing.assert_array_equal(own.find(own.rows(index), ZEROS[:3]), index)
    few = Records(own.rows(index), ZEROS[:3])
    np.testing.assert_array_equal(few.find(X, ZEROS), [-1, 1, -1, 0, 2])


def test_another_class_is_another_record():
    own = Records(FLOATS, np.array([0, 1, 2, 3, 4]))
    np.testing.assert_array_equal(own.find(FLOATS, np.array([0, 1, 1, 3, 0])), [0, 1, -1, 3, -1])


@pytest.mark.parametrize("name", CONTAINERS)
def test_twice(name):
    X = CONTAINERS[name]
    index = [0, 1, 1, 2, 0, 3]
    twice = Records(Records(X, ZEROS).rows(index), np.array([0, 0, 0, 0, 1, 0]))
    np.testing.assert_array_equal(twice.first, [0, 1, 1, 3, 4, 5])
    np.testing.assert_array_equal(twice.find(X, ZEROS), [0, 1, 3, 5, -1])


def test_minus_zero_and_missing():
    X = np.array([[0.0, np.nan], [1.0, np.nan], [np.nan, 0.0]])
    other = np.array([[-0.0, np.nan], [1.0, np.nan], [np.nan, -0.0]])
    for make in (np.asarray, pd.DataFrame, lambda x: x.astype(np.float32)):
        found = Records(make(X), ZEROS[:3]).find(make(other), ZEROS[:3])
        np.testing.assert_array_equal(found, [0, 1, 2])


def test_precision_of_the_fit_decides():
    single = Records(FLOATS.astype(np.float32), ZEROS)
    np.testing.assert_array_equal(single.find(FLOATS, ZEROS), np.arange(5))
    double = Records(FLOATS, ZEROS)
    near = FLOATS + np.array([0, 1e-15, 0, 1e-9, 0])[:, None]
    np.testing.assert_array_equal(double.find(near, ZEROS) >= 0, [True, False, True, False, True])


def test_integers_are_not_rounded_to():
    whole = Records(np.arange(5)[:, None], ZEROS)
    np.testing.assert_array_equal(whole.find(np.arange(5.0)[:, None], ZEROS), np.arange(5))
    np.testing.assert_array_equal(whole.find(np.arange(5)[:, None] + 0.25, ZEROS), -1)
    frame = Records(FRAME[["whole", "flag"]], ZEROS)
    half = FRAME[["whole", "flag"]].astype(float) + 0.5
    np.testing.assert_array_equal(frame.find(half, ZEROS), -1)
    np.testing.assert_array_equal(frame.find(half - 0.5, ZEROS), np.arange(5))


def test_longer_strings_are_not_cut():
    own = Records(np.array([["ab"], ["c"]]), ZEROS[:2])
    found = own.find(np.array([["abcd"], ["c"], ["ab"]]), ZEROS[:3])
    np.testing.assert_array_equal(found, [-1, 1, 0])


def test_frames_in_other_types():
    own = Records(FRAME, ZEROS)
    plain = FRAME.astype({"kind": object, "whole": float, "maybe": float, "number": object})
    np.testing.assert_array_equal(own.find(plain, ZEROS), np.arange(5))
    more = FRAME.copy()
    more["kind"] = more["kind"].cat.set_categories(["z", "y", "x"])
    np.testing.assert_array_equal(own.find(more, ZEROS), np.arange(5))
    fewer = FRAME.iloc[[1, 4]].copy()
    fewer["kind"] = fewer["kind"].cat.remove_unused_categories()
    np.testing.assert_array_equal(own.find(fewer, ZEROS[:2]), [1, 4])
    strange = FRAME.copy()
    strange["kind"] = pd.Categorical(["q", "r", "s", "q", "r"])
    np.testing.assert_array_equal(own.find(strange, ZEROS), -1)


def test_frame_and_array():
    frame = pd.DataFrame(FLOATS, columns=list("abc"))
    np.testing.assert_array_equal(Records(frame, ZEROS).find(FLOATS, ZEROS), np.arange(5))
    np.testing.assert_array_equal(Records(FLOATS, ZEROS).find(frame, ZEROS), np.arange(5))
    np.testing.assert_array_equal(Records(FRAME, ZEROS).find(FRAME.to_numpy(), ZEROS), np.arange(5))


def test_index_of_a_frame_is_no_matter():
    own = Records(FRAME, ZEROS)
    other = FRAME.set_axis(["p", "p", "q", "r", "s"])
    np.testing.assert_array_equal(own.find(other, ZEROS), np.arange(5))


@pytest.mark.parametrize("name", CONTAINERS)
def test_join_puts_records_in_both_once(name):
    X = CONTAINERS[name]
    own = Records(X, ZEROS)
    judged = Records(own.rows([4, 0]), ZEROS[:2])
    records, audited = join(own, judged)
    np.testing.assert_array_equal(own.find(records.X, records.codes), [1, 2, 3, 4, 0])
    np.testing.assert_array_equal(audited, [False] * 3 + [True] * 2)
    same, nobody = join(own, None)
    assert same is own
    assert not nobody.any()


def test_join_of_frame_and_array():
    frame = pd.DataFrame(FLOATS, columns=list("abc"))
    for first, second in ((frame, FLOATS[:2]), (FLOATS, frame[:2])):
        records, audited = join(Records(first, ZEROS), Records(second, ZEROS[:2]))
        assert type(records.X) is type(first)
        np.testing.assert_array_equal(np.asarray(records.X), FLOATS[[2, 3, 4, 0, 1]])
        assert audited.sum() == 2


def test_join_keeps_categories():
    """As objects they would be no categories to the model any more."""
    other = FRAME.iloc[:2].assign(kind=pd.Categorical(["new", "x"]), number=[7.0, 8.0])
    records, _ = join(Records(FRAME, ZEROS), Records(other, ZEROS[:2]))
    assert set(records.X["kind"].cat.categories) == {"x", "y", "new"}
    assert records.X["kind"].tolist()[5:] == ["new", "x"]
    assert records.X.dtypes.drop("kind").equals(FRAME.dtypes.drop("kind"))


def test_values_that_have_no_hash():
    X = np.array([[{"a": 1}], [2]], dtype=object)
    with pytest.raises(TypeError, match=r"cannot be told apart by.*dict.*string or a number"):
        Records(X, ZEROS[:2])
