"""Every public estimator, found by walking, keeps what scikit-learn asks of its own."""

import os

import pytest
from _instances import make_instance
from sklearn.base import clone
from sklearn.utils import estimator_checks as checks
from sklearn.utils import get_tags

from sklearn_privfair._discovery import public_estimators

# class name -> {check name: why it cannot pass}; the only place where a failure is expected
EXPECTED_FAILURES: dict[str, dict[str, str]] = {}

# those of texts have tests of their own: scikit-learn has no checks without arrays
EVERY = [make_instance(cls) for cls in public_estimators()]
ESTIMATORS = [estimator for estimator in EVERY if get_tags(estimator).input_tags.two_d_array]

# scikit-learn runs these over its own estimators, outside the standard generator
BEYOND_THE_GENERATOR = [
    checks.check_param_validation,
    checks.check_dataframe_column_names_consistency,
    checks.check_inplace_ensure_writeable,
]
OF_TRANSFORMERS = [
    checks.check_transformer_get_feature_names_out,
    checks.check_transformer_get_feature_names_out_pandas,
    checks.check_get_feature_names_out_error,
    # not those of set_output with pandas: they want arrays of frames by default, not frames
    checks.check_set_output_transform,
]


MORE = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.__name__[6:]}")
    for estimator in ESTIMATORS
    for check in BEYOND_THE_GENERATOR + (OF_TRANSFORMERS if hasattr(estimator, "transform") else [])
]


def test_there_is_something_to_check():
    names = {type(estimator).__name__ for estimator in ESTIMATORS}
    assert {"FGSMAttack", "PGDAttack", "CWL2Attack"} <= names
    assert set(EXPECTED_FAILURES) <= names
    assert os.environ["SCIPY_ARRAY_API"] == "1"


@checks.parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=lambda e: EXPECTED_FAILURES.get(type(e).__name__, {})
)
def test_scikit_learn(estimator, check):
    check(estimator)


# some checks fit on frames and transform arrays, or the reverse: any estimator warns of that
@pytest.mark.filterwarnings("ignore:X .* feature names, but:UserWarning")
@pytest.mark.parametrize(("estimator", "check"), MORE)
def test_scikit_learn_more(estimator, check):
    check(type(estimator).__name__, clone(estimator))
