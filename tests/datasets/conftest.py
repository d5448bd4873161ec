"""A made folder in the documented format, and a made OpenML."""

from urllib.error import URLError

import numpy as np
import pytest
from sklearn.utils import Bunch

from sklearn_privfair.datasets import _source

collect_ignore = ["conftest.py"]  # no doctests here, and its name is that of other folders' too


@pytest.fixture
def no_folder(monkeypatch):
    monkeypatch.delenv(_source.ENVIRONMENT_VARIABLE, raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(_source.ENVIRONMENT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(_source, "fetch_openml", unreachable)
    return tmp_path


@pytest.fixture
def offline(no_folder, monkeypatch):
    monkeypatch.setattr(_source, "fetch_openml", unreachable)


def unreachable(**kwargs):
    raise URLError("no network")


@pytest.fixture
def openml(no_folder, monkeypatch):
    """Make `fetch_openml` answer; the requests are noted down."""

    def answer(**parts):
        requests = []

        def fetch_openml(**kwargs):
            requests.append(kwargs)
            return Bunch(**parts)

        monkeypatch.setattr(_source, "fetch_openml", fetch_openml)
        return requests

    return answer


@pytest.fixture
def rng():
    return np.random.default_rng(0)
