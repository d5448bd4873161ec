"""Where data come from, and what is said when they come from nowhere."""

import gzip
import json
from pathlib import Path

import pytest
from sklearn.datasets import _openml

from sklearn_privfair import datasets
from sklearn_privfair.datasets import _source

FETCHERS = [getattr(datasets, name) for name in datasets.__all__]
FILES = {
    "fetch_mnist": "mnist.npz",
    "fetch_cifar10": "cifar10_jpeg.npz",
    "fetch_adult": "adult.csv.gz",
    "fetch_compas": "compas.csv.gz",
}
each = pytest.mark.parametrize("fetch", FETCHERS)


@each
def test_offline_error_names_both_ways_out(fetch, offline, tmp_path):
    with pytest.raises(OSError, match="no network") as error:
        fetch(data_home=tmp_path)
    for hint in ("SKLEARN_PRIVFAIR_DATA", "download", FILES[fetch.__name__]):
        assert hint in str(error.value)


@each
def test_not_to_be_downloaded(fetch, openml, tmp_path):
    requests = openml()
    with pytest.raises(OSError, match="was not to be downloaded") as error:
        fetch(data_home=tmp_path, download_if_missing=False)
    assert "SKLEARN_PRIVFAIR_DATA" in str(error.value)
    assert "download_if_missing=True" in str(error.value)
    assert not requests


@pytest.mark.parametrize("with_file", [False, True])
def test_cached_data_need_no_download(openml, tmp_path, with_file):
    requests = openml(data="the data")
    cache = tmp_path / "openml"
    url = "https://www.openml.org/data/v1/download/9/made.arff"
    description, file = (  # where scikit-learn itself would put them
        Path(_openml._get_local_path(_openml._openml_path_from_url(address), cache))
        for address in (_openml._DATA_INFO.format(7), url)
    )
    description.parent.mkdir(parents=True)
    with gzip.open(description, "wt", encoding="utf-8") as stream:
        json.dump({"data_set_description": {"url": url}}, stream)
    options = {"data_home": tmp_path, "download_if_missing": False, "as_frame": False}
    if with_file:
        file.parent.mkdir(parents=True)
        file.touch()
        assert _source.fetch(7, "made.npz", **options).data == "the data"
        assert len(requests) == 1
    else:
        with pytest.raises(OSError, match="was not to be downloaded"):
            _source.fetch(7, "made.npz", **options)


@each
def test_folder_without_the_file_leads_to_openml(fetch, folder):
    with pytest.raises(OSError, match="could not be downloaded"):
        fetch()


@each
def test_folder_that_is_none(fetch, tmp_path, monkeypatch):
    monkeypatch.setenv(_source.ENVIRONMENT_VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(NotADirectoryError, match="SKLEARN_PRIVFAIR_DATA"):
        fetch()


@each
def test_bad_parameters(fetch, offline):
    with pytest.raises(ValueError, match="data_home"):
        fetch(data_home=3)
    with pytest.raises(ValueError, match="return_X_y"):
        fetch(return_X_y="yes")
    if fetch is not datasets.fetch_compas:
        with pytest.raises(ValueError, match="subset"):
            fetch(subset="validation")
