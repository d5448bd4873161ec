"""Word lists from papers, by name; each is a JSON file in `word_lists` that names its source."""

import json
from functools import cache
from importlib.resources import files

import pandas as pd

FOLDER = files(__package__) / "word_lists"


def load_word_list(name):
    """Load a word list by its name.

    Parameters
    ----------
    name : str
        One of those that :func:`word_list_names` tells of.

    Returns
    -------
    words : list of str, list of tuple of str, or dict
        Words; sets of words that differ in the concept, such as pairs; the two sets of targets and
        of attributes of an association test, each by its name; or scores of words. The object is
        the caller's own and may be changed.

    Raises
    ------
    ValueError
        If there is no list of this name.

    See Also
    --------
    word_list_names : What lists there are, and where each is from.

    Examples
    --------
    >>> from sklearn_privfair.embeddings import load_word_list
    >>> load_word_list("gender_definitional")[:3]
    [('woman', 'man'), ('girl', 'boy'), ('she', 'he')]
    >>> {side: list(sets) for side, sets in load_word_list("weat_7").items()}
    {'targets': ['math', 'arts'], 'attributes': ['male terms', 'female terms']}
    """
    if name not in _names():
        raise ValueError(f"name={name!r} is no word list; there are {', '.join(_names())}.")
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["content"]
    if isinstance(content, list) and isinstance(content[0], list):
        return [tuple(words) for words in content]
    return content


def word_list_names():
    """Tell what word lists there are, and where each is from.

    Returns
    -------
    lists : DataFrame
        With the names as index, and columns "description", "kind" ("words", "sets", "named sets"
        or "scores"), "size" (of "named sets": how many words), "paper", "file" and "licence".

    See Also
    --------
    load_word_list : Load one of them.

    Examples
    --------
    >>> from sklearn_privfair.embeddings import word_list_names
    >>> print(word_list_names()["size"].filter(like="professions"))
    professions    320
    Name: size, dtype: int64
    """
    rows = {}
    for name in _names():
        row = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        content = row.pop("content")
        if row["kind"] == "named sets":
            content = [w for sets in content.values() for words in sets.values() for w in words]
        rows[row.pop("name")] = row | {"size": len(content)}
    columns = ["description", "kind", "size", "paper", "file", "licence"]
    return pd.DataFrame.from_dict(rows, orient="index")[columns]


@cache
def _names():
    return sorted(file.name.removesuffix(".json") for file in FOLDER.iterdir())
