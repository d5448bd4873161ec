"""Models and rows from files, for the command line: nothing is run that was not asked for."""

import importlib
import sys
import traceback
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted
from torch import nn

_PICKLES = (".pkl", ".pickle", ".joblib")
_TEXT = (".csv", ".tsv")


class CannotLoadError(Exception):
    """Data or a model cannot be used; the message says what to do."""


def load_model(where, trusted=(), allow_pickle=False):
    """Load a model.

    Parameters
    ----------
    where : str
        ``module:name``, or the path of a skops file or a pickle.
    trusted : sequence of str, default=()
        Types that a skops file may hold.
    allow_pickle : bool, default=False
        Whether a pickle may be loaded, which runs code.

    Returns
    -------
    model : object

    Raises
    ------
    CannotLoadError
    """
    try:
        return _load(where, trusted, allow_pickle)
    except CannotLoadError:
        raise
    except (Exception, SystemExit) as error:  # of the file, or of the user's own code
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise CannotLoadError(
            f"{where} cannot be loaded: {type(error).__name__}: {error} "
            f"(line {place.lineno} of {place.filename})"
        ) from error


def _load(where, trusted, allow_pickle):
    path = Path(where)
    if path.suffix == ".skops":
        return _load_skops(path, list(trusted))
    if path.suffix in _PICKLES:
        return _load_pickle(path, allow_pickle)
    if ":" not in where:
        raise CannotLoadError(
            f"{where!r} is neither module:name nor a file that ends in .skops, "
            f"{' or '.join(_PICKLES)}"
        )
    return _import(where)


def _import(where):
    module, _, name = where.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # as python -m has it
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise CannotLoadError(f"{where!r} cannot be imported: {error}") from error
    finally:
        sys.path.pop(0)
    is_model = callable(getattr(found, "predict", None)) and not isinstance(found, type)
    if is_model or isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise CannotLoadError(f"{where!r} is of type {type(found).__name__}, and no classifier")
    return found()


def _load_skops(path, trusted):
    try:
        import skops.io
    except ImportError as error:
        raise CannotLoadError("a skops file needs skops: pip install skops") from error
    _check_there(path)
    unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(trusted))
    if unknown:
        raise CannotLoadError(
            f"{path} holds types that skops does not know: {', '.join(unknown)}. If you trust all "
            f"of them, add {' '.join(f'--trusted {name}' for name in unknown)}"
        )
    return skops.io.load(path, trusted=trusted)


def _load_pickle(path, allowed):
    if not allowed:
        raise CannotLoadError(
            f"{path} is a pickle, and to load it is to run whatever code is in it; write the model "
            "by skops instead, or, if you trust its author, add --allow-pickle"
        )
    _check_there(path)
    return joblib.load(path)  # plain pickles too, and many a .pkl was written by joblib


def _check_there(path):
    if not path.is_file():
        raise CannotLoadError(f"there is no file {path}")


def is_fitted(model):
    """Tell whether a model is fitted; a torch module counts as such."""
    if isinstance(model, nn.Module):
        return True
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def read_rows(path, sep=None):
    """Read a table from CSV or Parquet, by the ending of its name.

    Parameters
    ----------
    path : pathlib.Path
    sep : str, default=None
        What parts the columns of CSV. None: a tab in .tsv, and else a comma.

    Returns
    -------
    frame : pandas.DataFrame

    Raises
    ------
    CannotLoadError
    """
    _check_there(path)
    name = path.name.lower()
    is_text = name.endswith(tuple(f"{end}{zipped}" for end in _TEXT for zipped in ("", ".gz")))
    if not is_text and not name.endswith((".parquet", ".pq")):
        raise CannotLoadError(
            f"{path} ends neither in {', '.join(_TEXT)} (or .gz behind it) nor in .parquet or .pq"
        )
    try:
        if not is_text:
            return pd.read_parquet(path)
        sep = sep or ("\t" if ".tsv" in name else ",")
        frame = pd.read_csv(path, sep=sep)
    except ImportError as error:
        raise CannotLoadError("Parquet needs pyarrow: pip install pyarrow") from error
    except UnicodeDecodeError as error:
        raise CannotLoadError(f"{path} is not in UTF-8: {error}; save it in UTF-8") from error
    except (ValueError, OSError) as error:  # of pandas's and pyarrow's parsers, too
        raise CannotLoadError(f"{path} cannot be read: {error}") from error
    others = [mark for mark in ";\t|" if mark != sep and mark in str(frame.columns[0])]
    if len(frame.columns) == 1 and others:
        raise CannotLoadError(
            f"{path} has a single column, {frame.columns[0]!r}; if its columns are parted by "
            f"{others[0]!r}, give --sep {others[0]!r}"
        )
    return frame


def split_rows(frame, target, *, test=None, split=None, test_size=0.3, seed=0, fitted=False):
    """Tell training rows from test rows.

    Parameters
    ----------
    frame : pandas.DataFrame
    target : str
    test : pandas.DataFrame, default=None
        The test rows, where these are apart.
    split : str, default=None
        A column whose values are "train" and "test".
    test_size : float, default=0.3
        The share that is drawn, where nothing else is said.
    seed : int, default=0
        Of the draw, which keeps the shares of the classes.
    fitted : bool, default=False
        Whether the model has been fitted, on rows that only the user knows.

    Returns
    -------
    train, test : pandas.DataFrame

    Raises
    ------
    CannotLoadError
    """
    if test is not None and split is not None:
        raise CannotLoadError("give --test-data or --split, not both")
    if test is not None:
        return frame, test
    if split is not None:
        check_columns(frame, [split])
        marks = frame[split].astype(str).str.strip().str.lower()
        if set(marks) != {"train", "test"}:
            raise CannotLoadError(
                f"the column {split!r} must hold train and test, and nothing else; it holds "
                f"{sorted(set(marks))[:5]}"
            )
        rest = frame.drop(columns=split)
        return rest[marks == "train"], rest[marks == "test"]
    if fitted:
        raise CannotLoadError(
            "the model is fitted, and which rows it was trained on cannot be told from it: give "
            "--test-data FILE, and the training rows as DATA, or --split COLUMN"
        )
    try:
        parts = train_test_split(
            frame, test_size=test_size, stratify=frame[target], random_state=seed
        )
    except ValueError as error:
        raise CannotLoadError(f"the rows cannot be split: {error}") from error
    return tuple(parts)


def check_columns(frame, names):
    """Raise if a column is not there."""
    missing = [name for name in names if name not in frame]
    if missing:
        raise CannotLoadError(
            f"there is no column {missing[0]!r}; the columns are {', '.join(map(str, frame))}"
        )


def check_labels(frame, target, path):
    """Raise if some rows have no label."""
    n = int(frame[target].isna().sum())
    if n:
        raise CannotLoadError(
            f"{n:,} of {len(frame):,} rows of {path} have no label in the column {target!r}; take "
            "these rows out"
        )


def check_output(option, path):
    """Raise if a file cannot be written for want of a folder: before all the work, not after it."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        why = "it is a folder" if path.is_dir() else f"there is no folder {path.absolute().parent}"
        raise CannotLoadError(f"{option} {path} cannot be written: {why}")


def label_of(text, labels):
    """Give the label that is written like `text`.

    Raises
    ------
    CannotLoadError
        If there is none.
    """
    for label in labels:
        if str(label) == text:
            return label.item() if isinstance(label, np.generic) else label
    raise CannotLoadError(
        f"--pos-label {text} is none of the labels, {', '.join(map(str, labels[:10]))}"
    )
