"""Attacks shipped to other processes by joblib: loky, and a Dask cluster of two workers."""

import os

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_privfair.attacks import AutoAttack, CWL2Attack, PGDAttack, SquareAttack
from sklearn_privfair.attacks._pgd import PGDAttack as _PGDAttack

X, Y = load_breast_cancer(return_X_y=True)
X = X / X.max(axis=0)
LINEAR = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X, Y)
FOREST = RandomForestClassifier(10, random_state=0).fit(X, Y)
CASES = {
    "pgd": (PGDAttack(eps=0.05, random_state=0), LINEAR),
    "cw": (CWL2Attack(binary_search_steps=2, n_steps=20), LINEAR),
    "square": (SquareAttack(eps=0.1, n_queries=50, random_state=0), FOREST),
    "auto": (AutoAttack(eps=0.02, n_steps=10, n_queries=50, random_state=0), LINEAR),
}


class WhereAttack(_PGDAttack):
    """Tells by its passes in which process a batch was attacked."""

    def _attack(self, rows):
        super()._attack(rows)
        rows.found.n_backward[:] = os.getpid()


def attacked(name, **params):
    attack, model = CASES[name]
    return attack.set_params(batch_size=16, n_jobs=None, **params).fit(model).generate(X, Y)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(name, backend):
    expected = attacked(name)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        result = attacked(name)
    assert expected.success.sum() > 5
    np.testing.assert_array_equal(result.X_adv, expected.X_adv)
    pd.testing.assert_frame_equal(result.to_frame(), expected.to_frame(), check_exact=True)


@pytest.mark.parametrize("name", CASES)
def test_dask(cluster, name):
    expected = attacked(name)
    with joblib.parallel_config(backend="dask"):
        result = attacked(name)
    np.testing.assert_array_equal(result.X_adv, expected.X_adv)
    pd.testing.assert_frame_equal(result.to_frame(), expected.to_frame(), check_exact=True)


def test_both_workers_work(cluster):
    pids = set(cluster.run(os.getpid).values())
    assert len(pids) == 2
    attack = WhereAttack(eps=0.05, batch_size=16, random_state=0).fit(LINEAR)
    with joblib.parallel_config(backend="dask"):
        result = attack.generate(X, Y)
    assert set(result.n_backward[result.attacked]) == pids
