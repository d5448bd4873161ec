"""The walk through a state: what is looked into, what is shared, what is refused."""

import functools
import operator
import threading
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from stored._holders import Foreign, Holder, through_skops

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


class _Pair(NamedTuple):
    one: object
    other: object


class _OwnTransformer(BaseEstimator):
    def __init__(self, table=None):
        self.table = table


def _same(one, other):
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    "keys",
    [
        [("a", "b"), ("a",)],
        [None, "None"],
        [1, "1"],
        [True, False],
        [1.5, float("inf")],
        [np.str_("a"), "b"],
        [(1, None), pd.Timestamp("2026")],
        [3, 4],
    ],
    ids=repr,
)
def test_keys_of_every_kind(keys):
    value = dict.fromkeys(keys, "x") | {keys[-1]: FRAME}
    again = through_skops(value)
    assert list(again) == keys
    assert [type(key) for key in again] == [type(key) for key in keys]
    _same(again[keys[-1]], FRAME)


def test_a_users_own_objects_are_looked_into():
    value = Foreign(inner=_OwnTransformer(table=FRAME), same=FRAME, n=3)
    again = through_skops(value, __name__)
    assert type(again) is Foreign
    assert again.n == 3
    _same(again.inner.table, FRAME)
    assert again.same is again.inner.table
    assert value.same is FRAME  # the original is not touched
    assert value.inner.table is FRAME


def test_containers():
    value = {"pair": _Pair(FRAME, 1), "array": np.array([FRAME, None, pd.NA], dtype=object)}
    again = through_skops(value, __name__)
    _same(again["pair"].one, FRAME)
    assert type(again["pair"]) is _Pair
    _same(again["array"][0], FRAME)
    assert again["array"][2] is pd.NA
    grid = np.array([[1, "a", (2, 3)], [None, "b", ()]], dtype=object)
    again = through_skops(grid)
    assert again.shape == grid.shape
    assert again.tolist() == grid.tolist()


def test_an_object_within_itself_does_not_go_round_for_ever():
    value = Foreign(n=3)
    value.itself = [value]
    assert Holder(value=value).__getstate__()["value"] is value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (lambda x: x, r"Holder\.value: it is .*<lambda>"),
        ({"deep": [0, threading.Lock()]}, r"Holder\.value\.deep\[1\]: it is a _thread\.lock"),
        (Foreign(part=(i for i in [1])), r"Holder\.value\.part: it is a .*generator"),
        (functools.partial(lambda x: x), r"Holder\.value\.func: it is .*<lambda>"),
        ({("a", 1): threading.Lock()}, r"Holder\.value\.values\[0\]: it is a _thread\.lock"),
    ],
    ids=["lambda", "lock", "generator", "partial", "pairs"],
)
def test_what_skops_cannot_store_is_refused_by_its_place(value, named):
    with pytest.raises(TypeError, match=named) as caught:
        through_skops(value)
    assert "use pickle or joblib" in str(caught.value)


def test_functions_and_classes_with_names_pass():
    again = through_skops([np.add, np.mean, int, dict], "builtins.", "numpy.")
    assert again == [np.add, np.mean, int, dict]
    assert through_skops(operator.attrgetter("x"), "operator.")(Foreign(x=3)) == 3
