"""Sensitive features of any kind: groups, numbers, several, beside X or in it."""

import numpy as np
import pandas as pd
import pytest

from sklearn_privfair.fairness import AdversarialDebiasingClassifier
from sklearn_privfair.fairness._sensitive import SensitiveEncoder, as_frame
from sklearn_privfair.metrics import sensitive_correlation

from ._harness import net, unfair_rows, weights

X, y, GROUP = unfair_rows(800)
SEX = np.where(np.arange(800) % 3 == 0, "f", "m")


def encoded(features, several="joint", continuous="auto", n=None):
    frame = as_frame(features, len(features) if n is None else n)
    return SensitiveEncoder(several, continuous).fit(frame).transform(frame)


def quick(**params):
    return AdversarialDebiasingClassifier(net(max_epochs=3), **{"random_state": 0} | params)


def test_groups_are_numbered_in_their_own_order():
    (target,) = encoded(["b", "a", "b", "c"])
    assert target.groups == ["a", "b", "c"]
    assert target.values.tolist() == [1, 0, 1, 2]
    assert target.width == 3


def test_missing_values_are_a_group():
    for column in (["a", None, "a", np.nan], pd.Series(["a", pd.NA, "a", None])):
        (target,) = encoded(column)
        assert target.values.tolist() == [0, 1, 0, 1]
    (target,) = encoded(np.array([1.0, np.nan, 2.0, np.nan]))
    assert target.values.tolist() == [0, 2, 1, 2]


def test_several_columns_joint_or_separate():
    frame = pd.DataFrame({"sex": ["f", "m", "f", "m"], "race": [1, 1, 2, 2]})
    (joint,) = encoded(frame)
    assert joint.name == "sex & race"
    assert joint.groups == [("f", 1), ("f", 2), ("m", 1), ("m", 2)]
    assert joint.values.tolist() == [0, 2, 1, 3]
    separate = encoded(frame, "separate")
    assert [t.name for t in separate] == ["sex", "race"]
    assert [t.values.tolist() for t in separate] == [[0, 1, 0, 1], [0, 0, 1, 1]]


def test_joint_groups_are_those_that_occur():
    (target,) = encoded(pd.DataFrame({"a": ["x", "y", "x"], "b": ["p", "q", "p"]}))
    assert target.groups == [("x", "p"), ("y", "q")]
    assert target.width == 1


def test_fractions_are_numbers_and_others_when_named():
    frame = pd.DataFrame({"age": [20, 30, 40, 30], "income": [1.5, 2.0, 3.0, 2.5]})
    income, age = encoded(frame)
    assert income.groups is None
    assert age.groups == [20, 30, 40]
    assert income.values.mean() == pytest.approx(0)
    assert income.values.std() == pytest.approx(1)
    for named in (["age"], [0]):
        number, other = encoded(frame, continuous=named)
        assert number.name == "age"
        assert number.values.tolist() == pytest.approx([-np.sqrt(2), 0, np.sqrt(2), 0])
        assert len(other.groups) == 4
    with pytest.raises(ValueError, match="none of the sensitive features"):
        encoded(frame, continuous=["weight"])
    with pytest.raises(ValueError, match="constant"):
        encoded(pd.DataFrame({"age": [3, 3]}), continuous=["age"])


def test_one_adversary_each():
    both = np.column_stack([GROUP, SEX])
    joint = quick().fit(X, y, sensitive_features=both)
    separate = quick(groups="separate").fit(X, y, sensitive_features=both)
    assert [len(m.adversaries_) for m in (joint, separate)] == [1, 2]
    assert joint.adversaries_[0].guess[-1].out_features == 4
    assert separate.adversaries_[0].guess[-1].out_features == 1


def test_a_continuous_feature():
    z = X[:, 0] + 0.5 * np.random.default_rng(0).normal(size=800)
    model = AdversarialDebiasingClassifier(net(max_epochs=30), tolerance=0.03, random_state=0)
    predicted = model.fit(X, y, sensitive_features=z).predict(X)
    assert sensitive_correlation(y, y, sensitive_features=z) > 0.4
    assert sensitive_correlation(y, predicted, sensitive_features=z) < 0.12
    assert model.score(X, y) > 0.6


def test_columns_by_name_and_by_number():
    frame = pd.DataFrame(X, columns=list("abc")).assign(sex=(GROUP == "b").astype(int))
    wide = AdversarialDebiasingClassifier(net(4, max_epochs=3), random_state=0)
    given = wide.fit(frame, y, sensitive_features=frame["sex"])
    for columns in ("sex", ["sex"], 3, -1):
        named = AdversarialDebiasingClassifier(
            net(4, max_epochs=3), sensitive_features=columns, random_state=0
        ).fit(frame, y)
        np.testing.assert_array_equal(weights(named), weights(given))
    array = AdversarialDebiasingClassifier(
        net(4, max_epochs=3), sensitive_features=3, random_state=0
    ).fit(frame.to_numpy(), y)
    np.testing.assert_array_equal(weights(array), weights(given))


def test_hidden_columns():
    """They hold words, the net sees none of them, and new rows may lack them."""
    frame = pd.DataFrame(X, columns=list("abc"))
    frame.insert(1, "sex", GROUP)
    hidden = quick(sensitive_features="sex", drop_sensitive=True).fit(frame, y)
    beside = quick().fit(frame[list("abc")], y, sensitive_features=GROUP)
    np.testing.assert_array_equal(weights(hidden), weights(beside))
    assert list(hidden.feature_names_in_) == ["a", "sex", "b", "c"]
    expected = beside.predict_proba(frame[list("abc")])
    np.testing.assert_array_equal(hidden.predict_proba(frame), expected)
    np.testing.assert_array_equal(hidden.predict_proba(frame.assign(sex="?")), expected)
    np.testing.assert_array_equal(hidden.predict_proba(frame.drop(columns="sex")), expected)
    with pytest.raises(ValueError, match="feature names"):
        hidden.predict(frame.drop(columns="a"))
    array = np.insert(X, 1, GROUP == "b", axis=1)
    in_array = quick(sensitive_features=1, drop_sensitive=True).fit(array, y)
    np.testing.assert_array_equal(weights(in_array), weights(beside))


def test_refusals():
    frame = pd.DataFrame(X, columns=list("abc")).assign(sex=GROUP)
    with pytest.raises(ValueError, match=r"'sex' holds no numbers.*drop_sensitive=True"):
        quick(sensitive_features="sex").fit(frame, y)
    with pytest.raises(ValueError, match="X has no column 'race'"):
        quick(sensitive_features="race").fit(frame, y)
    with pytest.raises(ValueError, match="hides columns of X"):
        quick(drop_sensitive=True).fit(X, y, sensitive_features=GROUP)
    with pytest.raises(ValueError, match="each once"):
        quick(sensitive_features=["a", 0]).fit(frame, y)
    with pytest.raises(ValueError, match="not finite"):
        quick().fit(X, y, sensitive_features=np.where(X[:, 0] > 0, np.inf, X[:, 1]))


def test_a_series_keeps_its_name():
    frame = as_frame(pd.Series(["a", "b"], name="sex"), 2)
    assert list(frame) == ["sex"]
    assert list(as_frame(pd.Series(["a", "b"]), 2)) == ["sensitive_0"]
