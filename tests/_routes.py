"""The ways that a fitted estimator goes, and what it says before and after."""

import inspect
import io
import pickle
import zipfile

import joblib
import numpy as np
import skops.io
from sklearn.utils import get_tags

OURS = ("sklearn_privfair.", "_instances.", "test_persistence")


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


def through_skops(estimator):
    """Give what comes back; no type may need trust but ours and the tests' own, the user's."""
    data = skops.io.dumps(estimator)
    unknown = skops.io.get_untrusted_types(data=data)
    strangers = [name for name in unknown if not name.startswith(OURS)]
    assert strangers == []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name != "schema.json":  # arrays of numbers, and no pickle in any
                np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
        assert "cuda_dependent" not in archive.read("schema.json").decode()
    return skops.io.loads(data, trusted=unknown)


ROUTES = {"pickle": through_pickle, "joblib": through_joblib, "skops": through_skops}


def answers(estimator, rows, labels, **more):
    """Everything that a fitted estimator says about rows."""
    found = {}
    for name in ("transform", "predict", "predict_proba", "decision_function"):
        if hasattr(estimator, name):
            method = getattr(estimator, name)
            wanted = inspect.signature(method).parameters
            options = {key: value for key, value in more.items() if key in wanted}
            both = "y" in wanted and name != "transform"
            found[name] = method(rows, labels, **options) if both else method(rows, **options)
    return found or {"score": estimator.score(rows, labels)}  # has no victim to judge


def assert_same(found, expected):
    """Raise unless two estimators said the same, in the same containers and dtypes."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert type(found[name]) is type(values)
        if hasattr(values, "iloc"):
            np.testing.assert_array_equal(found[name].columns, values.columns)
            assert (found[name].dtypes == values.dtypes).all()
        np.testing.assert_array_equal(np.asarray(found[name]), np.asarray(values))


def takes_texts(estimator):
    """Tell whether it takes documents and no rows."""
    return get_tags(estimator).input_tags.string
