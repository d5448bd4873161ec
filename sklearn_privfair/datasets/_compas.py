"""COMPAS, recidivism in Broward County as ProPublica collected it (Angwin et al., 2016)."""

import pandas as pd
from sklearn.utils._param_validation import validate_params

from sklearn_privfair.datasets._source import SOURCE_PARAMETERS, fetch, local_file, unexpected
from sklearn_privfair.datasets._tables import as_categories, table_bunch

_DATA_ID, _FILE, _TARGET = 42193, "compas.csv.gz", "two_year_recid"
_RACES = ["African-American", "Caucasian"]
_NUMBERS = ["age", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count", _TARGET]
_COLUMNS = [
    "sex",
    "age",
    "age_cat",
    "race",
    "juv_fel_count",
    "juv_misd_count",
    "juv_other_count",
    "priors_count",
    "c_charge_degree",
    _TARGET,
]
# OpenML's version is one-hot encoded; these are its columns, by the category that they stand for.
_ONE_HOT = {
    "age_cat": {
        "25 - 45": "age_cat_25-45",
        "Greater than 45": "age_cat_Greaterthan45",
        "Less than 25": "age_cat_Lessthan25",
    },
    "race": {race: f"race_{race}" for race in _RACES},
    "c_charge_degree": {degree: f"c_charge_degree_{degree}" for degree in "FM"},
}

_DESCR = """COMPAS: is a defendant charged again within two years?

5,278 defendants scored by COMPAS in Broward County, Florida, in 2013 and 2014, after ProPublica's
filter (score within 30 days of the arrest, known recidivism, no ordinary traffic offence, a score
at all), African-American (3,175) and Caucasian (2,103) ones only. 47 % are charged again. Being
charged again is not the same as committing a crime again: the target itself depends on policing,
and no model trained on it should decide about people. Sensitive: race, sex and age_cat.

Source: J. Angwin, J. Larson, S. Mattu, L. Kirchner, "Machine Bias", ProPublica, 2016; OpenML data
set 42193, "compas-two-years".
"""


@validate_params(SOURCE_PARAMETERS | {"as_frame": ["boolean"]}, prefer_skip_nested_validation=True)
def fetch_compas(*, data_home=None, download_if_missing=True, return_X_y=False, as_frame=True):
    """Load the COMPAS recidivism data (classification), downloading them if necessary.

    =================   ============================
    Classes                                        2
    Samples total                              5,278
    Dimensionality                                 9
    Features             5 integers, 4 categories
    =================   ============================

    Of ProPublica's 7,214 rows those are kept that ProPublica's own analysis and most papers keep:
    scored within 30 days before or after the arrest, with known recidivism and a score, not for an
    ordinary traffic offence (6,172 rows), and of these the African-American and the Caucasian
    defendants (5,278). COMPAS's own scores are left out. There is no official split.

    They are read from ``compas.csv.gz`` where the environment variable ``SKLEARN_PRIVFAIR_DATA``
    names a folder with that file, else from OpenML (data set 42193) or its cached copy. Both give
    the same columns, types and categories; OpenML's one-hot columns are put together again. The
    order of the rows may differ.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache. `None`: scikit-learn's, ``~/scikit_learn_data``.

    download_if_missing : bool, default=True
        Whether to download what is not there. If not, it is an `OSError`.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=True
        Whether data and target are a data frame and a series. If not, they are an array of objects
        and an array of integers.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        A dictionary-like object with the following attributes.

        data : DataFrame or ndarray of shape (5278, 9)
            Numbers are int64, the other columns categorical. No value is missing.
        target : Series or ndarray of shape (5278,), dtype int64
            1: charged again within two years; 0: not.
        frame : DataFrame of shape (5278, 10), or None
            Data and target.
        feature_names : list of str
            Names of the columns of data.
        target_names : list of str
            What 0 and 1 mean.
        sensitive_features : list of str
            The sensitive columns: ``["race", "sex", "age_cat"]``.
        DESCR : str
            Description of the data set.

    (data, target) : tuple, if `return_X_y` is True
        The two.

    Raises
    ------
    OSError
        If the rows are neither in the folder nor in the cache and cannot be downloaded.

    See Also
    --------
    fetch_adult : Incomes.

    References
    ----------
    .. [1] J. Larson, S. Mattu, L. Kirchner, J. Angwin, "How We Analyzed the COMPAS Recidivism
       Algorithm", ProPublica, 2016.

    Examples
    --------
    >>> from sklearn_privfair.datasets import fetch_compas
    >>> X, y = fetch_compas(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (5278, 9)
    """
    path = local_file(_FILE)
    if path is not None:
        frame = _propublica_filter(pd.read_csv(path, keep_default_na=False))
    else:
        bunch = fetch(
            _DATA_ID,
            _FILE,
            data_home=data_home,
            download_if_missing=download_if_missing,
            as_frame=True,
        )
        frame = _undo_one_hot(bunch.frame)
    frame = frame[_COLUMNS].copy()
    for name in _COLUMNS:
        if name in _NUMBERS:
            frame[name] = frame[name].astype("int64")
        else:
            frame[name] = as_categories(frame[name])
    return table_bunch(
        frame,
        target=_TARGET,
        target_names=["not charged again", "charged again"],
        sensitive=["race", "sex", "age_cat"],
        descr=_DESCR,
        as_frame=as_frame,
        return_X_y=return_X_y,
    )


def _propublica_filter(frame):
    days = pd.to_numeric(frame["days_b_screening_arrest"], errors="coerce")
    return frame[
        days.between(-30, 30)
        & (frame["is_recid"] != -1)
        & (frame["c_charge_degree"] != "O")
        & ~frame["score_text"].isin(["", "N/A"])
        & frame["race"].isin(_RACES)
    ]


def _undo_one_hot(frame):
    numbers = frame.astype("float64").astype("int64")  # OpenML gives "0" and "1" as categories
    table = numbers[_NUMBERS].copy()
    for name, columns in _ONE_HOT.items():
        codes = numbers[list(columns.values())].to_numpy()
        if not (codes.sum(axis=1) == 1).all():
            raise unexpected(_DATA_ID, f"does not say one {name} per row")
        table[name] = pd.Series(list(columns), dtype=object).to_numpy()[codes.argmax(axis=1)]
    # 1 is Male; four defendants in five are, so that a change of the code would be seen.
    if numbers["sex"].mean() < 0.5:
        raise unexpected(_DATA_ID, "codes fewer than half of the defendants as men")
    table["sex"] = numbers["sex"].map({0: "Female", 1: "Male"})
    return table
