"""Where data come from: a folder named by an environment variable, else OpenML."""

import gzip
import json
import os
from pathlib import Path
from urllib.parse import urlparse

from sklearn.datasets import fetch_openml, get_data_home
from sklearn.utils._param_validation import StrOptions

ENVIRONMENT_VARIABLE = "SKLEARN_PRIVFAIR_DATA"

SOURCE_PARAMETERS: dict = {
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
    "return_X_y": ["boolean"],
}
SUBSET: dict = {"subset": [StrOptions({"train", "test", "all"})]}


def local_file(name):
    """Return the path of `name` in the folder of the environment variable, None if it has none."""
    folder = os.environ.get(ENVIRONMENT_VARIABLE)
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise NotADirectoryError(
            f"The environment variable {ENVIRONMENT_VARIABLE} names {folder!r}, which is no "
            "folder; correct it, or unset it to download from OpenML."
        )
    path = Path(folder) / name
    return path if path.is_file() else None


def fetch(data_id, file_name, *, data_home, download_if_missing, as_frame):
    """Return OpenML's Bunch of a data set; an error that says both ways out if it is not there."""
    ways_out = (
        f"Either connect to the internet and call again with download_if_missing=True, to download "
        f"it once from OpenML (data set {data_id}) to data_home, or set the environment variable "
        f"{ENVIRONMENT_VARIABLE} to a folder that holds {file_name!r}."
    )
    if not download_if_missing and not _is_cached(data_id, data_home):
        raise OSError(f"The data set is not in data_home and was not to be downloaded. {ways_out}")
    try:
        return fetch_openml(data_id=data_id, data_home=data_home, as_frame=as_frame)
    except OSError as error:  # no network, no answer, disk full
        raise OSError(f"The data set could not be downloaded: {error}. {ways_out}") from error


def unexpected(data_id, what):
    """Return the error for data on OpenML that are not what they are known to be."""
    return OSError(
        f"OpenML's data set {data_id} {what}, so that its rows cannot be told apart safely. It "
        "has changed since this version was released, or its cached file is damaged: delete it "
        f"from data_home, or use a folder named by {ENVIRONMENT_VARIABLE}."
    )


def _is_cached(data_id, data_home):
    """Tell whether scikit-learn's cache has the data set's description and its file."""
    cache = Path(get_data_home(data_home)) / "openml" / "openml.org"
    description = cache / f"api/v1/json/data/{data_id}.gz"
    if not description.is_file():
        return False
    with gzip.open(description, "rt", encoding="utf-8") as file:
        url = json.load(file)["data_set_description"]["url"]
    return (cache / f"{urlparse(url).path.lstrip('/')}.gz").is_file()
