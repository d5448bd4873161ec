"""The walk through a state: what is looked into, what is shared, what is refused."""

import functools
import operator
import threading
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from sklearn_privfair._stored import Stored, from_stored
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
    remedy = "defined in a module" if "lambda" in named else "use pickle or joblib"
    assert remedy in str(caught.value)


def test_functions_and_classes_with_names_pass():
    again = through_skops([np.add, np.mean, int, dict], "builtins.", "numpy.")
    assert again == [np.add, np.mean, int, dict]
    assert through_skops(operator.attrgetter("x"), "operator.")(Foreign(x=3)) == 3


@pytest.mark.parametrize(
    ("kind", "module", "name"),
    [
        ("function", "builtins", "eval"),
        ("function", "os", "system"),
        ("function", "torch", "load"),
        ("function", "torch", "from_file"),  # reads a file
        ("function", "torch.nn.functional", "importlib"),
        ("function", "skorch.utils", "open_file_like"),
        ("function", "sklearn.metrics", "ConfusionMatrixDisplay"),  # a class
        ("function", "sklearn.metrics._scorer", "get_scorer"),
        ("function", "gensim.utils", "unpickle"),
        ("gensim.models", "gensim.utils", "SaveLoad"),
        ("gensim.models", "gensim.models.word2vec", "utils"),
        ("gensim.models", "gensim.models.word2vec", "KeyedVectors"),  # there, but from elsewhere
        ("gensim.models", "gensim.modelsx", "Word2Vec"),
        ("fairlearn", "os", "system"),
        ("fairlearn", "fairlearn.reductions._moments.moment", "pd"),
        ("sklearn", "sklearn.linear_model._logistic", "LogisticRegression"),  # skops' own affair
        ("sklearn", "sklearn.metrics._scorer", "make_scorer"),
        ("sklearn", "subprocess", "Popen"),
    ],
)
def test_no_other_name_can_be_looked_up(kind, module, name):
    import sklearn_privfair.defences
    import sklearn_privfair.embeddings
    import sklearn_privfair.fairness  # noqa: F401

    content = {"module": module, "name": name, "state": {}}
    with pytest.raises((TypeError, ImportError)):
        from_stored(Stored(kind, content), {})


@pytest.mark.parametrize(
    "value",
    [
        [f"word {i}" for i in range(300)],
        tuple(f"\ud800 {i}" for i in range(300)),
        ["a\0b"] * 300,
        [""] * 300,
        list(range(300)),
        [2**80] * 300,
        [True] * 300,
        [1, 1.0] * 300,
        [0.1, float("nan"), float("-inf")] * 100,
        {f"word {i}": i for i in range(300)},
        {i: f"word {i}" for i in range(300)},
    ],
    ids=[
        "words",
        "surrogates",
        "ends",
        "empty",
        "ints",
        "big",
        "bools",
        "mixed",
        "floats",
        "d",
        "i",
    ],
)
def test_long_lists_and_mappings(value):
    again = through_skops(value)
    assert repr(again) == repr(value)
    assert type(again) is type(value)
