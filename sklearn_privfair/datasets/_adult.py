"""Adult, incomes in the US census of 1994 (Becker and Kohavi, 1996)."""

import pandas as pd
from sklearn.utils._param_validation import validate_params

from sklearn_privfair.datasets._source import (
    SOURCE_PARAMETERS,
    SUBSET,
    fetch,
    local_file,
    unexpected,
)
from sklearn_privfair.datasets._tables import as_categories, table_bunch

_DATA_ID, _FILE, _TARGET = 1590, "adult.csv.gz", "class"
# OpenML has the test rows first. `fnlwgt` of the first row of either part tells whether it still
# has.
_N_TEST, _N_TRAIN, _FIRST_WEIGHTS = 16_281, 32_561, (226_802, 77_516)

_NUMBERS = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
_COLUMNS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    _TARGET,
]

_DESCR = """Adult ("census income"): does a person earn more than 50,000 dollars a year?

48,842 persons of the US census of 1994, 32,561 for training and 16,281 for testing. Six columns
are numbers and eight are categories; workclass, occupation and native-country have missing values
(2,799, 2,809 and 857). `fnlwgt` is the census's weight of the row and no property of the person.
Sensitive: sex and race.

Source: B. Becker, R. Kohavi, "Adult", UCI Machine Learning Repository, 1996; OpenML data set 1590,
"adult", version 2.
"""


@validate_params(
    SOURCE_PARAMETERS | SUBSET | {"as_frame": ["boolean"]}, prefer_skip_nested_validation=True
)
def fetch_adult(
    *, subset="train", data_home=None, download_if_missing=True, return_X_y=False, as_frame=True
):
    """Load the Adult incomes (classification), downloading them if necessary.

    =================   ============================
    Classes                                        2
    Samples total                             48,842
    Dimensionality                                14
    Features             6 integers, 8 categories
    =================   ============================

    They are read from ``adult.csv.gz`` where the environment variable ``SKLEARN_PRIVFAIR_DATA``
    names a folder with that file, else from OpenML (data set 1590) or its cached copy. Both give
    the same columns, types and categories, and the same order of rows: that of the UCI files,
    training set first.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 32,561 training rows, the 16,281 test rows, or all.

    data_home : str or path-like, default=None
        Folder of the cache. `None`: scikit-learn's, ``~/scikit_learn_data``.

    download_if_missing : bool, default=True
        Whether to download what is not there. If not, it is an `OSError`.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=True
        Whether data and target are a data frame and a series. If not, they are arrays of objects
        and strings.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        A dictionary-like object with the following attributes.

        data : DataFrame or ndarray of shape (n_samples, 14)
            Numbers are int64, the other columns categorical with missing values as NaN.
        target : Series or ndarray of shape (n_samples,)
            ``"<=50K"`` or ``">50K"``; as a series, categorical.
        frame : DataFrame of shape (n_samples, 15), or None
            Data and target.
        feature_names : list of str
            Names of the columns of data.
        target_names : list of str
            The two classes.
        sensitive_features : list of str
            The sensitive columns: ``["sex", "race"]``.
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
    fetch_compas : Recidivism.

    Examples
    --------
    >>> from sklearn_privfair.datasets import fetch_adult
    >>> adult = fetch_adult()  # doctest: +SKIP
    >>> adult.data.shape, adult.sensitive_features  # doctest: +SKIP
    ((32561, 14), ['sex', 'race'])
    """
    path = local_file(_FILE)
    if path is not None:
        frame = pd.read_csv(path, skipinitialspace=True, keep_default_na=False)
        is_train = (frame["split"] == "train").to_numpy()
    else:
        bunch = fetch(
            _DATA_ID,
            _FILE,
            data_home=data_home,
            download_if_missing=download_if_missing,
            as_frame=True,
        )
        frame = bunch.frame
        heads = frame["fnlwgt"].to_numpy()[[0, min(_N_TEST, len(frame) - 1)]]
        if len(frame) != _N_TEST + _N_TRAIN or tuple(heads) != _FIRST_WEIGHTS:
            raise unexpected(_DATA_ID, "does not hold Adult's test rows and then its training rows")
        is_train = pd.RangeIndex(len(frame)) >= _N_TEST
    frame = frame[_COLUMNS].copy()
    for name in _COLUMNS:
        if name in _NUMBERS:
            frame[name] = frame[name].astype("int64")
        else:
            frame[name] = as_categories(frame[name])
    kept = {"train": [is_train], "test": [~is_train], "all": [is_train, ~is_train]}[subset]
    return table_bunch(
        pd.concat([frame[rows] for rows in kept]),
        target=_TARGET,
        target_names=list(frame[_TARGET].cat.categories),
        sensitive=["sex", "race"],
        descr=_DESCR,
        as_frame=as_frame,
        return_X_y=return_X_y,
    )
