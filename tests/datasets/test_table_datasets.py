"""Adult and COMPAS: the same table from either source."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sklearn_privfair.datasets import _adult, fetch_adult, fetch_compas

ADULT = pd.DataFrame(
    {
        "age": [39, 50, 38, 53, 28],
        "workclass": ["State-gov", "?", "Private", "Private", "?"],
        "fnlwgt": [77516, 83311, 215646, 226802, 338409],
        "education": ["Bachelors", "Bachelors", "HS-grad", "11th", "Bachelors"],
        "education-num": [13, 13, 9, 7, 13],
        "marital-status": ["Never-married", "Divorced", "Divorced", "Separated", "Widowed"],
        "occupation": ["Sales", "Sales", "?", "Sales", "Tech-support"],
        "relationship": ["Husband", "Wife", "Husband", "Husband", "Wife"],
        "race": ["White", "White", "Black", "Black", "Other"],
        "sex": ["Male", "Female", "Male", "Male", "Female"],
        "capital-gain": [2174, 0, 0, 0, 0],
        "capital-loss": [0, 0, 0, 0, 5],
        "hours-per-week": [40, 13, 40, 40, 40],
        "native-country": ["United-States", "?", "Cuba", "Cuba", "United-States"],
        "class": ["<=50K", "<=50K", ">50K", "<=50K", ">50K"],
    }
)
SPLIT = ["train", "train", "train", "test", "test"]

COMPAS = pd.DataFrame(
    {
        "sex": ["Male", "Female", "Male", "Male"],
        "age": [25, 47, 22, 30],
        "age_cat": ["25 - 45", "Greater than 45", "Less than 25", "25 - 45"],
        "race": ["African-American", "Caucasian", "Caucasian", "African-American"],
        "juv_fel_count": [0, 1, 0, 0],
        "juv_misd_count": [2, 0, 0, 0],
        "juv_other_count": [0, 0, 3, 0],
        "priors_count": [4, 0, 1, 2],
        "c_charge_degree": ["F", "M", "F", "F"],
        "two_year_recid": [1, 0, 1, 0],
    }
)


def check_tables_equal(one, two):
    """Values, names, dtypes and categories."""
    assert_frame_equal(one, two, check_categorical=True)
    for name in one:
        if isinstance(one[name].dtype, pd.CategoricalDtype):
            assert list(one[name].cat.categories) == sorted(one[name].cat.categories)


@pytest.fixture
def adult_folder(folder):
    shuffled = ADULT.assign(split=SPLIT).iloc[[3, 0, 4, 1, 2]]  # the split decides, not the place
    shuffled.to_csv(folder / "adult.csv.gz", index=False)


@pytest.fixture
def adult_openml(openml, monkeypatch):
    """As OpenML has it: test rows first, strings as categories, NaN where a value is missing."""
    monkeypatch.setattr(_adult, "_N_TEST", 2)
    monkeypatch.setattr(_adult, "_N_TRAIN", 3)
    frame = ADULT.iloc[[3, 4, 0, 1, 2]].reset_index(drop=True)
    for name in frame.select_dtypes(exclude="number"):
        values = frame[name].astype(object)
        known = sorted(set(values) - {"?"}, reverse=True)  # categories in an order of its own
        frame[name] = pd.Categorical(values.where(values != "?", None), categories=known)
    return openml(frame=frame)


@pytest.mark.parametrize("source", ["adult_folder", "adult_openml"])
@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_adult(request, source, subset):
    requests = request.getfixturevalue(source)
    bunch = fetch_adult(subset=subset)
    rows = {"train": slice(0, 3), "test": slice(3, 5), "all": slice(None)}[subset]
    expected = ADULT.iloc[rows].reset_index(drop=True)
    assert list(bunch.frame.columns) == list(ADULT.columns)
    for name in ADULT:
        known = bunch.frame[name].astype(object).where(bunch.frame[name].notna(), "?")
        assert known.tolist() == expected[name].tolist()
    numeric = ADULT.select_dtypes("number").columns
    assert (bunch.frame[numeric].dtypes == "int64").all()
    others = bunch.frame.drop(columns=numeric)
    assert all(isinstance(dtype, pd.CategoricalDtype) for dtype in others.dtypes)
    # Both subsets know all categories, whichever of them occur.
    assert list(others["race"].cat.categories) == ["Black", "Other", "White"]
    assert bunch.target.name == "class"
    assert bunch.target_names == ["<=50K", ">50K"]
    assert bunch.feature_names == list(bunch.data.columns) == list(ADULT.columns[:-1])
    assert set(bunch.sensitive_features) == {"sex", "race"}
    if source == "adult_openml":
        assert requests[0]["data_id"] == 1590


def test_adult_is_the_same_from_both(request):
    frames = []
    for source in ("adult_folder", "adult_openml"):
        request.getfixturevalue(source)
        frames.append(fetch_adult(subset="all").frame)
    check_tables_equal(*frames)


def test_adult_as_arrays(adult_folder):
    X, y = fetch_adult(return_X_y=True, as_frame=False)
    assert X.shape == (3, 14)
    assert X[0, 0] == 39
    assert pd.isna(X[1, 1])
    assert isinstance(y, np.ndarray)
    assert y.tolist() == ["<=50K", "<=50K", ">50K"]
    assert fetch_adult(as_frame=False).frame is None


def test_adult_in_another_order(adult_openml, openml):
    openml(frame=ADULT)
    with pytest.raises(OSError, match="test rows and then its training rows"):
        fetch_adult()


@pytest.fixture
def compas_folder(folder):
    frame = COMPAS.assign(
        days_b_screening_arrest=[-1, 30, -30, 0], is_recid=0, decile_score=1, score_text="Low"
    )
    bad = pd.concat([frame.iloc[[0]]] * 7, ignore_index=True)
    bad["days_b_screening_arrest"] = bad["days_b_screening_arrest"].astype(object)
    bad.loc[0, "days_b_screening_arrest"] = 31
    bad.loc[1, "days_b_screening_arrest"] = -31
    bad.loc[2, "days_b_screening_arrest"] = None
    bad.loc[3, "is_recid"] = -1
    bad.loc[4, "c_charge_degree"] = "O"
    bad.loc[5, "score_text"] = "N/A"
    bad.loc[6, "race"] = "Hispanic"
    pd.concat([bad, frame]).to_csv(folder / "compas.csv.gz", index=False)


def one_hot_compas():
    frame = COMPAS.replace({"sex": {"Male": 1, "Female": 0}})
    for name in ("age_cat", "race", "c_charge_degree"):
        for value in sorted(set(COMPAS[name])):
            frame[f"{name}_{value.replace(' ', '')}"] = (COMPAS[name] == value).astype(int)
    frame = frame.drop(columns=["age_cat", "race", "c_charge_degree"])
    return frame.astype({"sex": str, "two_year_recid": str}).astype(
        {"sex": "category", "two_year_recid": "category"}
    )


@pytest.fixture
def compas_openml(openml):
    return openml(frame=one_hot_compas())


@pytest.mark.parametrize("source", ["compas_folder", "compas_openml"])
def test_compas(request, source):
    requests = request.getfixturevalue(source)
    bunch = fetch_compas()
    assert bunch.frame.astype(object).to_numpy().tolist() == COMPAS.to_numpy().tolist()
    assert list(bunch.frame.columns) == list(COMPAS.columns)
    assert bunch.target.dtype == np.int64
    assert bunch.target.tolist() == [1, 0, 1, 0]
    assert set(bunch.sensitive_features) <= set(bunch.data.columns)
    X, y = fetch_compas(return_X_y=True, as_frame=False)
    assert X.tolist() == COMPAS.drop(columns="two_year_recid").to_numpy().tolist()
    assert y.dtype == np.int64
    if source == "compas_openml":
        assert requests[0]["data_id"] == 42193


def test_compas_is_the_same_from_both(request):
    frames = []
    for source in ("compas_folder", "compas_openml"):
        request.getfixturevalue(source)
        frames.append(fetch_compas().frame)
    check_tables_equal(*frames)


def test_compas_coded_otherwise(openml):
    frame = one_hot_compas()
    openml(frame=frame.assign(sex=1 - frame["sex"].astype(int)))
    with pytest.raises(OSError, match="as men"):
        fetch_compas()
    openml(frame=frame.assign(race_Caucasian=0))
    with pytest.raises(OSError, match="one race per row"):
        fetch_compas()


def test_real_adult(real_data):
    adult = fetch_adult(subset="all")
    assert adult.frame.shape == (48_842, 15)
    assert len(fetch_adult().data) == _adult._N_TRAIN
    assert len(fetch_adult(subset="test").data) == _adult._N_TEST
    missing = adult.data.isna().sum()
    assert missing[missing > 0].to_dict() == {
        "workclass": 2799,
        "occupation": 2809,
        "native-country": 857,
    }
    # The published share of high incomes, and what tells the order of the rows on OpenML.
    assert (adult.target == ">50K").mean() == pytest.approx(0.2393, abs=1e-4)
    first = tuple(fetch_adult(subset=part).data["fnlwgt"][0] for part in ("test", "train"))
    assert first == _adult._FIRST_WEIGHTS


def test_real_compas(real_data):
    compas = fetch_compas()
    assert compas.data.shape == (5_278, 9)
    assert compas.data["race"].value_counts().to_dict() == {
        "African-American": 3_175,
        "Caucasian": 2_103,
    }
    # ProPublica's published rates of recidivism: 52 % and 39 % after its filter.
    rates = compas.target.groupby(compas.data["race"], observed=True).mean()
    assert rates.round(2).to_dict() == {"African-American": 0.52, "Caucasian": 0.39}
    assert not compas.data.isna().any(axis=None)
