"""Columns that are neither numbers nor names, and names that a model ignores."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_privfair.attacks import AutoAttack, PGDAttack

from .test_tables_cells import BLACK_BOX, encoded, fitted, mixed


def encoded_names(model):
    """Encode the one column of names, and leave the rest out."""
    numbers = ["age", "income", "own"]
    parts = make_column_transformer((OneHotEncoder(), ["job"]), ("passthrough", numbers))
    return make_pipeline(parts, model)


def odd_columns(n):
    """Columns that are neither numbers nor names, and a name for each row."""
    period = pd.period_range("2020-01", periods=n, freq="D")
    when = pd.Series(pd.date_range("2020", periods=n, tz="UTC"))
    return {
        "dates": pd.date_range("2020", periods=n),
        "dates in a zone": when.where(when.index != 3),
        "days": [day.date() for day in pd.date_range("2020", periods=n)],
        "durations": pd.to_timedelta(np.arange(n), unit="h"),
        "periods": period,
        "intervals": pd.interval_range(0, n),
        "lists": [[k, "x"] for k in range(n)],
        "dicts": [{"k": k % 3} for k in range(n)],
        "arrays": [np.arange(k % 4) for k in range(n)],
        "objects": [object() if k % 2 else "a" for k in range(n)],
    }


class TestNeitherNumbersNorNames:
    """They stay as they are, unlisted, and the model is asked about whole rows."""

    @pytest.mark.parametrize("kind", odd_columns(2))
    @pytest.mark.parametrize("smooth", [False, True])
    def test_are_left_alone(self, kind, smooth):
        frame, labels = mixed(n=100)
        frame["odd"] = odd_columns(100)[kind]
        seen = []

        def look(X):
            seen.append(X["odd"])
            return X

        forest = RandomForestClassifier(5, random_state=0)
        model = make_pipeline(FunctionTransformer(look), encoded_names(forest))
        if smooth:  # it has a derivative, but rows are no numbers
            numbers = make_column_transformer((StandardScaler(), ["age", "income", "own"]))
            model = make_pipeline(numbers, LogisticRegression())
        model.fit(frame[:60], labels[:60])
        for attack in [*BLACK_BOX, AutoAttack(eps=2.5, n_queries=60)]:
            attack = fitted(attack, FrozenEstimator(model), frame[:60], labels[:60])
            seen.clear()
            result = attack.generate(frame[60:], labels[60:])
            assert result.success.any()
            np.testing.assert_array_equal(result.y_pred_adv, model.predict(result.X_adv))
            pd.testing.assert_series_equal(result.X_adv["odd"], frame["odd"][60:])
            assert {part.dtype for part in seen} == ({frame["odd"].dtype} if seen else set())
            alone = attack.transform(frame[70:71], labels[70:71])
            pd.testing.assert_frame_equal(alone, result.X_adv[10:11])

    def test_unless_they_are_said_to_be_categories(self):
        frame = mixed(n=120)[0]
        days = pd.to_datetime(["2020-01-01", "2020-01-02"])
        frame["day"] = days[np.arange(120) % 2]
        model = encoded(RandomForestClassifier(10, random_state=0)).fit(frame, frame["day"].dt.day)
        attack = fitted(
            BLACK_BOX[0], FrozenEstimator(model), frame, frame["day"].dt.day, categorical=["day"]
        )
        result = attack.generate(frame)
        assert result.success.mean() > 0.9
        assert (result.X_adv["day"] != frame["day"])[result.success].all()
        assert result.X_adv["day"].isin(days).all()

    def test_gradients_name_them(self):
        frame, labels = mixed(n=60)
        frame["day"] = pd.date_range("2020", periods=60)
        model = make_pipeline(
            make_column_transformer(("passthrough", ["age", "income"])), LogisticRegression()
        ).fit(frame, labels)
        attack = PGDAttack(FrozenEstimator(model)).fit(frame, labels)
        with pytest.raises(ValueError, match=r"Columns \['job', 'day'\] of X hold no numbers"):
            attack.transform(frame)


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_names_that_a_smooth_model_ignores(dtype):
    """A module takes numbers; with names, and gaps among them, the model itself is asked."""
    frame, labels = mixed(n=120)
    frame["job"] = frame["job"].mask(np.arange(120) % 3 == 0).astype(dtype)
    model = make_pipeline(
        make_column_transformer((StandardScaler(), ["age", "income"])), LogisticRegression()
    ).fit(frame[:60], labels[:60])
    for attack in [*BLACK_BOX, AutoAttack(eps=2.5, n_queries=60)]:
        attack = fitted(attack, FrozenEstimator(model), frame[:60], labels[:60])
        result = attack.generate(frame[60:], labels[60:])
        assert result.success.any()
        np.testing.assert_array_equal(result.y_pred_adv, model.predict(result.X_adv))
        pd.testing.assert_series_equal(result.X_adv["job"].isna(), frame["job"][60:].isna())
