"""Frames, series and indexes through skops: the same in every dtype, name and gap."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stored._holders import through_skops

DAYS = pd.date_range("2026-03-28", periods=3, freq="D")
COLUMNS = {
    "int": [1, 2, 3],
    "float32": np.array([0.5, np.nan, 3e38], dtype=np.float32),
    "bool": [True, False, True],
    "words": ["a", None, "c"],
    "objects": np.array(["a", "", "c"], dtype=object),
    "mixed": np.array([1, "1", True], dtype=object),
    "gaps": np.array([None, np.nan, pd.NA], dtype=object),
    "tuples": pd.Series([(1, "x"), (2, "y"), ()], dtype=object),
    "string": pd.array(["u", pd.NA, "\0"], dtype="string"),
    "categories": pd.Categorical(["u", "v", None], categories=["v", "u", "w"], ordered=True),
    "numbered": pd.Categorical([3, 1, 3], categories=[3, 1]),
    "years": pd.Categorical(pd.to_datetime(["2020", "2021", None])),
    "Int64": pd.array([2**62 + 1, None, -1], dtype="Int64"),
    "UInt8": pd.array([255, None, 0], dtype="UInt8"),
    "Float32": pd.array([0.1, None, 2], dtype="Float32"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "moments": pd.to_datetime(["2026-01-01", None, "2026-01-03"]).astype("datetime64[ms]"),
    "zoned": DAYS.tz_localize("Europe/Berlin"),  # over a change of the clock
    "lengths": pd.to_timedelta(["1h", None, "2D"]),
    "months": pd.period_range("2026-01", periods=3, freq="M"),
    "ranges": pd.IntervalIndex.from_breaks([0, 1, 2, 5], closed="left"),
    "sparse": pd.arrays.SparseArray([0, 0, 1]),
    "moments one by one": pd.Series(
        [pd.Timestamp("2026-01-01", tz="UTC"), pd.NaT, pd.Interval(0, 1)], dtype=object
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(name):
    frame = pd.DataFrame({"n": [1, 2, 3], name: COLUMNS[name]}, index=[5, 3, 4])
    for found, expected in [(frame, frame), (frame[name], frame[name])]:
        again = through_skops(found)
        tell = pd.testing.assert_frame_equal if again.ndim == 2 else pd.testing.assert_series_equal
        tell(again, expected, check_exact=True)
    for one, other in zip(again, expected, strict=True):
        assert type(one) is type(other)  # 1 and True, None and NaN and NA
    if isinstance(frame[name].dtype, pd.CategoricalDtype):
        assert again.dtype == frame[name].dtype
        pd.testing.assert_index_equal(again.cat.categories, frame[name].cat.categories)


INDEXES = {
    "range": pd.RangeIndex(2, 8, 2, name="row"),
    "int": pd.Index([7, 1, 1]),
    "int8": pd.Index(np.array([7, 1, 1], dtype=np.int8)),
    "words": pd.Index(["a", "b", "a"], name=("two", 1)),
    "objects": pd.Index(["a", "b", "c"], dtype=object),
    "mixed": pd.Index([1, "a", None]),
    "days": DAYS,
    "zoned": DAYS.tz_localize("Asia/Tokyo"),
    "categories": pd.CategoricalIndex(["a", "b", "a"], categories=["b", "a"]),
    "many": pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("a", 2)], names=["x", None]),
    "months": pd.period_range("2026-01", periods=3, freq="Q"),
    "ranges": pd.IntervalIndex.from_breaks([0.0, 1, 2, 5]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_indexes(name):
    index = INDEXES[name]
    pd.testing.assert_index_equal(through_skops(index), index, exact=True)
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=index)
    pd.testing.assert_frame_equal(through_skops(frame), frame)
    if index.is_unique:
        across = pd.DataFrame([[1, 2, 3.5]], columns=index)
        pd.testing.assert_frame_equal(through_skops(across), across)
        wide = pd.DataFrame([["a", "b", 3.5]], columns=index)
        pd.testing.assert_frame_equal(through_skops(wide), wide)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": pd.Series([], dtype="category"), "b": pd.Series([], dtype="Int8")}),
        pd.DataFrame(np.eye(3, dtype=np.float32)),
        pd.DataFrame([[1, 2], [3, 4]], columns=["same", "same"]),
        pd.DataFrame([[1, "x"], [3, "y"]], columns=["same", "same"]),
        pd.DataFrame({0: ["a"], 1: [2], "b": [3.0]}),
    ],
    ids=["none", "rows", "columns", "typed", "numbers", "twice", "twice mixed", "int names"],
)
def test_shapes_and_names(frame):
    again = through_skops(frame)
    pd.testing.assert_frame_equal(again, frame, check_column_type=True)
    assert [type(name) for name in again.columns] == [type(name) for name in frame.columns]


def test_series():
    series = pd.Series([1, 2], index=["a", "b"], name=("s", 3))
    pd.testing.assert_series_equal(through_skops(series), series)
    dtypes = pd.DataFrame({"a": [1], "b": pd.Categorical(["x"])}).dtypes
    pd.testing.assert_series_equal(through_skops(dtypes), dtypes)


def test_hundreds_of_columns_are_one_array():
    frame = pd.DataFrame(np.arange(1200.0).reshape(4, 300))
    pd.testing.assert_frame_equal(through_skops(frame), frame)


def test_scalars():
    values = [
        pd.NA,
        pd.NaT,
        pd.Timestamp("2026-03-29 02:30", tz="UTC"),
        pd.Timedelta("1us"),
        pd.Interval(0, 1, closed="both"),
        pd.Period("2026-03", freq="M"),
    ]
    again = through_skops(values)
    assert again[0] is pd.NA
    assert again[1] is pd.NaT
    assert again[2:] == values[2:]


def test_what_is_no_plain_table_is_refused_by_its_place():
    class Odd(pd.DataFrame):
        pass

    with pytest.raises(TypeError, match=r"Holder\.value\.inside\[1\]\._mgr"):
        through_skops({"inside": [1, Odd({"a": [1]})]})


def test_days_of_the_calendar_ask_for_trust_of_no_one():
    frame = pd.DataFrame(
        {"day": [dt.date(2026, 1, 2), dt.datetime(2026, 1, 2), None]}, dtype=object
    )
    pd.testing.assert_frame_equal(through_skops(frame), frame)
