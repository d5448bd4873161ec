"""What every test shares: one thread, no display, the array-API checks of scikit-learn, a seed."""

import json
import os
import warnings

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # read when scipy is first imported
os.environ.setdefault("MPLBACKEND", "agg")

from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _same_draws():
    """Start every test from the same global generators, whichever tests ran before it."""
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data():
    """Folder with the real data sets; the test is skipped where there is none."""
    folder = os.environ.get("SKLEARN_PRIVFAIR_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SKLEARN_PRIVFAIR_DATA names no folder with the real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def google_news(real_data):
    """Word vectors, 16,510 of those of GoogleNews; not to be changed."""
    from gensim.models import KeyedVectors

    path = real_data / "embeddings" / "googlenews_subset_300d.bin.gz"
    return KeyedVectors.load_word2vec_format(str(path), binary=True)


@pytest.fixture(scope="session")
def word_list(real_data):
    """Read a JSON file of the folder with word lists."""

    def read(name):
        return json.loads((real_data / "embeddings" / "wordlists" / name).read_text())

    return read


@pytest.fixture(scope="module")
def cluster():
    """A client of a Dask cluster of two workers, each a process."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a cluster says of ports and of its own end
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",  # any free port: tests in other processes have clusters too
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
