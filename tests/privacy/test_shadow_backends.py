"""Shadow models trained in threads, in other processes and on a Dask cluster are the same."""

import os

import joblib
import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from ._membership_harness import NEW, OF_NEW, X, Y, attack_of, net, scores


def victims():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return {
            "forest": RandomForestClassifier(5, random_state=0).fit(NEW, OF_NEW),
            "net": net().fit(NEW, OF_NEW),
            "pipeline": make_pipeline(MinMaxScaler(), net()).fit(NEW, OF_NEW),
        }


VICTIMS = victims()


def parallel(name, backend):
    attack = attack_of(FrozenEstimator(VICTIMS[name]))
    alone = scores(attack)
    weights = [joblib.hash(model) for model in attack.shadow_models_ if name == "forest"]
    with joblib.parallel_config(backend=backend, n_jobs=2 if backend != "dask" else None):
        other = attack_of(FrozenEstimator(VICTIMS[name]))
        np.testing.assert_array_equal(scores(other), alone)
    assert [joblib.hash(model) for model in other.shadow_models_ if name == "forest"] == weights


@pytest.mark.parametrize("name", VICTIMS)
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(name, backend):
    state, numbers = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    parallel(name, backend)
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002


@pytest.mark.parametrize("name", ["forest", "net"])
def test_dask(cluster, name):
    parallel(name, "dask")


class Where(DecisionTreeClassifier):
    def fit(self, X, y):
        self.pid_ = os.getpid()
        return super().fit(X, y)


def test_both_workers_work(cluster):
    with joblib.parallel_config(backend="dask"):
        attack = attack_of(Where(), n_shadow_models=8).fit(X, Y)
    assert {model.pid_ for model in attack.shadow_models_} <= set(cluster.run(os.getpid).values())
    assert os.getpid() not in {model.pid_ for model in attack.shadow_models_}
